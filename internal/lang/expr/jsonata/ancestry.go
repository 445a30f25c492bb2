package jsonata

import "strconv"

// A parent operator (%) stands for the context of a step before it. Each has a slot that travels outwards from the
// operator, through what holds it, to the path that it belongs to, and there backwards over the steps: a name or a
// wildcard is one level nearer, another parent operator one further. The step where the level gets to zero binds the
// slot's label to its context in every tuple.

func (r *resolver) newSlot() *slot {
	r.slots++
	return &slot{label: "!" + strconv.Itoa(r.slots), level: 1}
}

// pass hands the slots that part seeks on to n.
func (n *node) pass(part *node) {
	n.seeking = append(n.seeking, part.seeking...)
	if e, ok := part.expr.(parentExpr); ok {
		n.seeking = append(n.seeking, e.slot)
	}
}

// seek lets s pass over the step n.
func (r *resolver) seek(n *node, s *slot) (*slot, error) {
	switch e := n.expr.(type) {
	case nameExpr, wildcardExpr:
		if s.level--; s.level == 0 {
			n.bindAncestor(s)
		}
	case parentExpr:
		s.level++
	case *blockExpr:
		if len(e.list) == 0 {
			return s, nil
		}
		n.tuple = true
		return r.seek(e.list[len(e.list)-1], s)
	case *pathExpr:
		n.tuple = true
		var err error
		for i := len(e.steps) - 1; i >= 0; i-- {
			if s, err = r.seek(e.steps[i], s); err != nil || s.level == 0 {
				return s, err
			}
		}
	default:
		return nil, fail("S0217").at(n.position, kindNames[n.kind])
	}
	return s, nil
}

// bindAncestor makes the step n bind s; one label does for all who mean the same step.
func (n *node) bindAncestor(s *slot) {
	if n.ancestor != nil {
		s.label = n.ancestor.label
	}
	n.ancestor, n.tuple = s, true
}

// seekFromLast lets the slots of the last step of a path pass over the steps before it. What is not found there is
// sought where the path stands.
func (r *resolver) seekFromLast(n *node, path *pathExpr) error {
	last := path.steps[len(path.steps)-1]
	slots := last.seeking
	if e, ok := last.expr.(parentExpr); ok {
		slots = append(slots[:len(slots):len(slots)], e.slot)
	}
	for _, s := range slots {
		for i := len(path.steps) - 2; s.level > 0; {
			if i < 0 {
				n.seeking = append(n.seeking, s)
				break
			}
			step := path.steps[i]
			i--
			for i >= 0 && step.focus != "" && path.steps[i].focus != "" {
				step = path.steps[i]
				i--
			}
			var err error
			if s, err = r.seek(step, s); err != nil {
				return err
			}
		}
	}
	return nil
}
