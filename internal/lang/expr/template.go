package expr

import "github.com/tutti-ml/tutti/internal/value"

// Template is a compiled payload template. It is immutable.
type Template struct {
	literal value.Value
}

// Problem is one fault of a template.
type Problem struct {
	Pointer string // JSON pointer to the field within the template
	Text    string
}

// ParseTemplate compiles v, in which members whose names end in ".$" hold a path or a call of an intrinsic function and
// all else stands for itself. It returns every fault at once.
func ParseTemplate(v value.Value) (*Template, []Problem) { return &Template{literal: v}, nil }

// Eval is the template filled in from s, or an *Error. Parts without expressions are shared with the template.
func (t *Template) Eval(s *Scope) (value.Value, error) { return t.literal, nil }

// Literal reports whether nothing in the template is an expression.
func (t *Template) Literal() bool { return true }
