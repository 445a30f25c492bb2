package memory

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// pruneStep bounds how much one Prune removes.
const pruneStep = 100

// Prune implements store.Store.
func (s *Store) Prune(_ context.Context, now time.Time, keep store.Retention, forget func(job.ID) error) (more bool, err error) {
	var runs []run.ID
	var jobs []job.ID
	s.see(func(d *data) {
		for _, n := range d.runIDs {
			r := d.runs[run.ID(n)]
			if len(runs) < pruneStep && r.Status.Ended() && r.Ended.Before(now.Add(-keep.Runs)) && !d.awaited(r.Parent) {
				runs = append(runs, run.ID(n))
			}
		}
		for _, n := range d.jobIDs {
			j := d.jobs[job.ID(n)]
			if len(jobs) < pruneStep && j.Past(now, keep.Jobs) && !d.awaited(run.ID(j.Run)) {
				jobs = append(jobs, job.ID(n))
			}
		}
	})
	for _, id := range jobs {
		if err := forget(id); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.data
	for _, id := range runs {
		d.removeRun(id)
	}
	for _, id := range jobs {
		d.removeJob(id)
	}
	return len(runs) == pruneStep || len(jobs) == pruneStep, nil
}

// Forget removes a run that has ended, with everything of its own, at once.
func (s *Store) Forget(id run.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.data.runs[id]; r != nil && r.Status.Ended() {
		s.data.removeRun(id)
	}
}

// awaited reports whether the run that a child or job belongs to may still ask what became of it.
func (d *data) awaited(parent run.ID) bool {
	r := d.runs[parent]
	return r != nil && !r.Status.Ended()
}

func (d *data) removeRun(id run.ID) {
	r := d.runs[id]
	d.runIDs = without(d.runIDs, int64(id))
	delete(d.runNames, store.RunName{Owner: r.Owner, Machine: r.Machine, Name: r.Name})
	delete(d.runs, id)
	delete(d.frames, id)
	delete(d.snapshots, id)
	for _, digest := range d.owned[id] {
		owners := d.owners[digest]
		if delete(owners, id); len(owners) == 0 {
			delete(d.owners, digest)
			delete(d.values, digest)
		}
	}
	delete(d.owned, id)
	d.unpublish(store.Subject{Kind: store.SubjectRun, ID: int64(id)})
}

func (d *data) removeJob(id job.ID) {
	j := d.jobs[id]
	d.jobIDs = without(d.jobIDs, int64(id))
	delete(d.jobNames, store.NameOf(j))
	delete(d.jobKeys, j.Key)
	delete(d.jobs, id)
	delete(d.replicas, id)
	d.unpublish(store.Subject{Kind: store.SubjectJob, ID: int64(id)})
}

// unpublish shortens the feed to what comes after the last change of a subject.
func (d *data) unpublish(gone store.Subject) {
	for i := len(d.feed) - 1; i >= 0; i-- {
		if d.feed[i].Subject == gone {
			d.pruned = d.feed[i].Seq
			d.feed = d.feed[i+1:]
			return
		}
	}
}

func without(ids []int64, id int64) []int64 {
	kept := make([]int64, 0, len(ids))
	for _, n := range ids {
		if n != id {
			kept = append(kept, n)
		}
	}
	return kept
}

// Backup implements store.Store: there is no file that a store in memory could be read back from.
func (s *Store) Backup(context.Context, string) error {
	return errors.New("a store in memory has no backups: use Crash")
}

// Size implements store.Store with the bytes of frames, snapshots and values.
func (s *Store) Size(context.Context) (size int64, err error) {
	s.see(func(d *data) {
		for _, c := range d.feed {
			size += int64(len(c.Data))
		}
		for _, snapshot := range d.snapshots {
			size += int64(len(snapshot.Data))
		}
		for _, text := range d.values {
			size += int64(len(text))
		}
	})
	return size, nil
}

// Close implements store.Store.
func (s *Store) Close() error { return nil }

var _ store.Store = (*Store)(nil)
