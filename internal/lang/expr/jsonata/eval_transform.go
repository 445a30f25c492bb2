package jsonata

// transformer is |pattern|update,remove|: a function that gives a copy of its argument with the parts that pattern finds
// changed.
type transformer struct {
	*transformExpr
	node  *node
	frame *frame
}

var transformSignature = mustSignature("<(oa):o>")

func (e *transformExpr) eval(_ *machine, n *node, _ any, f *frame) (any, error) {
	return &transformer{e, n, f}, nil
}

func (*transformer) arity() int { return 1 }

func (t *transformer) call(m *machine, args []any, input any, f *frame) (any, error) {
	args, err := transformSignature.check(args, input)
	if err != nil || argument(args, 0) == nil {
		return nil, err
	}
	clone, ok := m.lookup(t.frame, "clone").(function)
	if !ok {
		return nil, fail("T2013").at(t.node.position, "")
	}
	result, err := m.apply(clone, args, null{}, t.frame)
	if err != nil {
		return nil, err
	}
	found, err := m.eval(t.pattern, result, t.frame)
	if err != nil || found == nil {
		return result, err
	}
	list := asArray(found)
	for i := range list.len() {
		if err := t.change(m, list.at(i)); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// change applies the update and the removal to one part.
func (t *transformer) change(m *machine, part any) error {
	update, err := m.eval(t.update, part, t.frame)
	if err != nil {
		return err
	}
	target, _ := part.(*object)
	if update != nil {
		o, ok := update.(*object)
		if !ok {
			return failWith("T2011", update).at(t.update.position, "")
		}
		for i := range o.len() {
			if target != nil {
				target.set(o.key(i), o.at(i))
			}
		}
		if err := m.grow(3 * itemBytes * o.len()); err != nil {
			return err
		}
	}
	if t.remove == nil {
		return nil
	}
	names, err := m.eval(t.remove, part, t.frame)
	if err != nil || names == nil {
		return err
	}
	list := asArray(names)
	if !isArrayOfStrings(list) {
		return failWith("T2012", names).at(t.remove.position, "")
	}
	for i := range list.len() {
		if target != nil {
			target.remove(list.at(i).(string))
		}
	}
	return nil
}

// clone is a deep copy of v, as JSON: without functions, and with numbers to 15 digits.
func (m *machine) clone(v any) (any, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	if err := m.step(1); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case float64:
		return toPrecision(v), nil
	case function:
		return "", nil
	case *array:
		return m.cloneArray(v)
	case *object:
		return m.cloneObject(v)
	}
	return v, nil
}

func (m *machine) cloneArray(a *array) (any, error) {
	if err := m.grow(nodeBytes + itemBytes*a.len()); err != nil {
		return nil, err
	}
	out := &array{items: make([]any, a.len())}
	for i := range out.items {
		v, err := m.clone(a.at(i))
		if err != nil {
			return nil, err
		}
		if v == nil {
			v = null{}
		}
		out.items[i] = v
	}
	return out, nil
}

func (m *machine) cloneObject(o *object) (any, error) {
	if err := m.grow(nodeBytes + 3*itemBytes*o.len()); err != nil {
		return nil, err
	}
	out := newObject(o.len())
	for i := range o.len() {
		v, err := m.clone(o.at(i))
		if err != nil {
			return nil, err
		}
		if v != nil {
			out.own.add(o.key(i), v)
		}
	}
	return out, nil
}
