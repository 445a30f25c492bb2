package runner

import (
	"bytes"
	"time"
)

// LongestLine is the most that one Line holds, in bytes.
const LongestLine = 1 << 20

// Line is one line of output, without its end.
type Line struct {
	Time   time.Time // when its end was read
	Stream string    // stdout or stderr
	Text   string
	// Continued says that the line goes on in the next of its stream: it is longer than LongestLine, or is followed while
	// it is written.
	Continued bool
}

// parseLine reads a line of a log file.
func parseLine(line []byte) (Line, bool) {
	stamp, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return Line{}, false
	}
	t, err := time.Parse(timeFormat, string(stamp))
	stream, rest, ok := bytes.Cut(rest, []byte{' '})
	if err != nil || !ok || len(rest) < 2 || rest[1] != ' ' {
		return Line{}, false
	}
	return Line{Time: t, Stream: string(stream), Text: string(rest[2:]), Continued: rest[0] == tagPart}, true
}

// The tags of lines in a log file, as in the container runtime interface: whole, or the end of parts; and a part that is
// not the last. tagAt is where a line has its tag: times and names of streams are of one length.
const (
	tagFull = 'F'
	tagPart = 'P'
	tagAt   = len(timeFormat) + len(" stdout ")
)

// joiner puts the parts of lines together again.
type joiner struct {
	live bool             // pass parts on as they come
	held map[string]*Line // by stream
	rest []byte           // of a log file's line of which the end is not there yet
}

// read takes what comes next in a log file.
func (j *joiner) read(text []byte, yield func(Line) bool) bool {
	j.rest = append(j.rest, text...)
	for {
		line, after, whole := bytes.Cut(j.rest, []byte{'\n'})
		if !whole {
			return true
		}
		if l, ok := parseLine(line); ok && !j.add(l, yield) {
			return false
		}
		j.rest = after
	}
}

// add takes the next line of a log file and yields what is whole by that, or as long as a Line may be.
func (j *joiner) add(l Line, yield func(Line) bool) bool {
	if j.live {
		return yield(l)
	}
	if held := j.held[l.Stream]; held != nil {
		delete(j.held, l.Stream)
		if len(held.Text)+len(l.Text) <= LongestLine {
			l.Text = held.Text + l.Text
		} else if !yield(*held) {
			return false
		}
	}
	if !l.Continued {
		return yield(l)
	}
	if j.held == nil {
		j.held = map[string]*Line{}
	}
	j.held[l.Stream] = &l
	return true
}

// end yields the lines of which no end is there yet.
func (j *joiner) end(yield func(Line) bool) {
	for _, stream := range streamNames {
		if l := j.held[stream]; l != nil && !yield(*l) {
			return
		}
	}
}
