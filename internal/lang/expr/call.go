package expr

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// Call is a compiled call of an intrinsic function. It is immutable.
type Call struct {
	text     string
	function *intrinsic
	args     []argument
}

// argument is a literal, a path or a call.
type argument struct {
	literal value.Value
	path    *Path
	call    *Call
}

// ParseCall compiles a call such as States.Format('{}', $.a), with calls among its arguments or without. Its error is a
// *SyntaxError.
func ParseCall(text string) (*Call, error) {
	p := &parser{text: text}
	p.skip()
	c, err := p.call()
	if err == nil {
		p.skip()
		err = p.finish("the end of the call")
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// String is the call as written.
func (c *Call) String() string { return c.text }

// Eval is the function's answer in s, or an *Error.
func (c *Call) Eval(s *Scope) (value.Value, error) {
	args := make([]value.Value, len(c.args))
	for i := range c.args {
		v, err := c.args[i].eval(s)
		if e, ok := err.(*Error); ok {
			return value.Value{}, e.inCall(c.text)
		}
		if want := c.function.takes(i); !want.has(v.Kind()) {
			return value.Value{}, c.fault(BadType, fmt.Sprintf("the argument %d must be %s, but it is %s", i+1, want, kinds(1<<v.Kind())))
		}
		args[i] = v
	}
	v, err := c.function.apply(s, args)
	if err != nil {
		return value.Value{}, c.fault(BadValue, err.Error())
	}
	return v, nil
}

func (a *argument) eval(s *Scope) (value.Value, error) {
	switch {
	case a.path != nil:
		return a.path.Eval(s)
	case a.call != nil:
		return a.call.Eval(s)
	}
	return a.literal, nil
}

// fault is the error of this call, for a reason in lower case.
func (c *Call) fault(kind Kind, why string) *Error {
	why = strings.ToUpper(why[:1]) + why[1:]
	return &Error{Kind: kind, Code: IntrinsicFailure, Text: fmt.Sprintf("The function '%s' had the following error: %s", c.text, why)}
}
