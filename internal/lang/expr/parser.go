package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds on what a text may demand. They keep recursion, in parsing and evaluation, from growing with hostile input.
const (
	maxNesting = 64  // filters, groups, calls and literals within each other
	maxSteps   = 500 // of one path
)

// parser reads one expression. Methods that read a thing leave pos behind it.
type parser struct {
	text  string
	pos   int
	depth int
}

func (p *parser) fail(want string) error { return p.failAt(p.pos, want) }

func (p *parser) failAt(pos int, want string) error {
	return &SyntaxError{Text: p.text, Column: pos + 1, Want: want}
}

// peek is the byte at pos, and 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) ended() bool { return p.pos >= len(p.text) }

// skip passes over blanks.
func (p *parser) skip() {
	for !p.ended() && (p.text[p.pos] <= ' ') {
		p.pos++
	}
}

// accept passes over token where it comes next.
func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.text[p.pos:], token) {
		return false
	}
	p.pos += len(token)
	return true
}

// expect passes over blanks and token.
func (p *parser) expect(token string) error {
	p.skip()
	if !p.accept(token) {
		return p.fail(strconv.Quote(token))
	}
	return nil
}

// enter counts a level of nesting; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.fail(fmt.Sprintf("at most %d levels of nesting", maxNesting))
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// finish reports what is left of the text as a fault.
func (p *parser) finish(want string) error {
	if !p.ended() {
		return p.fail(want)
	}
	return nil
}

// quoted reads a string in either quotes, in which a backslash gives the next character its plain meaning and \uXXXX a
// code unit of UTF-16.
func (p *parser) quoted() (string, error) {
	start := p.pos
	quote := p.text[p.pos]
	p.pos++
	var b strings.Builder
	for !p.ended() {
		switch c := p.text[p.pos]; c {
		case quote:
			p.pos++
			return b.String(), nil
		case '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.failAt(len(p.text), fmt.Sprintf("the closing %c of the string at column %d", quote, start+1))
}

// escape reads a backslash and what it escapes.
func (p *parser) escape(b *strings.Builder) error {
	p.pos++
	if p.peek() == 'u' {
		if r, ok := p.codeUnit(p.pos - 1); ok {
			p.pos += 5
			if low, ok := p.codeUnit(p.pos); ok && utf16.IsSurrogate(r) {
				if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
					r = both
					p.pos += 6
				}
			}
			b.WriteRune(r)
			return nil
		}
	}
	r, n := utf8.DecodeRuneInString(p.text[p.pos:])
	if n == 0 {
		return p.fail(`a character after the backslash`)
	}
	b.WriteRune(r)
	p.pos += n
	return nil
}

// codeUnit is what \uXXXX at pos stands for.
func (p *parser) codeUnit(pos int) (rune, bool) {
	if len(p.text) < pos+6 || p.text[pos] != '\\' || p.text[pos+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[pos+2:pos+6], 16, 16)
	return rune(n), err == nil
}

// integer reads an optional minus and digits.
func (p *parser) integer() (int, error) {
	start := p.pos
	p.accept("-")
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	n, err := strconv.ParseInt(p.text[start:p.pos], 10, 32)
	if err != nil {
		return 0, p.failAt(start, "an index (a whole number)")
	}
	return int(n), nil
}

// number reads a JSON number's text, perhaps with a leading plus or zeros, which the caller's parse refuses.
func (p *parser) number() string {
	start := p.pos
	for !p.ended() && strings.IndexByte("+-.0123456789eE", p.text[p.pos]) >= 0 {
		p.pos++
	}
	return p.text[start:p.pos]
}

// word reads a run of letters, digits, '_' and '-', which may be empty.
func (p *parser) word() string {
	start := p.pos
	for !p.ended() && isWord(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= utf8.RuneSelf
}
