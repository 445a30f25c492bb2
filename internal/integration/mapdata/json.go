package mapdata

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tutti-ml/tutti/internal/value"
)

// lineItems are the lines of JSON Lines.
type lineItems struct {
	in     *bufio.Reader
	offset int64
	buf    []byte
}

func newLines(r io.Reader, c cursor) *lineItems {
	return &lineItems{in: bufio.NewReaderSize(r, 64<<10), offset: c.offset}
}

func (x *lineItems) next() (item, error) {
	for {
		line, err := x.line()
		if err != nil {
			return item{}, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		v, err := value.Parse(line)
		if err != nil {
			return item{}, faultf("A line is no JSON: %v", err)
		}
		return item{value: v}, nil
	}
}

// line reads up to the next newline.
func (x *lineItems) line() ([]byte, error) {
	x.buf = x.buf[:0]
	for {
		part, err := x.in.ReadSlice('\n')
		x.buf = append(x.buf, part...)
		x.offset += int64(len(part))
		switch {
		case err == nil, err == io.EOF && len(x.buf) > 0:
			return x.buf, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		case len(x.buf) > maxItem:
			return nil, fault("A line is longer than 8 MB.")
		}
	}
}

func (x *lineItems) mark(c *cursor) { c.offset = x.offset }

// jsonItems are the elements of an array, or the members of an object, in a JSON text.
type jsonItems struct {
	in   *jsontext.Decoder
	kind jsontext.Kind
	read int64
}

const errNotIterable = fault("Attempting to map over non-iterable node.")

func newJSON(r io.Reader, pointer string, c cursor) (*jsonItems, error) {
	x := &jsonItems{in: jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true))}
	if err := x.goTo(pointer); err != nil {
		return nil, err
	}
	x.kind = x.in.PeekKind()
	if x.kind != '[' && x.kind != '{' {
		return nil, errNotIterable
	}
	if _, err := x.in.ReadToken(); err != nil {
		return nil, noJSON(err)
	}
	for x.read < c.skip {
		if _, err := x.next(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func noJSON(err error) error { return faultf("The text is no JSON: %v", err) }

// goTo reads up to what a JSON pointer (RFC 6901) names.
func (x *jsonItems) goTo(pointer string) error {
	if pointer == "" || pointer == "/" {
		return nil
	}
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		open, err := x.in.ReadToken()
		if err != nil {
			return noJSON(err)
		}
		found := false
		switch open.Kind() {
		case '{':
			found, err = x.member(part)
		case '[':
			found, err = x.element(part)
		}
		if err != nil {
			return noJSON(err)
		}
		if !found {
			return errNotIterable
		}
	}
	return nil
}

func (x *jsonItems) member(name string) (found bool, err error) {
	for x.in.PeekKind() == '"' {
		t, err := x.in.ReadToken()
		if err != nil || t.String() == name {
			return err == nil, err
		}
		if err := x.in.SkipValue(); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (x *jsonItems) element(index string) (found bool, err error) {
	n, err := strconv.Atoi(index)
	if err != nil {
		return false, nil
	}
	for range n {
		if err := x.in.SkipValue(); err != nil {
			return false, err
		}
	}
	return x.in.PeekKind() != ']', nil
}

func (x *jsonItems) next() (i item, err error) {
	if k := x.in.PeekKind(); k == ']' || k == '}' {
		return i, io.EOF
	}
	if x.kind == '{' {
		t, err := x.in.ReadToken()
		if err != nil {
			return i, noJSON(err)
		}
		i.member, i.name = true, t.String()
	}
	text, err := x.in.ReadValue()
	if err != nil {
		return i, noJSON(err)
	}
	if len(text) > maxItem {
		return i, fault("An item is longer than 8 MB.")
	}
	if i.value, err = value.Parse(bytes.Clone(text)); err != nil {
		return i, noJSON(err)
	}
	x.read++
	return i, nil
}

func (x *jsonItems) mark(c *cursor) { c.skip = x.read }
