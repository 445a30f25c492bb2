package jsonata

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/value"
)

// numberText is f as JavaScript writes it.
func numberText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return value.NewFloat(f).Text()
}

// toPrecision is f to 15 significant digits, to which numbers in texts are rounded: half away from zero, as JavaScript's
// toPrecision does and Go's formatting does not.
func toPrecision(f float64) float64 {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 || math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	const beyond = len("d.dddddddddddddd") // where the 16th digit stands
	var short [32]byte
	if text := strconv.AppendFloat(short[:0], math.Abs(f), 'e', -1, 64); bytes.IndexByte(text, 'e') <= beyond {
		return f // it has no more digits
	}
	if exact := strconv.FormatFloat(math.Abs(f), 'e', 30, 64); exact[beyond] == '5' && strings.Trim(exact[beyond+1:31], "0") == "" {
		f = math.Nextafter(f, math.Inf(int(math.Copysign(1, f))))
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64)
	return rounded
}

// stringOf is what $string makes of v: a string as it is, anything else as JSON; "" of nothing and of functions.
func (m *machine) stringOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return "", &Error{Code: "D3001"}
		}
		text := numberText(toPrecision(v))
		return text, m.grow(len(text))
	case function:
		return "", nil
	}
	return m.stringify(v, "")
}

// stringify is v as JSON; with an indent, each member and element has a line.
func (m *machine) stringify(v any, indent string) (string, error) {
	w := &jsonWriter{machine: m, indent: indent}
	if a, ok := v.(*array); ok && a.wrapper {
		v = a.at(0)
	}
	if err := w.write(v, "\n"); err != nil {
		return "", err
	}
	return string(w.out), nil
}

type jsonWriter struct {
	*machine
	indent  string
	out     []byte
	counted int
}

// write appends v. Newline is the line break with the indent of where v stands.
func (w *jsonWriter) write(v any, newline string) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	if err := w.step(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case bool:
		w.out = strconv.AppendBool(w.out, v)
	case float64:
		if _, err := isNumber(v); err != nil {
			return err
		}
		if math.IsNaN(v) {
			w.out = append(w.out, "null"...)
		} else {
			w.out = append(w.out, numberText(toPrecision(v))...)
		}
	case string:
		w.out = appendQuoted(w.out, v)
	case function:
		w.out = append(w.out, `""`...)
	case *array:
		return w.writeArray(v, newline)
	case *object:
		return w.writeObject(v, newline)
	default:
		w.out = append(w.out, "null"...)
	}
	return w.count()
}

// count counts the bytes since it was called last.
func (w *jsonWriter) count() error {
	more := len(w.out) - w.counted
	w.counted = len(w.out)
	return w.grow(more)
}

func (w *jsonWriter) writeArray(a *array, newline string) error {
	if a.len() == 0 {
		w.out = append(w.out, "[]"...)
		return nil
	}
	inner := newline + w.indent
	for i := range a.len() {
		w.separate('[', i, inner)
		if err := w.write(a.at(i), inner); err != nil {
			return err
		}
	}
	w.end(']', newline)
	return nil
}

func (w *jsonWriter) writeObject(o *object, newline string) error {
	inner := newline + w.indent
	written := 0
	for i := range o.len() {
		v := o.at(i)
		if v == nil {
			continue
		}
		w.separate('{', written, inner)
		written++
		w.out = append(appendQuoted(w.out, o.key(i)), ':')
		if w.indent != "" {
			w.out = append(w.out, ' ')
		}
		if err := w.write(v, inner); err != nil {
			return err
		}
	}
	if written == 0 {
		w.out = append(w.out, "{}"...)
		return nil
	}
	w.end('}', newline)
	return nil
}

// separate writes what stands before the ith element.
func (w *jsonWriter) separate(opens byte, i int, newline string) {
	if i > 0 {
		opens = ','
	}
	w.out = append(w.out, opens)
	if w.indent != "" {
		w.out = append(w.out, newline...)
	}
}

func (w *jsonWriter) end(closes byte, newline string) {
	if w.indent != "" {
		w.out = append(w.out, newline...)
	}
	w.out = append(w.out, closes)
}

// appendQuoted appends s as JSON; halves of surrogate pairs are escaped.
func appendQuoted(b []byte, s string) []byte {
	if utf8.ValidString(s) {
		return value.NewString(s).AppendJSON(b)
	}
	b = append(b, '"')
	for len(s) > 0 {
		plain := 0
		for plain < len(s) && surrogateAt(s[plain:]) == 0 {
			plain++
		}
		quoted := value.NewString(s[:plain]).JSON()
		b = append(b, quoted[1:len(quoted)-1]...)
		if s = s[plain:]; s != "" {
			b = append(append(b, `\u`...), strconv.FormatInt(int64(surrogateAt(s)), 16)...)
			s = s[3:]
		}
	}
	return append(b, '"')
}

// surrogateAt is the half of a surrogate pair that s begins with, and 0 where it does not.
func surrogateAt(s string) rune {
	if len(s) < 3 || s[0] != 0xED || s[1] < 0xA0 {
		return 0
	}
	return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F)
}

// compareText orders strings as JavaScript does, by UTF-16 code units: what is outside the basic plane, written with
// surrogates, comes before U+E000.
func compareText(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) {
		return len(a) - len(b)
	}
	x, y := a[i], b[i]
	if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
		return int(y) - int(x)
	}
	return int(x) - int(y)
}

// unitCount is the length of s in UTF-16 code units.
func unitCount(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}

// unitOffset is the offset in bytes of the code unit at n.
func unitOffset(s string, n int) int {
	for i, r := range s {
		if n <= 0 {
			return i
		}
		n--
		if r >= 0x10000 {
			n--
		}
	}
	return len(s)
}

// cut is the part of s from character start to character end, of which those that are negative count from the end.
func cut(s string, start, end float64) string {
	size := float64(utf8.RuneCountInString(s))
	bound := func(f float64) int {
		if f < 0 {
			f += size
		}
		if math.IsNaN(f) {
			f = 0
		}
		return int(math.Max(0, math.Min(math.Trunc(f), size)))
	}
	from, to := bound(start), bound(end)
	if from >= to {
		return ""
	}
	if int(size) == len(s) {
		return s[from:to]
	}
	return s[runeOffset(s, from):runeOffset(s, to)]
}

func runeOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// collapse makes one blank of each run of blanks, and none at the ends.
func collapse(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\n\r", r) }), " ")
}
