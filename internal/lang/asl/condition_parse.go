package asl

import (
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// selectors are the fields of which a rule has one.
var selectors = []string{"And", "Or", "Not", "Variable", "Condition"}

// condition reads a rule of a Choice, but for the Next and Assign of one at the top.
func (o *object) condition() condition {
	o.string("Comment")
	o.other("Condition")
	o.known("And", "Or", "Not", "Variable")
	var has []string
	for _, name := range selectors {
		if o.has(name) {
			has = append(has, name)
		}
	}
	if len(has) != 1 {
		o.known(comparators...)
		o.hinted("", o.misspelt(), "The object must have only one of the following fields, [%s]", oneOf(selectors))
		return allOf{}
	}
	switch has[0] {
	case "And":
		return allOf(o.conditions("And"))
	case "Or":
		return anyOf(o.conditions("Or"))
	case "Not":
		in := o.object("Not", required)
		if in == nil {
			return allOf{}
		}
		defer in.close()
		return negate{in.condition()}
	case "Variable":
		return o.comparison()
	}
	return allOf{} // Condition, which close refuses
}

// misspelt is a suggestion for a field that is no field of a rule.
func (o *object) misspelt() string {
	for name := range o.value.Members() {
		if !slices.Contains(o.asked, name) {
			if s := suggest(name, o.asked); s != "" {
				return s
			}
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

// comparison reads Variable and the operator that goes with it.
func (o *object) comparison() condition {
	variable := o.single("Variable")
	o.known(comparators...)
	var has []string
	for _, name := range comparators {
		if o.has(name) {
			has = append(has, name)
		}
	}
	switch {
	case len(has) == 0:
		o.hinted("", o.misspelt(), textExactlyOne, oneOf(comparators))
		return allOf{}
	case len(has) > 1:
		o.fault("", textOnlyOne, oneOf(comparators))
	}
	name := has[0]
	if name == isPresent {
		return &presence{variable: variable, want: o.boolean(name)}
	}
	if is, ok := typeTests[name]; ok {
		return &typeTest{variable: variable, is: is, want: o.boolean(name)}
	}
	c := &comparison{variable: variable}
	op, ok := operators[name]
	if !ok {
		c.test = operators[strings.TrimSuffix(name, "Path")].test
		c.path = o.single(name)
		return c
	}
	c.test = op.test
	if op.operand != timestampOperand {
		c.literal, _ = o.of(name, op.operand)
		return c
	}
	c.literal, ok = o.of(name, value.String)
	if ok && !isTimestamp(c.literal) {
		o.hinted(name, "Write it as in 2026-03-14T01:59:00Z", textNotTimestamp)
	}
	return c
}

// comparators are the names of all operators that go with Variable, in order.
var comparators = comparatorNames()

func comparatorNames() []string {
	names := []string{isPresent}
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
