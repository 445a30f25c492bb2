package expr

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/value"
)

// Kind says what went wrong in an evaluation, for callers that word or name it by the field it stands in.
type Kind uint8

// The kinds of Error.
const (
	NotFound    Kind = iota + 1 // a definite path, or a variable, leads nowhere
	BadType                     // a value is of a type that the operation does not take
	BadValue                    // the type is right, the value is not: out of range, too long, malformed
	CannotPlace                 // a Reference cannot be set there
)

// The error names of the States Language that evaluations end with.
const (
	Runtime                = "States.Runtime"
	ParameterPathFailure   = "States.ParameterPathFailure"
	ResultPathMatchFailure = "States.ResultPathMatchFailure"
)

// Error is how an evaluation fails. Code is the name that Retry and Catch match, where the caller has no better one.
type Error struct {
	Kind   Kind
	Code   string
	Text   string      // for people
	Path   string      // NotFound: the path that leads nowhere
	Detail string      // NotFound: Jayway's reason
	Field  string      // NotFound: the field that Text names, or ""
	Input  value.Value // NotFound: what the scope's Input was
	// PastEnd says of NotFound that the path ends in an index that an array has not.
	PastEnd bool
}

func (e *Error) Error() string { return e.Text }

// ForField is e worded for the field whose path leads nowhere. An error of another kind, or one worded for a field or a
// function already, is returned as it is.
func (e *Error) ForField(name string) *Error {
	if e.Kind != NotFound || e.Field != "" {
		return e
	}
	c := *e
	c.Field = name
	c.Text = fmt.Sprintf("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", e.Path, name, e.Input.JSON())
	return &c
}

// InvalidPath is e as InputPath and OutputPath word a path that leads nowhere; an error of another kind is returned as
// it is.
func (e *Error) InvalidPath() *Error {
	if e.Kind != NotFound || e.Field != "" {
		return e
	}
	c := *e
	c.Text = fmt.Sprintf("Invalid path '%s' : %s", e.Path, e.Detail)
	return &c
}

// inCall is e worded for an argument of the call.
func (e *Error) inCall(call string) *Error {
	if e.Kind != NotFound || e.Field != "" {
		return e
	}
	c := *e
	c.Field = call
	c.Text = fmt.Sprintf("The function '%s' had the following error: The JsonPath argument for the field '%s' could not be found in the input '%s'", call, e.Path, e.Input.JSON())
	return &c
}

// missing is the error of a definite path of which step at leads nowhere from v; s.Input is what the message shows.
func (p *Path) missing(s *Scope, at int, v value.Value) *Error {
	e := p.notFound(s, p.reason(at, v))
	e.PastEnd = at == len(p.steps)-1 && p.steps[at].op == opElement && v.Kind() == value.Array
	return e
}

// noOrigin is the error of a path whose root does not exist.
func (p *Path) noOrigin(s *Scope) *Error {
	if p.root == rootVariable {
		return p.notFound(s, fmt.Sprintf("The variable '%s' has no value", p.variable))
	}
	return p.notFound(s, "No results for path: $")
}

func (p *Path) notFound(s *Scope, detail string) *Error {
	return &Error{
		Kind:   NotFound,
		Code:   Runtime,
		Text:   fmt.Sprintf("The JSONPath '%s' could not be found in the input '%s'", p.text, s.Input.JSON()),
		Path:   p.text,
		Detail: detail,
		Input:  s.Input,
	}
}

// reason is Jayway's text for step at that leads nowhere from v.
func (p *Path) reason(at int, v value.Value) string {
	if v.IsAbsent() || at >= len(p.steps) {
		return "No results for path: " + p.normal(len(p.steps))
	}
	s := &p.steps[at]
	switch {
	case (s.op == opMember || s.op == opMembers) && v.Kind() != value.Object:
		return fmt.Sprintf("Expected to find an object with property %s in path %s but found '%s'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
			s, p.normal(at), javaClass(v))
	case s.op == opFilter:
		return fmt.Sprintf("Filter: %s can not be applied to primitives. Current context is: %s", s, javaText(v))
	case v.IsNull():
		return fmt.Sprintf("The path %s is null", p.normal(at))
	case s.op != opMember && v.Kind() != value.Array:
		return fmt.Sprintf("Filter: %s can only be applied to arrays. Current context is: %s", s, javaText(v))
	case s.op == opMember && at < len(p.steps)-1:
		return "Missing property in path " + p.normal(at+1)
	}
	return "No results for path: " + p.normal(len(p.steps))
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
