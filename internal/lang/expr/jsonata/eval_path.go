package jsonata

import "github.com/tutti-ml/tutti/internal/value"

// eval takes the steps one after the other, each for every item that the one before found. From the first step on that
// binds a variable, what goes from step to step are tuples.
func (p *pathExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	if o, ok := input.(*object); ok && n.group == nil {
		if name, ok := p.lone(); ok {
			found := o.get(name)
			if a, ok := found.(*array); !ok || !a.sequence {
				return found, nil
			}
		}
	}
	variable, fromVariable := p.steps[0].expr.(variableExpr)
	if n.group == nil && p.isNames() {
		from, names := input, p.steps
		if fromVariable {
			from, names = variable.of(m, input, f), p.steps[1:]
		}
		if found, ok, err := m.walk(names, from); ok || err != nil {
			return found, err
		}
	}
	in, ok := input.(*array)
	if !ok || fromVariable {
		in = sequenceOf(input)
	}
	var found any
	var tuples *stream
	tupled := false
	for i, step := range p.steps {
		tupled = tupled || step.tuple
		var err error
		switch {
		case i == 0 && step.cons:
			found, err = m.eval(step, in, f)
		case tupled:
			tuples, err = m.tupleStep(step, in, tuples, f)
		default:
			found, err = m.pathStep(step, in, f, i == len(p.steps)-1)
		}
		if err != nil {
			return nil, err
		}
		if a, ok := found.(*array); !tupled && (found == nil || ok && a.len() == 0) {
			break
		}
		if step.focus == "" && found != nil {
			in = asArray(found)
		}
	}
	if tupled && tuples != nil {
		found = tuples
		if !n.tuple {
			found = tuples.items()
		}
	}
	if a, ok := found.(*array); ok && p.keep {
		if a.cons && !a.sequence {
			a = sequenceOf(a)
			found = a
		}
		a.keep = true
	}
	if n.group == nil {
		return found, nil
	}
	if tuples != nil {
		found = tuples
	}
	return m.groupBy(n.group, found, f)
}

// isNames reports whether the path is names and nothing else, but for a variable to begin with.
func (p *pathExpr) isNames() bool {
	for i, step := range p.steps {
		_, ok := step.expr.(nameExpr)
		if _, variable := step.expr.(variableExpr); variable && i == 0 && len(p.steps) > 1 {
			ok = true
		}
		if !ok || step.stages != nil || step.tuple || step.keepArray || step.predicates != nil || step.group != nil {
			return false
		}
	}
	return !p.keep
}

// walk follows names through what came from the host as it is: no items are made of what the path only passes.
// ok is false where it meets arrays within arrays, or what was made here.
func (m *machine) walk(names []*node, input any) (found any, ok bool, err error) {
	var in []value.Value
	switch v := input.(type) {
	case *object:
		at := v.src
		if at.IsAbsent() {
			return nil, false, nil
		}
		for ; len(names) > 0 && at.Kind() == value.Object; names = names[1:] { // objects in objects need no list
			at, _ = at.Get(names[0].expr.(nameExpr).name)
		}
		if len(names) == 0 {
			return wrap(at), true, nil
		}
		if at.Kind() != value.Array {
			return nil, true, nil
		}
		in = at.AppendElements(nil)
	case *array:
		if v.items != nil || v.src.IsAbsent() || v.src.Len() == 0 {
			return nil, false, nil
		}
		in = v.src.AppendElements(nil)
	default:
		return nil, false, nil
	}
	for i, step := range names {
		name := step.expr.(nameExpr).name
		out := make([]value.Value, 0, len(in))
		var only value.Value
		results := 0
		for _, v := range in {
			if v.Kind() == value.Array {
				return nil, false, nil
			}
			member, ok := v.Get(name)
			if !ok {
				continue
			}
			results++
			if only = member; member.Kind() == value.Array {
				out = member.AppendElements(out)
			} else {
				out = append(out, member)
			}
		}
		if err := m.step(len(in) + len(out)); err != nil {
			return nil, false, err
		}
		if err := m.grow(3 * itemBytes * len(out)); err != nil {
			return nil, false, err
		}
		if results == 1 && i == len(names)-1 { // what the last step finds alone is the result as it is
			return wrap(only), true, nil
		}
		if in = out; len(in) == 0 {
			return nil, true, nil
		}
	}
	if len(in) == 1 {
		return wrap(in[0]), true, nil
	}
	return &array{src: value.NewArray(in...), size: len(in), sequence: true}, true, nil
}

// lone is the name that a path is which is nothing else: of an object it gives the member as it is.
func (p *pathExpr) lone() (string, bool) {
	name, ok := p.steps[0].expr.(nameExpr)
	step := p.steps[0]
	return name.name, ok && len(p.steps) == 1 && !p.keep && !step.keepArray && !step.tuple && step.stages == nil
}

// pathStep evaluates step for each item of in and joins what they give to one sequence. An array that is the only thing
// the last step finds is the result as it is.
func (m *machine) pathStep(step *node, in *array, f *frame, last bool) (any, error) {
	if e, ok := step.expr.(*sortExpr); ok {
		sorted, err := m.sort(e, step, in, f)
		if err != nil {
			return nil, err
		}
		return m.filters(step.stages, sorted, f)
	}
	var results []any
	size := 0
	for i := range in.len() {
		v, err := m.eval(step, in.at(i), f)
		if err == nil && step.stages != nil {
			v, err = m.filters(step.stages, v, f)
		}
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if results == nil {
			results = make([]any, 0, min(in.len()-i, m.limits.Steps-m.steps+1)) // each takes a step
		}
		results = append(results, v)
		if a, ok := v.(*array); ok && !a.cons {
			size += a.len()
		} else {
			size++
		}
	}
	if last && len(results) == 1 {
		if a, ok := results[0].(*array); ok && !a.sequence {
			return a, nil
		}
	}
	return m.joined(results, size)
}

// joined is the sequence of results; arrays among them give their elements, of which there are size in all.
func (m *machine) joined(results []any, size int) (any, error) {
	if len(results) == 1 {
		if a, ok := results[0].(*array); ok && a.items == nil && a.src.IsAbsent() {
			return rangeOf(a.low, a.size), nil
		}
	}
	if err := m.grow(nodeBytes + itemBytes*size); err != nil {
		return nil, err
	}
	if err := m.step(size); err != nil {
		return nil, err
	}
	joined := &array{items: make([]any, 0, size), sequence: true}
	for _, v := range results {
		if a, ok := v.(*array); ok && !a.cons {
			joined.pushAll(a)
		} else {
			joined.push(v)
		}
	}
	return joined, nil
}

// filters applies the predicates of a step to what it found.
func (m *machine) filters(stages []stage, v any, f *frame) (any, error) {
	var err error
	for _, s := range stages {
		if v, err = m.filter(s.filter, v, f); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// filter keeps those items of v for which predicate holds, or whose position it gives. Positions count from the end
// where they are negative.
func (m *machine) filter(predicate *node, v any, f *frame) (any, error) {
	if s, ok := v.(*stream); ok {
		return m.filterTuples(predicate, s, f)
	}
	in, ok := v.(*array)
	if !ok {
		in = sequenceOf(v)
	}
	if index, ok := literalIndex(predicate, in.len()); ok {
		if index < 0 || index >= in.len() || in.at(index) == nil {
			return sequenceOf(), nil
		}
		if a, ok := in.at(index).(*array); ok {
			return a, nil
		}
		return sequenceOf(in.at(index)), nil
	}
	out := sequenceOf()
	for i := range in.len() {
		item := in.at(i)
		times, err := m.selects(predicate, item, f, i, in.len())
		if err != nil {
			return nil, err
		}
		if item == nil {
			continue
		}
		if err := m.grow(itemBytes * times); err != nil {
			return nil, err
		}
		for range times {
			out.push(item)
		}
	}
	return out, nil
}

// literalIndex is the position that a predicate names which is a number.
func literalIndex(predicate *node, size int) (int, bool) {
	lit, _ := predicate.expr.(literalExpr)
	f, ok := lit.item.(float64)
	if !ok || predicate.predicates != nil {
		return 0, false
	}
	return position(f, size), true
}

// selects is how often predicate selects the item at index: a condition once or not at all, an array of positions as
// often as the index is among them.
func (m *machine) selects(predicate *node, item any, f *frame, index, size int) (int, error) {
	v, err := m.eval(predicate, item, f)
	if err != nil {
		return 0, err
	}
	if ok, err := isNumber(v); err != nil {
		return 0, err
	} else if ok {
		return count(position(v.(float64), size) == index), nil
	}
	if a, ok := v.(*array); ok {
		if numbers, err := isArrayOfNumbers(a); err != nil {
			return 0, err
		} else if numbers {
			times := 0
			for i := range a.len() {
				times += count(position(a.at(i).(float64), size) == index)
			}
			return times, m.step(a.len())
		}
	}
	ok, err := m.truth(v)
	return count(ok), err
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// eval is the member called name of an object, or those of all objects of an array.
func (e nameExpr) eval(m *machine, _ *node, input any, _ *frame) (any, error) {
	return m.member(input, e.name)
}

func (m *machine) member(v any, name string) (any, error) {
	switch v := v.(type) {
	case *object:
		return v.get(name), nil
	case *array:
		if v.len() == 1 {
			found, err := m.within(v.at(0), name)
			if a, ok := found.(*array); ok || err != nil {
				out := sequenceOf()
				if ok {
					out.pushAll(a)
				}
				return out, err
			}
			if found == nil {
				return sequenceOf(), nil
			}
			return sequenceOf(found), nil
		}
		return m.members(v, name)
	}
	return nil, nil
}

// within is member one level deeper.
func (m *machine) within(v any, name string) (any, error) {
	if _, ok := v.(*array); !ok {
		return m.member(v, name)
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	found, err := m.member(v, name)
	m.leave()
	return found, err
}

func (m *machine) members(a *array, name string) (any, error) {
	if err := m.step(a.len()); err != nil {
		return nil, err
	}
	out := sequenceOf()
	for i := range a.len() {
		found, err := m.within(a.at(i), name)
		if err != nil {
			return nil, err
		}
		if list, ok := found.(*array); ok {
			if err := m.grow(itemBytes * list.len()); err != nil {
				return nil, err
			}
			out.pushAll(list)
		} else if found != nil {
			out.push(found)
		}
	}
	return out, m.grow(itemBytes * out.len())
}

// eval gives the values of all members, the elements of those that are arrays.
func (wildcardExpr) eval(m *machine, _ *node, input any, _ *frame) (any, error) {
	if a, ok := input.(*array); ok && a.wrapper && a.len() > 0 {
		input = a.at(0)
	}
	var values *array
	switch v := input.(type) {
	case *array:
		values = v
	case *object:
		values = &array{items: make([]any, v.len())}
		for i := range values.items {
			values.items[i] = v.at(i)
		}
	default:
		return sequenceOf(), nil
	}
	out := sequenceOf()
	for i := range values.len() {
		v := values.at(i)
		if a, ok := v.(*array); ok {
			out.sequence = false
			if err := m.flatten(a, out); err != nil {
				return nil, err
			}
		} else {
			out.push(v)
		}
	}
	return out, m.grow(itemBytes * out.len())
}

// flatten appends the elements of a and of the arrays within.
func (m *machine) flatten(a *array, out *array) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	if err := m.step(a.len()); err != nil {
		return err
	}
	if err := m.grow(itemBytes * a.len()); err != nil {
		return err
	}
	for i := range a.len() {
		v := a.at(i)
		if inner, ok := v.(*array); !ok {
			out.push(v)
		} else if err := m.flatten(inner, out); err != nil {
			return err
		}
	}
	return nil
}

// eval gives the context and all that is within it, but no arrays: their elements.
func (descendantExpr) eval(m *machine, _ *node, input any, _ *frame) (any, error) {
	out := sequenceOf()
	if input == nil {
		return nil, nil
	}
	if err := m.descend(input, out); err != nil {
		return nil, err
	}
	if out.len() == 1 {
		return out.at(0), nil
	}
	return out, nil
}

func (m *machine) descend(v any, out *array) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	if err := m.step(1); err != nil {
		return err
	}
	if a, ok := v.(*array); ok {
		for i := range a.len() {
			if err := m.descend(a.at(i), out); err != nil {
				return err
			}
		}
		return nil
	}
	out.push(v)
	if o, ok := v.(*object); ok {
		for i := range o.len() {
			if err := m.descend(o.at(i), out); err != nil {
				return err
			}
		}
	}
	return m.grow(itemBytes)
}

// eval is the context that the step bound which the operator means.
func (e parentExpr) eval(m *machine, _ *node, _ any, f *frame) (any, error) {
	return m.lookup(f, e.label), nil
}
