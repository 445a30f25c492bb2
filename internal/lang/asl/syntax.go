package asl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/run"
)

// syntaxProblem words err, which says that source is no JSON, as Step Functions does: it reads with Jackson.
func syntaxProblem(source []byte, err error) run.Problem {
	if strings.TrimSpace(string(source)) == "" {
		return run.Problem{Code: codeSchema, Text: textNotObjectDefinition, Line: 1, Column: 1}
	}
	s := &scanner{text: string(source)}
	s.document()
	if s.fault == "" { // what Jackson takes and we do not, such as a number that no one can hold
		s.pos, s.fault = len(s.text), err.Error()
	}
	line, column := s.place(s.pos)
	return run.Problem{
		Code: codeJSON, Text: s.fault, Line: line, Column: column,
		Location: sourceLocation(source, line, column),
	}
}

// SyntaxFault words err, which says that text is no JSON, as Step Functions does of an input or an output.
func SyntaxFault(text []byte, err error) string {
	if strings.TrimSpace(string(text)) == "" {
		return "No content to map due to end-of-input\n at " + sourceLocation(text, 1, 0)
	}
	return diagnosticOf(syntaxProblem(text, err)).Message
}

// maxExcerpt is how much of a source a place in it shows, in characters.
const maxExcerpt = 500

// sourceLocation is a place in source as Jackson writes it.
func sourceLocation(source []byte, line, column int) string {
	text, rest := []rune(string(source)), ""
	if n := len(text); n > maxExcerpt {
		text, rest = text[:maxExcerpt], fmt.Sprintf("[truncated %d chars]", n-maxExcerpt)
	}
	return fmt.Sprintf("[Source: (String)\"%s\"%s; line: %d, column: %d]", string(text), rest, line, column)
}

// scanner looks for the first fault of a text that is no JSON. It stops behind the character at fault.
type scanner struct {
	text  string
	pos   int
	depth int
	fault string
}

// maxDepth bounds the nesting that the scanner follows.
const maxDepth = 1000

// place is pos as line and column.
func (s *scanner) place(pos int) (line, column int) {
	before := s.text[:pos]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// jsonValues is what Jackson expects where a value should be.
const jsonValues = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

func (s *scanner) fail(format string, args ...any) bool {
	if s.fault == "" {
		s.fault = fmt.Sprintf(format, args...)
	}
	return false
}

// next is the next character that is no blank; 0 at the end.
func (s *scanner) next() rune {
	s.pos += len(s.text[s.pos:]) - len(strings.TrimLeft(s.text[s.pos:], " \t\r\n"))
	return s.peek()
}

func (s *scanner) peek() rune {
	if s.pos >= len(s.text) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.pos:])
	return r
}

func (s *scanner) skip() {
	_, n := utf8.DecodeRuneInString(s.text[s.pos:])
	s.pos += n
}

// unexpected is the fault of the next character.
func (s *scanner) unexpected(want string) bool {
	r := s.peek()
	if r == 0 && s.pos >= len(s.text) {
		return s.fail("Unexpected end-of-input: %s", want)
	}
	s.skip()
	return s.fail("Unexpected character ('%c' (code %d)): %s", r, r, want)
}

func (s *scanner) document() {
	if s.value() && s.next() != 0 {
		s.unexpected("was expecting the end of the definition")
	}
}

func (s *scanner) value() bool {
	switch c := s.next(); {
	case c == '{':
		return s.container('}', "Object")
	case c == '[':
		return s.container(']', "Array")
	case c == '"':
		return s.quoted("a string value")
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case isWord(c):
		return s.token()
	}
	return s.unexpected("expected a valid value " + jsonValues)
}

// container reads what the bracket at hand opens.
func (s *scanner) container(end rune, kind string) bool {
	start := s.pos
	if s.depth++; s.depth > maxDepth {
		return s.fail("Document nesting depth (%d) exceeds the maximum allowed (%d)", s.depth, maxDepth)
	}
	defer func() { s.depth-- }()
	s.pos++
	if s.next() == end {
		s.pos++
		return true
	}
	for {
		if s.next() == 0 {
			return s.open(start, kind)
		}
		if end == '}' && !s.name() || !s.value() {
			return false
		}
		switch s.next() {
		case end:
			s.pos++
			return true
		case ',':
			s.pos++
		case 0:
			return s.open(start, kind)
		default:
			return s.unexpected("was expecting comma to separate " + kind + " entries")
		}
	}
}

// open is the fault of a text that ends within what begins at start.
func (s *scanner) open(start int, kind string) bool {
	line, column := s.place(start)
	return s.unexpected("expected close marker for " + kind + " (start marker at " + sourceLocation([]byte(s.text), line, column) + ")")
}

// name reads the name of a member and the colon.
func (s *scanner) name() bool {
	if s.next() != '"' {
		return s.unexpected("was expecting double-quote to start field name")
	}
	if !s.quoted("field name") {
		return false
	}
	if s.next() != ':' {
		return s.unexpected("was expecting a colon to separate field name and value")
	}
	s.pos++
	return true
}

func (s *scanner) quoted(what string) bool {
	for s.pos++; s.pos < len(s.text); s.skip() {
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			s.pos++
			if e := s.peek(); s.pos < len(s.text) && !strings.ContainsRune(`"\/bfnrtu`, e) {
				s.skip()
				return s.fail("Unrecognized character escape '%c' (code %d)", e, e)
			}
		case c < ' ':
			s.pos++
			return s.fail("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in %s", c, strings.TrimPrefix(what, "a "))
		}
	}
	s.pos = len(s.text)
	return s.fail("Unexpected end-of-input: was expecting closing quote for %s", what)
}

func (s *scanner) number() bool {
	start := s.pos
	for s.pos < len(s.text) && strings.ContainsRune("+-.eE0123456789", rune(s.text[s.pos])) {
		s.pos++
	}
	digits := strings.TrimPrefix(s.text[start:s.pos], "-")
	switch {
	case len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9':
		s.pos = start + 1
		return s.fail("Invalid numeric value: Leading zeroes not allowed")
	case digits == "" || !isNumber(digits):
		return s.fail("Invalid numeric value: %s", s.text[start:s.pos])
	}
	return true
}

// isNumber reports whether text, which has no sign, is a number of JSON.
func isNumber(text string) bool {
	digits := func() bool {
		n := len(text) - len(strings.TrimLeft(text, "0123456789"))
		text = text[n:]
		return n > 0
	}
	if !digits() {
		return false
	}
	if rest, ok := strings.CutPrefix(text, "."); ok {
		if text = rest; !digits() {
			return false
		}
	}
	if text != "" && (text[0] == 'e' || text[0] == 'E') {
		text = strings.TrimLeft(text[1:], "+-")
		return digits() && text == ""
	}
	return text == ""
}

// token reads true, false or null.
func (s *scanner) token() bool {
	start := s.pos
	for isWord(s.peek()) && s.pos < len(s.text) {
		s.skip()
	}
	switch word := s.text[start:s.pos]; word {
	case "true", "false", "null":
		return true
	default:
		return s.fail("Unrecognized token '%s': was expecting %s", word, jsonValues)
	}
}

func isWord(c rune) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 0x7f
}
