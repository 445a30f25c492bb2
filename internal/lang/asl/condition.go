package asl

import (
	"errors"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/value"
)

// condition is what a rule of a Choice asks.
type condition interface {
	eval(*expr.Scope) (bool, error)
}

// The conditions that are made of others.
type (
	allOf  []condition
	anyOf  []condition
	negate struct{ of condition }
)

// constant is a Condition of JSONata that is just true or false.
type constant bool

func (c constant) eval(*expr.Scope) (bool, error) { return bool(c), nil }

func (a allOf) eval(sc *expr.Scope) (bool, error) {
	for _, c := range a {
		if ok, err := c.eval(sc); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (a anyOf) eval(sc *expr.Scope) (bool, error) {
	for _, c := range a {
		if ok, err := c.eval(sc); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (n negate) eval(sc *expr.Scope) (bool, error) {
	ok, err := n.of.eval(sc)
	return !ok && err == nil, err
}

// comparison holds Variable against a literal, or against what a path leads to.
type comparison struct {
	variable *expr.Path
	test     test
	literal  value.Value
	path     *expr.Path // nil: literal counts
}

// test reports whether v stands to the operand as the operator's name says; values of other types than the operator's
// never do.
type test func(v, operand value.Value) bool

func (c *comparison) eval(sc *expr.Scope) (bool, error) {
	v, err := c.variable.Eval(sc)
	if err != nil {
		return false, conditionPath(c.variable, err)
	}
	operand := c.literal
	if c.path != nil {
		if operand, err = c.path.Eval(sc); err != nil {
			return false, conditionPath(c.path, err)
		}
	}
	return c.test(v, operand), nil
}

// typeTest asks for the type of Variable.
type typeTest struct {
	variable *expr.Path
	is       func(value.Value) bool
	want     bool
}

func (t *typeTest) eval(sc *expr.Scope) (bool, error) {
	v, err := t.variable.Eval(sc)
	if err != nil {
		return false, conditionPath(t.variable, err)
	}
	return t.is(v) == t.want, nil
}

// presence is IsPresent, which alone takes a Variable that leads nowhere.
type presence struct {
	variable *expr.Path
	want     bool
}

func (p *presence) eval(sc *expr.Scope) (bool, error) {
	_, found, err := p.variable.Find(sc)
	return found == p.want, err
}

// conditionPath words the failure of p, a path in a rule, as Step Functions does.
func conditionPath(p *expr.Path, err error) error {
	var ee *expr.Error
	if errors.As(err, &ee) && ee.Kind == expr.NotFound {
		return runtimeError("Invalid path '%s': The choice state's condition path references an invalid value.", p)
	}
	return err
}

// operators are the comparisons by name; each but the type tests has a twin whose name ends in "Path".
var operators = map[string]operator{
	"StringEquals":               {value.String, orderedStrings(func(c int) bool { return c == 0 })},
	"StringLessThan":             {value.String, orderedStrings(func(c int) bool { return c < 0 })},
	"StringGreaterThan":          {value.String, orderedStrings(func(c int) bool { return c > 0 })},
	"StringLessThanEquals":       {value.String, orderedStrings(func(c int) bool { return c <= 0 })},
	"StringGreaterThanEquals":    {value.String, orderedStrings(func(c int) bool { return c >= 0 })},
	"StringMatches":              {value.String, stringMatches},
	"NumericEquals":              {value.Number, orderedNumbers(func(c int) bool { return c == 0 })},
	"NumericLessThan":            {value.Number, orderedNumbers(func(c int) bool { return c < 0 })},
	"NumericGreaterThan":         {value.Number, orderedNumbers(func(c int) bool { return c > 0 })},
	"NumericLessThanEquals":      {value.Number, orderedNumbers(func(c int) bool { return c <= 0 })},
	"NumericGreaterThanEquals":   {value.Number, orderedNumbers(func(c int) bool { return c >= 0 })},
	"BooleanEquals":              {value.Bool, booleanEquals},
	"TimestampEquals":            {timestampOperand, orderedTimes(func(c int) bool { return c == 0 })},
	"TimestampLessThan":          {timestampOperand, orderedTimes(func(c int) bool { return c < 0 })},
	"TimestampGreaterThan":       {timestampOperand, orderedTimes(func(c int) bool { return c > 0 })},
	"TimestampLessThanEquals":    {timestampOperand, orderedTimes(func(c int) bool { return c <= 0 })},
	"TimestampGreaterThanEquals": {timestampOperand, orderedTimes(func(c int) bool { return c >= 0 })},
}

// operator is a comparison and the type of its literal.
type operator struct {
	operand value.Kind
	test    test
}

// timestampOperand stands for a string that is a timestamp.
const timestampOperand value.Kind = 0xff

// isPresent asks whether there is any value.
const isPresent = "IsPresent"

// typeTests are the operators that ask for a type.
var typeTests = map[string]func(value.Value) bool{
	"IsNull":      func(v value.Value) bool { return v.IsNull() },
	"IsNumeric":   func(v value.Value) bool { return v.Kind() == value.Number },
	"IsString":    func(v value.Value) bool { return v.Kind() == value.String },
	"IsBoolean":   func(v value.Value) bool { return v.Kind() == value.Bool },
	"IsTimestamp": isTimestamp,
}

func isTimestamp(v value.Value) bool {
	if v.Kind() != value.String {
		return false
	}
	_, ok := parseTimestamp(v.Text())
	return ok
}

func orderedStrings(is func(int) bool) test {
	return func(v, operand value.Value) bool {
		return v.Kind() == value.String && operand.Kind() == value.String && is(strings.Compare(v.Text(), operand.Text()))
	}
}

func orderedNumbers(is func(int) bool) test {
	return func(v, operand value.Value) bool {
		return v.Kind() == value.Number && operand.Kind() == value.Number && is(compareNumbers(v, operand))
	}
}

// compareNumbers is value.CompareNumbers with a short way for the common case.
func compareNumbers(a, b value.Value) int {
	if a.Text() == b.Text() {
		return 0
	}
	return value.CompareNumbers(a, b)
}

func booleanEquals(v, operand value.Value) bool {
	return v.Kind() == value.Bool && operand.Kind() == value.Bool && v.Bool() == operand.Bool()
}

func orderedTimes(is func(int) bool) test {
	return func(v, operand value.Value) bool {
		if v.Kind() != value.String || operand.Kind() != value.String {
			return false
		}
		a, ok := parseTimestamp(v.Text())
		if !ok {
			return false
		}
		b, ok := parseTimestamp(operand.Text())
		return ok && is(a.Compare(b))
	}
}

// stringMatches holds a string against a pattern, in which "*" stands for any characters, "\*" for a star and "\\" for a
// backslash. It takes time proportional to the product of the lengths at worst.
func stringMatches(v, pattern value.Value) bool {
	if v.Kind() != value.String || pattern.Kind() != value.String {
		return false
	}
	s, p := v.Text(), pattern.Text()
	i, j := 0, 0
	star, resume := -1, 0 // the latest star, and where in s what follows it was last tried
	for i < len(s) {
		switch c, width := patternAt(p, j); {
		case width > 0 && c == anything:
			star, resume = j, i
			j += width
		case width > 0 && c == int(s[i]):
			i++
			j += width
		case star >= 0:
			resume++
			i, j = resume, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == '*' {
		j++
	}
	return j == len(p)
}

const anything = -1

// patternAt is what stands at p[j:]: a byte or anything, and how many bytes of p say so; 0 at the end.
func patternAt(p string, j int) (c, width int) {
	switch {
	case j == len(p):
		return 0, 0
	case p[j] == '*':
		return anything, 1
	case p[j] == '\\' && j+1 < len(p) && (p[j+1] == '*' || p[j+1] == '\\'):
		return int(p[j+1]), 2
	}
	return int(p[j]), 1
}
