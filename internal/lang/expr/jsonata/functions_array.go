package jsonata

var arrayFunctions = []*native{
	define("append", "<xx:a>", 2, func(c *call) (any, error) { return c.append(c.arg(0), c.arg(1)) }),
	define("reverse", "<a:a>", 1, ofArray(reverse)),
	define("shuffle", "<a:a>", 1, ofArray(shuffle)),
	define("distinct", "<x:x>", 1, distinct),
	define("zip", "<a+>", 0, zip),
	define("sort", "<af?:a>", 2, ofArray(sortBySelf)),
}

// copied is a copy of the elements of a, and not a sequence.
func (c *call) copied(a *array) (*array, error) {
	if err := c.grow(nodeBytes + itemBytes*a.len()); err != nil {
		return nil, err
	}
	out := &array{items: make([]any, a.len())}
	for i := range out.items {
		out.items[i] = a.at(i)
	}
	return out, nil
}

func reverse(c *call, a *array) (any, error) {
	if a.len() <= 1 {
		return a, nil
	}
	out, err := c.copied(a)
	if err != nil {
		return nil, err
	}
	for i, j := 0, out.len()-1; i < j; i, j = i+1, j-1 {
		out.items[i], out.items[j] = out.items[j], out.items[i]
	}
	return out, nil
}

func shuffle(c *call, a *array) (any, error) {
	if a.len() <= 1 {
		return a, nil
	}
	out, err := c.copied(a)
	if err != nil {
		return nil, err
	}
	for i := range out.items {
		f, err := random(c)
		if err != nil {
			return nil, err
		}
		j := int(f.(float64) * float64(i+1))
		out.items[i], out.items[j] = out.items[j], out.items[i]
	}
	return out, nil
}

// distinct keeps the first of what is equal. Scalars are found by hashing, arrays and objects by comparing them.
func distinct(c *call) (any, error) {
	a, ok := c.arg(0).(*array)
	if !ok || a.len() <= 1 {
		return c.arg(0), nil
	}
	out := &array{items: []any{}, sequence: a.sequence}
	scalars := map[any]bool{}
	var others []any
	for i := range a.len() {
		v := a.at(i)
		if err := c.step(1 + len(others)); err != nil {
			return nil, err
		}
		switch v.(type) {
		case *array, *object:
			known, err := c.contains(others, v)
			if err != nil {
				return nil, err
			}
			if known {
				continue
			}
			others = append(others, v)
		default:
			if err := c.scan(shorter(v, v)); err != nil {
				return nil, err
			}
			if scalars[v] {
				continue
			}
			scalars[v] = true
		}
		out.push(v)
		if err := c.grow(nodeBytes); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) contains(list []any, v any) (bool, error) {
	for _, other := range list {
		if same, err := c.equal(v, other); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// zip makes of arrays one of arrays: of all first elements, of all second ones, as far as the shortest goes.
func zip(c *call) (any, error) {
	out := &array{items: []any{}}
	if len(c.args) == 0 {
		return out, nil
	}
	size := -1
	for _, v := range c.args {
		a, ok := v.(*array)
		if !ok {
			return out, nil
		}
		if size < 0 || a.len() < size {
			size = a.len()
		}
	}
	if err := c.grow(size * (nodeBytes + itemBytes*len(c.args))); err != nil {
		return nil, err
	}
	for i := range size {
		row := make([]any, len(c.args))
		for j, v := range c.args {
			row[j] = v.(*array).at(i)
		}
		out.push(arrayOf(row...))
	}
	return out, nil
}

// sortBySelf orders by a function that says whether its first argument belongs behind its second, or strings and numbers
// as they are.
func sortBySelf(c *call, a *array) (any, error) {
	if a.len() <= 1 {
		return a, nil
	}
	after := func(x, y *any) (bool, error) { return order(*x, *y) > 0, c.step(1 + shorter(*x, *y)/scanBytes) }
	if fn := c.arg(1); fn != nil {
		after = func(x, y *any) (bool, error) {
			v, err := c.apply(fn, []any{*x, *y}, null{}, c.frame)
			if err != nil {
				return false, err
			}
			return c.truth(v)
		}
	} else if numbers, err := isArrayOfNumbers(a); err != nil {
		return nil, err
	} else if !numbers && !isArrayOfStrings(a) {
		return nil, fail("D3070")
	}
	copied, err := c.copied(a)
	if err != nil {
		return nil, err
	}
	sorted, err := mergeSort(copied.items, after)
	return arrayOf(sorted...), err
}
