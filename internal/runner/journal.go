package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// journal makes the runner's memory outlive it. Whatever waits is written together; a start is synced before its
// process is forked, everything else is only written: it has to survive the runner, not the machine, with which all
// processes end anyway.
type journal struct {
	path     string
	snapshot func() []record // what a new file begins with; called from the writer
	log      *slog.Logger
	done     chan struct{}

	mu     sync.Mutex // guards queue, closed
	queue  []entry
	closed bool
	wake   chan struct{} // holds one token when queue is not empty or closed

	// The writer's own.
	file  *os.File
	size  int64
	floor int64 // size after the last compaction
	err   error // why the file cannot be written; starts are refused until a new one can be made
}

// record is one line of the journal: one of its fields is set.
type record struct {
	Generation uint64         `json:"gen,omitempty"` // a runner opened the journal
	Epoch      int64          `json:"e,omitempty"`   // of the latest server
	Intent     *intent        `json:"i,omitempty"`
	Exit       *Report        `json:"x,omitempty"`
	Ack        uint64         `json:"a,omitempty"`
	Settled    *settledRecord `json:"s,omitempty"`
	Forget     int64          `json:"f,omitempty"` // a job
}

// intent says that Key is about to be started, for a server of Epoch.
type intent struct {
	Key
	Epoch int64 `json:"e"`
}

// entry is what one call of add queues: records, none where done is only to be called in its turn.
type entry struct {
	records []record
	sync    bool
	done    func(error)
}

// openJournal reads the journal into visit and makes it ready for more. A last line without its end was being written
// when the runner died: nothing followed from it.
func openJournal(dir string, log *slog.Logger, visit func(record), snapshot func() []record) (*journal, error) {
	j := &journal{
		path: filepath.Join(dir, "journal"), snapshot: snapshot, log: log,
		done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	data, err := os.ReadFile(j.path)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("reading the runner's journal: %w", err)
	}
	for line := 1; ; line++ {
		text, rest, whole := bytes.Cut(data, []byte{'\n'})
		if !whole {
			break
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("reading the runner's journal %s, line %d: %w", j.path, line, err)
		}
		visit(r)
		data = rest
	}
	if err := j.rewrite(); err != nil {
		return nil, err
	}
	go j.run()
	return j, nil
}

// add queues records. done is called from the writer, in the order of add, when they are written.
func (j *journal) add(sync bool, done func(error), records ...record) {
	j.mu.Lock()
	j.queue = append(j.queue, entry{records, sync, done})
	j.mu.Unlock()
	j.signal()
}

func (j *journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// close writes what is queued and ends the writer.
func (j *journal) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.signal()
	<-j.done
}

func (j *journal) run() {
	defer close(j.done)
	for range j.wake {
		j.mu.Lock()
		batch, closed := j.queue, j.closed
		j.queue = nil
		j.mu.Unlock()
		err := j.write(batch)
		for _, e := range batch {
			if e.done != nil {
				e.done(err)
			}
		}
		if closed {
			j.file.Close()
			return
		}
		if j.size > 2*j.floor+1<<20 {
			if err := j.rewrite(); err != nil {
				j.fail(err)
			}
		}
	}
}

// write appends a batch. After a failure nothing is known of the file's end, so it is written to no more; the next
// batch begins a new file.
func (j *journal) write(batch []entry) error {
	if j.err != nil {
		if err := j.rewrite(); err != nil {
			return err
		}
		j.err = nil
	}
	var buf bytes.Buffer
	sync := false
	for _, e := range batch {
		for i := range e.records {
			appendLine(&buf, &e.records[i])
		}
		sync = sync || e.sync
	}
	var err error
	if buf.Len() > 0 {
		var n int
		n, err = j.file.Write(buf.Bytes())
		j.size += int64(n)
	}
	if err == nil && sync {
		err = unix.Fdatasync(int(j.file.Fd()))
	}
	if err != nil {
		err = fmt.Errorf("writing the runner's journal %s (is the disk full?): %w", j.path, err)
		j.fail(err)
	}
	return err
}

func (j *journal) fail(err error) {
	j.err = err
	j.log.Error("the journal cannot be written; processes are not started until it can", "error", err)
}

// appendLine adds v, a plain struct of ours, as a line of JSON.
func appendLine(buf *bytes.Buffer, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("runner: a %T that cannot be encoded: %v", v, err))
	}
	buf.Write(data)
	buf.WriteByte('\n')
}

// rewrite replaces the file with a snapshot. Records queued while it is taken may be in it already: replay does not
// mind hearing things twice.
func (j *journal) rewrite() error {
	var buf bytes.Buffer
	for _, r := range j.snapshot() {
		appendLine(&buf, &r)
	}
	size := int64(buf.Len())
	f, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(buf.Bytes())
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(j.path+".new", j.path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(j.path))
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		return fmt.Errorf("rewriting the runner's journal: %w", err)
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size, j.floor = f, size, size
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
