package jsonata

import "slices"

func (e objectExpr) eval(m *machine, _ *node, input any, f *frame) (any, error) {
	return m.groupBy(e.grouping, input, f)
}

// group is what has come together under one key of a grouping.
type group struct {
	key    string
	pair   int
	data   any    // the item, or list
	list   *array // where there are several
	tuples []tuple
}

// groupBy makes an object of v: each item gives a key by each pair of g, and items with one key are together the context
// of that pair's value.
func (m *machine) groupBy(g *grouping, v any, f *frame) (any, error) {
	s, tupled := v.(*stream)
	if _, several := v.(*array); !several && !tupled && len(g.pairs) <= fewPairs {
		return m.objectOf(g, v, f)
	}
	if !tupled {
		in, ok := v.(*array)
		if !ok || in.len() == 0 {
			in = sequenceOf(itemOrNothing(v))
		}
		var err error
		if s, err = m.streamOf(in); err != nil {
			return nil, err
		}
	} else if len(s.tuples) == 0 {
		s = &stream{tuples: make([]tuple, 1)}
	}
	groups, err := m.groups(g, s, tupled, f)
	if err != nil {
		return nil, err
	}
	out := &object{}
	for _, entry := range groups {
		frame, context := f, entry.data
		if tupled {
			if context, frame, err = m.reduce(entry.tuples, f); err != nil {
				return nil, err
			}
		}
		value, err := m.eval(g.pairs[entry.pair][1], context, frame)
		if err != nil {
			return nil, err
		}
		if value != nil {
			out.set(entry.key, value)
		}
	}
	return out, m.grow(nodeBytes + 3*itemBytes*out.len())
}

// fewPairs is how many keys are compared with each other rather than looked up.
const fewPairs = 16

// objectOf is groupBy for one item and few pairs, whose keys need not be brought together.
func (m *machine) objectOf(g *grouping, item any, f *frame) (any, error) {
	type member struct {
		key   string
		value *node
	}
	var room [4]member
	members := room[:0]
	for _, pair := range g.pairs {
		v, err := m.eval(pair[0], item, f)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		key, ok := v.(string)
		if !ok {
			return nil, failWith("T1003", v).at(g.position, "")
		}
		for _, other := range members {
			if other.key == key {
				return nil, failWith("D1009", key).at(g.position, "")
			}
		}
		members = append(members, member{key, pair[1]})
	}
	out := newObject(len(members))
	for _, member := range members {
		v, err := m.eval(member.value, item, f)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out.own.add(member.key, v)
		}
	}
	return out, m.grow(nodeBytes + 3*itemBytes*out.len())
}

// itemOrNothing is nothing for the array without elements, else v.
func itemOrNothing(v any) any {
	if _, ok := v.(*array); ok {
		return nil
	}
	return v
}

// groups collects the items of s by key, in the order in which the keys come up.
func (m *machine) groups(g *grouping, s *stream, tupled bool, f *frame) ([]*group, error) {
	var groups []*group
	byKey := map[string]*group{}
	for _, t := range s.tuples {
		frame := f
		if tupled {
			frame = t.frame(f)
		}
		for i, pair := range g.pairs {
			v, err := m.eval(pair[0], t.item, frame)
			if err != nil {
				return nil, err
			}
			if v == nil {
				continue
			}
			key, ok := v.(string)
			if !ok {
				return nil, failWith("T1003", v).at(g.position, "")
			}
			if err := m.scan(len(key)); err != nil {
				return nil, err
			}
			entry := byKey[key]
			switch {
			case entry == nil:
				if err := m.grow(2 * nodeBytes); err != nil {
					return nil, err
				}
				entry = &group{key: key, pair: i, data: t.item}
				byKey[key] = entry
				groups = append(groups, entry)
			case entry.pair != i:
				return nil, failWith("D1009", key).at(g.position, "")
			case !tupled:
				if err := m.gather(entry, t.item); err != nil {
					return nil, err
				}
			}
			if tupled {
				entry.tuples = append(entry.tuples, t)
			}
		}
	}
	return groups, nil
}

// gather adds v to the data of a group, which from the second item on are in a list of the group's own.
func (m *machine) gather(entry *group, v any) error {
	if v == nil {
		return nil
	}
	if entry.list == nil {
		entry.list = &array{}
		if entry.data != nil {
			entry.list.pushAll(asArray(entry.data))
		}
		entry.data = entry.list
	}
	before := entry.list.len()
	entry.list.pushAll(asArray(v))
	return m.grow(itemBytes * (entry.list.len() - before))
}

// reduce makes one tuple of those of a group: the items together, and the values of each variable together.
func (m *machine) reduce(tuples []tuple, f *frame) (context any, within *frame, err error) {
	if len(tuples) == 1 {
		return tuples[0].item, tuples[0].frame(f), nil
	}
	within = &frame{outer: f}
	all := &group{}
	for _, t := range tuples {
		if err := m.gather(all, t.item); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range names(tuples[0].vars) {
		values := &group{}
		for _, t := range tuples {
			if b := t.vars.find(name); b != nil {
				if err := m.gather(values, b.value); err != nil {
					return nil, nil, err
				}
			}
		}
		within.bind(name, values.data)
	}
	return all.data, within, nil
}

// names are the variables that b and those before it bind, each once.
func names(b *binding) []string {
	var list []string
	for ; b != nil; b = b.next {
		if !slices.Contains(list, b.name) {
			list = append(list, b.name)
		}
	}
	return list
}
