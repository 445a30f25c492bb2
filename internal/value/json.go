package value

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// SyntaxError says where a JSON text is broken.
type SyntaxError struct {
	Line, Column int // from 1; the column counts bytes
	Offset       int // bytes
	Err          error
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// MaxDepth is how deeply arrays and objects may nest in a text that Parse takes.
const MaxDepth = 1000

// Parse reads one JSON value from text: RFC 8259, valid UTF-8, nested at most MaxDepth deep. Its error is a
// *SyntaxError.
func Parse(text []byte) (Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	v, err := parse(d, 0)
	if err == nil {
		if _, err = d.ReadToken(); err == nil {
			err = errTrailing
		} else if err == io.EOF {
			return v, nil
		}
	}
	offset := int(d.InputOffset())
	if se := (*jsontext.SyntacticError)(nil); errors.As(err, &se) {
		offset, err = int(se.ByteOffset), se.Err
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	offset = min(offset, len(text))
	before := text[:offset]
	return Value{}, &SyntaxError{
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: offset - bytes.LastIndexByte(before, '\n'),
		Offset: offset,
		Err:    err,
	}
}

func parse(d *jsontext.Decoder, depth int) (Value, error) {
	t, err := d.ReadToken()
	if err != nil {
		return Value{}, err
	}
	if depth > MaxDepth {
		return Value{}, fmt.Errorf("nested more than %d deep", MaxDepth)
	}
	switch t.Kind() {
	case 'n':
		return NullValue, nil
	case 't':
		return True, nil
	case 'f':
		return False, nil
	case '"':
		return Value{kind: String, text: t.String()}, nil
	case '0':
		return Value{kind: Number, text: t.String()}, nil
	case '[':
		var list []Value
		for d.PeekKind() != ']' {
			e, err := parse(d, depth+1)
			if err != nil {
				return Value{}, err
			}
			list = append(list, e)
		}
		_, err := d.ReadToken()
		return NewArray(list...), err
	case '{':
		var keys []string
		var list []Value
		for d.PeekKind() != '}' {
			k, err := d.ReadToken()
			if err != nil {
				return Value{}, err
			}
			keys = append(keys, k.String())
			e, err := parse(d, depth+1)
			if err != nil {
				return Value{}, err
			}
			list = append(list, e)
		}
		_, err := d.ReadToken()
		return newObject(keys, list), err
	}
	return Value{}, fmt.Errorf("unexpected %q", t.String())
}

// MustParse is Parse for texts in code; it panics where Parse fails.
func MustParse(text string) Value {
	v, err := Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return v
}

// JSON is v's compact JSON text; "" of an absent value.
func (v Value) JSON() string { return string(v.AppendJSON(make([]byte, 0, v.Size()))) }

func (v Value) String() string { return v.JSON() }

// AppendJSON appends v's compact JSON text, members in their order and numbers as written.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case Null:
		return append(b, "null"...)
	case Bool, Number:
		return append(b, v.text...)
	case String:
		return appendQuoted(b, v.text)
	case Array:
		b = append(b, '[')
		for i, e := range v.node.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.AppendJSON(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i, e := range v.node.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, v.node.keys[i]), ':')
			b = e.AppendJSON(b)
		}
		return append(b, '}')
	}
	return b
}

// MarshalJSON and UnmarshalJSON let a Value stand in structs that encoding/json handles.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.kind == Absent {
		return []byte("null"), nil
	}
	return v.AppendJSON(nil), nil
}

// UnmarshalJSON is Parse.
func (v *Value) UnmarshalJSON(text []byte) (err error) {
	*v, err = Parse(text)
	return err
}

// IsZero makes `json:",omitzero"` leave out an absent value.
func (v Value) IsZero() bool { return v.kind == Absent }

const hexDigits = "0123456789abcdef"

// escape is the letter after the backslash, 'u' for \u00XX, and 0 where a byte stands for itself.
func escape(c byte) byte {
	switch {
	case c == '"' || c == '\\':
		return c
	case c >= 0x20:
		return 0
	case c == '\n':
		return 'n'
	case c == '\t':
		return 't'
	case c == '\r':
		return 'r'
	case c == '\b':
		return 'b'
	case c == '\f':
		return 'f'
	}
	return 'u'
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		e := escape(s[i])
		if e == 0 {
			continue
		}
		b = append(append(b, s[start:i]...), '\\', e)
		if e == 'u' {
			b = append(b, '0', '0', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		}
		start = i + 1
	}
	return append(append(b, s[start:]...), '"')
}

func quotedSize(s string) int {
	n := len(s) + 2
	for i := 0; i < len(s); i++ {
		switch escape(s[i]) {
		case 0:
		case 'u':
			n += 5
		default:
			n++
		}
	}
	return n
}

func ofMap(m map[string]any) Value {
	keys := slices.Sorted(maps.Keys(m))
	list := make([]Value, len(keys))
	for i, k := range keys {
		list[i] = Of(m[k])
	}
	return newObject(keys, list)
}
