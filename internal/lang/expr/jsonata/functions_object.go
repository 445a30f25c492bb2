package jsonata

var objectFunctions = []*native{
	define("keys", "<x-:a<s>>", 1, keys),
	define("lookup", "<x-s:x>", 2, func(c *call) (any, error) { return c.member(c.arg(0), c.orElse(1, "undefined")) }),
	define("spread", "<x-:a<o>>", 1, spread),
	define("merge", "<a<o>:o>", 1, ofArray(merge)),
	define("clone", "<(oa)-:o>", 1, func(c *call) (any, error) { return c.clone(c.arg(0)) }),
}

// keys are the names of an object, or of all objects of an array, each once.
func keys(c *call) (any, error) {
	out, seen := sequenceOf(), map[string]bool{}
	err := c.eachObject(c.arg(0), func(o *object) error {
		for i := range o.len() {
			if name := o.key(i); !seen[name] {
				seen[name] = true
				out.push(name)
			}
		}
		return c.grow(nodeBytes * o.len())
	})
	return out, err
}

// eachObject calls do for v, where it is an object, or for all objects in the array v.
func (m *machine) eachObject(v any, do func(*object) error) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	switch v := v.(type) {
	case *object:
		if err := m.step(1 + v.len()); err != nil {
			return err
		}
		return do(v)
	case *array:
		if err := m.step(v.len()); err != nil {
			return err
		}
		for i := range v.len() {
			if err := m.eachObject(v.at(i), do); err != nil {
				return err
			}
		}
	}
	return nil
}

// spread makes an object of each member of an object, or of all objects of an array. Anything else is given back.
func spread(c *call) (any, error) {
	switch c.arg(0).(type) {
	case *array, *object:
	default:
		return c.arg(0), nil
	}
	out := sequenceOf()
	return out, c.spreadInto(out, c.arg(0))
}

func (c *call) spreadInto(out *array, v any) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	switch v := v.(type) {
	case *array:
		out.sequence = out.sequence && v.len() == 0
		for i := range v.len() {
			if err := c.spreadInto(out, v.at(i)); err != nil {
				return err
			}
		}
	case *object:
		for i := range v.len() {
			one := &object{}
			one.set(v.key(i), v.at(i))
			out.push(one)
		}
		return c.grow(2 * nodeBytes * v.len())
	default:
		out.push(v)
	}
	return c.step(1)
}

func merge(c *call, a *array) (any, error) {
	out := &object{}
	for i := range a.len() {
		o, ok := a.at(i).(*object)
		if !ok {
			continue
		}
		for j := range o.len() {
			out.set(o.key(j), o.at(j))
		}
		if err := c.grow(3 * itemBytes * o.len()); err != nil {
			return nil, err
		}
	}
	return out, nil
}
