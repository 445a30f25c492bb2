package jsonata

// resolver makes of an expression as it is written the tree that runs.
type resolver struct {
	slots int // parent operators so far
}

// compile parses and resolves text.
func compile(text string) (*node, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	r := &resolver{}
	n, err := r.resolve(s)
	if err != nil {
		return nil, err
	}
	if n.kind == kindParent || len(n.seeking) > 0 {
		return nil, fail("S0217").at(n.position, kindNames[n.kind])
	}
	return n, nil
}

// resolve makes a node of s.
func (r *resolver) resolve(s *syntax) (n *node, err error) {
	if s.kind == kindBinary {
		n, err = r.binary(s)
	} else {
		n, err = r.operand(s)
	}
	if err == nil && s.keepArray {
		n.keepArray = true
	}
	return n, err
}

// resolveAll makes nodes of list; parent operators in them are passed on to n.
func (r *resolver) resolveAll(n *node, list []*syntax) ([]*node, error) {
	nodes := make([]*node, len(list))
	for i, s := range list {
		part, err := r.within(n, s)
		if err != nil {
			return nil, err
		}
		nodes[i] = part
	}
	return nodes, nil
}

// within resolves a part of n. Where s is nil, there is none.
func (r *resolver) within(n *node, s *syntax) (*node, error) {
	if s == nil {
		return nil, nil
	}
	part, err := r.resolve(s)
	if err == nil {
		n.pass(part)
	}
	return part, err
}

func (r *resolver) operand(s *syntax) (*node, error) {
	n := &node{kind: s.kind, text: s.text, position: s.position}
	switch s.kind {
	case kindName:
		return r.name(n, s), nil
	case kindKeyword:
		if s.text != "?" {
			n.kind = kindName
			return r.name(n, s), nil
		}
		n.expr = placeholder{}
	case kindVariable:
		n.expr = variableExpr{s.text}
	case kindString, kindNumber, kindConstant:
		n.expr = literalExpr{s.item}
	case kindRegex:
		n.expr = regexExpr{s.item.(*regex)}
	case kindWildcard:
		n.expr = wildcardExpr{}
	case kindDescendant:
		n.expr = descendantExpr{}
	case kindParent:
		n.expr = parentExpr{r.newSlot()}
	case kindEnd:
		return nil, fail("S0207").at(s.position, "(end)")
	default:
		return r.compound(n, s)
	}
	return n, nil
}

// name is a path of one step.
func (r *resolver) name(n *node, s *syntax) *node {
	n.expr = nameExpr{s.text}
	n.keepArray = s.keepArray
	return &node{kind: kindName, expr: &pathExpr{steps: []*node{n}, keep: s.keepArray}, position: s.position, text: s.text}
}

func (r *resolver) compound(n *node, s *syntax) (_ *node, err error) {
	switch s.kind {
	case kindNegate:
		return r.negate(n, s)
	case kindArray:
		e := &arrayExpr{}
		n.expr, n.text = e, "["
		e.items, err = r.resolveAll(n, s.list)
	case kindObject:
		var g *grouping
		g, err = r.grouping(n, s)
		n.expr = objectExpr{g}
	case kindBlock:
		return r.block(n, s)
	case kindCall:
		e := &callExpr{}
		n.expr = e
		if e.args, err = r.resolveAll(n, s.list); err == nil {
			e.callee, err = r.resolve(s.lhs)
		}
	case kindPartial:
		e := &partialExpr{}
		n.expr = e
		if e.args, err = r.resolveAll(n, s.list); err == nil {
			e.callee, err = r.resolve(s.lhs)
		}
	case kindLambda:
		return r.lambda(n, s)
	case kindCondition:
		return r.condition(n, s)
	case kindTransform:
		return r.transform(n, s)
	}
	return n, err
}

// negate is -x; of a number it is the number.
func (r *resolver) negate(n *node, s *syntax) (*node, error) {
	part, err := r.within(n, s.lhs)
	if err != nil {
		return nil, err
	}
	if lit, ok := part.expr.(literalExpr); ok && part.kind == kindNumber {
		part.expr = literalExpr{-lit.item.(float64)}
		return part, nil
	}
	n.expr = negateExpr{part}
	return n, nil
}

func (r *resolver) grouping(n *node, s *syntax) (*grouping, error) {
	g := &grouping{position: s.position}
	for _, p := range s.pairs {
		var pair [2]*node
		for i, part := range p {
			resolved, err := r.within(n, part)
			if err != nil {
				return nil, err
			}
			pair[i] = resolved
		}
		g.pairs = append(g.pairs, pair)
	}
	return g, nil
}

func (r *resolver) block(n *node, s *syntax) (_ *node, err error) {
	e := &blockExpr{}
	n.expr = e
	if e.list, err = r.resolveAll(n, s.list); err != nil {
		return nil, err
	}
	for _, part := range e.list {
		p, isPath := part.expr.(*pathExpr)
		if part.cons || isPath && p.steps[0].cons {
			n.cons = true
		}
	}
	return n, nil
}

func (r *resolver) condition(n *node, s *syntax) (_ *node, err error) {
	e := &conditionExpr{}
	n.expr = e
	if e.test, err = r.within(n, s.lhs); err != nil {
		return nil, err
	}
	if e.then, err = r.within(n, s.rhs); err != nil {
		return nil, err
	}
	e.otherwise, err = r.within(n, s.third)
	return n, err
}

func (r *resolver) transform(n *node, s *syntax) (_ *node, err error) {
	e := &transformExpr{}
	n.expr = e
	if e.pattern, err = r.resolve(s.lhs); err != nil {
		return nil, err
	}
	if e.update, err = r.resolve(s.rhs); err != nil {
		return nil, err
	}
	if s.third != nil {
		e.remove, err = r.resolve(s.third)
	}
	return n, err
}

func (r *resolver) lambda(n *node, s *syntax) (*node, error) {
	e := &lambdaExpr{signature: s.signature}
	n.expr, n.text = e, ""
	for _, p := range s.list {
		e.params = append(e.params, p.text)
	}
	body, err := r.resolve(s.rhs)
	if err != nil {
		return nil, err
	}
	markTail(body)
	e.body = body
	return n, nil
}

// markTail marks the calls that are the last thing n does: the machine makes them when n is done with, so that they do
// not deepen.
func markTail(n *node) {
	if n == nil || n.predicates != nil || n.group != nil || n.keepArray {
		return
	}
	switch e := n.expr.(type) {
	case *callExpr:
		e.tail = true
	case *conditionExpr:
		markTail(e.then)
		markTail(e.otherwise)
	case *blockExpr:
		if len(e.list) > 0 {
			markTail(e.list[len(e.list)-1])
		}
	}
}
