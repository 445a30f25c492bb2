package jsonata

// tuple is an item on its way through a path that binds variables, with these.
type tuple struct {
	item any
	vars *binding
}

// stream is what goes from step to step in such a path.
type stream struct{ tuples []tuple }

// items are the items without their variables.
func (s *stream) items() *array {
	out := &array{items: make([]any, len(s.tuples)), sequence: true}
	for i, t := range s.tuples {
		out.items[i] = t.item
	}
	return out
}

// streamOf makes tuples of the elements of a.
func (m *machine) streamOf(a *array) (*stream, error) {
	if err := m.makes(a.len()); err != nil {
		return nil, err
	}
	s := &stream{tuples: make([]tuple, a.len())}
	for i := range s.tuples {
		s.tuples[i].item = a.at(i)
	}
	return s, nil
}

// makes counts n tuples that are about to be made.
func (m *machine) makes(n int) error {
	if err := m.grow(nodeBytes * n); err != nil {
		return err
	}
	return m.step(n)
}

// found is how many tuples bindAll makes of v.
func found(v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case *stream:
		return len(v.tuples)
	case *array:
		return v.len()
	}
	return 1
}

// frame makes the variables of t visible.
func (t tuple) frame(outer *frame) *frame { return &frame{vars: t.vars, outer: outer} }

// with is t with one more variable.
func (t tuple) with(name string, v any) tuple {
	return tuple{t.item, &binding{name, v, t.vars}}
}

// over puts the bindings b before those of base.
func (b *binding) over(base *binding) *binding {
	var list []*binding
	for ; b != nil; b = b.next {
		list = append(list, b)
	}
	for i := len(list) - 1; i >= 0; i-- {
		base = &binding{list[i].name, list[i].value, base}
	}
	return base
}

// tupleStep evaluates step for each tuple. Where there are none yet, the items of in become tuples.
func (m *machine) tupleStep(step *node, in *array, tuples *stream, f *frame) (*stream, error) {
	if e, ok := step.expr.(*sortExpr); ok {
		return m.tupleSort(e, step, in, tuples, f)
	}
	if tuples == nil {
		var err error
		if tuples, err = m.streamOf(in); err != nil {
			return nil, err
		}
	}
	out := &stream{}
	for _, t := range tuples.tuples {
		v, err := m.eval(step, t.item, t.frame(f))
		if err != nil {
			return nil, err
		}
		if err := m.makes(found(v)); err != nil {
			return nil, err
		}
		out.tuples = step.bindAll(out.tuples, t, v)
	}
	return m.tupleStages(step.stages, out, f)
}

// bindAll appends a tuple for each item of v, which step found for t.
func (step *node) bindAll(out []tuple, t tuple, v any) []tuple {
	switch v := v.(type) {
	case nil:
		return out
	case *stream:
		for _, inner := range v.tuples {
			out = append(out, tuple{inner.item, inner.vars.over(t.vars)})
		}
		return out
	case *array:
		for i := range v.len() {
			out = append(out, step.bind(t, v.at(i), i))
		}
		return out
	}
	return append(out, step.bind(t, v, 0))
}

func (step *node) bind(t tuple, v any, index int) tuple {
	next := tuple{v, t.vars}
	if step.focus != "" {
		next = t.with(step.focus, v)
	}
	if step.index != "" {
		next = next.with(step.index, float64(index))
	}
	if step.ancestor != nil {
		next = next.with(step.ancestor.label, t.item)
	}
	return next
}

func (m *machine) tupleSort(e *sortExpr, step *node, in *array, tuples *stream, f *frame) (*stream, error) {
	var sorted any = in
	if tuples != nil {
		sorted = tuples
	}
	sorted, err := m.sort(e, step, sorted, f)
	if err != nil {
		return nil, err
	}
	out, ok := sorted.(*stream)
	if !ok {
		if out, err = m.streamOf(sorted.(*array)); err != nil {
			return nil, err
		}
		for i := range out.tuples {
			out.tuples[i] = out.tuples[i].with(step.index, float64(i))
		}
	}
	return m.tupleStages(step.stages, out, f)
}

// tupleStages filters tuples and binds their positions.
func (m *machine) tupleStages(stages []stage, s *stream, f *frame) (*stream, error) {
	for _, stage := range stages {
		if stage.filter != nil {
			var err error
			if s, err = m.filterTuples(stage.filter, s, f); err != nil {
				return nil, err
			}
			continue
		}
		if err := m.makes(len(s.tuples)); err != nil {
			return nil, err
		}
		bound := &stream{tuples: make([]tuple, len(s.tuples))}
		for i, t := range s.tuples {
			bound.tuples[i] = t.with(stage.index, float64(i))
		}
		s = bound
	}
	return s, nil
}

// filterTuples is filter for tuples, whose variables the predicate sees.
func (m *machine) filterTuples(predicate *node, s *stream, f *frame) (*stream, error) {
	out := &stream{}
	if index, ok := literalIndex(predicate, len(s.tuples)); ok {
		if index >= 0 && index < len(s.tuples) {
			out.tuples = s.tuples[index : index+1]
		}
		return out, nil
	}
	for i, t := range s.tuples {
		times, err := m.selects(predicate, t.item, t.frame(f), i, len(s.tuples))
		if err != nil {
			return nil, err
		}
		for range times {
			out.tuples = append(out.tuples, t)
		}
	}
	return out, nil
}
