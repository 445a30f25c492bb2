package expr

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/value"
)

// Call is a compiled call of an intrinsic function. It is immutable.
type Call struct {
	text     string
	name     string // such as "ArrayLength"
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

// Eval is the function's answer in s, or an *Error. Of calls among the arguments too the error names the whole call.
func (c *Call) Eval(s *Scope) (value.Value, error) { return c.eval(s, c.text) }

func (c *Call) eval(s *Scope, whole string) (value.Value, error) {
	args := make([]value.Value, len(c.args))
	for i := range c.args {
		v, err := c.args[i].eval(s, whole)
		if err != nil {
			return value.Value{}, err
		}
		if want := c.function.takes(i); !want.has(v.Kind()) {
			return value.Value{}, c.fault(BadType, whole, errArguments)
		}
		args[i] = v
	}
	v, err := c.function.apply(s, args)
	if err != nil {
		return value.Value{}, c.fault(BadValue, whole, err)
	}
	return v, nil
}

func (a *argument) eval(s *Scope, whole string) (value.Value, error) {
	switch {
	case a.path != nil:
		v, err := a.path.Eval(s)
		if e, ok := err.(*Error); ok {
			return value.Value{}, e.inCall(whole)
		}
		return v, err
	case a.call != nil:
		return a.call.eval(s, whole)
	}
	return a.literal, nil
}

// refusal is how a function refuses its arguments, as Step Functions words it, with a verb for the function's name.
type refusal string

func (r refusal) Error() string { return string(r) }

// errArguments does not say why, as Step Functions does not.
const errArguments = refusal("Invalid arguments in States.%s")

// fault is the error of this call within the whole one, for a reason with a verb for the function's name. It is
// States.Runtime, which nobody catches, as recorded: States.IntrinsicFailure, of which the specification speaks, is not
// what Step Functions fails with.
func (c *Call) fault(kind Kind, whole string, why error) *Error {
	return &Error{Kind: kind, Code: Runtime, Text: fmt.Sprintf("There was an error while evaluating the intrinsic function: %s. ", whole) +
		fmt.Sprintf(why.Error(), c.name)}
}
