package asl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/value"
)

// object reads one object of the file: a field is asked for by name and type, what is wrong with it becomes a problem
// and the zero answer, and what was never asked for is refused by close.
type object struct {
	c     *compiler
	value value.Value
	at    pointer
	// within is the place in the state as the history names it, such as "Choices[1]/"; empty: the state itself.
	within string
	asked  []string
	// data says that the fields are in JSONata, not in JSONPath.
	data bool
	// The machine that the object is part of, and the states that its transitions can lead to.
	machineOf *machine
	targets   *targets
}

// need says whether a field may be left out.
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

func (o *object) place(name string) pointer {
	if name == "" {
		return o.at
	}
	return o.at.at(name)
}

// missing records that a required field is not there.
func (o *object) missing(name string) { o.fault("", "These fields are required: [%s]", name) }

// known says that the object may have the field name.
func (o *object) known(name string) {
	if !slices.Contains(o.asked, name) {
		o.asked = append(o.asked, name)
	}
}

// close refuses the fields that nobody asked for.
func (o *object) close() {
	for name := range o.value.Members() {
		if !slices.Contains(o.asked, name) {
			o.fault(name, "Field %q is not supported here.%s", name, suggest(name, o.asked))
		}
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
		o.fault(name, "Expected value of type %s, found %s", title(kind), title(v.Kind()))
		return value.Value{}, false
	}
	return v, true
}

func title(kind value.Kind) string {
	s := kind.String()
	return strings.ToUpper(s[:1]) + s[1:]
}

func (o *object) string(name string) (string, bool) {
	v, ok := o.of(name, value.String)
	return v.Text(), ok
}

func (o *object) boolean(name string) bool {
	v, _ := o.of(name, value.Bool)
	return v.Bool()
}

// whole is a whole number between least and most; nil where it is left out or wrong.
func (o *object) whole(name string, least, most int64) *int64 {
	v, ok := o.of(name, value.Number)
	if !ok {
		return nil
	}
	n, ok := v.Int64()
	if !ok || n < least || n > most {
		o.fault(name, "Value is not a whole number from %d to %d: %s", least, most, v.JSON())
		return nil
	}
	return &n
}

// object opens the object that is the field; nil where it is left out or wrong.
func (o *object) object(name string, n need) *object {
	v, ok := o.of(name, value.Object)
	if !ok {
		if n == required && !o.has(name) {
			o.missing(name)
		}
		return nil
	}
	return o.inner(v, o.at.at(name), name)
}

func (o *object) inner(v value.Value, at pointer, name string) *object {
	in := o.c.open(v, at)
	in.within = o.within + name + "/"
	in.data, in.machineOf, in.targets = o.data, o.machineOf, o.targets
	return in
}

// objects opens the elements of the array that is the field.
func (o *object) objects(name string, n need) []*object {
	v, ok := o.of(name, value.Array)
	if !ok {
		if n == required && !o.has(name) {
			o.missing(name)
		}
		return nil
	}
	if v.Len() == 0 && n == required {
		o.fault(name, "Value is an empty array: it needs at least one element")
	}
	list := make([]*object, 0, v.Len())
	for i, e := range v.Elements() {
		at := o.at.at(name).index(i)
		if e.Kind() != value.Object {
			o.c.problem(at, codeSchema, "Expected value of type Object, found %s", title(e.Kind()))
			continue
		}
		list = append(list, o.inner(e, at, fmt.Sprintf("%s[%d]", name, i)))
	}
	return list
}

// target reads a field that names a state, found when all are known.
func (o *object) target(from *state, name string, n need, to **state) {
	next, ok := o.string(name)
	if !ok {
		if n == required && !o.has(name) {
			o.missing(name)
		}
		return
	}
	o.targets.wanted = append(o.targets.wanted, transition{from: from, name: next, at: o.at.at(name), to: to})
}

// path is a path into the input, the context object or a variable; nil where the field is left out or wrong.
func (o *object) path(name string) *expr.Path {
	s, ok := o.string(name)
	if !ok {
		return nil
	}
	p, err := expr.ParsePath(s)
	if err != nil {
		o.c.problem(o.at.at(name), codePath, "Value is not a valid JSONPath: %v", err)
		return nil
	}
	return p
}

func (o *object) pathOrNull(name string) pathOrNull {
	if o.any(name).IsNull() {
		return pathOrNull{null: true}
	}
	p := o.path(name)
	if p != nil && p.String() == "$" {
		p = nil // the same, without an evaluation
	}
	return pathOrNull{path: p}
}

func (o *object) referenceOrNull(name string) referenceOrNull {
	if o.any(name).IsNull() {
		return referenceOrNull{null: true}
	}
	s, ok := o.string(name)
	if !ok || s == "$" {
		return referenceOrNull{}
	}
	r, err := expr.ParseReference(s)
	if err != nil {
		o.c.problem(o.at.at(name), codePath, "Value is not a valid Reference Path: %v", err)
	}
	return referenceOrNull{ref: r}
}

// template is a field that is made when the state runs; nil where it is left out or wrong.
func (o *object) template(name string) template {
	if o.data {
		return o.json(name)
	}
	v := o.any(name)
	if v.IsAbsent() {
		return nil
	}
	t, problems := expr.ParseTemplate(v)
	for _, p := range problems {
		o.c.problem(o.at.at(name)+pointer(p.Pointer), codeSchema, "%s", p.Text)
	}
	if len(problems) > 0 {
		return nil
	}
	return pathTemplate{t}
}

// assign is the field Assign: a template whose members name variables.
func (o *object) assign() template {
	v, ok := o.of("Assign", value.Object)
	if !ok {
		return nil
	}
	for name := range v.Members() {
		at, variable := o.at.at("Assign").at(name), name
		if !o.data {
			variable = strings.TrimSuffix(name, ".$")
		}
		o.c.assigned = append(o.c.assigned, assignment{o.machineOf, variable, at})
		if !isVariableName(variable) {
			o.c.problem(at, codeSchema, "%q is no name for a variable: begin with a letter, go on with letters, digits and underscores, 80 at most", variable)
		}
	}
	return o.template("Assign")
}

// maxVariable is the bound on the length of a variable's name, in characters.
const maxVariable = 80

// isVariableName follows the developer guide: a letter, then letters, digits and underscores. Hyphens pass too, as they
// do there, though an expression cannot name such a variable.
func isVariableName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != "" && len([]rune(s)) <= maxVariable && s != "states"
}

// amount is a number, or under the name with "Path" a path to one.
func (o *object) amount(name string, least, most int64) amount {
	if e := o.query(name); e != nil {
		return amount{query: e, field: name}
	}
	o.known(name)
	if o.hasPathTwin(name) {
		return amount{path: o.path(name + "Path"), field: name + "Path"}
	}
	if n := o.whole(name, least, most); n != nil {
		return amount{literal: value.NewInt(*n), field: name}
	}
	return amount{}
}

// percentage is an amount from 0 to 100, with a fraction or without.
func (o *object) percentage(name string) amount {
	if e := o.query(name); e != nil {
		return amount{query: e, field: name}
	}
	o.known(name)
	if o.hasPathTwin(name) {
		return amount{path: o.path(name + "Path"), field: name + "Path"}
	}
	v, ok := o.of(name, value.Number)
	if !ok {
		return amount{}
	}
	if p, ok := v.Float64(); !ok || p < 0 || p > 100 {
		o.fault(name, "Value is not a number from 0 to 100: %s", v.JSON())
	}
	return amount{literal: v, field: name}
}

// text is a text, or under the name with "Path" a path or a call that gives one.
func (o *object) text(name string) text {
	if e := o.query(name); e != nil {
		return text{query: e, field: name}
	}
	o.known(name)
	if !o.hasPathTwin(name) {
		s, _ := o.string(name)
		return text{literal: s, field: name}
	}
	name += "Path"
	s, _ := o.string(name)
	if !strings.HasPrefix(s, "States.") {
		if p := o.path(name); p != nil {
			return text{path: p, field: name}
		}
		return text{field: name}
	}
	call, err := expr.ParseCall(s)
	if err != nil {
		o.c.problem(o.at.at(name), codePath, "Value is not a valid call of an intrinsic function: %v", err)
		return text{field: name}
	}
	return text{path: call, field: name}
}

// hasPathTwin reports whether the file has the field under its name with "Path", which only JSONPath knows.
func (o *object) hasPathTwin(name string) bool {
	if o.data {
		return false
	}
	o.exclusive(name, name+"Path")
	return o.has(name + "Path")
}

// exclusive records a problem where more than one of the fields is there, and says which is the first.
func (o *object) exclusive(names ...string) string {
	first := ""
	for _, n := range names {
		o.known(n)
		switch {
		case !o.has(n):
		case first == "":
			first = n
		default:
			o.fault("", "%s and %s exclude each other: leave one of them out", first, n)
		}
	}
	return first
}

// exactlyOne records a problem unless exactly one of the fields is there.
func (o *object) exactlyOne(names ...string) {
	if o.exclusive(names...) == "" {
		o.fault("", "Exactly one of these fields is required: [%s]", strings.Join(names, ", "))
	}
}
