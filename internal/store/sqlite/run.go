package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// loader loads values that rows refer to.
func (s *Store) loader(ctx context.Context) func(value.Digest) (value.Value, error) {
	return func(d value.Digest) (value.Value, error) { return s.Load(ctx, d) }
}

// storedRun is a run's row before its data are decoded, which may take another query.
type storedRun struct {
	run  store.Run
	data []byte
}

func scanRun(row scanner) (r storedRun, err error) {
	err = row.Scan(&r.run.ID, &r.run.Owner, &r.run.Machine, &r.run.Name, &r.run.Parent, &r.run.Status, &r.run.Resident, &r.data)
	return r, err
}

func (s *Store) decode(ctx context.Context, r storedRun) (*store.Run, error) {
	if err := decodeRun(r.data, &r.run, s.loader(ctx)); err != nil {
		return nil, err
	}
	return &r.run, nil
}

// Run implements store.Store.
func (s *Store) Run(ctx context.Context, id run.ID) (*store.Run, error) {
	r, err := one(s.query.run.QueryRowContext(ctx, id), scanRun, "run %d", id)
	if err != nil {
		return nil, err
	}
	return s.decode(ctx, r)
}

// RunByName implements store.Store.
func (s *Store) RunByName(ctx context.Context, owner, machine, name string) (*store.Run, error) {
	found, err := s.Runs(ctx, store.RunFilter{Owner: owner, Machine: machine, Name: name, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("run %q: %w", name, store.ErrNotFound)
	}
	return found[0], nil
}

// Runs implements store.Store.
func (s *Store) Runs(ctx context.Context, f store.RunFilter) ([]*store.Run, error) {
	text, args := selectRuns(f)
	rows, err := s.read.QueryContext(ctx, text, args...)
	found, err := collect(rows, err, scanRun)
	if err != nil {
		return nil, err
	}
	runs := make([]*store.Run, len(found))
	for i, r := range found {
		if runs[i], err = s.decode(ctx, r); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

func selectRuns(f store.RunFilter) (string, []any) {
	var q selection
	q.text("owner", f.Owner)
	q.text("machine", f.Machine)
	q.text("name", f.Name)
	q.number("parent", int64(f.Parent))
	if f.Ungrouped {
		q.and("instr(machine, '/') = 0")
	}
	among(&q, "status", f.Statuses)
	if openOnly(f.Statuses) {
		q.and("ended IS NULL") // so that its index serves
	}
	if f.Label[0] != "" {
		q.and("id IN (SELECT run FROM run_label WHERE name = ? AND value = ?)", f.Label[0], f.Label[1])
	}
	if f.Before > 0 {
		q.and("id < ?", int64(f.Before))
	}
	return q.query(runColumns, "run", "id DESC", f.Limit)
}

func openOnly(statuses []run.Status) bool {
	for _, st := range statuses {
		if st.Ended() {
			return false
		}
	}
	return len(statuses) > 0
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, id run.ID) (*store.Snapshot, error) {
	return one(s.query.snapshot.QueryRowContext(ctx, id), func(row scanner) (*store.Snapshot, error) {
		var snap store.Snapshot
		err := row.Scan(&snap.Next, &snap.Version, &snap.Data)
		return &snap, err
	}, "snapshot of run %d", id)
}

func scanChange(row scanner) (c store.Change, err error) {
	err = row.Scan(&c.Seq, &c.Subject.Kind, &c.Subject.ID, &c.First, &c.Count, &c.Position, &c.Data)
	return c, err
}

// Frames implements store.Store. It reads pages that grow, so that who wants one frame does not pay for many, and holds
// no connection while it yields.
func (s *Store) Frames(ctx context.Context, id run.ID, from uint64, yield func(store.Change) bool) error {
	for page := 4; ; page = min(4*page, 256) {
		rows, err := s.query.frames.QueryContext(ctx, id, from, page)
		frames, err := collect(rows, err, scanChange)
		if err != nil {
			return fmt.Errorf("reading the log of run %d: %w", id, err)
		}
		for _, c := range frames {
			if !yield(c) {
				return nil
			}
			from = c.First + uint64(c.Count)
		}
		if len(frames) < page {
			return nil
		}
	}
}

// FrameAt implements store.Store. It looks for the frame by halving the log, since positions have no index: a dozen
// looks at the index of frames are cheaper than one more index for every commit.
func (s *Store) FrameAt(ctx context.Context, id run.ID, position uint64) (store.Change, error) {
	var low, high uint64 // the first event of the frame is in (low, high], or there is none
	if err := s.query.lastFirst.QueryRowContext(ctx, id).Scan(&high); err != nil {
		return store.Change{}, explain(err)
	}
	none := fmt.Errorf("frame of run %d at position %d: %w", id, position, store.ErrNotFound)
	found := uint64(0)
	for low < high {
		middle := low + (high-low+1)/2
		var first, at uint64
		if err := s.query.frameBefore.QueryRowContext(ctx, id, middle).Scan(&first, &at); err != nil {
			return store.Change{}, explain(err)
		}
		if at <= position {
			found, low = first, middle
		} else {
			high = first - 1
		}
	}
	if found == 0 {
		return store.Change{}, none
	}
	return one(s.query.frames.QueryRowContext(ctx, id, found, 1), scanChange, "frame %d of run %d", found, id)
}

// Resident implements store.Store.
func (s *Store) Resident(ctx context.Context) ([]run.ID, error) {
	rows, err := s.query.resident.QueryContext(ctx)
	return collect(rows, err, func(row scanner) (id run.ID, err error) { return id, row.Scan(&id) })
}

// Timers implements store.Store.
func (s *Store) Timers(ctx context.Context, after store.Timer, until time.Time, limit int) ([]store.Timer, error) {
	rows, err := s.query.timers.QueryContext(ctx, millis(after.At), after.Run, int64(after.Timer), millis(until), limit)
	return collect(rows, err, func(row scanner) (store.Timer, error) {
		var t store.Timer
		var at int64
		err := row.Scan(&t.Run, &t.Timer, &at)
		t.At = fromMillis(at)
		return t, err
	})
}

// Inbox implements store.Store.
func (s *Store) Inbox(ctx context.Context, id run.ID) ([]store.InboxRow, error) {
	type stored struct {
		row  store.InboxRow
		data []byte
	}
	rows, err := s.query.inbox.QueryContext(ctx, id)
	found, err := collect(rows, err, func(row scanner) (r stored, err error) {
		r.row.Run = id
		return r, row.Scan(&r.row.ID, &r.row.Key, &r.row.Kind, &r.row.Task, &r.row.Ref, &r.row.Name, &r.data)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the inbox of run %d: %w", id, err)
	}
	inbox := make([]store.InboxRow, len(found))
	for i, r := range found {
		inbox[i] = r.row
		d := value.NewDecoder(r.data, s.loader(ctx))
		inbox[i].Data = d.Value()
		if err := d.Err(); err != nil {
			return nil, fmt.Errorf("reading row %d of the inbox of run %d: %w: %w", r.row.ID, id, store.ErrCorrupt, err)
		}
	}
	return inbox, nil
}

// Value implements store.Store.
func (s *Store) Value(ctx context.Context, d value.Digest) ([]byte, error) {
	return one(s.query.value.QueryRowContext(ctx, digestKey(d), d[:]), func(row scanner) (text []byte, err error) {
		return text, row.Scan(&text)
	}, "value %s", d)
}
