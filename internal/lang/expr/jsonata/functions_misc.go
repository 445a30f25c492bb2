package jsonata

import "errors"

var miscellaneousFunctions = []*native{
	define("error", "<s?:x>", 1, raise),
	define("assert", "<bs?:x>", 2, assert),
	define("type", "<x:s>", 1, typeOf),
	define("eval", "<sx?:x>", 2, ofString(evaluate)),
}

func raise(c *call) (any, error) {
	message := c.orElse(0, "")
	if message == "" {
		message = "$error() function evaluated"
	}
	return nil, &Error{Code: "D3137", Message: message}
}

func assert(c *call) (any, error) {
	if ok, _ := c.arg(0).(bool); ok {
		return nil, nil
	}
	message := c.orElse(1, "")
	if message == "" {
		message = "$assert() statement failed"
	}
	return nil, &Error{Code: "D3141", Message: message}
}

var typeNames = map[byte]string{
	's': "string", 'n': "number", 'b': "boolean", 'l': "null", 'a': "array", 'o': "object", 'f': "function",
}

func typeOf(c *call) (any, error) {
	v := c.arg(0)
	if v == nil {
		return nil, nil
	}
	if _, err := isNumber(v); err != nil {
		return nil, err
	}
	return typeNames[letter(v)], nil
}

// evaluate compiles and evaluates a text, for the context or for another one, with the variables of the place.
func evaluate(c *call, text string) (any, error) {
	if err := c.step(len(text)); err != nil {
		return nil, err
	}
	root, err := compile(text)
	if err != nil {
		return nil, nested("D3120", err, text)
	}
	input := c.input
	if focus := c.arg(1); focus != nil {
		input = focus
		if a, ok := focus.(*array); ok && !a.sequence {
			input = &array{items: []any{a}, sequence: true, wrapper: true}
		}
	}
	v, err := c.eval(root, input, c.frame)
	if err != nil {
		return nil, nested("D3121", err, text)
	}
	return v, nil
}

// nested is an error within the text that $eval was given. Limits stay what they are.
func nested(code string, err error, text string) error {
	var e *Error
	if !errors.As(err, &e) || e.Code == CodeLimit {
		return err
	}
	e.finish(text)
	return failWith(code, e.Message)
}
