package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// defaultLimit is the length of a page where a filter names none.
const defaultLimit = 100

// see calls f with what is committed; f must not keep the maps.
func (s *Store) see(f func(*data)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.data)
}

// Last implements store.Store.
func (s *Store) Last(context.Context) (r run.ID, j job.ID, err error) {
	s.see(func(d *data) { r, j = d.lastRun, d.lastJob })
	return r, j, nil
}

// Run implements store.Store.
func (s *Store) Run(_ context.Context, id run.ID) (*store.Run, error) {
	var found *store.Run
	s.see(func(d *data) { found = d.runs[id] })
	if found == nil {
		return nil, fmt.Errorf("run %d: %w", id, store.ErrNotFound)
	}
	return copyOf(found), nil
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
func (s *Store) Runs(_ context.Context, f store.RunFilter) ([]*store.Run, error) {
	var found []*store.Run
	s.see(func(d *data) {
		latestFirst(d.runIDs, int64(f.Before), cmp.Or(f.Limit, defaultLimit), func(id int64) bool {
			r := d.runs[run.ID(id)]
			match := selects(f.Owner, r.Owner) && selects(f.Machine, r.Machine) && selects(f.Name, r.Name) &&
				selects(f.Parent, r.Parent) && selectsAny(f.Statuses, r.Status) && hasLabel(r.Labels, f.Label) &&
				!(f.Ungrouped && strings.Contains(r.Machine, "/"))
			if match {
				found = append(found, copyOf(r))
			}
			return match
		})
	})
	return found, nil
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(_ context.Context, id run.ID) (*store.Snapshot, error) {
	var found *store.Snapshot
	s.see(func(d *data) { found = d.snapshots[id] })
	if found == nil {
		return nil, fmt.Errorf("snapshot of run %d: %w", id, store.ErrNotFound)
	}
	return copyOf(found), nil
}

// Frames implements store.Store.
func (s *Store) Frames(_ context.Context, id run.ID, from uint64, yield func(store.Change) bool) error {
	var frames []store.Change
	s.see(func(d *data) { frames = d.frames[id] })
	first := sort.Search(len(frames), func(i int) bool { return frames[i].First+uint64(frames[i].Count) > from })
	for _, c := range frames[first:] {
		if !yield(c) {
			return nil
		}
	}
	return nil
}

// FrameAt implements store.Store.
func (s *Store) FrameAt(_ context.Context, id run.ID, position uint64) (store.Change, error) {
	var frames []store.Change
	s.see(func(d *data) { frames = d.frames[id] })
	beyond := sort.Search(len(frames), func(i int) bool { return frames[i].Position > position })
	if beyond == 0 {
		return store.Change{}, fmt.Errorf("frame of run %d at position %d: %w", id, position, store.ErrNotFound)
	}
	return frames[beyond-1], nil
}

// Resident implements store.Store.
func (s *Store) Resident(context.Context) ([]run.ID, error) {
	var found []run.ID
	s.see(func(d *data) {
		for _, n := range d.runIDs {
			id := run.ID(n)
			if r := d.runs[id]; !r.Status.Ended() && (r.Resident || len(d.inbox[id]) > 0) {
				found = append(found, id)
			}
		}
	})
	return found, nil
}

// Timers implements store.Store.
func (s *Store) Timers(_ context.Context, after store.Timer, until time.Time, limit int) ([]store.Timer, error) {
	var due []store.Timer
	s.see(func(d *data) {
		for _, timers := range d.timers {
			for _, t := range timers {
				if !t.At.After(until) && compareTimers(t, after) > 0 {
					due = append(due, t)
				}
			}
		}
	})
	slices.SortFunc(due, compareTimers)
	return due[:min(limit, len(due))], nil
}

func compareTimers(a, b store.Timer) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Run, b.Run), cmp.Compare(a.Timer, b.Timer))
}

// Inbox implements store.Store.
func (s *Store) Inbox(_ context.Context, id run.ID) ([]store.InboxRow, error) {
	var rows []store.InboxRow
	s.see(func(d *data) { rows = slices.Clone(d.inbox[id]) })
	return rows, nil
}

// Value implements store.Store.
func (s *Store) Value(_ context.Context, digest value.Digest) ([]byte, error) {
	var text []byte
	var ok bool
	s.see(func(d *data) { text, ok = d.values[digest] })
	if !ok {
		return nil, fmt.Errorf("value %s: %w", digest, store.ErrNotFound)
	}
	return slices.Clone(text), nil
}

// Job implements store.Store.
func (s *Store) Job(_ context.Context, id job.ID) (*job.Job, error) {
	var found *job.Job
	s.see(func(d *data) { found = d.jobs[id] })
	if found == nil {
		return nil, fmt.Errorf("job %d: %w", id, store.ErrNotFound)
	}
	return copyOf(found), nil
}

// JobByKey implements store.Store.
func (s *Store) JobByKey(_ context.Context, key string) (*job.Job, error) {
	var found *job.Job
	s.see(func(d *data) { found = d.jobs[d.jobKeys[key]] })
	if found == nil {
		return nil, fmt.Errorf("job with key %q: %w", key, store.ErrNotFound)
	}
	return copyOf(found), nil
}

// JobByName implements store.Store.
func (s *Store) JobByName(_ context.Context, owner, space, name string) (*job.Job, error) {
	var found *job.Job
	s.see(func(d *data) { found = d.jobs[d.jobNames[store.JobName{Owner: owner, Space: space, Name: name}]] })
	if found == nil {
		return nil, fmt.Errorf("job %q: %w", name, store.ErrNotFound)
	}
	return copyOf(found), nil
}

// Jobs implements store.Store.
func (s *Store) Jobs(_ context.Context, f store.JobFilter) ([]*job.Job, error) {
	var found []*job.Job
	s.see(func(d *data) {
		latestFirst(d.jobIDs, int64(f.Before), cmp.Or(f.Limit, defaultLimit), func(id int64) bool {
			j := d.jobs[job.ID(id)]
			match := selects(f.Owner, j.Owner) && selects(f.Queue, j.Spec.Queue) && selects(f.Space, j.Spec.Space) &&
				selects(f.Name, j.Name) && selects(int64(f.Run), j.Run) && selectsAny(f.States, j.State) &&
				hasLabel(j.Spec.Labels, f.Label)
			if match {
				listed := *j
				listed.Spec = nil
				found = append(found, &listed)
			}
			return match
		})
	})
	return found, nil
}

// Replicas implements store.Store.
func (s *Store) Replicas(_ context.Context, f store.ReplicaFilter) ([]job.Replica, error) {
	var all []job.Replica
	s.see(func(d *data) { all = d.replicas[f.Job] })
	after := job.Replica{Proc: job.Proc{Child: f.After[0], Replica: f.After[1]}}
	var found []job.Replica
	for _, r := range all {
		if len(found) == cmp.Or(f.Limit, defaultLimit) {
			break
		}
		if (f.Child < 0 || r.Proc.Child == f.Child) && compareReplicas(r, after) > 0 && selectsAny(f.States, r.State) {
			found = append(found, r)
		}
	}
	return found, nil
}

// OpenJobs implements store.Store.
func (s *Store) OpenJobs(_ context.Context, yield func(*job.Job) bool) error {
	var open []*job.Job
	s.see(func(d *data) {
		for _, id := range d.jobIDs {
			if j := d.jobs[job.ID(id)]; !j.State.Ended() {
				open = append(open, copyOf(j))
			}
		}
	})
	for _, j := range open {
		if !yield(j) {
			return nil
		}
	}
	return nil
}

// JobRequests implements store.Store.
func (s *Store) JobRequests(context.Context) ([]store.JobRequest, error) {
	var found []store.JobRequest
	s.see(func(d *data) {
		for key, why := range d.requests {
			found = append(found, store.JobRequest{Job: key.job, Kind: key.kind, Why: why})
		}
	})
	slices.SortFunc(found, func(a, b store.JobRequest) int {
		return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Kind, b.Kind))
	})
	return found, nil
}

// Object implements store.Store.
func (s *Store) Object(_ context.Context, kind, space, name string, version int64) (*store.Object, error) {
	var found *store.Object
	s.see(func(d *data) {
		o, ok := d.objects[store.ObjectName{Kind: kind, Space: space, Name: name}]
		switch {
		case !ok || version > int64(len(o.versions)):
		case version > 0:
			found = o.versions[version-1]
		case !o.latest().Deleted:
			found = o.latest()
		}
	})
	if found == nil {
		return nil, fmt.Errorf("%s %q: %w", kind, name, store.ErrNotFound)
	}
	return copyOf(found), nil
}

// Objects implements store.Store.
func (s *Store) Objects(_ context.Context, kind, space string) ([]*store.Object, error) {
	var found []*store.Object
	s.see(func(d *data) {
		for name, o := range d.objects {
			if name.Kind == kind && (space == "*" || name.Space == space) && !o.latest().Deleted {
				found = append(found, copyOf(o.latest()))
			}
		}
	})
	slices.SortFunc(found, func(a, b *store.Object) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Space, b.Space))
	})
	return found, nil
}

// Versions implements store.Store.
func (s *Store) Versions(_ context.Context, kind, space, name string) ([]*store.Object, error) {
	var found []*store.Object
	s.see(func(d *data) {
		for _, o := range d.objects[store.ObjectName{Kind: kind, Space: space, Name: name}].versions {
			found = append(found, copyOf(o))
		}
	})
	if len(found) == 0 {
		return nil, fmt.Errorf("%s %q: %w", kind, name, store.ErrNotFound)
	}
	slices.Reverse(found)
	return found, nil
}

// Changes implements store.Store.
func (s *Store) Changes(_ context.Context, after int64, limit int) (changes []store.Change, err error) {
	s.see(func(d *data) {
		if after < d.pruned {
			err = fmt.Errorf("changes after %d: %w", after, store.ErrPruned)
			return
		}
		from := min(after-d.pruned, int64(len(d.feed)))
		changes = slices.Clone(d.feed[from:min(from+int64(limit), int64(len(d.feed)))])
	})
	return changes, err
}

// LastChange implements store.Store.
func (s *Store) LastChange(context.Context) (seq int64, err error) {
	s.see(func(d *data) { seq = d.lastChange() })
	return seq, nil
}

// latestFirst offers the ids below before, or all where that is 0, until take has taken limit of them.
func latestFirst(ids []int64, before int64, limit int, take func(int64) bool) {
	end := len(ids)
	if before > 0 {
		end, _ = slices.BinarySearch(ids, before)
	}
	for i := end - 1; i >= 0 && limit > 0; i-- {
		if take(ids[i]) {
			limit--
		}
	}
}

// selects reports whether a filter's field lets v pass.
func selects[T comparable](field, v T) bool {
	var all T
	return field == all || field == v
}

func selectsAny[T comparable](field []T, v T) bool {
	return len(field) == 0 || slices.Contains(field, v)
}

func hasLabel(labels map[string]string, want [2]string) bool {
	if want[0] == "" {
		return true
	}
	v, ok := labels[want[0]]
	return ok && v == want[1]
}

func copyOf[T any](p *T) *T {
	c := *p
	return &c
}
