package jsonata

import (
	"regexp"
	gosyntax "regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// regex is a regular expression. It runs on Go's engine, whose time is linear in the text whatever the pattern; in
// exchange there are no back-references and no look-around.
type regex struct {
	pattern string
	re      *regexp.Regexp
	program int // instructions: what a byte of text may cost
}

// maxProgram bounds the instructions of a pattern, which counted repetitions multiply.
const maxProgram = 10_000

// compileRegex compiles a pattern in JavaScript's syntax with flags of i and m.
func compileRegex(pattern, flags string) (*regex, error) {
	translated := translateRegex(pattern)
	if flags != "" {
		translated = "(?" + flags + ")" + translated
	}
	parsed, err := gosyntax.Parse(translated, gosyntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := gosyntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxProgram {
		return nil, &gosyntax.Error{Code: gosyntax.ErrLarge, Expr: pattern}
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, err
	}
	return &regex{pattern, re, len(program.Inst)}, nil
}

// JavaScript's classes where they differ from Go's.
const (
	jsSpace    = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	jsNoBreak  = `[^\n\r\x{2028}\x{2029}]`
	goLetters  = "dDwWbBnrtfv" // escapes that mean the same in both
	metaEscape = `\.+*?()|[]{}^$`
)

// translateRegex writes a pattern of JavaScript in Go's syntax.
func translateRegex(pattern string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			i += translateEscape(&b, rest, class)
			continue
		case class && rest[0] == ']':
			class = false
		case class && rest[0] == '[':
			b.WriteByte('\\')
		case class:
		case strings.HasPrefix(rest, "[^]"):
			b.WriteString(`(?s:.)`)
			i += 3
			continue
		case strings.HasPrefix(rest, "[]"):
			b.WriteString(`[^\x00-\x{10ffff}]`)
			i += 2
			continue
		case rest[0] == '[':
			class = true
		case rest[0] == '.':
			b.WriteString(jsNoBreak)
			i++
			continue
		}
		b.WriteByte(rest[0])
		i++
	}
	return b.String()
}

// translateEscape writes the escape that rest begins with and returns its length.
func translateEscape(b *strings.Builder, rest string, class bool) int {
	c, size := utf8.DecodeRuneInString(rest[1:])
	switch {
	case c == 's' && class:
		b.WriteString(jsSpace)
	case c == 's':
		b.WriteString("[" + jsSpace + "]")
	case c == 'S' && !class:
		b.WriteString("[^" + jsSpace + "]")
	case c == 'S':
		b.WriteString(`\S`)
	case c == 'b' && class:
		b.WriteString(`\x08`)
	case strings.ContainsRune(goLetters, c) || c >= '1' && c <= '9':
		b.WriteString(rest[:1+size])
	case c == '0':
		b.WriteString(`\x00`)
	case c == 'u' && isHex(rest, 2, 4):
		b.WriteString(`\x{` + rest[2:6] + `}`)
		return 6
	case c == 'x' && isHex(rest, 2, 2):
		b.WriteString(rest[:4])
		return 4
	case c == 'c' && len(rest) > 2:
		b.WriteString(`\x` + strconv.FormatInt(0x100+int64(rest[2]&0x1F), 16)[1:])
		return 3
	case strings.ContainsRune(metaEscape, c) || c == '-':
		b.WriteString(rest[:1+size])
	default:
		b.WriteString(regexp.QuoteMeta(rest[1 : 1+size]))
	}
	return 1 + size
}

func isHex(s string, from, n int) bool {
	if len(s) < from+n {
		return false
	}
	_, err := strconv.ParseUint(s[from:from+n], 16, 32)
	return err == nil
}

// find is all matches of re in s, at most limit of them; each is the offsets of the whole and of its groups. It is
// paid for in steps beforehand, since it cannot be interrupted.
func (m *machine) find(re *regex, s string, limit int) ([][]int, error) {
	if err := m.step(1 + re.program*len(s)/16); err != nil {
		return nil, err
	}
	size := itemBytes * (2 + re.re.NumSubexp())
	affordable := (m.limits.Bytes-m.bytes)/size + 1
	if limit < 0 || limit > affordable {
		limit = affordable
	}
	found := re.re.FindAllStringSubmatchIndex(s, limit)
	return found, m.grow(size * len(found))
}

// A regex is a function of a text, and of where to begin, which gives the first match as an object with the function
// that gives the next.
func (*regex) arity() int { return 2 }

func (re *regex) call(m *machine, args []any, _ any, _ *frame) (any, error) {
	s, ok := argument(args, 0).(string)
	if !ok {
		return nil, nil
	}
	w := &regexWalk{re: re, text: s}
	if from, ok := argument(args, 1).(float64); ok && from > 0 {
		w.from = unitOffset(s, int(from))
	}
	return w.call(m, nil, nil, nil)
}

// regexWalk goes from match to match.
type regexWalk struct {
	re      *regex
	text    string
	from    int // where the first match may begin
	matches [][]int
	next    int // of matches
	end     int // of the match before
	at      int // an offset up to which code units were counted
	units   int // how many
}

func (*regexWalk) arity() int { return 0 }

// call gives the next match as an object, and nothing after the last.
func (w *regexWalk) call(m *machine, _ []any, _ any, _ *frame) (any, error) {
	found, err := w.advance(m, -1)
	if err != nil || found == nil {
		return nil, err
	}
	o := &object{}
	o.set("match", found.text)
	o.set("start", float64(found.from))
	o.set("end", float64(found.to))
	o.set("groups", arrayOf(found.groups...))
	rest := *w
	o.set("next", &rest)
	return o, m.grow(nodeBytes * 2)
}

// advance gives the next match; a match of nothing at all after the first one is an error. Limit is how many matches
// are of use.
func (w *regexWalk) advance(m *machine, limit int) (*match, error) {
	first := w.matches == nil
	if first {
		found, err := m.find(w.re, w.text, limit)
		if err != nil {
			return nil, err
		}
		w.matches = append(make([][]int, 0, len(found)), found...)
	} else if w.end >= len(w.text) {
		return nil, nil
	}
	for w.next < len(w.matches) && w.matches[w.next][0] < w.from {
		w.next++
	}
	if !first && w.isEmptyHere() {
		return nil, failWith("D1004", w.re.pattern)
	}
	if w.next >= len(w.matches) {
		return nil, nil
	}
	found := newMatch(w.text, w.matches[w.next])
	w.units += unitCount(w.text[w.at:found.start])
	w.at = found.start
	found.from, found.to = w.units, w.units+unitCount(found.text)
	w.next++
	w.end = found.end
	return found, nil
}

// isEmptyHere reports whether the next match is of nothing. Go leaves such a match out where one before it ends.
func (w *regexWalk) isEmptyHere() bool {
	if w.next < len(w.matches) {
		next := w.matches[w.next]
		if next[0] == next[1] {
			return true
		}
		if next[0] == w.end {
			return false
		}
	}
	here := w.re.re.FindStringIndex(w.text[w.end:min(len(w.text), w.end+utf8.UTFMax)])
	return here != nil && here[0] == 0 && here[1] == 0 && !strings.HasPrefix(w.re.pattern, "^")
}

// match is one match of a pattern, with its offsets in bytes.
type match struct {
	text       string
	start, end int
	from, to   int   // the same in code units
	groups     []any // strings; nil for a group that takes no part
}

func newMatch(s string, offsets []int) *match {
	found := &match{text: s[offsets[0]:offsets[1]], start: offsets[0], end: offsets[1], groups: []any{}}
	for i := 2; i < len(offsets); i += 2 {
		var group any
		if offsets[i] >= 0 {
			group = s[offsets[i]:offsets[i+1]]
		}
		found.groups = append(found.groups, group)
	}
	return found
}

// matches calls do for each match of pattern, which is a regex or a function that behaves as one, in s, for at most
// limit of them, or all where limit is negative. The one after the last is looked for too: it may be an error.
func (c *call) matches(pattern any, s string, limit int, do func(*match) error) error {
	if limit == 0 {
		return nil
	}
	if re, ok := pattern.(*regex); ok {
		w := &regexWalk{re: re, text: s}
		ahead := -1
		if limit > 0 {
			ahead = limit + 1
		}
		for n := 0; ; n++ {
			found, err := w.advance(c.machine, ahead)
			if err != nil || found == nil || n == limit {
				return err
			}
			if err := do(found); err != nil {
				return err
			}
		}
	}
	args := []any{s}
	for n := 0; ; n++ {
		v, err := c.apply(pattern, args, null{}, c.frame)
		if err != nil || v == nil || n == limit {
			return err
		}
		if err := c.scan(2 * len(s)); err != nil {
			return err
		}
		found, next, err := matchOf(v, s)
		if err != nil {
			return err
		}
		if err := do(found); err != nil {
			return err
		}
		if pattern, args = next, nil; next == nil {
			return nil
		}
	}
}

// matchOf reads the object that a function for matching returned.
func matchOf(v any, s string) (found *match, next any, err error) {
	o, ok := v.(*object)
	if !ok {
		return nil, nil, fail("T1010")
	}
	text, isText := o.get("match").(string)
	start, isStart := o.get("start").(float64)
	end, isEnd := o.get("end").(float64)
	groups, isGroups := o.get("groups").(*array)
	if !isStart && !isEnd && !isGroups {
		return nil, nil, fail("T1010")
	}
	found = &match{text: text, start: unitOffset(s, int(start)), end: unitOffset(s, int(end)), groups: []any{}}
	if isText {
		found.end = max(found.end, found.start)
	}
	found.from, found.to = unitCount(s[:found.start]), unitCount(s[:found.end])
	if isGroups {
		for i := range groups.len() {
			found.groups = append(found.groups, groups.at(i))
		}
	}
	return found, o.get("next"), nil
}
