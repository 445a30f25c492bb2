package expr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// path reads a path that stands alone or as an argument of a call.
func (p *parser) path() (*Path, error) {
	start := p.pos
	if !p.accept("$") {
		return nil, p.fail("a path, which begins with '$'")
	}
	path := &Path{}
	if p.accept("$") {
		path.root = rootContext
	} else if name := p.identifier(); name != "" {
		path.root, path.variable = rootVariable, name
	}
	return path, p.rest(path, start)
}

// relative reads a path within a filter: from the item ("@") or from the root of the path that it filters ("$").
func (p *parser) relative() (*Path, error) {
	start := p.pos
	path := &Path{}
	if p.accept("@") {
		path.root = rootItem
	} else if !p.accept("$") {
		return nil, p.fail("a path, which begins with '@' or '$'")
	}
	return path, p.rest(path, start)
}

// identifier reads the name of a variable, which may be empty.
func (p *parser) identifier() string {
	start := p.pos
	for !p.ended() {
		r, n := utf8.DecodeRuneInString(p.text[p.pos:])
		if r != '_' && !unicode.IsLetter(r) && (p.pos == start || !unicode.IsDigit(r)) {
			break
		}
		p.pos += n
	}
	return p.text[start:p.pos]
}

// rest reads the steps of path, whose text began at start.
func (p *parser) rest(path *Path, start int) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	for path.function == nil && (p.peek() == '.' || p.peek() == '[') {
		if len(path.steps) >= maxSteps {
			return p.fail(fmt.Sprintf("at most %d steps in a path", maxSteps))
		}
		if err := p.step(path); err != nil {
			return err
		}
	}
	path.text = p.text[start:p.pos]
	path.settle()
	return nil
}

func (p *parser) step(path *Path) error {
	switch {
	case p.accept(".."):
		path.steps = append(path.steps, step{op: opDescend})
		if p.peek() == '[' {
			return p.bracket(path)
		}
		return p.dotted(path)
	case p.accept("."):
		return p.dotted(path)
	}
	return p.bracket(path)
}

// dotted reads what follows a dot: a name, a wildcard or a function.
func (p *parser) dotted(path *Path) error {
	start := p.pos
	if p.accept("*") {
		path.steps = append(path.steps, step{op: opWildcard})
		return nil
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	if p.peek() == '(' {
		return p.function(path, name, start)
	}
	if name == "" {
		return p.fail("a name, '*' or a function")
	}
	path.steps = append(path.steps, step{op: opMember, names: []string{name}})
	return nil
}

// name reads a member's name after a dot. A backslash takes away the meaning that a character has in paths.
func (p *parser) name() (string, error) {
	start, escaped := p.pos, false
	var b strings.Builder
	for !p.ended() && !endsName(p.text[p.pos]) {
		if p.text[p.pos] != '\\' {
			b.WriteByte(p.text[p.pos])
			p.pos++
			continue
		}
		escaped = true
		if err := p.escape(&b); err != nil {
			return "", err
		}
	}
	if !escaped {
		return p.text[start:p.pos], nil
	}
	return b.String(), nil
}

func endsName(c byte) bool { return c <= ' ' || strings.IndexByte(".[]()'\",=!<>~&|", c) >= 0 }

// bracket reads one step in brackets.
func (p *parser) bracket(path *Path) error {
	p.pos++
	p.skip()
	var s step
	var err error
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		s, err = p.names()
	case c == '*':
		p.pos++
		s = step{op: opWildcard}
	case c == '?':
		s, err = p.filterStep()
	case c == '(':
		s, err = p.fromEnd()
	case c == '-' || c == ':' || c >= '0' && c <= '9':
		s, err = p.positions()
	default:
		err = p.fail("a quoted name, an index, a slice, '*' or '?(' after '['")
	}
	if err != nil {
		return err
	}
	path.steps = append(path.steps, s)
	return p.expect("]")
}

func (p *parser) names() (step, error) {
	s := step{op: opMember}
	for {
		p.skip()
		if c := p.peek(); c != '\'' && c != '"' {
			return s, p.fail("a quoted name")
		}
		name, err := p.quoted()
		if err != nil {
			return s, err
		}
		if s.names = append(s.names, name); len(s.names) > 1 {
			s.op = opMembers
		}
		p.skip()
		if !p.accept(",") {
			return s, nil
		}
	}
}

// positions reads indices or a slice.
func (p *parser) positions() (step, error) {
	s := step{op: opElement}
	for p.peek() != ':' {
		n, err := p.integer()
		if err != nil {
			return s, err
		}
		if s.indices = append(s.indices, n); len(s.indices) > 1 {
			s.op = opElements
		}
		p.skip()
		if !p.accept(",") {
			break
		}
		p.skip()
	}
	if s.op == opElements || !p.accept(":") {
		return s, nil
	}
	s.op = opSlice
	if len(s.indices) > 0 {
		s.from, s.indices = &s.indices[0], nil
	}
	if p.skip(); p.peek() == ']' {
		return s, nil
	}
	n, err := p.integer()
	s.to = &n
	return s, err
}

// fromEnd reads (@.length-n), which older dialects have for the n-th element from the end.
func (p *parser) fromEnd() (step, error) {
	for _, token := range []string{"(", "@.length", "-"} {
		if err := p.expect(token); err != nil {
			return step{}, err
		}
	}
	p.skip()
	at := p.pos
	n, err := p.integer()
	if err == nil && n <= 0 {
		err = p.failAt(at, "a number above 0")
	}
	if err != nil {
		return step{}, err
	}
	return step{op: opElement, indices: []int{-n}}, p.expect(")")
}

func (p *parser) filterStep() (step, error) {
	p.pos++
	if err := p.expect("("); err != nil {
		return step{}, err
	}
	c, err := p.condition()
	if err != nil {
		return step{}, err
	}
	return step{op: opFilter, filter: c}, p.expect(")")
}

// function reads the arguments of the function called name at start, which ends the path.
func (p *parser) function(path *Path, name string, start int) error {
	f, ok := pathFunctions[name]
	if !ok {
		return p.failAt(start, "one of the functions "+pathFunctionNames)
	}
	if n := len(path.steps); n > 0 && path.steps[n-1].op == opDescend {
		return p.failAt(start, "a name or '*' between '..' and a function")
	}
	p.pos++
	path.function = f
	for p.skip(); p.peek() != ')'; p.skip() {
		if len(path.args) > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		arg, err := p.operand()
		if err != nil {
			return err
		}
		path.args = append(path.args, arg)
	}
	if len(path.args) < f.least {
		return p.fail(fmt.Sprintf("%d argument for %s", f.least, name))
	}
	p.pos++
	return nil
}
