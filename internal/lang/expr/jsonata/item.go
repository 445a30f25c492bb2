package jsonata

import (
	"math"

	"github.com/tutti-ml/tutti/internal/value"
)

// An item is a value in flight, held in an any:
//
//	nil        no value (undefined)
//	null       JSON's null
//	bool
//	float64    NaN and infinities may come up on the way
//	string     UTF-8; half a surrogate pair, which JavaScript's strings may hold, is three bytes that are not UTF-8
//	*array     an array, or a sequence: the result of a path, which stands for its element when it has but one
//	*object
//	function   a lambda, a function of the language or of the host, a regular expression
//	*stream    the tuples of a path that binds variables; only between the steps of paths
//
// What comes from the host stays as it is until it is looked into.
type null struct{}

// wrap makes an item of a value of the host.
func wrap(v value.Value) any {
	switch v.Kind() {
	case value.Null:
		return null{}
	case value.Bool:
		return v.Bool()
	case value.Number:
		f, _ := v.Float64() // an infinity where it is out of range
		return f
	case value.String:
		return v.Text()
	case value.Array:
		return &array{src: v, size: v.Len()}
	case value.Object:
		return &object{src: v}
	}
	return nil
}

// array is an array or a sequence. Where items is nil its size elements are those of src, or the whole numbers from low.
type array struct {
	items []any
	src   value.Value
	low   float64
	size  int

	sequence bool // a sequence: unwrapped when it has one element, nothing when it has none
	keep     bool // of a sequence: not unwrapped
	cons     bool // made by [...] as a step: kept whole by the step
	wrapper  bool // the sequence of one element around an input that is an array
}

func arrayOf(items ...any) *array { return &array{items: items} }

func sequenceOf(items ...any) *array { return &array{items: items, sequence: true} }

// rangeOf is the sequence of the size whole numbers from low, none of which takes memory.
func rangeOf(low float64, size int) *array { return &array{low: low, size: size, sequence: true} }

func (a *array) len() int {
	if a.items == nil {
		return a.size
	}
	return len(a.items)
}

// at is element i.
func (a *array) at(i int) any {
	if a.items != nil {
		return a.items[i]
	}
	if a.src.IsAbsent() {
		return a.low + float64(i)
	}
	items := make([]any, a.size)
	var objects []object // of all elements in one piece
	for j := range items {
		v := a.src.Index(j)
		if v.Kind() != value.Object {
			items[j] = wrap(v)
			continue
		}
		if objects == nil {
			objects = make([]object, a.size-j)
		}
		objects[0].src = v
		items[j], objects = &objects[0], objects[1:]
	}
	a.items = items
	return items[i]
}

func (a *array) push(v any) { a.items = append(a.items, v) }

// pushAll appends the elements of b.
func (a *array) pushAll(b *array) {
	for i := range b.len() {
		a.items = append(a.items, b.at(i))
	}
}

// asArray is v where it is an array, else the array of v alone; of nothing, it has no elements.
func asArray(v any) *array {
	switch v := v.(type) {
	case *array:
		return v
	case nil:
		return sequenceOf()
	}
	return sequenceOf(v)
}

// object is a JSON object in its order: that of src, or where src is absent one of the evaluation's own.
type object struct {
	src value.Value
	own *members // nil: none yet
}

// newObject is an object of the evaluation's own with room for n members, in one piece.
func newObject(n int) *object {
	o := &struct {
		object
		members
	}{}
	o.members.make(n)
	o.own = &o.members
	return &o.object
}

// members are names and values, one beside the other.
type members struct {
	keys  []string
	items []any
	index map[string]int // of keys, above indexAbove of them
}

const indexAbove = 8

func (o *object) len() int {
	switch {
	case !o.src.IsAbsent():
		return o.src.Len()
	case o.own == nil:
		return 0
	}
	return len(o.own.keys)
}

func (o *object) key(i int) string {
	if !o.src.IsAbsent() {
		return o.src.Name(i)
	}
	return o.own.keys[i]
}

func (o *object) at(i int) any {
	if !o.src.IsAbsent() {
		return wrap(o.src.Index(i))
	}
	return o.own.items[i]
}

// get is the member called name; nil where there is none.
func (o *object) get(name string) any {
	if !o.src.IsAbsent() {
		v, _ := o.src.Get(name)
		return wrap(v)
	}
	if i := o.own.find(name); i >= 0 {
		return o.own.items[i]
	}
	return nil
}

func (m *members) find(name string) int {
	if m == nil {
		return -1
	}
	if m.index != nil {
		if i, ok := m.index[name]; ok {
			return i
		}
		return -1
	}
	for i, k := range m.keys {
		if k == name {
			return i
		}
	}
	return -1
}

// change gives the members to change, copied out of src where they still are there.
func (o *object) change() *members {
	if o.own == nil {
		o.own = &members{}
	}
	if !o.src.IsAbsent() {
		o.own.make(o.src.Len())
		for name, v := range o.src.Members() {
			o.own.add(name, wrap(v))
		}
		o.src = value.Value{}
	}
	return o.own
}

// make has room for n members; there are none yet.
func (m *members) make(n int) {
	m.keys, m.items = make([]string, 0, n), make([]any, 0, n)
}

// add puts a member at the end whose name is new.
func (m *members) add(name string, v any) {
	m.keys, m.items = append(m.keys, name), append(m.items, v)
	if m.index != nil {
		m.index[name] = len(m.keys) - 1
	} else if len(m.keys) > indexAbove {
		m.reindex()
	}
}

// set puts the member called name in its place, or at the end.
func (o *object) set(name string, v any) { o.change().set(name, v) }

func (m *members) set(name string, v any) {
	if i := m.find(name); i >= 0 {
		m.items[i] = v
		return
	}
	m.add(name, v)
}

// remove takes the member called name away.
func (o *object) remove(name string) {
	m := o.change()
	i := m.find(name)
	if i < 0 {
		return
	}
	m.keys = append(m.keys[:i], m.keys[i+1:]...)
	m.items = append(m.items[:i], m.items[i+1:]...)
	if m.index != nil {
		m.reindex()
	}
}

func (m *members) reindex() {
	m.index = make(map[string]int, len(m.keys))
	for i, k := range m.keys {
		m.index[k] = i
	}
}

// isNumber reports whether v is a number that can be calculated with; one that is out of range is an error.
func isNumber(v any) (bool, error) {
	f, ok := v.(float64)
	if !ok || math.IsNaN(f) {
		return false, nil
	}
	if math.IsInf(f, 0) {
		return false, outOfRange()
	}
	return true, nil
}

// isArrayOfNumbers reports whether all elements are numbers; one that is out of range is an error.
func isArrayOfNumbers(a *array) (bool, error) {
	if a.items == nil && a.src.IsAbsent() {
		return true, nil
	}
	for i := range a.len() {
		if ok, err := isNumber(a.at(i)); !ok {
			return false, err
		}
	}
	return true, nil
}

func isArrayOfStrings(a *array) bool {
	for i := range a.len() {
		if _, ok := a.at(i).(string); !ok {
			return false
		}
	}
	return true
}

// truth is what v counts for as a condition. Nothing counts as false.
func (m *machine) truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		return v != "", nil
	case float64:
		ok, err := isNumber(v)
		return ok && v != 0, err
	case *object:
		return v.len() > 0, nil
	case *array:
		return m.truthOfAny(v)
	case *regex:
		return false, nil
	case function:
		return true, nil
	}
	return false, nil
}

func (m *machine) truthOfAny(a *array) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.leave()
	for i := range a.len() {
		if err := m.step(1); err != nil {
			return false, err
		}
		if ok, err := m.truth(a.at(i)); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// append joins two values as the elements of one array; nothing adds nothing.
func (m *machine) append(a, b any) (any, error) {
	if a == nil {
		return b, nil
	}
	if b == nil {
		return a, nil
	}
	left, right := asArray(a), asArray(b)
	if left.len() == 0 && right.items == nil {
		return &array{src: right.src, low: right.low, size: right.size}, nil
	}
	if err := m.grow(itemBytes * (left.len() + right.len())); err != nil {
		return nil, err
	}
	joined := &array{items: make([]any, 0, left.len()+right.len())}
	joined.pushAll(left)
	joined.pushAll(right)
	return joined, nil
}

// position is the index, rounded down, of an array of size elements; negative ones count from the end.
func position(index float64, size int) int {
	index = math.Floor(index)
	if index < 0 {
		index += float64(size)
	}
	if !(index >= 0 && index < float64(size)) {
		return -1
	}
	return int(index)
}
