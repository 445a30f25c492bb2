package asl

import (
	"errors"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/value"
)

// text is a text that a field gives as a literal or as an expression, or the same field with the ending "Path" as a path into the input or
// a call of an intrinsic function.
type text struct {
	literal string
	path    evaluator
	query   *expression
	field   string
}

// evaluator is a path or a call.
type evaluator interface {
	Eval(*expr.Scope) (value.Value, error)
}

func (t text) of(s *step) (string, error) {
	if t.query != nil {
		v, err := t.query.eval(s, s.b.input)
		if err == nil && v.Kind() != value.String {
			err = t.query.unexpected("string", v)
		}
		return v.Text(), err
	}
	if t.path == nil {
		return t.literal, nil
	}
	v, err := t.path.Eval(s.scope(s.b.input))
	if err != nil {
		return "", forField(err, t.field)
	}
	if v.Kind() != value.String {
		return "", runtimeError("The %s field refers to a value that is not a string: %s", t.field, v.JSON())
	}
	return v.Text(), nil
}

// forField names the field in the text of err, where err can be told apart that way.
func forField(err error, field string) error {
	var ee *expr.Error
	if errors.As(err, &ee) {
		return ee.ForField(field)
	}
	return err
}

// invalidPath is err as InputPath and OutputPath word a path that leads nowhere.
func invalidPath(err error) error {
	var ee *expr.Error
	if errors.As(err, &ee) {
		return ee.InvalidPath()
	}
	return err
}
