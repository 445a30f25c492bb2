package jsonata

var higherOrderFunctions = []*native{
	define("map", "<af>", 2, ofArray(mapEach)),
	define("filter", "<af>", 2, ofArray(filterEach)),
	define("single", "<af?>", 2, ofArray(single)),
	define("reduce", "<afj?:j>", 3, ofArray(reduce)),
	define("sift", "<o-f?:o>", 2, sift),
	define("each", "<o-f:a>", 2, each),
}

// with calls the function argument 1 with as many of args as it takes, but at least the first.
func (c *call) with(args ...any) (any, error) {
	fn, ok := c.arg(1).(function)
	if !ok {
		return nil, fail("T1006")
	}
	most := min(len(args), max(1, fn.arity()))
	return c.apply(fn, args[:most:most], null{}, c.frame)
}

// holds is with, for a condition. A function that is returned counts as false.
func (c *call) holds(args ...any) (bool, error) {
	v, err := c.with(args...)
	if err != nil {
		return false, err
	}
	return c.truth(v)
}

func mapEach(c *call, a *array) (any, error) {
	out := sequenceOf()
	for i := range a.len() {
		v, err := c.with(a.at(i), float64(i), a)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out.push(v)
		}
	}
	return out, c.grow(itemBytes * out.len())
}

func filterEach(c *call, a *array) (any, error) {
	out := sequenceOf()
	for i := range a.len() {
		ok, err := c.holds(a.at(i), float64(i), a)
		if err != nil {
			return nil, err
		}
		if ok {
			out.push(a.at(i))
		}
	}
	return out, c.grow(itemBytes * out.len())
}

func single(c *call, a *array) (any, error) {
	var found any
	n := 0
	for i := range a.len() {
		ok := true
		if c.arg(1) != nil {
			var err error
			if ok, err = c.holds(a.at(i), float64(i), a); err != nil {
				return nil, err
			}
		}
		if !ok {
			continue
		}
		if n++; n > 1 {
			return nil, fail("D3138")
		}
		found = a.at(i)
	}
	if n == 0 {
		return nil, fail("D3139")
	}
	return found, nil
}

func reduce(c *call, a *array) (any, error) {
	fn, ok := c.arg(1).(function)
	if !ok {
		return nil, fail("T1006")
	}
	if fn.arity() < 2 {
		return nil, fail("D3050")
	}
	result, from := c.arg(2), 0
	if result == nil && a.len() > 0 {
		result, from = a.at(0), 1
	}
	for i := from; i < a.len(); i++ {
		args := []any{result, a.at(i), float64(i), a}
		var err error
		if result, err = c.apply(fn, args[:min(len(args), fn.arity())], null{}, c.frame); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func sift(c *call) (any, error) {
	o, ok := c.arg(0).(*object)
	if !ok {
		return nil, nil
	}
	out := &object{}
	for i := range o.len() {
		ok, err := c.holds(o.at(i), o.key(i), o)
		if err != nil {
			return nil, err
		}
		if ok {
			out.set(o.key(i), o.at(i))
		}
	}
	if out.len() == 0 {
		return nil, nil
	}
	return out, c.grow(3 * itemBytes * out.len())
}

func each(c *call) (any, error) {
	out := sequenceOf()
	o, ok := c.arg(0).(*object)
	if !ok {
		return out, nil
	}
	for i := range o.len() {
		v, err := c.with(o.at(i), o.key(i), o)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out.push(v)
		}
	}
	return out, c.grow(itemBytes * out.len())
}
