package value

import (
	"strings"
	"unicode/utf8"
)

// parseStored is Parse for a text that AppendJSON wrote, as records and stored values are: compact, with few escapes. It
// takes less than half the time, which is what waking a run with a large input costs. What it does not expect it leaves to
// Parse, so a text that was damaged gets the same error.
func parseStored(text []byte) (Value, error) {
	if utf8.Valid(text) {
		r := storedReader{text: string(text), list: make([]Value, 0, 64), keys: make([]string, 0, 64)}
		if v := r.value(0); v.kind != Absent && r.at == len(r.text) {
			return v, nil
		}
	}
	return Parse(text)
}

// storedReader reads one value. Strings and numbers are parts of the text, not copies.
type storedReader struct {
	text string
	at   int
	list []Value // elements and members of the arrays and objects that are open
	keys []string
	// What arrays and objects are made of is cut from larger pieces: they live and die with the text.
	lists slab[Value]
	names slab[string]
	nodes slab[node]
}

// slab gives out slices of one piece of memory, and begins another piece when it is used up.
type slab[T any] struct{ free []T }

func (s *slab[T]) cut(n int) []T {
	if n > len(s.free) {
		s.free = make([]T, max(n, 32))
	}
	piece := s.free[:n:n]
	s.free = s.free[n:]
	return piece
}

func (s *slab[T]) clone(from []T) []T {
	piece := s.cut(len(from))
	copy(piece, from)
	return piece
}

// value is Absent where the text is not what AppendJSON writes.
func (r *storedReader) value(depth int) Value {
	if r.at >= len(r.text) || depth > MaxDepth {
		return Value{}
	}
	switch c := r.text[r.at]; c {
	case '"':
		s, ok := r.string()
		if !ok {
			return Value{}
		}
		return Value{kind: String, text: s}
	case '[':
		return r.array(depth)
	case '{':
		return r.object(depth)
	case 't':
		return r.constant("true", True)
	case 'f':
		return r.constant("false", False)
	case 'n':
		return r.constant("null", NullValue)
	default:
		return r.number()
	}
}

func (r *storedReader) constant(text string, v Value) Value {
	if !strings.HasPrefix(r.text[r.at:], text) {
		return Value{}
	}
	r.at += len(text)
	return v
}

// number reads whole numbers and plain fractions; exponents are rare enough for the other parser.
func (r *storedReader) number() Value {
	start := r.at
	if r.text[r.at] == '-' {
		r.at++
	}
	whole := r.digits()
	if whole == 0 || whole > 1 && r.text[r.at-whole] == '0' {
		return Value{}
	}
	if r.at < len(r.text) && r.text[r.at] == '.' {
		r.at++
		if r.digits() == 0 {
			return Value{}
		}
	}
	return Value{kind: Number, text: r.text[start:r.at]}
}

func (r *storedReader) digits() int {
	start := r.at
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}

// string reads a string at its opening quote. One with control characters, or with escapes other than AppendJSON's short
// ones, is not expected.
func (r *storedReader) string() (s string, ok bool) {
	r.at++
	start := r.at
	var unescaped []byte
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			s = r.text[start:r.at]
			r.at++
			if unescaped == nil {
				return s, true
			}
			return string(append(unescaped, s...)), true
		case c < ' ':
			return "", false
		case c == '\\':
			if r.at+1 >= len(r.text) {
				return "", false
			}
			i := strings.IndexByte(`"\ntrbf`, r.text[r.at+1])
			if i < 0 {
				return "", false
			}
			unescaped = append(append(unescaped, r.text[start:r.at]...), "\"\\\n\t\r\b\f"[i])
			r.at++
			start = r.at + 1
		}
	}
	return "", false
}

// next reads what stands between two elements or after the last; more is true before another element.
func (r *storedReader) next(end byte) (more, ok bool) {
	if r.at >= len(r.text) || r.text[r.at] != ',' && r.text[r.at] != end {
		return false, false
	}
	r.at++
	return r.text[r.at-1] == ',', true
}

func (r *storedReader) array(depth int) Value {
	start := r.at
	r.at++
	if r.at < len(r.text) && r.text[r.at] == ']' {
		r.at++
		return EmptyArray
	}
	base := len(r.list)
	for more := true; more; {
		v := r.value(depth + 1)
		if v.kind == Absent {
			return Value{}
		}
		r.list = append(r.list, v)
		var ok bool
		if more, ok = r.next(']'); !ok {
			return Value{}
		}
	}
	n := &r.nodes.cut(1)[0]
	n.list, n.size = r.lists.clone(r.list[base:]), r.at-start
	r.list = r.list[:base]
	return Value{kind: Array, node: n}
}

func (r *storedReader) object(depth int) Value {
	start := r.at
	r.at++
	if r.at < len(r.text) && r.text[r.at] == '}' {
		r.at++
		return EmptyObject
	}
	base, baseKeys := len(r.list), len(r.keys)
	for more := true; more; {
		if r.at >= len(r.text) || r.text[r.at] != '"' {
			return Value{}
		}
		key, ok := r.string()
		if !ok || r.at >= len(r.text) || r.text[r.at] != ':' {
			return Value{}
		}
		r.at++
		v := r.value(depth + 1)
		if v.kind == Absent {
			return Value{}
		}
		r.keys, r.list = append(r.keys, key), append(r.list, v)
		if more, ok = r.next('}'); !ok {
			return Value{}
		}
	}
	n := &r.nodes.cut(1)[0]
	n.setMembers(r.names.clone(r.keys[baseKeys:]), r.lists.clone(r.list[base:]))
	if len(n.keys) < len(r.keys)-baseKeys {
		return Value{} // a name twice, so the text is not the value's size
	}
	n.size = r.at - start
	r.keys, r.list = r.keys[:baseKeys], r.list[:base]
	return Value{kind: Object, node: n}
}
