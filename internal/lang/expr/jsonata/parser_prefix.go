package jsonata

// prefix reads what t begins.
func (p *parser) prefix(t token) (*syntax, error) {
	s := &syntax{text: t.text, item: t.item, position: t.position}
	switch t.kind {
	case tokenEnd:
		return s, nil
	case tokenName:
		s.kind = kindName
	case tokenVariable:
		s.kind = kindVariable
	case tokenString:
		s.kind, s.item = kindString, t.text
	case tokenNumber:
		s.kind = kindNumber
	case tokenConstant:
		s.kind = kindConstant
	case tokenRegex:
		s.kind = kindRegex
	case tokenOperator:
		return p.prefixOperator(s)
	}
	return s, nil
}

func (p *parser) prefixOperator(s *syntax) (_ *syntax, err error) {
	switch s.text {
	case "and", "or", "in":
		s.kind = kindKeyword
	case "*":
		s.kind = kindWildcard
	case "**":
		s.kind = kindDescendant
	case "%":
		s.kind = kindParent
	case "-":
		s.kind = kindNegate
		s.lhs, err = p.expression(negatePower)
	case "(":
		return s, p.block(s)
	case "[":
		return s, p.array(s)
	case "{":
		s.kind = kindObject
		s.pairs, err = p.pairs()
	case "|":
		return s, p.transform(s)
	default:
		return nil, fail("S0211").at(s.position, s.text)
	}
	return s, err
}

// block reads expressions, separated by semicolons, to the closing parenthesis.
func (p *parser) block(s *syntax) error {
	s.kind = kindBlock
	for !p.is(")") {
		e, err := p.expression(0)
		if err != nil {
			return err
		}
		s.list = append(s.list, e)
		if !p.is(";") {
			break
		}
		if err := p.advance(false); err != nil {
			return err
		}
	}
	return p.expect(")", true)
}

// array reads elements and ranges to the closing bracket.
func (p *parser) array(s *syntax) error {
	s.kind = kindArray
	if p.is("]") {
		return p.advance(true)
	}
	err := p.list(func() error {
		e, err := p.expression(0)
		if err != nil {
			return err
		}
		if p.is("..") {
			r := &syntax{kind: kindBinary, text: "..", position: p.tok.position, lhs: e}
			if err := p.advance(false); err != nil {
				return err
			}
			if r.rhs, err = p.expression(0); err != nil {
				return err
			}
			e = r
		}
		s.list = append(s.list, e)
		return nil
	})
	if err != nil {
		return err
	}
	return p.expect("]", true)
}

// pairs reads names and values to the closing brace.
func (p *parser) pairs() (pairs [][2]*syntax, err error) {
	if p.is("}") {
		return nil, p.advance(true)
	}
	err = p.list(func() (err error) {
		var pair [2]*syntax
		if pair[0], err = p.expression(0); err != nil {
			return err
		}
		if err = p.expect(":", false); err != nil {
			return err
		}
		if pair[1], err = p.expression(0); err != nil {
			return err
		}
		pairs = append(pairs, pair)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pairs, p.expect("}", true)
}

// transform reads |pattern|update| or |pattern|update,delete|.
func (p *parser) transform(s *syntax) (err error) {
	s.kind = kindTransform
	if s.lhs, err = p.expression(0); err != nil {
		return err
	}
	if err = p.expect("|", false); err != nil {
		return err
	}
	if s.rhs, err = p.expression(0); err != nil {
		return err
	}
	if p.is(",") {
		if err = p.advance(false); err != nil {
			return err
		}
		if s.third, err = p.expression(0); err != nil {
			return err
		}
	}
	return p.expect("|", false)
}
