package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (f *fixture) is(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("error %v, want %v", err, want)
	}
}

func object(name string, version int64) *store.Object {
	return &store.Object{
		Kind: "configmap", Space: "default", Name: name, Owner: "ada", Version: version,
		Created: epoch, Updated: after(time.Duration(version) * time.Second),
		Labels: map[string]string{"v": fmt.Sprint(version)}, Data: value.MustParse(fmt.Sprintf(`{"version":%d}`, version)),
	}
}

func keep(o *store.Object) *store.Unit {
	return &store.Unit{Objects: []store.ObjectChange{{Object: o}}}
}

func testObjects(f *fixture) {
	get := func(name string, version int64) *store.Object {
		f.Helper()
		return must[*store.Object](f)(f.s.Object(f.Context(), "configmap", "default", name, version))
	}
	f.commit([]store.Verdict{store.Stale}, keep(object("b", 2)))
	f.do(keep(object("b", 1)))
	f.commit([]store.Verdict{store.Stale, store.OK, store.OK}, keep(object("b", 1)), keep(object("b", 2)), keep(object("a", 1)))
	elsewhere := object("a", 1)
	elsewhere.Space = "other"
	f.do(keep(elsewhere))
	f.same("the latest", object("b", 2), get("b", 0))
	f.same("an earlier version", object("b", 1), get("b", 1))
	list := func(space string) []*store.Object {
		return must[[]*store.Object](f)(f.s.Objects(f.Context(), "configmap", space))
	}
	f.same("one space", []*store.Object{object("a", 1), object("b", 2)}, list("default"))
	f.same("all spaces", []*store.Object{object("a", 1), elsewhere, object("b", 2)}, list("*"))

	gone := object("b", 3)
	gone.Deleted = true
	f.do(keep(gone))
	_, err := f.s.Object(f.Context(), "configmap", "default", "b", 0)
	f.is(err, store.ErrNotFound)
	f.same("a version of what was deleted", object("b", 2), get("b", 2))
	f.same("what is not deleted", []*store.Object{object("a", 1)}, list("default"))
	f.same("versions, latest first", []*store.Object{gone, object("b", 2), object("b", 1)},
		must[[]*store.Object](f)(f.s.Versions(f.Context(), "configmap", "default", "b")))
	f.do(keep(object("b", 4)))
	f.same("the latest", object("b", 4), get("b", 0))
	_, err = f.s.Object(f.Context(), "configmap", "default", "b", 9)
	f.is(err, store.ErrNotFound)
	_, err = f.s.Versions(f.Context(), "configmap", "default", "c")
	f.is(err, store.ErrNotFound)
}

func testFeed(f *fixture) {
	changes := func(after int64, limit int) []store.Change {
		f.Helper()
		return must[[]store.Change](f)(f.s.Changes(f.Context(), after, limit))
	}
	f.same("the end of an empty feed", int64(0), must[int64](f)(f.s.LastChange(f.Context())))
	f.same("an empty feed", 0, len(changes(0, 10)))

	j := newJob(1, "job")
	replica := job.Replica{Proc: job.Proc{Job: 1, Attempt: 1}, State: job.Starting}
	both := start(1, "a")
	both.Run.Children = []store.RunChange{{ID: 2, First: 1, Row: row(2, "child")}}
	both.Jobs = []store.JobChange{{Job: j, Replicas: []job.Replica{replica}}}
	gone := object("m", 2)
	gone.Deleted = true
	f.commit([]store.Verdict{store.OK, store.Stale, store.OK, store.OK, store.OK, store.OK},
		both, proceed(1, 7, 1), keep(object("m", 1)), keep(gone), proceed(1, 3, 2),
		&store.Unit{Run: &store.RunChange{ID: 1, First: 5, Row: row(1, "a")}})

	all := changes(0, 100)
	type entry struct {
		Kind  store.SubjectKind
		ID    int64
		First uint64
		Count int
	}
	var got []entry
	for i, c := range all {
		if c.Seq != int64(i+1) {
			f.Fatalf("entry %d has number %d", i+1, c.Seq)
		}
		got = append(got, entry{c.Subject.Kind, c.Subject.ID, c.First, c.Count})
	}
	number := all[3].Subject.ID // of the object: the store's own
	f.same("entries in the order of the changes", []entry{
		{store.SubjectRun, 1, 1, 2}, {store.SubjectRun, 2, 1, 0}, {store.SubjectJob, 1, 1, 1},
		{store.SubjectObject, number, 1, 1}, {store.SubjectObject, number, 2, 1},
		{store.SubjectRun, 1, 3, 2}, {store.SubjectRun, 1, 5, 0},
	}, got)
	f.same("a frame", string(frame(1, 3)), string(all[5].Data))
	f.same("data of a change of the row", 0, len(all[6].Data))

	var je store.JobEvent
	f.ok(json.Unmarshal(all[2].Data, &je))
	want := store.JobEvent{Job: *j, Replicas: []job.Replica{replica}}
	want.Spec = nil
	f.same("the job's entry", want, je)
	var oe store.ObjectEvent
	f.ok(json.Unmarshal(all[4].Data, &oe))
	f.same("the object's entry", store.ObjectEvent{Kind: "configmap", Space: "default", Name: "m", Version: 2, Deleted: true}, oe)

	f.same("a page", all[2:4], changes(2, 2))
	f.same("the last page", all[6:], changes(6, 100))
	f.same("beyond the end", 0, len(changes(7, 100)))
	f.same("the end", int64(7), must[int64](f)(f.s.LastChange(f.Context())))
}

func (f *fixture) prune(runsBefore, jobsBefore time.Time) {
	f.Helper()
	for {
		now := after(24 * time.Hour)
		keep := store.Retention{Runs: now.Sub(runsBefore), Jobs: now.Sub(jobsBefore)}
		if more := must[bool](f)(f.s.Prune(f.Context(), now, keep, func(job.ID) error { return nil })); !more {
			return
		}
	}
}

// testPruneExpired holds that a job's own time comes before that of all, and that each is named before it goes.
func testPruneExpired(f *fixture) {
	f.do(start(1, "waits"))
	for id := job.ID(1); id <= 5; id++ {
		j := newJob(id, fmt.Sprint(id))
		if id == 4 {
			j.Run = 1
		}
		f.do(submit(j))
		if id == 5 {
			continue
		}
		end := next(j, job.Failed) // after a minute
		if id != 1 {
			end.Expires = end.Ended.Add(time.Duration(id) * time.Minute)
		}
		f.do(submit(end))
	}
	var forgotten []job.ID
	forget := func(id job.ID) error {
		must[*job.Job](f)(f.s.Job(f.Context(), id))
		forgotten = append(forgotten, id)
		return nil
	}
	prune := func(at time.Duration, keep time.Duration) []job.ID {
		forgotten = nil
		must[bool](f)(f.s.Prune(f.Context(), after(at), store.Retention{Runs: keep, Jobs: keep}, forget))
		return forgotten
	}
	f.same("before any time", 0, len(prune(2*time.Minute, time.Hour)))
	f.same("by their own time", []job.ID{2}, prune(4*time.Minute, time.Hour))
	f.same("a run may still ask for the other", []job.ID{3}, prune(30*time.Minute, time.Hour))
	f.same("by the time of all", []job.ID{1}, prune(2*time.Hour, time.Hour))
	f.do(finish(1, "waits", 3, epoch))
	_, err := f.s.Prune(f.Context(), after(time.Hour), store.Retention{Runs: 24 * time.Hour, Jobs: 24 * time.Hour}, func(job.ID) error { return io.ErrClosedPipe })
	f.is(err, io.ErrClosedPipe)
	f.same("kept until it could be forgotten", []job.ID{5, 4}, jobIDs(must[[]*job.Job](f)(f.s.Jobs(f.Context(), store.JobFilter{}))))
	f.same("once the run has ended", []job.ID{4}, prune(time.Hour, 24*time.Hour))
}

func testPruneRuns(f *fixture) {
	shared, own := text(2000, "shared"), text(2000, "own")
	for id := run.ID(1); id <= 150; id++ {
		u := start(id, fmt.Sprint(id))
		u.Run.Row.Labels = map[string]string{"n": fmt.Sprint(id)}
		u.Run.Snapshot = &store.Snapshot{Next: 3, Data: []byte("s")}
		if id <= 2 || id == 150 {
			u.Values = []value.Blob{blobOf(shared)}
		}
		if id == 1 {
			u.Values = append(u.Values, blobOf(own))
		}
		if id == 3 {
			u.Run.Row.Parent = 150
		}
		if id == 150 {
			u.Run.Row.Input = text(2000, "input of the last")
		}
		f.do(u)
	}
	for id := run.ID(1); id <= 149; id++ {
		at := epoch
		if id > 140 {
			at = after(time.Hour)
		}
		u := finish(id, fmt.Sprint(id), 3, at)
		if id == 3 {
			u.Run.Row.Parent = 150
		}
		f.do(u)
	}
	f.prune(after(time.Minute), after(time.Minute))

	kept := must[[]*store.Run](f)(f.s.Runs(f.Context(), store.RunFilter{}))
	want := []run.ID{150, 149, 148, 147, 146, 145, 144, 143, 142, 141, 3} // 3: its parent may still ask
	f.same("the runs that are kept", want, runIDs(kept))
	f.same("the input of one", text(2000, "input of the last"), kept[0].Input)
	f.same("the log of a pruned run", 0, len(f.frames(1, 1)))
	f.same("the log of a kept run", []uint64{1, 3}, f.frames(141, 1))
	_, err := f.s.Snapshot(f.Context(), 1)
	f.is(err, store.ErrNotFound)
	_, err = f.s.Value(f.Context(), own.Digest())
	f.is(err, store.ErrNotFound)
	f.same("a value that a kept run names", shared.JSON(), string(must[[]byte](f)(f.s.Value(f.Context(), shared.Digest()))))

	// The feed begins after the last entry that is missing: the end of run 140.
	floor := int64(150 + 140)
	_, err = f.s.Changes(f.Context(), floor-1, 10)
	f.is(err, store.ErrPruned)
	f.same("the feed that is left", floor+1, must[[]store.Change](f)(f.s.Changes(f.Context(), floor, 10))[0].Seq)

	// Names are free again, numbers are not.
	f.do(start(151, "1"))
	f.commit([]store.Verdict{store.Stale}, proceed(2, 4, 1))
	f.do(finish(151, "1", 3, epoch))
	f.prune(after(time.Minute), epoch)
	lastRun, _, err := f.s.Last(f.Context())
	f.ok(err)
	f.same("the last number", run.ID(151), lastRun)
	again := start(152, "1")
	again.Values = []value.Blob{blobOf(own)}
	f.do(again)
	f.same("a value that is stored anew", own.JSON(), string(must[[]byte](f)(f.s.Value(f.Context(), own.Digest()))))
}

// A child runs its parent's definition, which only the parent's unit brought.
func testPruneShared(f *fixture) {
	source, kept := text(2000, "source"), text(2000, "kept")
	u := start(1, "parent")
	u.Values = []value.Blob{blobOf(source)}
	u.Run.Row.Definition = source.Digest()
	child := row(2, "child")
	child.Definition, child.Parent = source.Digest(), 1
	u.Run.Children = []store.RunChange{{ID: 2, First: 1, Row: child}}
	late := row(3, "late")
	late.Definition = source.Digest()
	f.commit([]store.Verdict{store.OK, store.OK, store.OK},
		u, &store.Unit{Run: &store.RunChange{ID: 3, First: 1, Row: late}}, &store.Unit{Values: []value.Blob{blobOf(kept)}})
	has := func(v value.Value) bool {
		_, err := f.s.Value(f.Context(), v.Digest())
		if !errors.Is(err, store.ErrNotFound) {
			f.ok(err)
		}
		return err == nil
	}
	// Each in turn: the definition goes with the last that runs it.
	for i, id := range []run.ID{1, 3, 2} {
		first := uint64(1)
		if id == 1 {
			first = 3
		}
		f.do(finish(id, fmt.Sprint(id), first, epoch))
		f.prune(after(time.Minute), epoch)
		f.same(fmt.Sprintf("the definition is there once run %d is gone", id), i < 2, has(source))
	}
	f.same("what no run named is there", true, has(kept))
}

func testPruneJobs(f *fixture) {
	f.do(start(1, "waits"))
	for id := job.ID(1); id <= 30; id++ {
		j := newJob(id, fmt.Sprint(id))
		j.Key = fmt.Sprint("key-", id)
		if id == 2 {
			j.Run = 1
		}
		f.do(&store.Unit{Jobs: []store.JobChange{{Job: j, Replicas: []job.Replica{{Proc: job.Proc{Job: id}, State: job.Running}}}}})
		if id != 3 {
			f.do(submit(next(j, job.Succeeded)))
		}
	}
	f.prune(after(time.Hour), after(time.Hour))
	f.same("jobs that are kept", []job.ID{3, 2}, jobIDs(must[[]*job.Job](f)(f.s.Jobs(f.Context(), store.JobFilter{}))))
	gone := must[[]job.Replica](f)(f.s.Replicas(f.Context(), store.ReplicaFilter{Job: 30, Child: -1, After: [2]int32{-1, -1}}))
	f.same("replicas of a pruned job", 0, len(gone))
	last := must[int64](f)(f.s.LastChange(f.Context()))
	f.same("the end of the feed", int64(1+30+29), last)

	again := newJob(31, "1")
	again.Key = "key-1"
	f.do(submit(again))
	f.same("the first entry after", last+1, must[[]store.Change](f)(f.s.Changes(f.Context(), last, 10))[0].Seq)
	f.do(finish(1, "waits", 3, epoch))
	f.prune(epoch, after(time.Hour))
	f.same("jobs that are kept once the run has ended", []job.ID{31, 3}, jobIDs(must[[]*job.Job](f)(f.s.Jobs(f.Context(), store.JobFilter{}))))
}

func testAgain(f *fixture) {
	u := start(1, "a")
	u.Run.Timers = []store.Timer{{Run: 1, Timer: 1, At: epoch}}
	u.Jobs = []store.JobChange{{Job: newJob(5, "job")}}
	u.Values = []value.Blob{blobOf(text(2000, "v"))}
	f.do(u)
	f.do(&store.Unit{Inbox: []store.InboxRow{{Run: 1, Key: "k", Kind: store.InboxSignal, Name: "go"}}})
	before := must[[]store.Change](f)(f.s.Changes(f.Context(), 0, 10))
	inbox := must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 1))

	old := f.s
	f.s = f.again()
	if f.s.Epoch() <= old.Epoch() {
		f.Fatalf("epoch %d after %d", f.s.Epoch(), old.Epoch())
	}
	if got := f.s.Secret(); len(got) != 32 || !bytes.Equal(got, old.Secret()) {
		f.Errorf("the secret %x, before %x", got, old.Secret())
	}
	if _, err := old.Commit(f.Context(), []*store.Unit{proceed(1, 3, 1)}); err == nil {
		f.Fatal("the store before took a commit")
	}
	f.same("the feed", before, must[[]store.Change](f)(f.s.Changes(f.Context(), 0, 10)))
	f.same("the inbox", inbox, must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 1)))
	lastRun, lastJob, err := f.s.Last(f.Context())
	f.ok(err)
	f.same("the last run", run.ID(1), lastRun)
	f.same("the last job", job.ID(5), lastJob)
	f.commit([]store.Verdict{store.Stale, store.OK, store.Conflict, store.Stale},
		proceed(1, 2, 1), proceed(1, 3, 1), start(2, "a"), submit(newJob(5, "b")))
	f.same("the feed goes on", int64(3), must[int64](f)(f.s.LastChange(f.Context())))
	f.do(&store.Unit{Inbox: []store.InboxRow{{Run: 1, Key: "k"}, {Run: 1, Key: "l"}}})
	f.same("the inbox goes on", 2, len(must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 1))))
}

// testReaders has readers follow a run while it is written. What they see of it is always the work of whole units.
func testReaders(f *fixture) {
	f.do(start(1, "a"))
	const units = 300
	written := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done := false; !done; {
				select {
				case <-written:
					done = true
				default:
				}
				if err := f.follow(); err != nil {
					f.Error(err)
					return
				}
			}
		})
	}
	for i := range units {
		u := proceed(1, uint64(3+2*i), 2)
		u.Run.Snapshot = &store.Snapshot{Next: uint64(5 + 2*i), Data: []byte("s")}
		f.do(u)
	}
	close(written)
	wg.Wait()
	f.same("the log", units+1, len(f.frames(1, 1)))
}

// follow checks that the log has no gap and is as long as the snapshot that was read before says.
func (f *fixture) follow() error {
	snap, err := f.s.Snapshot(f.Context(), 1)
	if errors.Is(err, store.ErrNotFound) {
		snap, err = &store.Snapshot{}, nil
	}
	if err != nil {
		return err
	}
	next := uint64(1)
	gap := false
	err = f.s.Frames(f.Context(), 1, 1, func(c store.Change) bool {
		gap = gap || c.First != next
		next = c.First + uint64(c.Count)
		return true
	})
	if err == nil && (gap || next < snap.Next) {
		err = fmt.Errorf("the log ends before %d (gap: %v), the snapshot before %d", next, gap, snap.Next)
	}
	return err
}
