package kernel

import (
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// A frame is all events of one run in one commit: a byte that says how the rest is packed, then for each event its kind
// and its fact. Forms are never given another meaning: logs hold them.
const (
	framePlain  = 1
	frameSquash = 2 // s2 block
)

// squashAbove is the size in bytes from which packing saves more than it costs.
const squashAbove = 512

// frameWriter collects the events of one commit.
type frameWriter struct {
	enc   value.Encoder
	count int
}

func (w *frameWriter) add(f run.Fact) {
	w.enc.Byte(byte(f.Kind()))
	f.Encode(&w.enc)
	w.count++
}

func (w *frameWriter) bytes() []byte {
	body := w.enc.Bytes()
	if len(body) > squashAbove {
		packed := s2.Encode(make([]byte, 1, 1+s2.MaxEncodedLen(len(body)))[1:], body)
		if len(packed) < len(body)*7/8 {
			return append([]byte{frameSquash}, packed...)
		}
	}
	return append([]byte{framePlain}, body...)
}

// unframe yields the facts of a frame with their sequence numbers.
func unframe(def run.Definition, c store.Change, load func(value.Digest) (value.Value, error), yield func(uint64, run.Fact) bool) error {
	corrupt := func(why string) error {
		return fmt.Errorf("frame %d of run %d: %w: %s", c.First, c.Subject.ID, store.ErrCorrupt, why)
	}
	if len(c.Data) == 0 {
		return corrupt("empty")
	}
	body := c.Data[1:]
	switch c.Data[0] {
	case framePlain:
	case frameSquash:
		var err error
		if body, err = s2.Decode(nil, body); err != nil {
			return corrupt(err.Error())
		}
	default:
		return fmt.Errorf("frame %d of run %d: %w", c.First, c.Subject.ID, store.ErrNewer)
	}
	d := value.NewDecoder(body, load)
	for i := range c.Count {
		kind := run.EventKind(d.Byte())
		if d.Err() != nil {
			return corrupt(d.Err().Error())
		}
		f, err := def.DecodeFact(kind, d)
		if err == nil {
			err = d.Err()
		}
		if err != nil {
			return fmt.Errorf("event %d of run %d: %w", c.First+uint64(i), c.Subject.ID, err)
		}
		if !yield(c.First+uint64(i), f) {
			return nil
		}
	}
	if d.More() {
		return corrupt("more than its events")
	}
	return nil
}
