package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenVariable
	tokenOperator
	tokenString
	tokenNumber
	tokenConstant // true, false, null
	tokenRegex
)

// token is a word of an expression. Its position is the offset after it, as jsonata.js counts.
type token struct {
	kind     tokenKind
	text     string // of a variable without the $; of a string what it stands for; of a regex its pattern
	item     any    // of numbers and constants: the value; of a regex: the *regexp
	position int
}

// Operators, the longest first. Every one ends a name.
const (
	operatorPairs = ".. := != >= <= ** ~>"
	operatorChars = ".[]{}(),@#;:?+-*/%|=<>^&!~"
	blanks        = " \t\n\r\v"
)

// lexer cuts a text into tokens.
type lexer struct {
	text string
	pos  int
}

// next is the next token. After an operand, a slash divides; elsewhere it begins a regular expression.
func (l *lexer) next(afterOperand bool) (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	if l.pos >= len(l.text) {
		return token{kind: tokenEnd, position: len(l.text)}, nil
	}
	c := l.text[l.pos]
	switch {
	case c == '/' && !afterOperand:
		return l.regex()
	case strings.IndexByte(operatorChars, c) >= 0:
		return l.operator(), nil
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c >= '0' && c <= '9':
		return l.number()
	case c == '`':
		return l.backquoted()
	}
	return l.name(), nil
}

// skip passes over blanks and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.text) {
		switch {
		case strings.IndexByte(blanks, l.text[l.pos]) >= 0:
			l.pos++
		case strings.HasPrefix(l.text[l.pos:], "/*"):
			end := strings.Index(l.text[l.pos+2:], "*/")
			if end < 0 {
				return fail("S0106").at(l.pos, "")
			}
			l.pos += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) token(kind tokenKind, text string, item any) token {
	return token{kind, text, item, l.pos}
}

func (l *lexer) operator() token {
	size := 1
	if rest := l.text[l.pos:]; len(rest) >= 2 && strings.Contains(operatorPairs, rest[:2]) && !strings.Contains(rest[:2], " ") {
		size = 2
	}
	l.pos += size
	return l.token(tokenOperator, l.text[l.pos-size:l.pos], nil)
}

func (l *lexer) number() (token, error) {
	start := l.pos
	digits := func() bool {
		from := l.pos
		for l.pos < len(l.text) && l.text[l.pos] >= '0' && l.text[l.pos] <= '9' {
			l.pos++
		}
		return l.pos > from
	}
	if l.text[l.pos] == '0' {
		l.pos++
	} else {
		digits()
	}
	if mark := l.pos; l.has(".") {
		l.pos++
		if !digits() {
			l.pos = mark
		}
	}
	if mark := l.pos; l.has("e") || l.has("E") {
		l.pos++
		if l.has("+") || l.has("-") {
			l.pos++
		}
		if !digits() {
			l.pos = mark
		}
	}
	text := l.text[start:l.pos]
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return token{}, fail("S0102").at(start, text)
	}
	return l.token(tokenNumber, text, f), nil
}

func (l *lexer) has(prefix string) bool { return strings.HasPrefix(l.text[l.pos:], prefix) }

func (l *lexer) backquoted() (token, error) {
	end := strings.IndexByte(l.text[l.pos+1:], '`')
	if end < 0 {
		return token{}, fail("S0105").at(len(l.text), "")
	}
	name := l.text[l.pos+1 : l.pos+1+end]
	l.pos += end + 2
	return l.token(tokenName, name, nil), nil
}

func (l *lexer) name() token {
	start := l.pos
	for l.pos < len(l.text) && strings.IndexByte(blanks+operatorChars, l.text[l.pos]) < 0 {
		l.pos++
	}
	name := l.text[start:l.pos]
	if strings.HasPrefix(name, "$") {
		return l.token(tokenVariable, name[1:], nil)
	}
	switch name {
	case "and", "or", "in":
		return l.token(tokenOperator, name, nil)
	case "true":
		return l.token(tokenConstant, name, true)
	case "false":
		return l.token(tokenConstant, name, false)
	case "null":
		return l.token(tokenConstant, name, null{})
	}
	return l.token(tokenName, name, nil)
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (l *lexer) quoted(quote byte) (token, error) {
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		c := l.text[l.pos]
		switch c {
		case quote:
			l.pos++
			return l.token(tokenString, b.String(), nil), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return token{}, err
			}
		default:
			b.WriteByte(c)
		}
	}
	return token{}, fail("S0101").at(len(l.text), "")
}

// escape reads what follows the backslash at pos, and leaves pos at its last byte.
func (l *lexer) escape(b *strings.Builder) error {
	l.pos++
	if l.pos >= len(l.text) {
		return fail("S0103").at(l.pos, "")
	}
	c := l.text[l.pos]
	if plain, ok := escapes[c]; ok {
		b.WriteByte(plain)
		return nil
	}
	if c != 'u' {
		r, _ := utf8.DecodeRuneInString(l.text[l.pos:])
		return fail("S0103").at(l.pos, string(r))
	}
	unit, ok := l.hex(l.pos + 1)
	if !ok {
		return fail("S0104").at(l.pos, "")
	}
	l.pos += 4
	if utf16.IsSurrogate(unit) && l.pos+2 < len(l.text) && l.text[l.pos+1] == '\\' && l.text[l.pos+2] == 'u' {
		if low, ok := l.hex(l.pos + 3); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
			l.pos += 6
			unit = utf16.DecodeRune(unit, low)
		}
	}
	writeUnit(b, unit)
	return nil
}

// writeUnit writes r, which may be half a surrogate pair.
func writeUnit(b *strings.Builder, r rune) {
	if utf16.IsSurrogate(r) {
		b.Write([]byte{0xE0 | byte(r>>12), 0x80 | byte(r>>6)&0x3F, 0x80 | byte(r)&0x3F})
		return
	}
	b.WriteRune(r)
}

func (l *lexer) hex(at int) (rune, bool) {
	if at+4 > len(l.text) || l.text[at] == '+' || l.text[at] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(l.text[at:at+4], 16, 16)
	return rune(n), err == nil
}

// regex reads /pattern/flags. A slash within brackets of any kind is part of the pattern.
func (l *lexer) regex() (token, error) {
	l.pos++
	start, nested := l.pos, 0
	for ; l.pos < len(l.text); l.pos++ {
		c := l.text[l.pos]
		if c == '/' && nested == 0 && !l.escaped() {
			pattern := l.text[start:l.pos]
			if pattern == "" {
				return token{}, fail("S0301").at(l.pos, "")
			}
			l.pos++
			return l.regexToken(pattern)
		}
		if l.text[l.pos-1] == '\\' {
			continue
		}
		switch c {
		case '(', '[', '{':
			nested++
		case ')', ']', '}':
			nested--
		}
	}
	return token{}, fail("S0302").at(l.pos, "")
}

// escaped reports whether an odd number of backslashes stands before pos.
func (l *lexer) escaped() bool {
	before := strings.TrimRight(l.text[:l.pos], `\`)
	return (l.pos-len(before))%2 == 1
}

func (l *lexer) regexToken(pattern string) (token, error) {
	start := l.pos
	for l.has("i") || l.has("m") {
		l.pos++
	}
	re, err := compileRegex(pattern, l.text[start:l.pos])
	if err != nil {
		return token{}, fail(codeRegex).at(start, pattern)
	}
	return l.token(tokenRegex, pattern, re), nil
}
