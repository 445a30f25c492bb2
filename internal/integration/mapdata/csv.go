package mapdata

import (
	"bufio"
	"io"
	"slices"

	"github.com/tutti-ml/tutti/internal/value"
)

// csvItems are the records of a text with delimiters, as Step Functions reads them: fields may stand in double quotation
// marks, and then hold delimiters and newlines; a mark within is doubled. A backslash keeps a backslash, a mark or a
// delimiter that follows it, and goes away before anything else. Fields are texts. What a record lacks is empty, what it has
// too much is left out.
type csvItems struct {
	in        *bufio.Reader
	delimiter byte
	header    []string
	offset    int64 // bytes that were read
	done      int64 // of them, in whole records
	fields    []string
}

func newCSV(r io.Reader, f *format, c cursor) (*csvItems, error) {
	x := &csvItems{in: bufio.NewReaderSize(r, 64<<10), delimiter: f.delimiter, header: f.header, offset: c.offset, done: c.offset}
	switch {
	case c.header != nil:
		x.header = c.header
	case c.offset == 0:
		x.skipMark()
		if !f.first {
			break
		}
		if err := x.record(); err != nil && err != io.EOF {
			return nil, err
		}
		x.header = slices.Clone(x.fields)
		if err := checkHeader(x.header); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// skipMark passes over the mark with which some programs begin a text in UTF-8.
func (x *csvItems) skipMark() {
	if head, _ := x.in.Peek(3); string(head) == "\uFEFF" {
		n, _ := x.in.Discard(3)
		x.offset += int64(n)
	}
}

// maxHeader is the bound on the length of a header in bytes that the developer guide gives.
const maxHeader = 10 << 10

func checkHeader(header []string) error {
	seen := make(map[string]bool)
	size := 0
	for _, h := range header {
		if seen[h] {
			return fault("CSV headers cannot contain duplicates.")
		}
		seen[h] = true
		size += len(h) + 1
	}
	if size > maxHeader {
		return fault("CSV headers cannot be longer than 10 KiB.")
	}
	return nil
}

func (x *csvItems) next() (item, error) {
	for {
		if err := x.record(); err != nil {
			return item{}, err
		}
		if len(x.fields) > 1 || x.fields[0] != "" {
			break // an empty line is no record
		}
	}
	members := make([]value.Member, len(x.header))
	for i, h := range x.header {
		members[i].Name = h
		if i < len(x.fields) {
			members[i].Value = value.NewString(x.fields[i])
		} else {
			members[i].Value = value.NewString("")
		}
	}
	return item{value: value.NewObject(members...)}, nil
}

func (x *csvItems) mark(c *cursor) { c.offset, c.header = x.done, x.header }

// record reads the fields of one record.
func (x *csvItems) record() error {
	x.fields = x.fields[:0]
	began := x.offset
	var field []byte
	quoted, start := false, true // within marks; at the beginning of a field
	for {
		b, err := x.in.ReadByte()
		if err == io.EOF && x.offset > began {
			break
		}
		if err != nil {
			return err
		}
		if x.offset++; x.offset-began > maxItem {
			return fault("A record of the text is longer than 8 MB.")
		}
		switch {
		case b == '\\':
			follows, _ := x.in.Peek(1)
			if len(follows) == 1 && (follows[0] == '\\' || follows[0] == '"' || follows[0] == x.delimiter) {
				_, _ = x.in.Discard(1)
				x.offset++
				field = append(field, follows[0])
			}
		case b == '"' && quoted:
			if follows, _ := x.in.Peek(1); len(follows) == 1 && follows[0] == '"' {
				_, _ = x.in.Discard(1)
				x.offset++
				field = append(field, '"')
			} else {
				quoted = false
			}
		case quoted:
			field = append(field, b)
		case b == '"' && start:
			quoted = true
		case b == x.delimiter:
			x.fields, field, start = append(x.fields, string(field)), field[:0], true
			continue
		case b == '\n':
			x.end(field)
			return nil
		default:
			field = append(field, b)
		}
		start = false
	}
	x.end(field)
	return nil
}

// end ends a record with its last field.
func (x *csvItems) end(field []byte) {
	if n := len(field); n > 0 && field[n-1] == '\r' {
		field = field[:n-1]
	}
	x.fields = append(x.fields, string(field))
	x.done = x.offset
}
