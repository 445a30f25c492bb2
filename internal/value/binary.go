package value

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// InlineLimit is the size in bytes of JSON text above which an Encoder writes a value as a reference by digest, the
// text going beside the record once.
const InlineLimit = 1 << 10

// Blob is a text stored beside the records that refer to it by its digest.
type Blob struct {
	Digest Digest
	text   []byte // compact JSON; nil: made of value when it is asked for
	value  Value
}

// NewBlob is the blob of text, which is a value's compact JSON, or nil where only its digest is left.
func NewBlob(d Digest, text []byte) Blob { return Blob{Digest: d, text: text} }

// Size is the length of Text.
func (b Blob) Size() int {
	if b.text != nil {
		return len(b.text)
	}
	return b.value.Size()
}

// Text is the compact JSON text; nil where only the digest is left. It costs something where the value was named before:
// whoever has stored the digest already does not ask.
func (b Blob) Text() []byte {
	if b.text != nil || b.value.IsAbsent() {
		return b.text
	}
	return b.value.AppendJSON(make([]byte, 0, b.value.Size()))
}

// Encoder appends the binary form that facts, frames and snapshots have: varints, length-prefixed strings, values inline
// or by digest. Within one Encoder a value seen before is written as a reference of a few bytes. The zero Encoder is
// ready to use.
type Encoder struct {
	buf   []byte
	blobs []Blob
	seen  map[*node]uint64 // composite values written before, by order
	named map[Digest]bool  // digests whose text is in blobs
}

// Bytes is what has been appended; it is valid until the next append.
func (e *Encoder) Bytes() []byte { return e.buf }

// Len is the length of Bytes.
func (e *Encoder) Len() int { return len(e.buf) }

// Blobs are the texts that Bytes refers to, each once.
func (e *Encoder) Blobs() []Blob { return e.blobs }

// Byte appends b.
func (e *Encoder) Byte(b byte) { e.buf = append(e.buf, b) }

// Bool appends b.
func (e *Encoder) Bool(b bool) {
	if b {
		e.Byte(1)
	} else {
		e.Byte(0)
	}
}

// Uint appends u in 1 to 10 bytes, fewer for small ones.
func (e *Encoder) Uint(u uint64) { e.buf = binary.AppendUvarint(e.buf, u) }

// Int appends i in 1 to 10 bytes, fewer near zero.
func (e *Encoder) Int(i int64) { e.buf = binary.AppendVarint(e.buf, i) }

// Text appends s.
func (e *Encoder) Text(s string) {
	e.Uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

// Time appends t to the millisecond; the zero time keeps its meaning.
func (e *Encoder) Time(t time.Time) {
	if t.IsZero() {
		e.Int(0)
		return
	}
	e.Int(t.UnixMilli())
}

// The forms a value can have in the binary text.
const (
	formInline = iota // compact JSON text; empty for an absent value
	formAgain         // the nth composite value of this encoder
	formDigest        // the digest of a Blob
)

// Value appends v.
func (e *Encoder) Value(v Value) {
	if v.node != nil && v.node.size > 8 {
		if n, ok := e.seen[v.node]; ok {
			e.Byte(formAgain)
			e.Uint(n)
			return
		}
		if e.seen == nil {
			e.seen = make(map[*node]uint64)
		}
		e.seen[v.node] = uint64(len(e.seen))
	}
	size := v.Size()
	if size <= InlineLimit {
		e.Byte(formInline)
		e.Uint(uint64(size))
		e.buf = v.AppendJSON(e.buf)
		return
	}
	d, text := v.digestText()
	e.Byte(formDigest)
	e.buf = append(e.buf, d[:]...)
	if e.named == nil {
		e.named = make(map[Digest]bool)
	}
	if !e.named[d] {
		e.named[d] = true
		e.blobs = append(e.blobs, Blob{d, text, v})
	}
}

// ErrCorrupt is wrapped by every error of a Decoder but those of Load.
var ErrCorrupt = errors.New("corrupt record")

// Decoder reads what an Encoder wrote, in the same order. The first failure sticks: every later read gives a zero value,
// and Err says what it was.
type Decoder struct {
	buf  []byte
	load func(Digest) (Value, error)
	seen []Value
	err  error
}

// NewDecoder reads data; load brings the value that a digest names.
func NewDecoder(data []byte, load func(Digest) (Value, error)) *Decoder {
	return &Decoder{buf: data, load: load}
}

// Err is the first failure.
func (d *Decoder) Err() error { return d.err }

// More reports whether there is anything left to read.
func (d *Decoder) More() bool { return d.err == nil && len(d.buf) > 0 }

// Fail records that what was read makes no sense.
func (d *Decoder) Fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	d.buf = nil
}

// Byte reads what Encoder.Byte wrote.
func (d *Decoder) Byte() byte {
	if len(d.buf) == 0 {
		d.Fail("short")
		return 0
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b
}

// Bool reads what Encoder.Bool wrote.
func (d *Decoder) Bool() bool { return d.Byte() == 1 }

// Uint reads what Encoder.Uint wrote.
func (d *Decoder) Uint() uint64 {
	u, n := binary.Uvarint(d.buf)
	if n <= 0 {
		d.Fail("bad varint")
		return 0
	}
	d.buf = d.buf[n:]
	return u
}

// Int reads what Encoder.Int wrote.
func (d *Decoder) Int() int64 {
	i, n := binary.Varint(d.buf)
	if n <= 0 {
		d.Fail("bad varint")
		return 0
	}
	d.buf = d.buf[n:]
	return i
}

// Len reads a count that Encoder.Uint wrote, of things of at least one byte each.
func (d *Decoder) Len() int {
	u := d.Uint()
	if u > uint64(len(d.buf)) {
		d.Fail("count beyond the end")
		return 0
	}
	return int(u)
}

func (d *Decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.buf) {
		d.Fail("short")
		return nil
	}
	b := d.buf[:n]
	d.buf = d.buf[n:]
	return b
}

// Text reads what Encoder.Text wrote.
func (d *Decoder) Text() string { return string(d.bytes(d.Len())) }

// Time reads what Encoder.Time wrote.
func (d *Decoder) Time() time.Time {
	ms := d.Int()
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Value reads what Encoder.Value wrote.
func (d *Decoder) Value() Value {
	var v Value
	switch form := d.Byte(); form {
	case formAgain:
		n := d.Uint()
		if n >= uint64(len(d.seen)) {
			d.Fail("reference to a later value")
			return Value{}
		}
		return d.seen[n]
	case formInline:
		text := d.bytes(d.Len())
		if len(text) == 0 {
			return Value{}
		}
		var err error
		if v, err = parseStored(text); err != nil {
			d.Fail("value: " + err.Error())
			return Value{}
		}
	case formDigest:
		var sum Digest
		copy(sum[:], d.bytes(len(sum)))
		if d.err != nil {
			return Value{}
		}
		var err error
		if v, err = d.load(sum); err != nil {
			d.err = fmt.Errorf("loading value %s: %w", sum, err)
			d.buf = nil
			return Value{}
		}
	default:
		d.Fail("unknown form of value")
		return Value{}
	}
	if v.node != nil && v.node.size > 8 {
		d.seen = append(d.seen, v)
	}
	return v
}
