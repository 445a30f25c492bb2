package asl

import (
	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/value"
)

// amount is a number that a field gives as a literal or as an expression, or the same field with the ending "Path" as a
// reference into the input.
type amount struct {
	literal value.Value // Absent where it is not a literal
	path    *expr.Path
	query   *expression
	most    int64  // the largest result of query; unbounded: any
	field   string // name of the field, with "Path" where it is one
}

// isSet reports whether the file has either form.
func (a amount) isSet() bool { return !a.literal.IsAbsent() || a.path != nil || a.query != nil }

// of is the number as it stands in the file or in input; Absent where neither form is set.
func (a amount) of(s *step, input value.Value) (value.Value, error) {
	switch {
	case a.query != nil:
		return a.query.eval(s, input)
	case a.path == nil:
		return a.literal, nil
	}
	v, err := a.path.Eval(s.scope(input))
	return v, forField(err, a.field)
}

// source is the path that the amount comes from; empty where it is no path.
func (a amount) source() string {
	if a.path == nil {
		return ""
	}
	return a.path.String()
}

// whole is the amount as a whole number of at least least, and otherwise where it is not set.
func (a amount) whole(s *step, input value.Value, least, otherwise int64) (int64, error) {
	if !a.isSet() {
		return otherwise, nil
	}
	v, err := a.of(s, input)
	if err != nil {
		return 0, err
	}
	if a.query != nil {
		return a.queried(v, least)
	}
	n, ok := v.Int64()
	if !ok {
		return 0, runtimeError("The %s field refers to value \"%s\" which is not a valid integer: %s", a.field, plain(v), a.path)
	}
	if n < least {
		if least == 0 {
			return 0, runtimeError("%s cannot be negative.", a.name())
		}
		return 0, runtimeError("%s cannot be less than %d.", a.name(), least)
	}
	return n, nil
}

// queried is the result v of the query as a whole number of at least least.
func (a amount) queried(v value.Value, least int64) (int64, error) {
	n, ok := v.Int64()
	switch {
	case v.Kind() != value.Number:
		return 0, a.query.unexpected("number", v)
	case !ok:
		return 0, a.query.refuse("The %s field cannot be parsed as an integer: %s", a.field, v.JSON())
	case a.most != unbounded && (n < 0 || n > a.most):
		return 0, a.query.refuse("%s must be between 0 and %d but was: %d", a.field, a.most, n)
	case n < least:
		return 0, a.query.refuse("%s must be at least %d but was: %d", a.field, least, n)
	}
	return n, nil
}

// percent is the amount as a percentage; 100 where it is not set.
func (a amount) percent(s *step, input value.Value) (float64, error) {
	if !a.isSet() {
		return 100, nil
	}
	v, err := a.of(s, input)
	if err != nil {
		return 0, err
	}
	p, ok := v.Float64()
	valid := p >= 0 && p <= 100
	switch {
	case !ok && a.query != nil:
		return 0, a.query.unexpected("number", v)
	case !ok:
		return 0, runtimeError("The %s field refers to value \"%s\" which is not a valid float: %s", a.field, plain(v), a.path)
	case !valid && a.query != nil:
		return 0, a.query.refuse("%s must be between 0 and 100 but was: %s", a.name(), v.JSON())
	case !valid:
		return 0, runtimeError("%s must be between 0 and 100.", a.name())
	}
	return p, nil
}

// name is the field without the ending "Path".
func (a amount) name() string {
	if a.path == nil {
		return a.field
	}
	return a.field[:len(a.field)-len("Path")]
}

// plain is v as Step Functions quotes it in texts: the characters of a string, the JSON of everything else.
func plain(v value.Value) string {
	if v.Kind() == value.String {
		return v.Text()
	}
	return v.JSON()
}
