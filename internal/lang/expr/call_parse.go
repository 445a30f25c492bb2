package expr

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// call reads a name and arguments in parentheses.
func (p *parser) call() (*Call, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	start := p.pos
	name := ""
	if p.accept("States.") {
		name = p.word()
	}
	f, ok := intrinsics[name]
	if !ok {
		return nil, p.failAt(start, "an intrinsic function: "+intrinsicNames)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	c := &Call{name: name, function: f}
	for p.skip(); p.peek() != ')'; p.skip() {
		if len(c.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			p.skip()
		}
		if f.most >= 0 && len(c.args) == f.most {
			return nil, p.fail(fmt.Sprintf("')': States.%s takes %s", name, f.arity()))
		}
		a, err := p.argument(f, len(c.args))
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, a)
	}
	if len(c.args) < f.least {
		return nil, p.fail(fmt.Sprintf("more arguments: States.%s takes %s", name, f.arity()))
	}
	p.pos++
	c.text = p.text[start:p.pos]
	return c, nil
}

// argument reads argument i of f. Of a literal the type is known now, so it is checked now.
func (p *parser) argument(f *intrinsic, i int) (argument, error) {
	start := p.pos
	switch p.peek() {
	case '$':
		path, err := p.path()
		return argument{path: path}, err
	case 'S':
		call, err := p.call()
		return argument{call: call}, err
	}
	v, err := p.callLiteral(f.raw && i == 0)
	if err != nil {
		return argument{}, err
	}
	if want := f.takes(i); !want.has(v.Kind()) {
		return argument{}, p.failAt(start, want.String())
	}
	return argument{literal: v}, nil
}

// callLiteral reads a string in single quotes, a number, true, false or null. A raw string keeps its backslashes.
func (p *parser) callLiteral(raw bool) (value.Value, error) {
	start := p.pos
	switch c := p.peek(); {
	case c == '\'':
		s, err := p.escaped(raw)
		return value.NewString(s), err
	case c == '-' || c >= '0' && c <= '9':
		v, err := value.NewNumber(p.number())
		if err == nil {
			return v, nil
		}
	default:
		switch p.word() {
		case "true":
			return value.True, nil
		case "false":
			return value.False, nil
		case "null":
			return value.NullValue, nil
		}
	}
	return value.Value{}, p.failAt(start, "a path, a string in single quotes, a number, true, false, null or a call of an intrinsic function")
}

// escaped reads a string in single quotes, in which \', \{, \} and \\ are the only escapes.
func (p *parser) escaped(raw bool) (string, error) {
	start := p.pos
	p.pos++
	var b strings.Builder
	for !p.ended() {
		c := p.text[p.pos]
		switch c {
		case '\'':
			p.pos++
			return b.String(), nil
		case '\\':
			p.pos++
			if p.ended() || !isEscapable(p.text[p.pos]) {
				return "", p.failAt(p.pos-1, `one of \', \{, \} and \\`)
			}
			if raw {
				b.WriteByte('\\')
			}
			c = p.text[p.pos]
		}
		b.WriteByte(c)
		p.pos++
	}
	return "", p.fail(fmt.Sprintf("the closing ' of the string at column %d", start+1))
}

func isEscapable(c byte) bool { return c == '\'' || c == '{' || c == '}' || c == '\\' }
