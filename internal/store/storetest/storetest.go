// Package storetest is what every store must pass, and a wrapper that makes one fail. It knows the port alone.
package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Open makes an empty store for one test. Calling again opens the same data as a server does that follows one that
// died: it finds all that was committed, and the store before it commits no more.
type Open func(t *testing.T) (s store.Store, again func() store.Store)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"a run from start to end", testRun},
		{"a run that ended and goes on", testRedrive},
		{"verdicts on runs", testRunVerdicts},
		{"a unit is stored whole or not at all", testAtomicUnit},
		{"stale neighbours do no harm", testNeighbours},
		{"units of one batch see each other", testOneBatch},
		{"names of runs", testRunNames},
		{"lists of runs", testRunLists},
		{"children", testChildren},
		{"frames by sequence number and position", testFrames},
		{"snapshots", testSnapshots},
		{"values", testValues},
		{"timers", testTimers},
		{"inbox", testInbox},
		{"resident runs", testResident},
		{"jobs", testJobs},
		{"verdicts on jobs", testJobVerdicts},
		{"lists of jobs", testJobLists},
		{"replicas", testReplicas},
		{"requests to jobs", testRequests},
		{"objects", testObjects},
		{"the feed", testFeed},
		{"pruning runs", testPruneRuns},
		{"pruning keeps what others name", testPruneShared},
		{"pruning jobs", testPruneJobs},
		{"pruning jobs that expire", testPruneExpired},
		{"opening again", testAgain},
		{"readers beside the writer", testReaders},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, again := open(t)
			c.test(&fixture{T: t, s: s, again: again})
		})
	}
}

// fixture is a store under test, with what tests do with it.
type fixture struct {
	*testing.T
	s     store.Store
	again func() store.Store
}

// epoch is the time at which all tests happen.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return epoch.Add(d) }

// commit commits units in one batch and checks their verdicts.
func (f *fixture) commit(want []store.Verdict, units ...*store.Unit) {
	f.Helper()
	got, err := f.s.Commit(f.Context(), units)
	f.ok(err)
	f.same("verdicts", want, got)
}

// do commits one unit that must be taken.
func (f *fixture) do(u *store.Unit) {
	f.Helper()
	f.commit([]store.Verdict{store.OK}, u)
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// same compares; an empty list and none are the same.
func (f *fixture) same(what string, want, got any) {
	f.Helper()
	sameJSON := cmp.Comparer(func(a, b value.Value) bool { return a.JSON() == b.JSON() })
	if d := cmp.Diff(want, got, sameJSON); d != "" {
		f.Fatalf("%s: want -, got +\n%s", what, d)
	}
}

func must[T any](f *fixture) func(T, error) T {
	return func(v T, err error) T {
		f.Helper()
		f.ok(err)
		return v
	}
}

// row is a plain row of a run that is under way.
func row(id run.ID, name string) *store.Run {
	return &store.Run{
		ID: id, Name: name, Owner: "ada", Language: "asl", Machine: "train", Status: run.Running, Started: epoch,
		Input: value.MustParse(`{"a":1}`),
	}
}

// ended is row at its end.
func ended(id run.ID, name string, at time.Time) *store.Run {
	r := row(id, name)
	r.Status, r.Ended, r.Output = run.Succeeded, at, value.MustParse(`"done"`)
	return r
}

// start is a unit that begins a run with a frame of two events.
func start(id run.ID, name string) *store.Unit {
	return &store.Unit{Run: &store.RunChange{ID: id, First: 1, Count: 2, Frame: frame(id, 1), Row: row(id, name)}}
}

// proceed is a unit that appends a frame of count events.
func proceed(id run.ID, first uint64, count int) *store.Unit {
	return &store.Unit{Run: &store.RunChange{ID: id, First: first, Count: count, Position: first - 1, Frame: frame(id, first)}}
}

// finish is a unit that ends a run with one event.
func finish(id run.ID, name string, first uint64, at time.Time) *store.Unit {
	u := proceed(id, first, 1)
	u.Run.Row = ended(id, name, at)
	return u
}

func frame(id run.ID, first uint64) []byte { return fmt.Appendf(nil, "frame %d of run %d", first, id) }

func text(size int, fill string) value.Value {
	s := ""
	for len(s) < size {
		s += fill
	}
	return value.NewString(s)
}

func blobOf(v value.Value) value.Blob { return value.NewBlob(v.Digest(), []byte(v.JSON())) }

// newJob is a plain job as it is first stored.
func newJob(id job.ID, name string) *job.Job {
	return &job.Job{
		ID: id, Name: name, Owner: "ada", State: job.Queued, Submitted: epoch, Version: 1,
		Spec: &job.Spec{
			Name: name, Space: "default", Queue: "gpu", Labels: map[string]string{"team": "vision"},
			Groups: []job.Group{{Name: "main", Replicas: 2, Process: job.Process{Command: []string{"/bin/true"}}}},
		},
	}
}

func submit(j *job.Job) *store.Unit { return &store.Unit{Jobs: []store.JobChange{{Job: j}}} }

// next is j one version on, in another state.
func next(j *job.Job, s job.State) *job.Job {
	n := *j
	n.Version++
	n.State = s
	if s.Ended() {
		n.Ended = after(time.Minute)
	}
	return &n
}

func (f *fixture) frames(id run.ID, from uint64) (firsts []uint64) {
	f.Helper()
	f.ok(f.s.Frames(f.Context(), id, from, func(c store.Change) bool {
		firsts = append(firsts, c.First)
		return true
	}))
	return firsts
}

func runIDs(rs []*store.Run) (ids []run.ID) {
	for _, r := range rs {
		ids = append(ids, r.ID)
	}
	return ids
}

func jobIDs(js []*job.Job) (ids []job.ID) {
	for _, j := range js {
		ids = append(ids, j.ID)
	}
	return ids
}
