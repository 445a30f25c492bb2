package jsonata

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/tutti-ml/tutti/internal/value"
)

// Error is a failure to compile or to evaluate. Its codes are those of jsonata.js: S for syntax, T for types, D for
// values, U1001 for a limit.
type Error struct {
	Code     string
	Position int         // UTF-16 code units into the expression, after the token at fault; 0 where there is none
	Token    string      // the operator, function or symbol at fault
	Value    value.Value // the value at fault; absent where there is none
	Message  string

	detail map[string]string // what else the message names, as JSON
	done   bool
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// CodeLimit is the code of all limits.
const CodeLimit = "U1001"

// codeRegex is the code of a regular expression that the engine does not take.
const codeRegex = "S0303"

// fail is an error with a code alone.
func fail(code string) *Error { return &Error{Code: code} }

// failWith is an error about a value.
func failWith(code string, v any) *Error {
	return &Error{Code: code, Value: exported(v)}
}

// exported is v as an error shows it: small, and absent where it cannot be shown.
func exported(v any) value.Value {
	m := &machine{scope: &Scope{}, limits: Limits{Steps: 1000, Depth: 100, Bytes: 1 << 16}}
	out, err := m.export(v, 0)
	if err != nil {
		return value.Value{}
	}
	return out
}

// outOfRange is the error for a number that JSON does not have, and so writes as null.
func outOfRange() *Error { return &Error{Code: "D1001", Value: value.NullValue} }

// with adds what the message names besides value and token.
func (e *Error) with(name string, v any) *Error {
	if e.detail == nil {
		e.detail = map[string]string{}
	}
	e.detail[name] = exported(v).JSON()
	return e
}

// at says where e happened, unless that is known already.
func (e *Error) at(position int, token string) *Error {
	if e.Position == 0 {
		e.Position = position
	}
	if e.Token == "" {
		e.Token = token
	}
	return e
}

// located is err with its place, where it is an *Error.
func located(err error, position int, token string) error {
	if e, ok := err.(*Error); ok {
		return e.at(position, token)
	}
	return err
}

// finish turns the position, until here in bytes, into code units, and fills the message in.
func (e *Error) finish(text string) {
	if e.done {
		return
	}
	e.done = true
	if e.Position > 0 && e.Position <= len(text) {
		e.Position = len(utf16.Encode([]rune(text[:e.Position])))
	}
	if e.Message == "" {
		e.Message = e.fill(messages[e.Code])
	}
}

// fill replaces {name} in a message by what e has under that name, as JSON.
func (e *Error) fill(message string) string {
	if !strings.Contains(message, "{") {
		return message
	}
	token := "undefined"
	if e.Token != "" {
		token = value.NewString(e.Token).JSON()
	}
	pairs := []string{
		"{token}", token, "{name}", e.Token, "{value}", orUndefined(e.Value.JSON()),
	}
	for _, name := range []string{"index", "type", "value2", "exp"} {
		pairs = append(pairs, "{"+name+"}", orUndefined(e.detail[name]))
	}
	return strings.NewReplacer(pairs...).Replace(message)
}

func orUndefined(json string) string {
	if json == "" {
		return "undefined"
	}
	return json
}

// OutOfMemory is the error of an evaluation that makes more than it may hold; a Function may end with it.
func OutOfMemory() *Error {
	return failLimit("Expression evaluation memory limit exceeded: Check for excessive memory usage")
}

func failLimit(format string, args ...any) *Error {
	return &Error{Code: CodeLimit, Message: fmt.Sprintf(format, args...)}
}
