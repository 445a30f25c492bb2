package expr

import (
	"regexp"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// condition reads alternatives.
func (p *parser) condition() (condition, error) {
	return p.chain("||", func() (condition, error) {
		return p.chain("&&", p.term, func(c []condition) condition { return allOf(c) })
	}, func(c []condition) condition { return anyOf(c) })
}

// chain reads conditions with token between them.
func (p *parser) chain(token string, next func() (condition, error), join func([]condition) condition) (condition, error) {
	var all []condition
	for {
		c, err := next()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		if p.skip(); !p.accept(token) {
			break
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return join(all), nil
}

// term reads a negation, a group, a test or a path that must exist.
func (p *parser) term() (condition, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.skip()
	if p.accept("!") {
		c, err := p.term()
		return negated{c}, err
	}
	if p.accept("(") {
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		return c, p.expect(")")
	}
	return p.test()
}

func (p *parser) test() (condition, error) {
	start := p.pos
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.skip()
	at := p.pos
	name := p.operator()
	if name == "" {
		if left.path == nil {
			return nil, p.failAt(start, "a path, or an operator after the value")
		}
		return exists{left.path}, nil
	}
	compare, ok := comparisons[name]
	if !ok {
		return nil, p.failAt(at, "an operator: ==, !=, <, <=, >, >=, =~, in, nin, subsetof, anyof, noneof, all, contains, size or empty")
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	if (name == "=~") != (left.pattern != nil || right.pattern != nil) {
		return nil, p.failAt(at, "=~ with a regular expression on one side, as in @.name =~ /a.*/i")
	}
	return test{compare, left, right}, nil
}

// operator reads what stands between two operands, in lower case; "" where the condition ends.
func (p *parser) operator() string {
	start := p.pos
	for !p.ended() && strings.IndexByte("=!<>~", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos > start {
		return p.text[start:p.pos]
	}
	return strings.ToLower(p.word())
}

// operand reads a path, a literal or a regular expression.
func (p *parser) operand() (operand, error) {
	p.skip()
	switch p.peek() {
	case '@', '$':
		path, err := p.relative()
		return operand{path: path}, err
	case '/':
		re, err := p.pattern()
		return operand{pattern: re}, err
	}
	v, err := p.literal()
	return operand{literal: v}, err
}

// literal reads JSON in which strings may have single quotes, and one word needs none.
func (p *parser) literal() (value.Value, error) {
	if err := p.enter(); err != nil {
		return value.Value{}, err
	}
	defer p.leave()
	p.skip()
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		s, err := p.quoted()
		return value.NewString(s), err
	case c == '[':
		return p.list()
	case c == '{':
		return p.object()
	case c == '-' || c >= '0' && c <= '9':
		at := p.pos
		v, err := value.NewNumber(p.number())
		if err != nil {
			return v, p.failAt(at, "a number")
		}
		return v, nil
	case isWord(c):
		return constant(p.word()), nil
	}
	return value.Value{}, p.fail("a path ('@…' or '$…'), a value or a regular expression")
}

func constant(word string) value.Value {
	switch word {
	case "true":
		return value.True
	case "false":
		return value.False
	case "null":
		return value.NullValue
	}
	return value.NewString(word)
}

func (p *parser) list() (value.Value, error) {
	var list []value.Value
	err := p.items(']', func() error {
		v, err := p.literal()
		list = append(list, v)
		return err
	})
	return value.NewArray(list...), err
}

func (p *parser) object() (value.Value, error) {
	var members []value.Member
	err := p.items('}', func() error {
		p.skip()
		if c := p.peek(); c != '\'' && c != '"' {
			return p.fail("a quoted name")
		}
		name, err := p.quoted()
		if err != nil {
			return err
		}
		if err := p.expect(":"); err != nil {
			return err
		}
		v, err := p.literal()
		members = append(members, value.Member{Name: name, Value: v})
		return err
	})
	return value.NewObject(members...), err
}

// items reads what an opening bracket begins: items with commas between, and the closing byte.
func (p *parser) items(closing byte, item func() error) error {
	p.pos++
	for n := 0; ; n++ {
		p.skip()
		if p.peek() == closing {
			p.pos++
			return nil
		}
		if n > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		if err := item(); err != nil {
			return err
		}
	}
}

// pattern reads /expression/flags. It is compiled by Go's regexp, which takes time linear in its input.
func (p *parser) pattern() (*regexp.Regexp, error) {
	start := p.pos
	p.pos++
	var b strings.Builder
	for p.peek() != '/' {
		if p.ended() {
			return nil, p.fail("the closing '/' of the regular expression")
		}
		if strings.HasPrefix(p.text[p.pos:], `\/`) {
			p.pos++
		} else if p.text[p.pos] == '\\' && p.pos+1 < len(p.text) {
			b.WriteByte('\\')
			p.pos++
		}
		b.WriteByte(p.text[p.pos])
		p.pos++
	}
	p.pos++
	flags := p.flags()
	re, err := regexp.Compile(`\A(?` + flags + `:` + b.String() + `)\z`)
	if err != nil {
		return nil, p.failAt(start, "a regular expression in RE2's syntax ("+err.Error()+")")
	}
	return re, nil
}

// flags reads Java's flags after a pattern and gives Go's: d, u and U ask for what RE2 does, or does without.
func (p *parser) flags() string {
	var b strings.Builder
	for !p.ended() {
		switch c := p.text[p.pos]; c {
		case 'i', 'm', 's':
			b.WriteByte(c)
		case 'd', 'u', 'U':
		default:
			return b.String()
		}
		p.pos++
	}
	return b.String()
}
