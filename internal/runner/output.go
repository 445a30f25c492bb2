package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// smallOutput is how much a process may print before it gets a file of its own; what stays below is written with
	// that of other processes of its job when it ends. A file each costs a quarter of the spawn rate.
	smallOutput = 4 << 10
	// longestPart is where a line is split; its parts but the last are tagged as such, and readers join them.
	longestPart = 16 << 10
	// tailSize is how much of the end of the output goes with the report of the exit.
	tailSize = 4 << 10

	timeFormat = "2006-01-02T15:04:05.000000Z"
)

// output is what one process prints, while it runs: lines in the form of the container runtime interface,
//
//	2026-01-02T15:04:05.000000Z stdout F text
//
// which are numbered by their byte offset. The first half of the limit is kept; beyond it a rolling tail, of which the
// oldest quarter is dropped when it is full, so that both the beginning and the end can be read.
type output struct {
	base  string // path of the files, without suffix
	limit int64

	mu      sync.Mutex
	parts   []part // files, in order
	file    *os.File
	mem     []byte // lines not yet written
	end     int64  // offset after mem
	pending [2][]byte
	pipes   [2]int // read ends; -1: closed
	closed  bool
	changed chan struct{} // closed and replaced when there is more to read
	lost    int64         // bytes that could not be written
	why     error         // why, the first time
}

// part is one file of an output: the offsets from start to end.
type part struct{ start, end int64 }

func (p part) path(base string) string {
	if p.start == 0 {
		return base + ".log"
	}
	return fmt.Sprintf("%s.%d.log", base, p.start)
}

var streamNames = [2]string{"stdout", "stderr"}

func newOutput(base string, limit int64, pipes [2]int) *output {
	return &output{base: base, limit: limit, pipes: pipes, changed: make(chan struct{})}
}

// read takes what a pipe holds, up to the size of buf, and closes a pipe that has reached its end. It returns the number
// of bytes read: 0 where there is nothing now, -1 where there will be nothing more.
func (o *output) read(stream int, buf []byte) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.readLocked(stream, buf)
}

func (o *output) readLocked(stream int, buf []byte) int {
	if o.pipes[stream] < 0 {
		return -1
	}
	n, err := unix.Read(o.pipes[stream], buf)
	switch {
	case n > 0:
		o.add(stream, buf[:n])
		return n
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0
	}
	unix.Close(o.pipes[stream])
	o.pipes[stream] = -1
	return -1
}

// add cuts text into lines.
func (o *output) add(stream int, text []byte) {
	now := time.Now().UTC()
	held := &o.pending[stream]
	for len(text) > 0 {
		room := longestPart - len(*held)
		i := bytes.IndexByte(text, '\n')
		switch {
		case i >= 0 && i <= room:
			o.line(now, stream, tagFull, *held, text[:i])
			*held, text = (*held)[:0], text[i+1:]
		case len(text) > room:
			o.line(now, stream, tagPart, *held, text[:room])
			*held, text = (*held)[:0], text[room:]
		default:
			*held, text = append(*held, text...), nil
		}
		if len(o.mem) > longestPart { // much of it at once: a part must not grow far beyond its size
			o.flush()
		}
	}
	if len(o.mem) > smallOutput {
		o.flush()
	}
	o.announce()
}

func (o *output) line(now time.Time, stream int, tag byte, held, text []byte) {
	before := len(o.mem)
	o.mem = now.AppendFormat(o.mem, timeFormat)
	o.mem = append(append(o.mem, ' '), streamNames[stream]...)
	o.mem = append(o.mem, ' ', tag, ' ')
	o.mem = append(append(append(o.mem, held...), text...), '\n')
	o.end += int64(len(o.mem) - before)
}

func (o *output) announce() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// flush writes what is in memory to the files. What cannot be written is lost, which the log and the report of the end
// tell: output must not stop a process.
func (o *output) flush() {
	if len(o.mem) == 0 {
		return
	}
	if err := o.write(o.end - int64(len(o.mem))); err != nil {
		o.lost += int64(len(o.mem))
		if o.why == nil {
			o.why = err
		}
	}
	o.mem = o.mem[:0]
}

// write writes what is in memory, of which start is the offset: all of it or nothing.
func (o *output) write(start int64) error {
	last := len(o.parts) - 1
	if o.file == nil || last < 0 || o.parts[last].end != start || o.parts[last].end-o.parts[last].start >= o.partSize(last) {
		if err := o.nextPart(start); err != nil {
			return err
		}
		last = len(o.parts) - 1
	}
	p := &o.parts[last]
	if _, err := o.file.Write(o.mem); err != nil {
		// Half a line would be taken for the beginning of what follows.
		err = errors.Join(err, o.file.Truncate(p.end-p.start), o.file.Close())
		o.file = nil
		if p.start == p.end {
			_ = os.Remove(p.path(o.base))
			o.parts = o.parts[:last]
		}
		return err
	}
	p.end = o.end
	if len(o.parts) > 3 { // the first and two that roll stay
		os.Remove(o.parts[1].path(o.base))
		o.parts = slices.Delete(o.parts, 1, 2)
	}
	return nil
}

// partSize is the size of a part: half of the limit for the first, a quarter for those that roll.
func (o *output) partSize(i int) int64 {
	if o.parts[i].start == 0 {
		return o.limit / 2
	}
	return o.limit / 4
}

// nextPart begins a file.
func (o *output) nextPart(start int64) error {
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
	p := part{start, start}
	const flags = os.O_CREATE | os.O_TRUNC | os.O_WRONLY
	f, err := os.OpenFile(p.path(o.base), flags, 0o600)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(filepath.Dir(o.base), 0o700); err == nil {
			f, err = os.OpenFile(p.path(o.base), flags, 0o600)
		}
	}
	if err != nil {
		return err
	}
	o.parts, o.file = append(o.parts, p), f
	return nil
}

// settle writes what has been in memory since the last call, for who comes after us if we die.
func (o *output) settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.flush()
	}
}

// close takes what is left in the pipes, closes them and returns the end of the output. Nobody writes to them any more:
// the process tree is gone. small is all of the output where it has no file; it is for the caller to keep.
func (o *output) close(buf []byte) (tail, small []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now().UTC()
	for stream := range o.pipes {
		for o.readLocked(stream, buf) > 0 {
		}
		if o.pipes[stream] >= 0 {
			unix.Close(o.pipes[stream])
			o.pipes[stream] = -1
		}
		if len(o.pending[stream]) > 0 {
			o.line(now, stream, tagFull, o.pending[stream], nil)
		}
	}
	if len(o.parts) == 0 && o.lost == 0 && len(o.mem) <= smallOutput {
		small, tail = bytes.Clone(o.mem), plain(o.mem, tailSize)
	} else {
		o.flush()
		tail = plain(o.lastChunk(), tailSize)
		if last := len(o.parts) - 1; last < 0 || o.parts[last].end < o.end {
			_ = o.nextPart(o.end) // an empty file tells readers that something is missing before it
		}
	}
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
	o.closed = true
	o.announce()
	return tail, small
}

// readFrom gives up to n bytes from offset on, which the caller knows to be there or dropped.
func (o *output) readFrom(offset int64, n int) []byte {
	if mem := o.end - int64(len(o.mem)); offset >= mem {
		return bytes.Clone(o.mem[offset-mem : min(int(offset-mem)+n, len(o.mem))])
	}
	return readParts(o.base, o.parts, offset, n)
}

// readParts reads from the part that holds offset, without going beyond it.
func readParts(base string, parts []part, offset int64, n int) []byte {
	for _, p := range parts {
		if offset < p.start || offset >= p.end {
			continue
		}
		f, err := os.Open(p.path(base))
		if err != nil {
			return nil
		}
		defer f.Close()
		buf := make([]byte, min(int64(n), p.end-offset))
		got, _ := f.ReadAt(buf, offset-p.start)
		return buf[:got]
	}
	return nil
}

// plain is the text of the last whole lines, without times and tags, at most n bytes.
func plain(lines []byte, n int) []byte {
	var text []byte
	var j joiner
	add := func(l Line) bool {
		text = append(append(text, l.Text...), '\n')
		return true
	}
	j.read(lines, add)
	j.end(add)
	if len(text) > n {
		text = text[len(text)-n:]
		if i := bytes.IndexByte(text, '\n'); i >= 0 && i < len(text)-1 {
			text = text[i+1:]
		}
	}
	return text
}
