package jsonata

var booleanFunctions = []*native{
	define("boolean", "<x-:b>", 1, boolean),
	define("not", "<x-:b>", 1, not),
	define("exists", "<x:b>", 1, func(c *call) (any, error) { return c.arg(0) != nil, nil }),
}

// boolean is the truth of its argument; a function counts as false here.
func boolean(c *call) (any, error) {
	v := c.arg(0)
	if v == nil {
		return nil, nil
	}
	if _, ok := v.(function); ok {
		return false, nil
	}
	return c.truth(v)
}

func not(c *call) (any, error) {
	v, err := boolean(c)
	if v == nil || err != nil {
		return nil, err
	}
	return !v.(bool), nil
}
