package runner

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// settled is what is kept of processes whose ends were acknowledged, until Forget: in memory and in the journal a bit
// each, so that none is started again, and in a file for each job how they ended, for who asks again: a server that was
// restored from a backup.
type settled struct {
	archive *archive
	files   sync.Mutex // held while files are written or removed; taken before the runner's mu
	jobs    map[int64]map[lane]bits
}

// lane is the children of a job that have one replica and attempt.
type lane struct{ replica, attempt int32 }

// bits is a set of children.
type bits []uint64

func (b bits) has(child int32) bool {
	i := int(child >> 6)
	return i < len(b) && b[i]&(1<<(child&63)) != 0
}

func (b bits) with(child int32) bits {
	for len(b) <= int(child>>6) {
		b = append(b, 0)
	}
	b[child>>6] |= 1 << (child & 63)
	return b
}

// settledRecord is a set of one lane in the journal: the first and last child of each stretch.
type settledRecord struct {
	Job      int64    `json:"j"`
	Replica  int32    `json:"r,omitempty"`
	Attempt  int32    `json:"a,omitempty"`
	Children []uint32 `json:"c"`
}

func (s *settled) path(job int64) string { return filepath.Join(s.archive.job(job), "ends") }

func (s *settled) has(k Key) bool {
	return k.Child >= 0 && s.jobs[k.Job][lane{k.Replica, k.Attempt}].has(k.Child)
}

func (s *settled) mark(k Key) {
	if s.jobs[k.Job] == nil {
		s.jobs[k.Job] = map[lane]bits{}
	}
	l := lane{k.Replica, k.Attempt}
	s.jobs[k.Job][l] = s.jobs[k.Job][l].with(k.Child)
}

// keys lists those of a job.
func (s *settled) keys(job int64) (keys []Key) {
	for l, b := range s.jobs[job] {
		for child := range int32(len(b) * 64) {
			if b.has(child) {
				keys = append(keys, Key{Job: job, Child: child, Replica: l.replica, Attempt: l.attempt})
			}
		}
	}
	return keys
}

// records is all that the journal is to say.
func (s *settled) records() (records []record) {
	for job, lanes := range s.jobs {
		for l, b := range lanes {
			rec := &settledRecord{Job: job, Replica: l.replica, Attempt: l.attempt}
			for child, was := int32(0), false; child <= int32(len(b)*64); child++ {
				switch is := b.has(child); {
				case is && !was:
					rec.Children = append(rec.Children, uint32(child), uint32(child))
				case is:
					rec.Children[len(rec.Children)-1] = uint32(child)
				}
				was = b.has(child)
			}
			records = append(records, record{Settled: rec})
		}
	}
	return records
}

// restore takes what records said.
func (s *settled) restore(rec *settledRecord) {
	for stretch := range slices.Chunk(rec.Children, 2) {
		for child := stretch[0]; child <= stretch[len(stretch)-1]; child++ {
			s.mark(Key{Job: rec.Job, Child: int32(child), Replica: rec.Replica, Attempt: rec.Attempt})
		}
	}
}

// write adds reports of one job to its file, and syncs it: the journal forgets them then.
func (s *settled) write(job int64, reports []Report) error {
	var buf bytes.Buffer
	buf.WriteByte('\n') // after a line that a runner's death has cut short
	for i := range reports {
		appendLine(&buf, &reports[i])
	}
	if err := os.MkdirAll(s.archive.job(job), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path(job), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(buf.Bytes()); err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return f.Sync()
}

// read finds how processes of a job ended.
func (s *settled) read(job int64) (map[Key]Report, error) {
	data, err := os.ReadFile(s.path(job))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	reports := map[Key]Report{}
	for line := range bytes.Lines(data) {
		var rep Report
		if json.Unmarshal(line, &rep) == nil && rep.Exit != nil { // a line cut short was written again
			reports[rep.Key] = rep
		}
	}
	return reports, nil
}

// settle lets go of the ended processes whose ends were acknowledged. What cannot be written stays as it is.
func (r *Runner) settle() {
	r.settled.files.Lock()
	defer r.settled.files.Unlock()
	r.mu.Lock()
	acked := r.acked()
	byJob := map[int64][]Report{}
	for k, p := range r.procs {
		if p.exit != nil && p.number <= acked {
			byJob[k.Job] = append(byJob[k.Job], Report{Key: k, Number: p.number, Started: p.began, Exit: p.exit})
		}
	}
	r.mu.Unlock()
	for job, reports := range byJob {
		slices.SortFunc(reports, func(a, b Report) int { return cmp.Compare(a.Number, b.Number) })
		if err := r.settled.write(job, reports); err != nil {
			r.log.Error("how processes ended cannot be put aside; it stays in memory", "job", job, "error", err)
			continue
		}
		r.mu.Lock()
		for _, rep := range reports {
			if p := r.procs[rep.Key]; p != nil && p.number == rep.Number { // nobody has asked for it again
				r.settled.mark(rep.Key)
				delete(r.procs, rep.Key)
			}
		}
		r.mu.Unlock()
	}
}

// recall brings back those of keys that were settled, to be reported again. mu is held.
func (r *Runner) recall(keys ...Key) {
	ends := map[int64]map[Key]Report{}
	for _, k := range keys {
		if !r.settled.has(k) || r.procs[k] != nil {
			continue
		}
		if ends[k.Job] == nil {
			var err error
			if ends[k.Job], err = r.settled.read(k.Job); err != nil {
				r.log.Error("how processes ended cannot be read", "job", k.Job, "error", err)
			}
		}
		rep, ok := ends[k.Job][k]
		if !ok {
			rep.Exit = &Exit{Cause: Lost, Code: 1, Ended: time.Now().UTC(), Text: "it has ended and will not be started again; how it ended is not known any more"}
		}
		r.procs[k] = &proc{key: k, exit: rep.Exit, began: rep.Started, number: 1, tail: plain(r.archive.stored(k).lastChunk(), tailSize)}
	}
}

func (b *StartBatch) keys() []Key {
	keys := make([]Key, len(b.Starts))
	for i := range b.Starts {
		keys[i] = b.Starts[i].Key
	}
	return keys
}
