package mapdata

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/value"
)

// item is one item of an object's contents.
type item struct {
	value  value.Value
	member bool   // of a JSON object
	name   string // then its name
}

// items goes through the contents of one object.
type items interface {
	// next is the next item; io.EOF: there are no more.
	next() (item, error)
	// mark notes in a cursor what was read.
	mark(c *cursor)
}

// stream is an object that is being read.
type stream struct {
	items  items
	tag    string
	body   io.Closer
	cancel context.CancelFunc
	timer  *time.Timer // that closes it, while nobody reads
}

func (s *stream) close() {
	s.cancel()
	s.body.Close()
}

// streams are those that are kept open between two tasks, so that what is compressed need not be read from its
// beginning again and again. They are a cache: a cursor alone leads to the same place.
type streams struct {
	mu   sync.Mutex // guards open
	open map[string]*stream
}

// keptFor is how long a stream waits for the task that goes on with it, and keptAtMost how many do.
const (
	keptFor    = 30 * time.Second
	keptAtMost = 64
)

// streamKey names a stream at a place.
func streamKey(t kernel.Task, o object, c cursor) string {
	c.read = 0
	return fmt.Sprintf("%d %s %s", t.Run.ID, o.uri(), c.value())
}

func (s *streams) keep(key string, st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= keptAtMost {
		st.close()
		return
	}
	if s.open == nil {
		s.open = make(map[string]*stream)
	}
	s.open[key] = st
	st.timer = time.AfterFunc(keptFor, func() {
		if st := s.take(key); st != nil {
			st.close()
		}
	})
}

// take gives a stream away, if it is there.
func (s *streams) take(key string) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.open[key]
	delete(s.open, key)
	if st != nil {
		st.timer.Stop()
	}
	return st
}

// stream opens an object where a cursor is.
func (r *reader) stream(ctx context.Context, t kernel.Task, s *spec, o object, c cursor) (*stream, error) {
	if st := r.open.take(streamKey(t, o, c)); st != nil {
		return st, nil
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it may outlive the task
	st := &stream{cancel: cancel}
	packed := compression(o.key)
	from := c.offset
	if packed != "" {
		from = 0
	}
	body, tag, err := r.deps.get(own, t, o, from, c.tag)
	if err != nil {
		cancel()
		return nil, err
	}
	st.body, st.tag = body, tag
	plain, err := unpack(body, packed)
	if err == nil && packed != "" {
		_, err = io.CopyN(io.Discard, plain, c.offset)
	}
	if err == nil {
		st.items, err = s.format.items(plain, c)
	}
	if err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

// compression is how an object is packed, by the ending of its name.
func compression(key string) string {
	switch {
	case strings.HasSuffix(key, ".gz"):
		return "gzip"
	case strings.HasSuffix(key, ".zst"), strings.HasSuffix(key, ".zstd"):
		return "zstd"
	}
	return ""
}

func unpack(r io.Reader, packed string) (io.Reader, error) {
	switch packed {
	case "gzip":
		return gzip.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return r, nil
}

// items goes through r, which is at the place of a cursor.
func (f *format) items(r io.Reader, c cursor) (items, error) {
	switch f.kind {
	case "CSV":
		return newCSV(r, f, c)
	case "JSONL":
		return newLines(r, c), nil
	}
	return newJSON(r, f.pointer, c)
}
