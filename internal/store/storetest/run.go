package storetest

import (
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func testRun(f *fixture) {
	_, err := f.s.Run(f.Context(), 1)
	f.is(err, store.ErrNotFound)

	first := row(1, "first")
	first.Definition = value.DigestOf([]byte("source"))
	first.Part = "/States/Each"
	first.Parent, first.ParentTask = 7, 3
	first.Labels = map[string]string{"team": "vision", "stage": "test"}
	first.Attributes = value.Of(map[string]any{"role": "reader", "note": text(3000, "large attribute ")})
	first.Resident = true
	first.Note = "waits"
	first.Input = text(3000, "large input ")
	f.do(&store.Unit{Run: &store.RunChange{ID: 1, First: 1, Count: 1, Frame: frame(1, 1), Row: first}})
	f.same("the new run", first, must[*store.Run](f)(f.s.Run(f.Context(), 1)))

	last := *first
	last.Status, last.Ended, last.Resident = run.Failed, after(time.Second), false
	last.Failure = &run.Failure{Error: "States.TaskFailed", Cause: "exit status 1"}
	last.Output = text(3000, "large output ")
	f.do(&store.Unit{Run: &store.RunChange{ID: 1, First: 2, Count: 1, Frame: frame(1, 2), Row: &last}})
	f.same("the ended run", &last, must[*store.Run](f)(f.s.Run(f.Context(), 1)))
	f.same("its log", []uint64{1, 2}, f.frames(1, 1))
}

func testRedrive(f *fixture) {
	first := row(1, "again")
	f.do(&store.Unit{Run: &store.RunChange{ID: 1, First: 1, Count: 1, Frame: frame(1, 1), Row: first}})
	ended := *first
	ended.Status, ended.Ended, ended.Failure = run.Failed, after(time.Second), &run.Failure{Error: "E", Cause: "C"}
	f.do(&store.Unit{Run: &store.RunChange{ID: 1, First: 2, Count: 1, Frame: frame(1, 2), Row: &ended}})
	late := &store.Unit{Inbox: []store.InboxRow{{Run: 1, Key: "k", Kind: store.InboxSignal, Name: "go"}}}
	f.do(late)
	f.same("the inbox of the ended run", 0, len(must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 1))))

	again := *first
	again.Redrives, again.Redriven, again.Resident = 1, after(2*time.Second), true
	again.RecentRedrives = []store.Redrive{{Token: "t", At: after(2 * time.Second)}}
	f.do(&store.Unit{Run: &store.RunChange{
		ID: 1, First: 3, Count: 1, Frame: frame(1, 3), Row: &again, Timers: []store.Timer{{Run: 1, Timer: 1, At: after(time.Minute)}},
	}})
	f.do(late)
	f.s = f.again()
	f.same("the run that goes on", &again, must[*store.Run](f)(f.s.Run(f.Context(), 1)))
	f.same("its log", []uint64{1, 2, 3}, f.frames(1, 1))
	f.same("its inbox", 1, len(must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 1))))
	f.same("its timers", 1, len(must[[]store.Timer](f)(f.s.Timers(f.Context(), store.Timer{}, after(time.Hour), 10))))
	f.same("runs that a restart loads", []run.ID{1}, must[[]run.ID](f)(f.s.Resident(f.Context())))
	open := store.RunFilter{Statuses: []run.Status{run.Running}}
	f.same("open runs", 1, len(must[[]*store.Run](f)(f.s.Runs(f.Context(), open))))
	f.commit([]store.Verdict{store.Conflict}, start(2, "again")) // its name is still its own

	f.do(&store.Unit{Run: &store.RunChange{ID: 1, First: 4, Count: 1, Frame: frame(1, 4), Row: &ended}})
	f.same("timers of the ended run", 0, len(must[[]store.Timer](f)(f.s.Timers(f.Context(), store.Timer{}, after(time.Hour), 10))))
}

func testRunVerdicts(f *fixture) {
	noRow := proceed(1, 1, 1)
	f.commit([]store.Verdict{store.Stale}, noRow) // a new run has a row
	f.commit([]store.Verdict{store.Stale}, proceed(1, 5, 1))
	f.do(start(1, "a"))
	for _, first := range []uint64{1, 2, 4} {
		f.commit([]store.Verdict{store.Stale}, proceed(1, first, 1))
	}
	f.do(proceed(1, 3, 4))
	f.do(proceed(1, 7, 1))
	// Without a frame the number is compared and stays what it is; 0 is not compared.
	f.commit([]store.Verdict{store.Stale}, proceed(1, 7, 0))
	f.do(proceed(1, 8, 0))
	f.do(&store.Unit{Run: &store.RunChange{ID: 1}})
	f.do(proceed(1, 8, 1))
	f.same("the log", []uint64{1, 3, 7, 8}, f.frames(1, 1))
	// A run may have its row before its first frame.
	f.do(&store.Unit{Run: &store.RunChange{ID: 2, First: 1, Row: row(2, "b")}})
	f.do(proceed(2, 1, 1))
	f.same("the log", []uint64{1}, f.frames(2, 1))
}

func testAtomicUnit(f *fixture) {
	f.do(submit(newJob(1, "taken")))
	u := start(1, "a")
	u.Values = []value.Blob{blobOf(text(2000, "value"))}
	u.Run.Timers = []store.Timer{{Run: 1, Timer: 1, At: epoch}}
	u.Run.Children = []store.RunChange{{ID: 2, First: 1, Row: row(2, "child")}}
	u.Inbox = []store.InboxRow{{Run: 1, Key: "k", Kind: store.InboxSignal}}
	u.Jobs = []store.JobChange{{Job: newJob(2, "new")}, {Job: newJob(3, "taken")}}
	u.Objects = []store.ObjectChange{{Object: object("m", 1)}}
	f.commit([]store.Verdict{store.Conflict}, u)

	for id := run.ID(1); id <= 2; id++ {
		_, err := f.s.Run(f.Context(), id)
		f.is(err, store.ErrNotFound)
	}
	_, err := f.s.Job(f.Context(), 2)
	f.is(err, store.ErrNotFound)
	_, err = f.s.Object(f.Context(), "configmap", "default", "m", 0)
	f.is(err, store.ErrNotFound)
	_, err = f.s.Value(f.Context(), u.Values[0].Digest)
	f.is(err, store.ErrNotFound)
	f.same("timers", 0, len(must[[]store.Timer](f)(f.s.Timers(f.Context(), store.Timer{}, after(time.Hour), 10))))
	f.same("the feed", int64(1), must[int64](f)(f.s.LastChange(f.Context())))

	// What was refused leaves no name taken and no number used.
	u.Jobs = u.Jobs[:1]
	f.do(u)
	f.same("the child", "child", must[*store.Run](f)(f.s.Run(f.Context(), 2)).Name)
}

func testNeighbours(f *fixture) {
	f.do(start(1, "a"))
	f.commit([]store.Verdict{store.OK, store.Stale, store.Conflict, store.OK, store.OK},
		start(2, "b"), proceed(1, 9, 1), start(3, "a"), proceed(1, 3, 1), start(4, "c"))
	f.same("runs", []run.ID{4, 2, 1}, runIDs(must[[]*store.Run](f)(f.s.Runs(f.Context(), store.RunFilter{}))))
	f.same("the log", []uint64{1, 3}, f.frames(1, 1))
	f.same("the feed", int64(4), must[int64](f)(f.s.LastChange(f.Context())))
}

func testOneBatch(f *fixture) {
	j := newJob(1, "job")
	running := next(j, 4)
	f.commit([]store.Verdict{store.OK, store.OK, store.Stale, store.OK, store.Conflict, store.OK, store.Stale, store.Conflict},
		start(1, "a"), proceed(1, 3, 1), proceed(1, 3, 1), proceed(1, 4, 1), start(2, "a"),
		submit(j), submit(next(running, 4)), submit(newJob(2, "job")))
	f.same("the log", []uint64{1, 3, 4}, f.frames(1, 1))

	// A timer that is set and cleared, a row for a run that ends: each unit sees those before it.
	set, clear := proceed(1, 5, 0), proceed(1, 5, 0)
	set.Run.Timers = []store.Timer{{Run: 1, Timer: 1, At: epoch}, {Run: 1, Timer: 2, At: epoch}}
	clear.Run.Timers = []store.Timer{{Run: 1, Timer: 1}}
	f.commit([]store.Verdict{store.OK, store.OK}, set, clear)
	f.same("timers", []store.Timer{{Run: 1, Timer: 2, At: epoch}},
		must[[]store.Timer](f)(f.s.Timers(f.Context(), store.Timer{}, epoch, 10)))
	signal := func(key string) *store.Unit {
		return &store.Unit{Inbox: []store.InboxRow{{Run: 1, Key: key, Kind: store.InboxSignal}}}
	}
	f.commit([]store.Verdict{store.OK, store.OK, store.OK}, signal("early"), finish(1, "a", 5, epoch), signal("late"))
	f.same("the inbox", 0, len(must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 1))))
	f.same("timers", 0, len(must[[]store.Timer](f)(f.s.Timers(f.Context(), store.Timer{}, epoch, 10))))
}

func testRunNames(f *fixture) {
	f.do(start(1, "a"))
	other := start(2, "a")
	other.Run.Row.Machine = "evaluate"
	f.do(other)
	foreign := start(3, "a")
	foreign.Run.Row.Owner = "bob"
	f.do(foreign)
	f.do(finish(1, "a", 3, epoch))
	f.commit([]store.Verdict{store.Conflict}, start(4, "a")) // a name is taken beyond the run's end
	f.do(start(5, ""))
	f.do(start(6, ""))

	byName := func(owner, machine, name string) run.ID {
		f.Helper()
		return must[*store.Run](f)(f.s.RunByName(f.Context(), owner, machine, name)).ID
	}
	f.same("by name", run.ID(1), byName("ada", "train", "a"))
	f.same("by name", run.ID(2), byName("ada", "evaluate", "a"))
	f.same("by name of any machine, the latest", run.ID(2), byName("ada", "", "a"))
	f.same("by name", run.ID(3), byName("bob", "train", "a"))
	_, err := f.s.RunByName(f.Context(), "bob", "evaluate", "a")
	f.is(err, store.ErrNotFound)
}

func testRunLists(f *fixture) {
	for id := run.ID(1); id <= 6; id++ {
		u := start(id, fmt.Sprint("run-", id))
		r := u.Run.Row
		if id%2 == 0 {
			r.Owner, r.Machine, r.Parent = "bob", "evaluate", 1
			r.Labels = map[string]string{"team": "vision"}
		}
		if id == 6 {
			r.Machine = "evaluate/rows"
		}
		if id == 3 {
			r.Status = run.Quarantined
		}
		f.do(u)
	}
	f.do(finish(5, "run-5", 3, epoch))
	for _, c := range []struct {
		filter store.RunFilter
		want   []run.ID
	}{
		{store.RunFilter{}, []run.ID{6, 5, 4, 3, 2, 1}},
		{store.RunFilter{Limit: 2}, []run.ID{6, 5}},
		{store.RunFilter{Limit: 2, Before: 5}, []run.ID{4, 3}},
		{store.RunFilter{Owner: "bob", Before: 6}, []run.ID{4, 2}},
		{store.RunFilter{Machine: "train"}, []run.ID{5, 3, 1}},
		{store.RunFilter{Parent: 1}, []run.ID{6, 4, 2}},
		{store.RunFilter{Parent: 1, Ungrouped: true}, []run.ID{4, 2}},
		{store.RunFilter{Machine: "evaluate/rows"}, []run.ID{6}},
		{store.RunFilter{Name: "run-4"}, []run.ID{4}},
		{store.RunFilter{Statuses: []run.Status{run.Succeeded, run.Quarantined}}, []run.ID{5, 3}},
		{store.RunFilter{Statuses: []run.Status{run.Running, run.Quarantined}}, []run.ID{6, 4, 3, 2, 1}},
		{store.RunFilter{Statuses: []run.Status{run.Aborted}}, nil},
		{store.RunFilter{Label: [2]string{"team", "vision"}, Limit: 2}, []run.ID{6, 4}},
		{store.RunFilter{Label: [2]string{"team", "speech"}}, nil},
	} {
		got := must[[]*store.Run](f)(f.s.Runs(f.Context(), c.filter))
		f.same(fmt.Sprintf("%+v", c.filter), c.want, runIDs(got))
	}
}

func testChildren(f *fixture) {
	f.do(start(1, "parent"))
	child := func(id run.ID, name string, count int) store.RunChange {
		r := row(id, name)
		r.Parent, r.ParentTask = 1, run.TaskID(id)
		c := store.RunChange{ID: id, First: 1, Count: count, Row: r}
		if count > 0 {
			c.Frame = frame(id, 1)
		}
		return c
	}
	u := proceed(1, 3, 1)
	u.Run.Children = []store.RunChange{child(2, "x", 0), child(3, "y", 2)}
	u.Inbox = []store.InboxRow{{Run: 2, Key: "k", Kind: store.InboxSignal}}
	f.do(u)
	f.same("the child's log", []uint64{1}, f.frames(3, 1))
	f.same("the child's inbox", 1, len(must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), 2))))

	twice := proceed(1, 4, 1)
	twice.Run.Children = []store.RunChange{child(3, "z", 0)}
	f.commit([]store.Verdict{store.Stale}, twice)
	taken := proceed(1, 4, 1)
	taken.Run.Children = []store.RunChange{child(4, "w", 0), child(5, "w", 0)}
	f.commit([]store.Verdict{store.Conflict}, taken)
	f.same("the parent's log", []uint64{1, 3}, f.frames(1, 1))
}

func testFrames(f *fixture) {
	f.do(start(2, "neighbour"))
	f.do(start(1, "a")) // events 1 and 2 at position 0
	f.do(proceed(2, 3, 5))
	const frames = 600
	var units []*store.Unit
	for i := range uint64(frames) {
		u := proceed(1, 3+3*i, 3)
		u.Run.Position = 10 * (i / 2) // two frames to a position
		units = append(units, u)
	}
	got, err := f.s.Commit(f.Context(), units)
	f.ok(err)
	for i, v := range got {
		if v != store.OK {
			f.Fatalf("frame %d: %v", i, v)
		}
	}
	f.same("the whole log", frames+1, len(f.frames(1, 1)))
	f.same("from the start of the last", []uint64{1800}, f.frames(1, 1800))
	f.same("from inside the last", []uint64{1800}, f.frames(1, 1802))
	f.same("from the end of the one before", []uint64{1797, 1800}, f.frames(1, 1799))
	f.same("from beyond the end", 0, len(f.frames(1, 1803)))
	f.same("of no run", 0, len(f.frames(9, 1)))

	seen := 0
	f.ok(f.s.Frames(f.Context(), 1, 5, func(c store.Change) bool {
		if seen == 0 {
			want := store.Change{
				Seq: c.Seq, Subject: store.Subject{Kind: store.SubjectRun, ID: 1},
				First: 3, Count: 3, Data: frame(1, 3),
			}
			f.same("a frame", want, c)
		}
		seen++
		return seen < 5
	}))
	f.same("frames until told to stop", 5, seen)

	for _, c := range []struct{ position, first uint64 }{{0, 6}, {9, 6}, {10, 12}, {11, 12}, {2990, 1800}, {1 << 40, 1800}} {
		got := must[store.Change](f)(f.s.FrameAt(f.Context(), 1, c.position))
		f.same(fmt.Sprint("the frame at ", c.position), c.first, got.First)
		f.same("its data", string(frame(1, c.first)), string(got.Data))
	}
	_, err = f.s.FrameAt(f.Context(), 9, 0)
	f.is(err, store.ErrNotFound)
}

func testSnapshots(f *fixture) {
	_, err := f.s.Snapshot(f.Context(), 1)
	f.is(err, store.ErrNotFound)
	u := start(1, "a")
	u.Run.Snapshot = &store.Snapshot{Next: 3, Version: 7, Data: []byte("three")}
	f.do(u)
	f.same("the snapshot", u.Run.Snapshot, must[*store.Snapshot](f)(f.s.Snapshot(f.Context(), 1)))
	alone := &store.Unit{Run: &store.RunChange{ID: 1, First: 3, Snapshot: &store.Snapshot{Next: 3, Version: 8, Data: []byte("again")}}}
	f.do(alone)
	f.same("the later snapshot", alone.Run.Snapshot, must[*store.Snapshot](f)(f.s.Snapshot(f.Context(), 1)))
	f.same("the feed", int64(1), must[int64](f)(f.s.LastChange(f.Context())))
}

func testValues(f *fixture) {
	a, b := text(2000, "a"), text(5000, "b")
	u := start(1, "r")
	u.Values = []value.Blob{blobOf(a), blobOf(b)}
	v := start(2, "s")
	v.Values = []value.Blob{blobOf(b), {Digest: value.DigestOf([]byte("elsewhere"))}}
	f.commit([]store.Verdict{store.OK, store.OK}, u, v)
	f.do(&store.Unit{Values: []value.Blob{blobOf(a)}})
	for _, want := range []value.Value{a, b} {
		f.same("the text", want.JSON(), string(must[[]byte](f)(f.s.Value(f.Context(), want.Digest()))))
		f.same("the value", want, must[value.Value](f)(store.Load(f.Context(), f.s, nil, want.Digest())))
	}
	f.same("one kept elsewhere", "", string(must[[]byte](f)(f.s.Value(f.Context(), v.Values[1].Digest))))
	_, err := f.s.Value(f.Context(), value.DigestOf(nil))
	f.is(err, store.ErrNotFound)
	for _, d := range []value.Digest{value.DigestOf(nil), v.Values[1].Digest} {
		_, err = store.Load(f.Context(), f.s, nil, d)
		f.is(err, store.ErrCorrupt)
	}
}

func testTimers(f *fixture) {
	set := func(id run.ID, first uint64, timers ...store.Timer) {
		u := start(id, fmt.Sprint(id))
		if first > 1 {
			u = proceed(id, first, 1)
		}
		u.Run.Timers = timers
		f.do(u)
	}
	due := func(after store.Timer, until time.Time, limit int) []store.Timer {
		return must[[]store.Timer](f)(f.s.Timers(f.Context(), after, until, limit))
	}
	early, late := after(time.Second), after(time.Minute)
	set(2, 1, store.Timer{Run: 2, Timer: 1, At: late}, store.Timer{Run: 2, Timer: 2, At: early})
	set(1, 1, store.Timer{Run: 1, Timer: 9, At: early}, store.Timer{Run: 1, Timer: 3, At: early})
	all := []store.Timer{
		{Run: 1, Timer: 3, At: early}, {Run: 1, Timer: 9, At: early}, {Run: 2, Timer: 2, At: early}, {Run: 2, Timer: 1, At: late},
	}
	f.same("all", all, due(store.Timer{}, late, 10))
	f.same("due", all[:3], due(store.Timer{}, early, 10))
	f.same("none due", 0, len(due(store.Timer{}, epoch, 10)))
	f.same("a page", all[:2], due(store.Timer{}, late, 2))
	f.same("the next page", all[2:], due(all[1], late, 10))

	set(2, 3, store.Timer{Run: 2, Timer: 2}, store.Timer{Run: 2, Timer: 1, At: early})
	f.same("one cleared, one moved", []store.Timer{all[0], all[1], {Run: 2, Timer: 1, At: early}}, due(store.Timer{}, late, 10))
	f.do(finish(1, "1", 3, epoch))
	f.same("timers end with the run", []store.Timer{{Run: 2, Timer: 1, At: early}}, due(store.Timer{}, late, 10))
}

func testInbox(f *fixture) {
	f.commit([]store.Verdict{store.OK, store.OK}, start(1, "a"), start(2, "b"))
	put := func(rows ...store.InboxRow) { f.do(&store.Unit{Inbox: rows}) }
	inbox := func(id run.ID) []store.InboxRow { return must[[]store.InboxRow](f)(f.s.Inbox(f.Context(), id)) }
	first := store.InboxRow{Run: 1, Key: "job/1", Kind: store.InboxJob, Task: 4, Ref: 1}
	second := store.InboxRow{Run: 1, Key: "s", Kind: store.InboxSignal, Name: "go", Data: text(4000, "large ")}
	put(first, store.InboxRow{Run: 2, Key: "job/1", Kind: store.InboxJob})
	put(second, first, store.InboxRow{Run: 3, Key: "no such run"})
	again := first
	again.Task = 99
	put(again)
	rows := inbox(1)
	if len(rows) != 2 || rows[0].ID <= 0 || rows[0].ID >= rows[1].ID {
		f.Fatalf("want two rows, their ids rising: %+v", rows)
	}
	first.ID, second.ID = rows[0].ID, rows[1].ID
	f.same("rows, each once", []store.InboxRow{first, second}, rows)
	f.same("rows of no run", 0, len(inbox(3)))

	stale := proceed(1, 9, 1)
	stale.Run.Consumed = []int64{first.ID}
	f.commit([]store.Verdict{store.Stale}, stale)
	f.same("rows after a stale answer", 2, len(inbox(1)))
	answer := proceed(1, 3, 1)
	answer.Run.Consumed = []int64{first.ID}
	f.do(answer)
	f.same("rows after an answer", []store.InboxRow{second}, inbox(1))
	f.same("rows of the neighbour", 1, len(inbox(2)))

	f.do(finish(1, "a", 4, epoch))
	put(store.InboxRow{Run: 1, Key: "late"})
	f.same("rows of an ended run", 0, len(inbox(1)))
}

func testResident(f *fixture) {
	for id := run.ID(1); id <= 5; id++ {
		u := start(id, fmt.Sprint(id))
		u.Run.Row.Resident = id%2 == 1
		f.do(u)
	}
	f.do(finish(3, "3", 3, epoch))
	f.do(&store.Unit{Inbox: []store.InboxRow{{Run: 4, Key: "k"}, {Run: 5, Key: "k"}}})
	f.same("resident", []run.ID{1, 4, 5}, must[[]run.ID](f)(f.s.Resident(f.Context())))
}
