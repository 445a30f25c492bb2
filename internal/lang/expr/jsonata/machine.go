package jsonata

import (
	"math"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// machine is one evaluation: what it sees, and what it has used of its limits.
type machine struct {
	scope  *Scope
	limits Limits
	steps  int
	depth  int
	bytes  int
	// pictures of $formatNumber that were read, those without options.
	pictures map[string][]*layout
}

const (
	itemBytes  = 16   // what an element takes
	nodeBytes  = 96   // what an array, object, frame or function takes
	checkEvery = 1024 // steps between two calls of Limits.Check
	scanBytes  = 64   // of text that a step may look at
)

// step counts n steps.
func (m *machine) step(n int) error {
	before := m.steps
	m.steps += n
	if m.steps > m.limits.Steps {
		return failLimit("Expression evaluation timeout: Check for infinite loop")
	}
	if m.limits.Check != nil && before/checkEvery != m.steps/checkEvery {
		return m.limits.Check()
	}
	return nil
}

// scan counts what it takes to look at n bytes of text.
func (m *machine) scan(n int) error { return m.step(n / scanBytes) }

// grow counts n bytes that are about to be made.
func (m *machine) grow(n int) error {
	m.bytes += n
	if n < 0 || m.bytes > m.limits.Bytes {
		return OutOfMemory()
	}
	return nil
}

// enter goes one level deeper; leave comes back. An evaluation that fails need not leave.
func (m *machine) enter() error {
	if m.depth++; m.depth > m.limits.Depth {
		return failLimit("Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=%d max=%d", m.depth, m.limits.Depth)
	}
	return nil
}

func (m *machine) leave() { m.depth-- }

// text is s, counted.
func (m *machine) text(s string) (any, error) {
	if err := m.grow(len(s)); err != nil {
		return nil, err
	}
	return s, nil
}

// binding is a variable. Bindings are linked, the latest first.
type binding struct {
	name  string
	value any
	next  *binding
}

func (b *binding) find(name string) *binding {
	for ; b != nil; b = b.next {
		if b.name == name {
			return b
		}
	}
	return nil
}

// frame holds the variables of a block or of a call, within those around it.
type frame struct {
	vars  *binding
	outer *frame
}

// bind sets the variable called name in this frame. The bindings that a frame was made with may belong to a tuple, so a
// new one hides the old.
func (f *frame) bind(name string, v any) { f.vars = &binding{name, v, f.vars} }

// lookup is the value of the variable called name, of the frame, those around it, the host or the language.
func (m *machine) lookup(f *frame, name string) any {
	for ; f != nil; f = f.outer {
		if b := f.vars.find(name); b != nil {
			return b.value
		}
	}
	if m.scope.Variables != nil {
		if v, ok := m.scope.Variables(name); ok {
			return wrap(v)
		}
	}
	if m.scope.Functions != nil {
		if h, ok := m.scope.Functions(name); ok {
			return &hostFunction{name: name, Function: h}
		}
	}
	if name == "eval" && m.scope.NoEval {
		return nil
	}
	if n, ok := natives[name]; ok {
		return n
	}
	return nil
}

// eval evaluates n for the context input. It is the only way from one node to the next, so all limits are held here.
func (m *machine) eval(n *node, input any, f *frame) (any, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	if err := m.step(1); err != nil {
		return nil, err
	}
	v, err := n.expr.eval(m, n, input, f)
	if err != nil {
		return nil, err
	}
	for _, p := range n.predicates {
		if v, err = m.filter(p.filter, v, f); err != nil {
			return nil, err
		}
	}
	if n.group != nil && !n.isPath() {
		if v, err = m.groupBy(n.group, v, f); err != nil {
			return nil, err
		}
	}
	m.leave()
	if a, ok := v.(*array); ok && a.sequence {
		return unwrapped(a, n.keepArray), nil
	}
	return v, nil
}

// unwrapped is what a sequence stands for.
func unwrapped(a *array, keep bool) any {
	if keep {
		a.keep = true
	}
	switch {
	case a.len() == 0:
		return nil
	case a.len() == 1 && !a.keep:
		return a.at(0)
	}
	return a
}

// export makes a value of the host of an item. Within arrays, nothing is null, and functions are "", as in JSON texts of
// jsonata.js.
func (m *machine) export(v any, depth int) (value.Value, error) {
	if depth > value.MaxDepth {
		return value.Value{}, failLimit("the result is nested more than %d deep", value.MaxDepth)
	}
	if err := m.step(1); err != nil {
		return value.Value{}, err
	}
	switch v := v.(type) {
	case null:
		return value.NullValue, nil
	case bool:
		return value.NewBool(v), nil
	case float64:
		switch finite := !math.IsInf(v, 0) && !math.IsNaN(v); {
		case finite:
			return value.NewFloat(v), nil
		case m.scope.NonFinite:
			return value.NewString(nonFinite(v)), nil
		}
		return value.Value{}, outOfRange()
	case string:
		return value.NewString(v), nil
	case *array:
		return m.exportArray(v, depth)
	case *object:
		return m.exportObject(v, depth)
	case function:
		if depth > 0 {
			return value.NewString(""), nil
		}
	}
	return value.Value{}, nil
}

// nonFinite is how JavaScript writes a number that JSON does not have.
func nonFinite(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case f < 0:
		return "-Infinity"
	}
	return "Infinity"
}

func (m *machine) exportArray(a *array, depth int) (value.Value, error) {
	if !a.src.IsAbsent() {
		return a.src, nil
	}
	if err := m.grow(nodeBytes + 2*itemBytes*a.len()); err != nil {
		return value.Value{}, err
	}
	list := make([]value.Value, a.len())
	for i := range list {
		v, err := m.export(a.at(i), depth+1)
		if err != nil {
			return value.Value{}, err
		}
		if v.IsAbsent() {
			v = value.NullValue
		}
		list[i] = v
	}
	return value.NewArray(list...), nil
}

func (m *machine) exportObject(o *object, depth int) (value.Value, error) {
	if !o.src.IsAbsent() {
		return o.src, nil
	}
	if err := m.grow(nodeBytes + 3*itemBytes*o.len()); err != nil {
		return value.Value{}, err
	}
	members := make([]value.Member, 0, o.len())
	for i := range o.len() {
		v, err := m.export(o.at(i), depth+1)
		if err != nil {
			return value.Value{}, err
		}
		if !v.IsAbsent() {
			members = append(members, value.Member{Name: strings.ToValidUTF8(o.key(i), "\uFFFD"), Value: v})
		}
	}
	return value.NewObject(members...), nil
}
