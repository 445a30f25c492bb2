package runner

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// chunk is how much of a log is read at a time.
const chunk = 64 << 10

// archive is the folder of logs: one folder for each job, in it files of processes that print much and one pack for
// the output of all that print little.
type archive struct {
	dir   string
	mu    sync.Mutex // guards the ends of packs, and what follows
	index packIndex
	whole map[int64]bool // packs that were looked through, or begun, since this runner began
}

// packIndex says where the texts of one pack are: of the one that was read last, as all of its texts are often read.
type packIndex struct {
	file  os.FileInfo
	end   int64 // what lies before it is in texts
	texts map[Key]span
}

// span is a place in a file.
type span struct{ at, size int64 }

func (a *archive) job(job int64) string { return filepath.Join(a.dir, strconv.FormatInt(job, 10)) }
func (a *archive) base(k Key) string    { return filepath.Join(a.job(k.Job), k.file()) }
func (a *archive) pack(job int64) string {
	return filepath.Join(a.job(job), "pack")
}

// packed is the line before each text of a pack, and the text.
type packed struct {
	Key  Key `json:"k"`
	Size int `json:"n"`
	text []byte
}

// keep adds whole outputs of processes to the packs of their jobs, and gives what is lost and why. Of what is lost an
// empty file tells readers.
func (a *archive) keep(texts []packed) (lost map[Key]error) {
	slices.SortStableFunc(texts, func(x, y packed) int { return cmp.Compare(x.Key.Job, y.Key.Job) })
	for len(texts) > 0 {
		job := texts[0].Key.Job
		n := slices.IndexFunc(texts, func(p packed) bool { return p.Key.Job != job })
		if n < 0 {
			n = len(texts)
		}
		if err := a.keepJob(job, texts[:n]); err != nil {
			if lost == nil {
				lost = map[Key]error{}
			}
			for _, p := range texts[:n] {
				lost[p.Key] = err
				o := newOutput(a.base(p.Key), 0, [2]int{-1, -1})
				if o.nextPart(int64(p.Size)) == nil {
					o.file.Close()
				}
			}
		}
		texts = texts[n:]
	}
	return lost
}

// keepJob adds to one pack.
func (a *archive) keepJob(job int64, texts []packed) error {
	var entries []byte
	for _, p := range texts {
		head, err := json.Marshal(p)
		if err != nil {
			return err
		}
		entries = append(append(append(entries, head...), '\n'), p.text...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f, err := a.openPack(job)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := a.mend(job, f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(entries); err != nil {
		// Half an entry, as a full disk leaves, would hide all that come after it.
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return nil
}

// openPack opens the pack of a job to add to it.
func (a *archive) openPack(job int64) (*os.File, error) {
	const flags = os.O_CREATE | os.O_APPEND | os.O_RDWR
	f, err := os.OpenFile(a.pack(job), flags, 0o600)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(a.job(job), 0o700); err == nil {
			f, err = os.OpenFile(a.pack(job), flags, 0o600)
		}
	}
	return f, err
}

// mend cuts off half an entry, which an earlier runner may have left when it died: it would hide all that come after it.
func (a *archive) mend(job int64, pack *os.File) error {
	if a.whole[job] {
		return nil
	}
	if err := a.index.extend(pack); err != nil {
		return err
	}
	if err := pack.Truncate(a.index.end); err != nil {
		return err
	}
	if a.whole == nil {
		a.whole = map[int64]bool{}
	}
	a.whole[job] = true
	return nil
}

// remove removes the output of a job.
func (a *archive) remove(job int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.whole, job)
	return os.RemoveAll(a.job(job))
}

// unpack finds the output of a process in the pack of its job; nil where there is none.
func (a *archive) unpack(k Key) []byte {
	f, err := os.Open(a.pack(k.Job))
	if err != nil {
		return nil
	}
	defer f.Close()
	a.mu.Lock()
	err = a.index.extend(f)
	where, ok := a.index.texts[k]
	a.mu.Unlock()
	if err != nil || !ok {
		return nil
	}
	text := make([]byte, where.size)
	if _, err := f.ReadAt(text, where.at); err != nil {
		return nil
	}
	return text
}

// extend makes x the index of a pack, of which it may know a beginning.
func (x *packIndex) extend(pack *os.File) error {
	info, err := pack.Stat()
	if err != nil {
		return err
	}
	if x.file == nil || !os.SameFile(x.file, info) || info.Size() < x.end {
		*x = packIndex{file: info, texts: map[Key]span{}}
	}
	data := make([]byte, info.Size()-x.end)
	if _, err := pack.ReadAt(data, x.end); err != nil {
		return err
	}
	for len(data) > 0 {
		head, rest, _ := bytes.Cut(data, []byte{'\n'})
		var p packed
		if json.Unmarshal(head, &p) != nil || p.Size > len(rest) {
			return nil // the runner died here
		}
		where := span{x.end + int64(len(head)) + 1, int64(p.Size)}
		if _, again := x.texts[p.Key]; !again {
			x.texts[p.Key] = where
		}
		x.end, data = where.at+where.size, rest[p.Size:]
	}
	return nil
}

// parts finds the files of a process that ended.
func (a *archive) parts(k Key) []part {
	entries, err := os.ReadDir(a.job(k.Job))
	if err != nil {
		return nil
	}
	var parts []part
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), k.file()+".")
		if !ok {
			continue
		}
		start, err := strconv.ParseInt(strings.TrimSuffix(middle, ".log"), 10, 64)
		if err != nil && middle != "log" {
			continue
		}
		if info, err := e.Info(); err == nil {
			parts = append(parts, part{start, start + info.Size()})
		}
	}
	slices.SortFunc(parts, func(x, y part) int { return int(min(max(x.start-y.start, -1), 1)) })
	return parts
}

// drop removes the output of one process, as far as it has files of its own.
func (a *archive) drop(k Key) error {
	for _, p := range a.parts(k) {
		if err := os.Remove(p.path(a.base(k))); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("removing the output of %s: %w", k, err)
		}
	}
	return nil
}

// stored is the output of a process that ended, as an output that nobody adds to.
func (a *archive) stored(k Key) *output {
	o := newOutput(a.base(k), 0, [2]int{-1, -1})
	o.closed = true
	if o.parts = a.parts(k); len(o.parts) > 0 {
		o.end = o.parts[len(o.parts)-1].end
		return o
	}
	o.mem = a.unpack(k)
	o.end = int64(len(o.mem))
	return o
}

// follow sends the output from its last tail lines on (0: all), until it ends or, without follow, as far as it is there.
func (o *output) follow(ctx context.Context, tail int, follow bool, send func([]byte) error) error {
	o.mu.Lock()
	at := int64(0)
	if tail > 0 {
		at = o.lastLines(tail)
	}
	o.mu.Unlock()
	for {
		o.mu.Lock()
		text, next := o.readOn(at)
		at = next
		atEnd, ended, changed := at >= o.end, o.closed, o.changed
		o.mu.Unlock()
		if len(text) > 0 {
			if err := send(text); err != nil {
				return err
			}
		}
		switch {
		case !atEnd:
			continue
		case ended || !follow:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lastChunk is the end of the output.
func (o *output) lastChunk() []byte {
	return o.readFrom(o.skipDropped(max(0, o.end-2*tailSize)), 2*tailSize)
}

// readOn gives what follows an offset, with a line of ours in place of what was dropped, and the offset after that.
func (o *output) readOn(at int64) (text []byte, next int64) {
	from := o.skipDropped(at)
	text = o.readFrom(from, chunk)
	next = from + int64(len(text))
	if len(text) == 0 {
		next = o.end // there is no more, or somebody removed our file
	}
	if from > at {
		note := fmt.Sprintf("%s stderr F [%d bytes of output, its times counted, are missing here: there was more than is kept, or the disk was full]\n", time.Now().UTC().Format(timeFormat), from-at)
		text = append([]byte(note), text...)
	}
	return text, next
}

// skipDropped moves an offset that lies in what was dropped to the beginning of what is kept.
func (o *output) skipDropped(at int64) int64 {
	for _, p := range o.parts {
		if at < p.end || at < p.start { // an empty part says that what is before it is missing
			return max(at, p.start)
		}
	}
	return max(at, o.end-int64(len(o.mem)))
}

// lastLines is the offset of the last n lines, found by reading backwards. Parts of a line count as one; the last line
// may have no end yet.
func (o *output) lastLines(n int) int64 {
	lines, next := 0, o.end
	// more counts a line, or part of one, and tells whether it is one of the last n; next is where the first of these begins.
	more := func(at int64, text []byte) bool {
		if lines == 0 || !o.isPart(at, text) {
			lines++
		}
		if lines <= n {
			next = at
		}
		return lines <= n
	}
	for end := o.end; end > 0; {
		start := max(0, end-chunk)
		for _, p := range o.parts { // one read does not cross a boundary
			if start < p.start && p.start < end {
				start = p.start
			}
		}
		if mem := o.end - int64(len(o.mem)); start < mem && mem < end {
			start = mem
		}
		text := o.readFrom(start, int(end-start))
		if len(text) == 0 { // what was here is dropped
			more(end, nil)
			return next
		}
		for i := len(text) - 1; i >= 0; i-- {
			if at := start + int64(i) + 1; text[i] == '\n' && at < o.end && !more(at, text[i+1:]) {
				return next
			}
		}
		end = start
	}
	more(0, nil)
	return next
}

// isPart says whether the line at an offset goes on in another. text is what was read of it.
func (o *output) isPart(at int64, text []byte) bool {
	if len(text) <= tagAt {
		text = o.readFrom(at, tagAt+1)
	}
	return len(text) > tagAt && text[tagAt] == tagPart
}
