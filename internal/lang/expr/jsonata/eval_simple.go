package jsonata

func (e literalExpr) eval(*machine, *node, any, *frame) (any, error) { return e.item, nil }

func (e regexExpr) eval(*machine, *node, any, *frame) (any, error) { return e.regex, nil }

// A placeholder is for partial applications to find, and nothing elsewhere.
func (placeholder) eval(*machine, *node, any, *frame) (any, error) { return nil, nil }

// eval is the context for $, else what the name is bound to.
func (e variableExpr) eval(m *machine, _ *node, input any, f *frame) (any, error) {
	return e.of(m, input, f), nil
}

// of is what the variable holds; the one without a name is the context.
func (e variableExpr) of(m *machine, input any, f *frame) any {
	if e.name != "" {
		return m.lookup(f, e.name)
	}
	if a, ok := input.(*array); ok && a.wrapper {
		return a.at(0)
	}
	return input
}

// eval makes an array. Elements that are arrays give their elements, but for those that are written as arrays.
func (e *arrayExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	if v, ok, err := e.evalRange(m, n, input, f); ok {
		return v, err
	}
	out := &array{cons: n.cons}
	if err := m.grow(nodeBytes); err != nil {
		return nil, err
	}
	for _, item := range e.items {
		v, err := m.eval(item, input, f)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		before := out.len()
		if a, ok := v.(*array); ok && item.kind != kindArray {
			if err := m.grow(itemBytes * a.len()); err != nil {
				return nil, err
			}
			out.pushAll(a)
		} else {
			out.push(v)
		}
		if err := m.grow(itemBytes * (out.len() - before)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// evalRange makes [l..r], which takes no memory. Ok is false for other arrays.
func (e *arrayExpr) evalRange(m *machine, n *node, input any, f *frame) (v any, ok bool, err error) {
	if len(e.items) != 1 || e.items[0].kind != kindBinary || e.items[0].text != ".." {
		return nil, false, nil
	}
	v, err = m.eval(e.items[0], input, f)
	switch v := v.(type) {
	case *array:
		return &array{low: v.low, size: v.size, cons: n.cons}, true, err
	case nil:
		return &array{cons: n.cons}, true, err
	}
	return &array{items: []any{v}, cons: n.cons}, true, err
}

// eval evaluates one after the other, in a frame of their own; the last one's value counts.
func (e *blockExpr) eval(m *machine, _ *node, input any, f *frame) (v any, err error) {
	own := &frame{outer: f}
	for _, part := range e.list {
		if v, err = m.eval(part, input, own); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (e *conditionExpr) eval(m *machine, _ *node, input any, f *frame) (any, error) {
	v, err := m.eval(e.test, input, f)
	if err != nil {
		return nil, err
	}
	ok, err := m.truth(v)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return m.eval(e.then, input, f)
	case e.otherwise != nil:
		return m.eval(e.otherwise, input, f)
	}
	return nil, nil
}

func (e *bindExpr) eval(m *machine, _ *node, input any, f *frame) (any, error) {
	v, err := m.eval(e.to, input, f)
	if err != nil {
		return nil, err
	}
	f.bind(e.name, v)
	return v, m.grow(nodeBytes)
}
