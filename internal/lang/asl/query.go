package asl

import (
	"errors"
	"fmt"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/value"
)

// template is a field whose value is made when the state runs: a payload template of JSONPath, evaluated for what "$"
// is there, or JSON with expressions of JSONata in it, which see $states.
type template interface {
	eval(s *step, input value.Value) (value.Value, error)
}

// pathTemplate is a payload template.
type pathTemplate struct{ *expr.Template }

func (t pathTemplate) eval(s *step, input value.Value) (value.Value, error) {
	return t.Eval(s.scope(input))
}

// expression is a text {% … %}.
type expression struct {
	*jsonata.Expr
	field string // where it stands in the state: "Output/total", "Choices[1]/Condition", "Arguments/list[0]"
}

func (e *expression) fail(format string, args ...any) error {
	return &queryError{e.field, fmt.Sprintf("The JSONata expression '%s' specified for the field '%s' ", e.Expr, e.field) + fmt.Sprintf(format, args...)}
}

// unexpected is the error for a result of another type than the field has.
func (e *expression) unexpected(want string, v value.Value) error {
	return e.fail("returned an unexpected result type. Expected '%s', but was '%s' for value: %s", want, v.Kind(), v.JSON())
}

// refuse is the error for a result of the field's type that is none of its values.
func (e *expression) refuse(format string, args ...any) error {
	return &queryError{e.field, fmt.Sprintf(format, args...)}
}

func (e *expression) eval(s *step, _ value.Value) (value.Value, error) {
	v, defined, err := e.Eval(s.query())
	var je *jsonata.Error
	switch {
	case errors.As(err, &je) && je.Code == jsonata.CodeLimit:
		return v, e.fail("threw an error during evaluation: %s", je.Message)
	case errors.As(err, &je):
		return v, e.fail("threw an error during evaluation. %v", je)
	case err != nil:
		return v, err
	case !defined:
		return v, e.fail("returned nothing (undefined).")
	case v.IsAbsent():
		return v, e.fail("returned an unsupported result type.")
	}
	return v, nil
}

// query is what an expression of JSONata sees: the variables, and $states.
func (s *step) query() jsonata.Scope {
	return jsonata.Scope{
		Variables: func(name string) (value.Value, bool) {
			if name == "states" {
				return s.statesObject(), true
			}
			return s.x.lookup(name)
		},
		Functions: s.function,
		Now:       s.in.Now,
		Random:    func() float64 { return fraction(s.draw()) },
		Used:      &s.used,
		NoEval:    true,
		NonFinite: true,
	}
}

// statesObject is what $states stands for.
func (s *step) statesObject() value.Value {
	states := value.NewObject(member("input", s.b.input), member("context", s.contextObject()))
	if !s.result.IsAbsent() {
		states = states.With("result", s.result)
	}
	if !s.caughtError.IsAbsent() {
		states = states.With("errorOutput", s.caughtError)
	}
	return states
}

// The forms of JSON with expressions in it. What holds no expression is a literal.
type (
	literalJSON value.Value
	objectJSON  []memberJSON
	arrayJSON   []template
	memberJSON  struct {
		name string
		of   template
	}
)

func (l literalJSON) eval(*step, value.Value) (value.Value, error) { return value.Value(l), nil }

func (o objectJSON) eval(s *step, input value.Value) (value.Value, error) {
	members := make([]value.Member, len(o))
	for i, m := range o {
		v, err := m.of.eval(s, input)
		if err != nil {
			return value.Value{}, err
		}
		members[i] = value.Member{Name: m.name, Value: v}
	}
	return value.NewObject(members...), nil
}

func (a arrayJSON) eval(s *step, input value.Value) (value.Value, error) {
	list := make([]value.Value, len(a))
	for i, e := range a {
		v, err := e.eval(s, input)
		if err != nil {
			return value.Value{}, err
		}
		list[i] = v
	}
	return value.NewArray(list...), nil
}
