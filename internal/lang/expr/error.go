package expr

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/value"
)

// Kind says what went wrong in an evaluation, for callers that word or name it by the field it stands in.
type Kind uint8

// The kinds of Error.
const (
	NotFound   Kind = iota + 1 // a definite path, or a variable, leads nowhere
	BadType                    // a value is of a type that the operation does not take
	BadValue                   // the type is right, the value is not: out of range, too long, malformed
	CannotPlace                // a Reference cannot be set there
)

// The error names of the States Language that evaluations end with.
const (
	Runtime              = "States.Runtime"
	ParameterPathFailure = "States.ParameterPathFailure"
	ResultPathMatchError = "States.ResultPathMatchFailure"
	IntrinsicFailure     = "States.IntrinsicFailure"
)

// Error is how an evaluation fails. Code is the name that Retry and Catch match where the caller has no better one.
type Error struct {
	Kind  Kind
	Code  string
	Text  string      // for people
	Path  string      // NotFound: the path that leads nowhere
	Field string      // NotFound: the template's field that holds Path, or ""
	Input value.Value // NotFound: what Path was looked for in
}

func (e *Error) Error() string { return e.Text }

// ForField is e worded for the field whose path leads nowhere; an error of another kind, or one that names its field
// already, is returned as it is.
func (e *Error) ForField(name string) *Error {
	if e.Kind != NotFound || e.Field != "" {
		return e
	}
	c := *e
	c.Field = name
	c.Text = fmt.Sprintf("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", e.Path, name, e.Input.JSON())
	return &c
}

func notFound(path string, input value.Value) *Error {
	return &Error{
		Kind:  NotFound,
		Code:  Runtime,
		Text:  fmt.Sprintf("The JSONPath '%s' could not be found in the input '%s'", path, input.JSON()),
		Path:  path,
		Input: input,
	}
}

// SyntaxError says where the text of an expression is broken.
type SyntaxError struct {
	Text   string // the whole expression
	Column int    // from 1, in bytes
	Want   string // what was expected there
}

func (e *SyntaxError) Error() string {
	found := "the end"
	if e.Column <= len(e.Text) {
		found = fmt.Sprintf("%q", clip(e.Text[e.Column-1:]))
	}
	return fmt.Sprintf("%q, column %d: expected %s, found %s", clip(e.Text), e.Column, e.Want, found)
}

// clip is the beginning of s, for a message.
func clip(s string) string {
	const longest = 80
	if len(s) <= longest {
		return s
	}
	return s[:longest] + "…"
}
