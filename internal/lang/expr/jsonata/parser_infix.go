package jsonata

// infix reads what the operator t makes of the operand left.
func (p *parser) infix(t token, left *syntax) (_ *syntax, err error) {
	s := &syntax{kind: kindBinary, text: t.text, position: t.position, lhs: left}
	switch t.text {
	case "(":
		return s, p.call(s)
	case "[":
		return p.predicate(s)
	case "^":
		return s, p.orderBy(s)
	case "{":
		s.pairs, err = p.pairs()
		return s, err
	case "?":
		return s, p.condition(s)
	case ":=":
		if left.kind != kindVariable {
			return nil, fail("S0212").at(left.position, left.text)
		}
		s.rhs, err = p.expression(bindingPower[":="] - 1) // to the right first
		return s, err
	}
	if s.rhs, err = p.expression(bindingPower[t.text]); err != nil {
		return nil, err
	}
	if (t.text == "@" || t.text == "#") && s.rhs.kind != kindVariable {
		return nil, fail("S0214").at(s.rhs.position, t.text)
	}
	return s, nil
}

// predicate reads [expression], or [] which is a mark on what it follows.
func (p *parser) predicate(s *syntax) (_ *syntax, err error) {
	if p.is("]") {
		base := s.lhs
		for base.kind == kindBinary && base.text == "[" {
			base = base.lhs
		}
		base.keepArray = true
		return s.lhs, p.advance(false)
	}
	if s.rhs, err = p.expression(0); err != nil {
		return nil, err
	}
	return s, p.expect("]", true)
}

// orderBy reads the terms of ^( ).
func (p *parser) orderBy(s *syntax) error {
	if err := p.expect("(", false); err != nil {
		return err
	}
	err := p.list(func() (err error) {
		term := sortTerm{descending: p.is(">")}
		if p.is("<") || p.is(">") {
			if err = p.advance(false); err != nil {
				return err
			}
		}
		if term.by, err = p.expression(0); err != nil {
			return err
		}
		s.terms = append(s.terms, term)
		return nil
	})
	if err != nil {
		return err
	}
	return p.expect(")", false)
}

func (p *parser) condition(s *syntax) (err error) {
	s.kind = kindCondition
	if s.rhs, err = p.expression(0); err != nil || !p.is(":") {
		return err
	}
	if err = p.advance(false); err != nil {
		return err
	}
	s.third, err = p.expression(0)
	return err
}

// call reads the arguments of a call, a partial application or the definition of a function.
func (p *parser) call(s *syntax) error {
	s.kind = kindCall
	if !p.is(")") {
		if err := p.list(func() error { return p.argument(s) }); err != nil {
			return err
		}
	}
	if err := p.expect(")", true); err != nil {
		return err
	}
	if s.lhs.kind == kindName && (s.lhs.text == "function" || s.lhs.text == "λ") {
		return p.lambda(s)
	}
	return nil
}

func (p *parser) argument(s *syntax) error {
	if p.is("?") {
		s.kind = kindPartial
		s.list = append(s.list, &syntax{kind: kindKeyword, text: "?", position: p.tok.position})
		return p.advance(false)
	}
	e, err := p.expression(0)
	s.list = append(s.list, e)
	return err
}

// lambda reads the rest of a function's definition: its signature, if any, and its body.
func (p *parser) lambda(s *syntax) (err error) {
	for i, a := range s.list {
		if a.kind != kindVariable {
			return failWith("S0208", float64(i+1)).at(a.position, a.text)
		}
	}
	s.kind = kindLambda
	if p.is("<") {
		if s.signature, err = p.signature(); err != nil {
			return err
		}
	}
	if err = p.expect("{", false); err != nil {
		return err
	}
	if s.rhs, err = p.expression(0); err != nil {
		return err
	}
	return p.expect("}", false)
}

// signature reads the tokens of a signature to the bracket that closes it.
func (p *parser) signature() (*signature, error) {
	start, text := p.tok.position, "<"
	for depth := 1; depth > 0 && !p.is("{") && p.tok.kind != tokenEnd; text += p.tok.text {
		if err := p.advance(false); err != nil {
			return nil, err
		}
		if p.is(">") {
			depth--
		} else if p.is("<") {
			depth++
		}
	}
	if err := p.expect(">", false); err != nil {
		return nil, err
	}
	sig, err := parseSignature(text)
	if e, ok := err.(*Error); ok {
		e.Position += start
	}
	return sig, err
}
