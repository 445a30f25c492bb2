package jsonata

// natives are the functions of the language by name. Each has its signature and the number of its parameters, by which
// $map and its like know how much to pass.
var natives map[string]*native

func init() {
	natives = map[string]*native{}
	for _, family := range [][]*native{
		aggregateFunctions, stringFunctions, matchFunctions, encodingFunctions, numberFunctions, formatFunctions,
		booleanFunctions, arrayFunctions, objectFunctions, higherOrderFunctions, timeFunctions, miscellaneousFunctions,
	} {
		for _, n := range family {
			natives[n.name] = n
		}
	}
}

func define(name, sig string, params int, run func(c *call) (any, error)) *native {
	return &native{name, mustSignature(sig), params, run}
}

// ofString makes a function of one string.
func ofString(run func(c *call, s string) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		s, ok := c.arg(0).(string)
		if !ok {
			return nil, nil
		}
		return run(c, s)
	}
}

// ofNumber makes a function of one number.
func ofNumber(run func(c *call, f float64) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		f, ok := c.arg(0).(float64)
		if !ok {
			return nil, nil
		}
		return run(c, f)
	}
}

// ofArray makes a function of one array.
func ofArray(run func(c *call, a *array) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if c.arg(0) == nil {
			return nil, nil
		}
		a := asArray(c.arg(0))
		if err := c.step(a.len()); err != nil {
			return nil, err
		}
		return run(c, a)
	}
}

// count is argument i, a whole number that must not be negative; -1 where it is left out.
func (c *call) count(i int, code string) (int, error) {
	f, ok := c.arg(i).(float64)
	if !ok {
		return -1, nil
	}
	if f < 0 {
		return 0, failWith(code, f)
	}
	if f > 1<<31 {
		return 1 << 31, nil
	}
	n := int(f)
	if float64(n) < f {
		n++
	}
	return n, nil
}

// orElse is argument i where it is a string, else fallback.
func (c *call) orElse(i int, fallback string) string {
	if s, ok := c.arg(i).(string); ok {
		return s
	}
	return fallback
}
