package kernel

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// step is one turn of one run: what it decided and ordered since its last commit, on the way to one unit.
type step struct {
	k     *Kernel
	ctx   context.Context
	r     *resident
	now   time.Time
	token func(run.TaskID) string
	from  uint64 // sequence number of its first event
	at    uint64 // position before it

	frame     frameWriter
	unit      *store.Unit
	fed       []run.Input // inputs that were no rows; they come again if the unit is refused
	consumed  []int64
	cancelled *run.Failure  // it was told to cancel the run
	timers    []store.Timer // in order of setting; the last of a timer counts
	row       *store.Run    // the new row, where it changes
	launch    []launch
	offers    []offer
	withdraw  []offer
	replies   []reply
	look      bool // an outcome in the inbox has waited for what was fed
	cancel    []run.TaskID
	again     []again
	revoked   []run.TaskID // redrives of children that are of no more interest
	soon      []run.Input  // follow at once: answers that were known while deciding
	stepped   bool         // Step gave nothing
	snapshot  bool         // take one whatever the log's length
}

type launch struct {
	doer Doer
	task Task
}

type offer struct {
	queue Queue
	task  Task
}

// decideError is a decider that panicked or contradicted itself.
type decideError struct {
	what  string
	stack []byte
}

func (e *decideError) Error() string { return e.what }

func (k *Kernel) newStep(ctx context.Context, r *resident) *step {
	now := k.now()
	if now.Before(r.now) {
		now = r.now // the clock was set back
	}
	r.now = now
	s := &step{k: k, ctx: ctx, r: r, now: now, from: r.seq, at: r.state.Position(), unit: &store.Unit{}}
	s.token = func(t run.TaskID) string { return k.Token(r.id, t) }
	return s
}

// full reports whether the budget of the commit is used up.
func (s *step) full() bool {
	return s.frame.count >= s.k.o.BudgetEvents || s.frame.enc.Len() >= s.k.o.BudgetBytes ||
		s.unit.Run != nil && len(s.unit.Run.Children) >= s.k.o.BudgetChildren
}

// goOn gives Step until nothing follows or the budget is used up.
func (s *step) goOn() error {
	for !s.full() && !s.ended() {
		n, err := s.feedAll(run.Input{Kind: run.Step})
		if err != nil {
			return err
		}
		if n == 0 {
			s.stepped = true
			break
		}
	}
	return nil
}

// feedAll feeds an input and what is known at once of its consequences: they are not rows, so they must not be left for
// a later commit.
func (s *step) feedAll(in run.Input) (events int, err error) {
	for {
		n, err := s.feed(in)
		events += n
		if err != nil || len(s.soon) == 0 {
			return events, err
		}
		in, s.soon = s.soon[0], s.soon[1:]
	}
}

func (s *step) ended() bool { return s.row != nil && s.row.Status.Ended() }

// feed has the language decide one input, folds what it decided, and takes its orders. It returns how many events there were.
func (s *step) feed(in run.Input) (events int, err error) {
	if s.ended() {
		return 0, nil
	}
	switch in.Kind {
	case run.Cancel:
		s.cancelled = in.Outcome.Failure
	case run.TimerFired:
		s.timers = append(s.timers, store.Timer{Run: s.r.id, Timer: in.Timer})
	case run.TaskSubmitted:
		if t, open := s.r.tasks[in.Task]; open {
			s.callOver(t)
		}
	case run.TaskEnded:
		t, open := s.r.tasks[in.Task]
		if !open {
			return 0, nil // it was cancelled, or the input came twice
		}
		if s.r.held[in.Task] && !t.Submitted {
			s.callOver(t) // it failed, but what it was for is done
			return 0, nil
		}
	}
	decided, err := s.decide(in)
	if err != nil {
		return 0, err
	}
	if in.Kind == run.TaskEnded {
		delete(s.r.tasks, in.Task)
		delete(s.r.refs, in.Task)
		delete(s.r.held, in.Task)
	}
	for _, e := range decided {
		for _, o := range e.Orders {
			if err := s.order(o); err != nil {
				return 0, err
			}
		}
	}
	return len(decided), nil
}

// decide calls into the language, whose panics are its own run's trouble and nobody else's.
func (s *step) decide(in run.Input) (events []run.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &decideError{what: fmt.Sprintf("panic: %v", p), stack: debug.Stack()}
		}
	}()
	in.Now, in.Entropy, in.Token = s.now, entropy(s.r.row, s.r.seq), s.token
	if events, err = s.r.state.Decide(in); err != nil {
		return nil, &decideError{what: err.Error()}
	}
	if in.Kind == run.Step {
		if no := s.refusal(events); no != nil {
			return s.decide(run.Input{Kind: run.Refused, Outcome: run.Outcome{Failure: no}})
		}
	}
	for _, e := range events {
		s.frame.add(e.Fact)
		s.r.state.Apply(e.Fact)
		s.r.seq++
	}
	return events, nil
}

// refusal says why a task that events start is not to be scheduled.
func (s *step) refusal(events []run.Event) *run.Failure {
	for _, e := range events {
		for _, o := range e.Orders {
			t, ok := o.(run.StartTask)
			if !ok {
				continue
			}
			in, ok := s.k.o.Integrations(t.Resource).(Checker)
			if !ok {
				continue
			}
			no, err := in.Check(s.ctx, s.k.task(s.r, t))
			if err != nil {
				no = &run.Failure{Error: run.ErrInternal, Cause: err.Error()}
			}
			if no != nil {
				return no
			}
		}
	}
	return nil
}

func (s *step) order(o run.Order) error {
	switch o := o.(type) {
	case run.StartTask:
		return s.startTask(o)
	case run.CancelTask:
		return s.cancelTask(o.Task)
	case run.StopRun:
		return s.cancelTask(o.Task)
	case run.SetTimer:
		s.timers = append(s.timers, store.Timer{Run: s.r.id, Timer: o.Timer, At: o.At})
	case run.StartRun:
		s.r.tasks[o.Task] = run.StartTask{Task: o.Task}
		return s.startRun(o)
	case run.RedriveRun:
		return s.redriveRun(o)
	case run.EndRun:
		return s.endRun(o)
	}
	return nil
}

func (s *step) startTask(o run.StartTask) error {
	if s.r.tasks == nil {
		s.r.tasks = make(map[run.TaskID]run.StartTask)
	}
	s.r.tasks[o.Task] = o
	t := s.k.task(s.r, o)
	switch in := s.k.o.Integrations(o.Resource).(type) {
	case nil:
		s.soon = append(s.soon, unknownResource(o))
	case Ledger:
		return s.begin(in, t)
	case Queue:
		s.offers = append(s.offers, offer{in, t})
	case Doer:
		s.launch = append(s.launch, launch{in, t})
	}
	return nil
}

// begin inserts the rows of a durable task into the unit.
func (s *step) begin(in Ledger, t Task) error {
	rows, err := in.Begin(s.ctx, t)
	if err != nil {
		s.soon = append(s.soon, ended(t.Order.Task, run.Fail(run.ErrInternal, err.Error())))
		return nil
	}
	ref := Ref{}
	if rows.Job != nil {
		ref.Job = s.k.o.Writer.NewJobID()
	}
	if rows.Run != nil {
		ref.Run = s.k.o.Writer.NewRunID()
		if ref.RunName = rows.Run.Name; ref.RunName == "" {
			ref.RunName = s.k.makeName(rows.Run.Machine, ref.Run)
		}
	}
	var outcome *run.Outcome
	if rows.Outcome != nil {
		o := rows.Outcome(ref)
		outcome = &o
	}
	if outcome == nil || outcome.Failure == nil {
		if err := s.insert(rows, ref, t); err != nil {
			return err
		}
		if rows.Submitted != nil {
			s.soon = append(s.soon, run.Input{Kind: run.TaskSubmitted, Task: t.Order.Task, Value: rows.Submitted(ref)})
		}
	}
	if outcome != nil {
		s.soon = append(s.soon, comeBack(t.Order, *outcome))
	}
	return nil
}

func (s *step) insert(rows Rows, ref Ref, t Task) error {
	waits := !rows.Detached && rows.Outcome == nil
	if rows.Job != nil {
		j := *rows.Job
		j.ID, j.Key, j.Owner = ref.Job, t.Key, s.r.row.Owner
		j.Name = JobName(j.Name, j.ID)
		j.Label, j.State, j.Submitted, j.Version = t.Order.Label, job.Queued, s.now, 1
		// A job that nobody waits for still shows which run made it; Task 0 says that no answer is due.
		j.Run, j.Task = int64(s.r.id), 0
		if waits {
			j.Task = uint64(t.Order.Task)
		}
		s.unit.Jobs = append(s.unit.Jobs, store.JobChange{Job: &j})
	}
	if rows.Run != nil {
		child, err := s.childRow(rows.Run, ref)
		if err != nil {
			s.soon = append(s.soon, ended(t.Order.Task, run.Fail("States.Runtime", err.Error())))
			return nil
		}
		if waits {
			child.Parent, child.ParentTask = s.r.id, t.Order.Task
		}
		s.addChild(child)
	}
	if waits {
		s.remember(t.Order.Task, ref)
	}
	return nil
}

// JobName is the name of a job: one that is empty or ends in "-" is completed by the job's number.
func JobName(name string, id job.ID) string {
	if name == "" {
		name = "job-"
	}
	if name[len(name)-1] == '-' {
		name += strconv.FormatInt(int64(id), 36)
	}
	return name
}

func (s *step) remember(t run.TaskID, ref Ref) {
	if s.r.refs == nil {
		s.r.refs = make(map[run.TaskID]Ref)
	}
	s.r.refs[t] = ref
}

func (s *step) childRow(n *NewRun, ref Ref) (*store.Run, error) {
	def, err := s.k.defs.compile(s.k.languages, n.Language, n.Source)
	if err != nil {
		return nil, err
	}
	s.unit.Values = append(s.unit.Values, def.source)
	var attributes value.Value
	if n.Attributes != nil {
		attributes = n.Attributes(ref)
	}
	return &store.Run{
		ID:         ref.Run,
		Name:       ref.RunName,
		Owner:      s.r.row.Owner,
		Language:   n.Language,
		Machine:    n.Machine,
		Definition: def.source.Digest,
		Labels:     n.Labels,
		Attributes: attributes,
		Status:     run.Running,
		Started:    s.now,
		Input:      n.Input,
	}, nil
}

// startRun makes the child run that a language orders itself: a part of its own definition, as a rule.
func (s *step) startRun(o run.StartRun) error {
	id := s.k.o.Writer.NewRunID()
	child := *s.r.row
	child.ID, child.Part, child.Input, child.Started = id, o.Part, o.Input, s.now
	child.Parent, child.ParentTask = s.r.id, o.Task
	child.Status, child.Labels, child.Note = run.Running, nil, ""
	child.Redrives, child.Redriven, child.RecentRedrives = 0, time.Time{}, nil
	if o.Group != "" {
		child.Machine = inGroup(child.Machine, o.Group)
	}
	if !o.Attributes.IsAbsent() {
		child.Attributes = o.Attributes
	}
	if child.Name = o.Name; child.Name == "" {
		child.Name = s.k.makeName(child.Machine, id)
	}
	if !o.Definition.IsZero() {
		child.Definition = o.Definition
	}
	s.remember(o.Task, Ref{Run: id, RunName: child.Name})
	s.addChild(&child)
	return nil
}

// addChild inserts a run that has no events yet. It is begun when its row is durable, or by the next server.
func (s *step) addChild(row *store.Run) {
	row.Resident = true
	s.change().Children = append(s.change().Children, store.RunChange{ID: row.ID, First: 1, Row: row})
}

func (s *step) change() *store.RunChange {
	if s.unit.Run == nil {
		s.unit.Run = &store.RunChange{ID: s.r.id}
	}
	return s.unit.Run
}

// cancelTask stops whatever a task started. A row that is not durable yet is taken out of the unit again.
func (s *step) cancelTask(t run.TaskID) error {
	o, open := s.r.tasks[t]
	if !open {
		return nil
	}
	delete(s.r.tasks, t)
	for i := range s.launch {
		if s.launch[i].task.Order.Task == t {
			s.launch = append(s.launch[:i], s.launch[i+1:]...)
			return nil
		}
	}
	if o.Redrive != nil {
		s.again = slices.DeleteFunc(s.again, func(g again) bool { return g.task == t })
		s.revoked = append(s.revoked, t)
	}
	if s.r.held[t] {
		delete(s.r.held, t)
		s.look = true // its outcome is of no more interest
	}
	switch in := s.k.o.Integrations(o.Resource).(type) {
	case Ledger:
		if o.Callback {
			return nil // what was submitted is on its own
		}
	case Queue:
		s.offers = slices.DeleteFunc(s.offers, func(x offer) bool { return x.task.Order.Task == t })
		s.withdraw = append(s.withdraw, offer{in, s.k.task(s.r, o)})
		return nil
	default:
		if o.Resource != "" {
			s.cancel = append(s.cancel, t)
			return nil
		}
	}
	ref, err := s.k.findRef(s.ctx, s.r, o)
	if err != nil {
		return err
	}
	delete(s.r.refs, t)
	if s.takeBack(ref) {
		return nil
	}
	why := fmt.Sprintf("Run %s no longer needs it.", s.r.row.Name)
	if ref.Job != 0 {
		s.unit.Requests = append(s.unit.Requests, store.JobRequest{Job: ref.Job, Kind: store.JobCancel, Why: why})
	}
	if ref.Run != 0 {
		s.unit.Inbox = append(s.unit.Inbox, cancelRow(ref.Run, run.Failure{Cause: why}))
	}
	return nil
}

// takeBack removes rows from the unit that it was to insert.
func (s *step) takeBack(ref Ref) bool {
	for i, c := range s.unit.Jobs {
		if c.Job.ID == ref.Job {
			s.unit.Jobs = append(s.unit.Jobs[:i], s.unit.Jobs[i+1:]...)
			return true
		}
	}
	if s.unit.Run == nil {
		return false
	}
	children := s.unit.Run.Children
	for i, c := range children {
		if c.ID == ref.Run {
			s.unit.Run.Children = append(children[:i], children[i+1:]...)
			return true
		}
	}
	return false
}

func (s *step) endRun(o run.EndRun) error {
	for _, t := range slices.Sorted(maps.Keys(s.r.tasks)) {
		if err := s.cancelTask(t); err != nil {
			return err
		}
	}
	row := s.newRow()
	row.Status, row.Ended, row.Output, row.Failure, row.Resident = o.Status, s.now, o.Output, o.Failure, false
	if row.Parent != 0 {
		s.unit.Inbox = append(s.unit.Inbox, childEnded(row))
	}
	return nil
}

// newRow is the run's row as the unit is to leave it.
func (s *step) newRow() *store.Run {
	if s.row == nil {
		row := *s.r.row
		s.row = &row
	}
	return s.row
}

// finish completes the unit; nil when there is nothing to commit.
func (s *step) finish() *store.Unit {
	r := s.r
	if unfinished := len(s.launch)+len(s.offers)+len(s.again) > 0 || !s.stepped; unfinished && !s.ended() && !r.row.Resident {
		s.newRow().Resident = true
	}
	if r.row.Status == run.Quarantined && !s.ended() {
		row := s.newRow()
		row.Status, row.Note = run.Running, ""
	}
	if r.begun != nil {
		s.newRow()
		s.unit.Values = append(s.unit.Values, r.source)
	}
	timers := s.lastTimers()
	if s.frame.count == 0 && s.row == nil && len(s.consumed) == 0 && len(timers) == 0 && !s.snapshot && s.unit.Run == nil && len(s.unit.Inbox) == 0 {
		return nil
	}
	c := s.change()
	c.First, c.Count, c.Position = s.from, s.frame.count, s.at
	c.Row, c.Timers, c.Consumed = s.row, timers, s.consumed
	if s.frame.count > 0 {
		c.Frame = s.frame.bytes()
		s.unit.Values = append(s.unit.Values, s.frame.enc.Blobs()...)
		r.logged += len(c.Frame)
	}
	if s.snapshot || r.logged > max(4<<10, r.snapshot)*2 && !s.ended() {
		s.takeSnapshot(c)
	}
	return s.unit
}

// takeSnapshot is due when the log since the last one outgrows it: so the cost of snapshots stays in proportion to that
// of the log, however long the run is.
func (s *step) takeSnapshot(c *store.RunChange) {
	var enc value.Encoder
	s.r.state.Encode(&enc)
	c.Snapshot = &store.Snapshot{Next: s.r.seq, Version: SnapshotVersion, Data: enc.Bytes()}
	s.unit.Values = append(s.unit.Values, enc.Blobs()...)
	s.r.snapshot, s.r.logged = len(enc.Bytes()), 0
}

// lastTimers is the last setting of each timer.
func (s *step) lastTimers() []store.Timer {
	if len(s.timers) < 2 {
		return s.timers
	}
	last := make(map[run.TimerID]int, len(s.timers))
	for i, t := range s.timers {
		last[t.Timer] = i
	}
	out := s.timers[:0]
	for i, t := range s.timers {
		if last[t.Timer] == i {
			out = append(out, t)
		}
	}
	return out
}

// findRef is the row that a durable task became; the zero Ref where that has ended.
func (k *Kernel) findRef(ctx context.Context, r *resident, o run.StartTask) (Ref, error) {
	if ref, ok := r.refs[o.Task]; ok {
		return ref, nil
	}
	if o.Resource != "" {
		j, err := k.o.Store.JobByKey(ctx, fmt.Sprintf("run/%d/task/%d", r.id, o.Task))
		if err == nil {
			return Ref{Job: j.ID}, nil
		}
	}
	if err := k.findChildren(ctx, r); err != nil {
		return Ref{}, err
	}
	ref := r.refs[o.Task]
	r.refs[o.Task] = ref // so that one that has ended is not looked for again
	return ref, nil
}

// findChildren notes the child runs that are under way. It reads all of them at once: who stops one stops the others, as
// a rule.
func (k *Kernel) findChildren(ctx context.Context, r *resident) error {
	if r.refs == nil {
		r.refs = make(map[run.TaskID]Ref)
	}
	f := store.RunFilter{Parent: r.id, Statuses: []run.Status{run.Running, run.Quarantined}, Limit: 1000}
	for {
		children, err := k.o.Store.Runs(ctx, f)
		if err != nil || len(children) == 0 {
			return err
		}
		for _, c := range children {
			if r.refs[c.ParentTask].Run == 0 {
				r.refs[c.ParentTask] = Ref{Run: c.ID, RunName: c.Name}
			}
		}
		f.Before = children[len(children)-1].ID
	}
}
