package jsonata

// binary resolves an operator between two operands, or behind one.
func (r *resolver) binary(s *syntax) (*node, error) {
	switch s.text {
	case ".":
		return r.dot(s)
	case "[":
		return r.predicate(s)
	case "{":
		return r.groupBy(s)
	case "^":
		return r.orderBy(s)
	case "@":
		return r.focus(s)
	case "#":
		return r.position(s)
	}
	n := &node{kind: kindBinary, text: s.text, position: s.position}
	switch s.text {
	case ":=":
		to, err := r.within(n, s.rhs)
		n.expr = &bindExpr{s.lhs.text, to}
		return n, err
	case "~>":
		return r.apply(n, s)
	}
	lhs, err := r.within(n, s.lhs)
	if err != nil {
		return nil, err
	}
	rhs, err := r.within(n, s.rhs)
	if s.text == "and" || s.text == "or" {
		n.expr = &logicExpr{s.text == "or", lhs, rhs}
	} else {
		n.expr = &operatorExpr{operators[s.text], lhs, rhs}
	}
	return n, err
}

func (r *resolver) apply(n *node, s *syntax) (*node, error) {
	lhs, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	rhs, err := r.resolve(s.rhs)
	if err != nil {
		return nil, err
	}
	n.expr = &applyExpr{lhs, rhs}
	n.keepArray = lhs.keepArray || rhs.keepArray
	return n, nil
}

// dot joins the steps of two operands to one path.
func (r *resolver) dot(s *syntax) (*node, error) {
	first, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	n, path := first.asPath()
	if e, ok := first.expr.(parentExpr); ok {
		n.seeking = []*slot{e.slot}
	}
	rest, err := r.resolve(s.rhs)
	if err != nil {
		return nil, err
	}
	if more, ok := rest.expr.(*pathExpr); ok {
		path.steps = append(path.steps, more.steps...)
	} else {
		rest.stages, rest.predicates = append(rest.stages, rest.predicates...), nil
		path.steps = append(path.steps, rest)
	}
	if err := path.checkSteps(); err != nil {
		return nil, err
	}
	return n, r.seekFromLast(n, path)
}

// checkSteps refuses literals as steps but for strings, which are names, and marks what the ends of the path say of it.
func (p *pathExpr) checkSteps() error {
	for _, step := range p.steps {
		switch lit, _ := step.expr.(literalExpr); step.kind {
		case kindNumber, kindConstant:
			return failWith("S0213", lit.item).at(step.position, "")
		case kindString:
			step.kind, step.expr = kindName, nameExpr{lit.item.(string)}
		}
		p.keep = p.keep || step.keepArray
	}
	for _, step := range []*node{p.steps[0], p.steps[len(p.steps)-1]} {
		if step.kind == kindArray {
			step.cons = true
		}
	}
	return nil
}

// predicate is lhs[rhs].
func (r *resolver) predicate(s *syntax) (*node, error) {
	n, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	step := n.lastStep()
	if step.group != nil {
		return nil, fail("S0209").at(s.position, "")
	}
	filter, err := r.resolve(s.rhs)
	if err != nil {
		return nil, err
	}
	for _, slot := range filter.seeking {
		if slot.level != 1 {
			slot.level--
		} else if _, err := r.seek(step, slot); err != nil {
			return nil, err
		}
	}
	if len(filter.seeking) > 0 {
		step.pass(filter)
	}
	if n.isPath() {
		step.stages = append(step.stages, stage{filter: filter})
	} else {
		step.predicates = append(step.predicates, stage{filter: filter})
	}
	return n, nil
}

// groupBy is lhs{key: value}.
func (r *resolver) groupBy(s *syntax) (*node, error) {
	n, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	if n.group != nil {
		return nil, fail("S0210").at(s.position, "")
	}
	n.group, err = r.grouping(&node{}, s)
	return n, err
}

// orderBy is lhs^(terms).
func (r *resolver) orderBy(s *syntax) (*node, error) {
	first, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	n, path := first.asPath()
	e := &sortExpr{}
	step := &node{expr: e, position: s.position}
	for _, t := range s.terms {
		by, err := r.within(step, t.by)
		if err != nil {
			return nil, err
		}
		e.terms = append(e.terms, sortBy{by, t.descending})
	}
	path.steps = append(path.steps, step)
	return n, r.seekFromLast(n, path)
}

// focus is lhs@$variable.
func (r *resolver) focus(s *syntax) (*node, error) {
	n, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	step := n.lastStep()
	if step.stages != nil || step.predicates != nil {
		return nil, fail("S0215").at(s.position, "")
	}
	if _, ok := step.expr.(*sortExpr); ok {
		return nil, fail("S0216").at(s.position, "")
	}
	step.keepArray = step.keepArray || s.keepArray
	step.focus, step.tuple = s.rhs.text, true
	return n, nil
}

// position is lhs#$variable.
func (r *resolver) position(s *syntax) (*node, error) {
	first, err := r.resolve(s.lhs)
	if err != nil {
		return nil, err
	}
	n, path := first.asPath()
	step := path.steps[len(path.steps)-1]
	step.stages, step.predicates = append(step.stages, step.predicates...), nil
	if step.stages == nil {
		step.index = s.rhs.text
	} else {
		step.stages = append(step.stages, stage{index: s.rhs.text})
	}
	step.tuple = true
	return n, nil
}
