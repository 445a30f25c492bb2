package asl

import (
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// condition reads a rule of a Choice, but for the Next and Assign of one at the top.
func (o *object) condition() condition {
	o.string("Comment")
	names := append([]string{"And", "Or", "Not"}, comparators...)
	var found []string
	for name := range o.value.Members() {
		if slices.Contains(names, name) {
			found = append(found, name)
			o.known(name)
		}
	}
	switch {
	case len(found) == 0:
		o.known("Variable")
		o.known("Next")
		o.fault("", "The rule has no operator: give it And, Or, Not, or Variable and a comparison such as StringEquals.%s", o.misspelt(names))
		return allOf{}
	case len(found) > 1:
		o.fault("", "A rule has one operator, this one has %s", strings.Join(found, " and "))
	}
	switch name := found[0]; name {
	case "And":
		return allOf(o.conditions(name))
	case "Or":
		return anyOf(o.conditions(name))
	case "Not":
		in := o.object(name, required)
		if in == nil {
			return allOf{}
		}
		defer in.close()
		return negate{in.condition()}
	default:
		return o.comparison(name)
	}
}

// misspelt is a suggestion for a field that is no field of a rule, and spares it a problem of its own.
func (o *object) misspelt(names []string) string {
	for name := range o.value.Members() {
		if s := suggest(name, names); s != "" && !slices.Contains(o.asked, name) {
			o.known(name)
			return s
		}
	}
	return ""
}

func (o *object) conditions(name string) []condition {
	var list []condition
	for _, r := range o.objects(name, required) {
		list = append(list, r.condition())
		r.close()
	}
	return list
}

// comparison reads Variable and the operator called name.
func (o *object) comparison(name string) condition {
	variable := o.path("Variable")
	if !o.has("Variable") {
		o.missing("Variable")
	}
	if is, ok := typeTests[name]; ok {
		return &typeTest{variable: variable, is: is, want: o.boolean(name)}
	}
	c := &comparison{variable: variable}
	op, ok := operators[name]
	if !ok {
		c.test = operators[strings.TrimSuffix(name, "Path")].test
		c.path = o.path(name)
		return c
	}
	c.test = op.test
	if op.operand != timestampOperand {
		c.literal, _ = o.of(name, op.operand)
		return c
	}
	c.literal, ok = o.of(name, value.String)
	if ok && !isTimestamp(c.literal) {
		o.fault(name, "Value is not a timestamp: %q. Write it as RFC 3339 does, such as 2026-03-14T01:59:00Z", c.literal.Text())
	}
	return c
}

// comparators are the names of all operators that go with Variable, in order.
var comparators = comparatorNames()

func comparatorNames() []string {
	var names []string
	for n := range operators { // order: sorted below
		names = append(names, n)
		if n != "StringMatches" {
			names = append(names, n+"Path")
		}
	}
	for n := range typeTests { // order: sorted below
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
