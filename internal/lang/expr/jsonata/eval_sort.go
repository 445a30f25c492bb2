package jsonata

// A sortExpr is a step of a path; pathStep and tupleStep call sort for it.
func (e *sortExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	return m.sort(e, n, asArray(input), f)
}

// sortItem is an item with what the terms gave for it so far.
type sortItem struct {
	tuple
	keys []any
}

// sort orders an array or a stream by the terms of e. What is equal stays in order.
func (m *machine) sort(e *sortExpr, n *node, v any, f *frame) (any, error) {
	s, tupled := v.(*stream)
	if !tupled {
		in := asArray(v)
		if in.len() <= 1 {
			return in, nil
		}
		var err error
		if s, err = m.streamOf(in); err != nil {
			return nil, err
		}
	}
	items := make([]sortItem, len(s.tuples))
	for i, t := range s.tuples {
		items[i].tuple = t
	}
	items, err := mergeSort(items, func(a, b *sortItem) (bool, error) {
		if err := m.step(1); err != nil {
			return false, err
		}
		return m.isAfter(e, n, a, b, f)
	})
	if err != nil {
		return nil, err
	}
	sorted := &stream{tuples: make([]tuple, len(items))}
	for i := range items {
		sorted.tuples[i] = items[i].tuple
	}
	if tupled {
		return sorted, nil
	}
	out := sorted.items()
	out.sequence = false
	return out, nil
}

// isAfter reports whether a belongs behind b by the terms of e. What has no value for a term comes last.
func (m *machine) isAfter(e *sortExpr, n *node, a, b *sortItem, f *frame) (bool, error) {
	for i, term := range e.terms {
		x, err := m.sortKey(a, i, term.by, f)
		if err != nil {
			return false, err
		}
		y, err := m.sortKey(b, i, term.by, f)
		if err != nil {
			return false, err
		}
		if x == nil || y == nil {
			if x == nil && y == nil {
				continue
			}
			return x == nil, nil
		}
		for _, v := range []any{x, y} {
			if !isOrdered(v) {
				return false, failWith("T2008", v).at(n.position, "")
			}
		}
		if letter(x) != letter(y) {
			return false, failWith("T2007", x).with("value2", y).at(n.position, "")
		}
		if err := m.scan(shorter(x, y)); err != nil {
			return false, err
		}
		if c := order(x, y); c != 0 {
			return c > 0 != term.descending, nil
		}
	}
	return false, nil
}

// sortKey is what the ith term gives for an item. It is evaluated once.
func (m *machine) sortKey(s *sortItem, i int, by *node, f *frame) (any, error) {
	if i < len(s.keys) {
		return s.keys[i], nil
	}
	if s.vars != nil {
		f = s.frame(f)
	}
	v, err := m.eval(by, s.item, f)
	s.keys = append(s.keys, v)
	return v, err
}

// mergeSort orders list so that after holds for no element and a later one. It asks in the order in which jsonata.js
// does, which shows when after is a function of the expression that contradicts itself.
func mergeSort[T any](list []T, after func(a, b *T) (bool, error)) ([]T, error) {
	if len(list) <= 1 {
		return list, nil
	}
	left, err := mergeSort(list[:len(list)/2], after)
	if err != nil {
		return nil, err
	}
	right, err := mergeSort(list[len(list)/2:], after)
	if err != nil {
		return nil, err
	}
	merged := make([]T, 0, len(list))
	for len(left) > 0 && len(right) > 0 {
		swap, err := after(&left[0], &right[0])
		if err != nil {
			return nil, err
		}
		if swap {
			merged, right = append(merged, right[0]), right[1:]
		} else {
			merged, left = append(merged, left[0]), left[1:]
		}
	}
	return append(append(merged, left...), right...), nil
}
