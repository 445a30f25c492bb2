package asl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// object reads one object of the file: a field is asked for by name and type, what is wrong with it becomes a problem
// and the zero answer, and what was never asked for is refused by close.
type object struct {
	c     *compiler
	value value.Value
	at    pointer
	// within is the place in the state as the history names it, such as "Choices[1]/"; empty: the state itself.
	within  string
	asked   []string
	foreign []string // fields that the object would have in the other query language
	// data says that the fields are in JSONata, not in JSONPath.
	data bool
	// downgraded says that the state asked for JSONPath where it cannot: its language is no reason for further problems.
	downgraded bool
	// The machine that the object is part of, and the states that its transitions can lead to.
	machineOf *machine
	targets   *targets
	sees      sight // what $states offers
}

// need says whether a field may be left out; an array that may not be must not be empty either.
type need bool

const (
	optional need = false
	required need = true
)

func (c *compiler) open(v value.Value, at pointer) *object { return &object{c: c, value: v, at: at} }

// fault records a problem with the field name; empty: with the object.
func (o *object) fault(name, format string, args ...any) {
	o.c.problem(o.place(name), codeSchema, format, args...)
}

// hinted is fault with more for people than Step Functions has.
func (o *object) hinted(name, hint, format string, args ...any) {
	at := o.place(name)
	o.c.report(finding{Problem: run.Problem{Pointer: string(at), Code: codeSchema, Text: fmt.Sprintf(format, args...), Hint: hint}, of: at})
}

func (o *object) place(name string) pointer {
	if name == "" {
		return o.at
	}
	return o.at.at(name)
}

// required records which of the fields are not there.
func (o *object) required(names ...string) {
	missing := slices.DeleteFunc(slices.Clone(names), o.has)
	if len(missing) > 0 {
		o.fault("", textRequired, oneOf(missing))
	}
}

// known says that the object may have the fields.
func (o *object) known(names ...string) {
	for _, name := range names {
		if !slices.Contains(o.asked, name) {
			o.asked = append(o.asked, name)
		}
	}
}

// other says that the object may have the fields where it is in the other query language.
func (o *object) other(names ...string) { o.foreign = append(o.foreign, names...) }

// close refuses the fields that nobody asked for. Step Functions tells of the object, we point at the field.
func (o *object) close() {
	for name := range o.value.Members() {
		f := finding{Problem: run.Problem{Pointer: string(o.at.at(name)), Code: codeSchema}, of: o.at}
		switch {
		case slices.Contains(o.asked, name):
			continue
		case slices.Contains(o.foreign, name):
			if o.downgraded {
				continue
			}
			f.Text = fmt.Sprintf(textOtherLanguage, languageName(o.data), name, languageName(!o.data))
		default:
			f.Text, f.Hint = fmt.Sprintf(textUnsupported, name), suggest(name, o.asked)
		}
		o.c.report(f)
	}
}

// has reports whether the file has the field.
func (o *object) has(name string) bool {
	_, ok := o.value.Get(name)
	return ok
}

// any is the field, whatever its type.
func (o *object) any(name string) value.Value {
	o.known(name)
	v, _ := o.value.Get(name)
	return v
}

// of is the field if it has the type kind; ok is false where it is left out or wrong.
func (o *object) of(name string, kind value.Kind) (v value.Value, ok bool) {
	v = o.any(name)
	if v.IsAbsent() {
		return v, false
	}
	if v.Kind() != kind {
		o.hinted(name, found(v), textType, typeName(kind))
		return value.Value{}, false
	}
	return v, true
}

// typeName is kind as Step Functions' texts have it.
func typeName(kind value.Kind) string { return "[" + strings.ToUpper(kind.String()) + "]" }

func found(v value.Value) string { return "Found " + v.Kind().String() }

func (o *object) string(name string) (string, bool) {
	v, ok := o.of(name, value.String)
	return v.Text(), ok
}

// choose is the field if it is one of names.
func (o *object) choose(name string, names ...string) (string, bool) {
	s, ok := o.string(name)
	if ok && !slices.Contains(names, s) {
		o.hinted(name, suggest(s, names), textOneOf, oneOf(names))
		return "", false
	}
	return s, ok
}

func (o *object) boolean(name string) bool {
	v, _ := o.of(name, value.Bool)
	return v.Bool()
}

// unbounded stands for no bound above.
const unbounded = 0

// whole is a whole number between least and most; nil where it is left out or wrong.
func (o *object) whole(name string, least, most int64) *int64 {
	v := o.any(name)
	if v.IsAbsent() {
		return nil
	}
	n, ok := v.Int64()
	switch {
	case !ok:
		o.hinted(name, "Found "+v.JSON(), textType, "Integer")
	case n < least:
		o.fault(name, textMinimum, strconv.FormatInt(least, 10))
	case most != unbounded && n > most:
		o.fault(name, textMaximum, strconv.FormatInt(most, 10))
	default:
		return &n
	}
	return nil
}

// fraction is a number between least and most, with a fraction or without; Absent where it is left out or wrong.
func (o *object) fraction(name string, least, most float64) value.Value {
	v, ok := o.of(name, value.Number)
	if !ok {
		return v
	}
	switch f, finite := v.Float64(); {
	case !finite || most != unbounded && f > most:
		o.fault(name, textMaximum, strconv.FormatFloat(most, 'f', 1, 64))
	case f < least:
		o.fault(name, textMinimum, strconv.FormatFloat(least, 'f', 1, 64))
	default:
		return v
	}
	return value.Value{}
}

// object opens the object that is the field; nil where it is left out or wrong.
func (o *object) object(name string, n need) *object {
	if n == required {
		o.required(name)
	}
	v, ok := o.of(name, value.Object)
	if !ok {
		return nil
	}
	return o.inner(v, o.at.at(name), name)
}

// inner opens the object within o that the field name holds.
func (o *object) inner(v value.Value, at pointer, name string) *object {
	in := o.c.open(v, at)
	in.within = o.within + name + "/"
	in.data, in.downgraded, in.machineOf, in.targets, in.sees = o.data, o.downgraded, o.machineOf, o.targets, o.sees
	return in
}

// objects opens the elements of the array that is the field.
func (o *object) objects(name string, n need) []*object {
	if n == required {
		o.required(name)
	}
	v, ok := o.of(name, value.Array)
	if !ok {
		return nil
	}
	if v.Len() == 0 && n == required {
		o.fault(name, textEmpty)
	}
	list := make([]*object, 0, v.Len())
	for i, e := range v.Elements() {
		at := o.at.at(name).index(i)
		if e.Kind() != value.Object {
			o.c.problem(at, codeSchema, textType, typeName(value.Object))
			continue
		}
		list = append(list, o.inner(e, at, fmt.Sprintf("%s[%d]", name, i)))
	}
	return list
}

// target reads a field that names a state, found when all are known.
func (o *object) target(from *state, name string, n need, to **state) {
	if n == required {
		o.required(name)
	}
	if next, ok := o.string(name); ok {
		o.targets.wanted = append(o.targets.wanted, transition{from: from, name: next, at: o.at.at(name), to: to})
	}
}

// hasPathTwin reports whether the file has the field under its name with "Path", which only JSONPath knows.
func (o *object) hasPathTwin(name string) bool {
	if o.data {
		o.other(name + "Path")
		return false
	}
	o.exclusive(name, name+"Path")
	return o.has(name + "Path")
}

// exclusive records a problem where more than one of the fields is there, and says which is the first.
func (o *object) exclusive(names ...string) string {
	o.known(names...)
	first, more := "", false
	for _, n := range names {
		if o.has(n) {
			more = more || first != ""
			if first == "" {
				first = n
			}
		}
	}
	if more {
		o.fault("", textOnlyOne, oneOf(names))
	}
	return first
}

// exactlyOne records a problem unless exactly one of the fields is there, and says which is the first.
func (o *object) exactlyOne(names ...string) string {
	first := o.exclusive(names...)
	if first == "" {
		o.fault("", textExactlyOne, oneOf(names))
	}
	return first
}
