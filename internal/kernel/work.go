package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// maxConflicts is how often a run may find a name taken that its integration said was free.
const maxConflicts = 3

// enqueue puts an idle run with something to do among the ready ones. The caller holds mu.
func (k *Kernel) enqueue(r *resident) {
	if r.phase != phaseIdle {
		return
	}
	k.idle.remove(r)
	r.phase = phaseReady
	k.ready.push(r)
	k.work.Signal()
}

// find is the run in memory, made to be folded if it is not there. The caller holds mu.
func (k *Kernel) find(id run.ID) *resident {
	r := k.runs[id]
	if r == nil {
		r = &resident{id: id}
		k.runs[id] = r
	}
	return r
}

// deliver gives a run an input that is no row. The caller holds mu.
func (k *Kernel) deliver(id run.ID, in run.Input) {
	r := k.find(id)
	r.inputs = append(r.inputs, in)
	k.enqueue(r)
}

// wake has a run look into its inbox. The caller holds mu.
func (k *Kernel) wake(id run.ID) {
	r := k.find(id)
	r.look = true
	k.enqueue(r)
}

// born has a run begin whose row has just been made. The caller holds mu.
func (k *Kernel) born(row *store.Run) {
	r := k.find(row.ID)
	if r.phase == phaseIdle && r.row == nil {
		r.row, r.owner, r.parent, r.fresh = row, row.Owner, row.Parent, true
	}
	k.enqueue(r)
}

// Work takes one ready run through one turn, and says whether there was one. The simulation calls it; otherwise Run's
// workers do.
func (k *Kernel) Work(ctx context.Context) (worked bool, err error) {
	k.mu.Lock()
	r := k.ready.pop()
	if r == nil {
		k.mu.Unlock()
		return false, nil
	}
	k.popped = k.o.Now()
	r.phase = phaseWorking
	w := waiting{r.inputs, r.asks, r.look}
	r.inputs, r.asks, r.look, r.more = nil, nil, false, false
	k.mu.Unlock()
	return true, k.turn(ctx, r, w)
}

// waiting is what a run is still to be told: inputs, what is asked, and whether there may be rows in its inbox.
type waiting struct {
	inputs []run.Input
	asks   []*ask
	look   bool
}

// turn takes a run from its inputs to a unit with the Writer. An error is the server's end.
func (k *Kernel) turn(ctx context.Context, r *resident, w waiting) error {
	if r.state == nil {
		resumed, err := k.load(ctx, r, redrives(w.asks))
		if err != nil {
			return err
		}
		if r.state == nil {
			k.refuse(w.asks, r.closed())
			return nil
		}
		if parked, err := k.park(ctx, r, w); parked || err != nil {
			return err
		}
		w.inputs = append(resumed, w.inputs...)
		// Rows of the inbox announce themselves, but for those that an earlier attempt to decide left lying.
		w.look = w.look || r.row.Status == run.Quarantined || len(r.held) > 0
	}
	if r.conflicts > maxConflicts {
		k.quarantine(r, r.seq, &decideError{what: "a name that its next step gives stays taken"}, nil)
		k.refuse(w.asks, errQuarantined)
		return nil
	}
	s := k.newStep(ctx, r)
	left, err := k.takeTurn(s, w)
	if bad := (*decideError)(nil); errors.As(err, &bad) {
		k.quarantine(r, s.from, bad, s.cancelled)
		k.refuse(w.asks, errQuarantined)
		return nil
	}
	if err != nil {
		return err
	}
	unit := s.finish()
	k.mu.Lock()
	r.inputs = append(left.inputs, r.inputs...)
	r.asks = append(left.asks, r.asks...)
	r.look = r.look || left.look || s.look
	r.more = !s.stepped && !s.ended()
	if unit == nil {
		k.settle(r)
		k.answerAll(s)
		k.mu.Unlock()
		return nil
	}
	r.phase = phaseCommitting
	k.mu.Unlock()
	s.fed = w.inputs[:len(w.inputs)-len(left.inputs)]
	unit.Done = func(v store.Verdict) { k.done(s, v) }
	k.o.Writer.Submit(unit)
	return nil
}

// takeTurn feeds a step what waits, as much as its budget allows, and says what is left.
func (k *Kernel) takeTurn(s *step, w waiting) (left waiting, err error) {
	for len(w.inputs) > 0 {
		if s.full() {
			return w, nil
		}
		if _, err := s.feedAll(w.inputs[0]); err != nil {
			return waiting{}, err
		}
		w.inputs = w.inputs[1:]
	}
	for len(w.asks) > 0 {
		if s.full() {
			return w, nil
		}
		if err := s.hear(w.asks[0]); err != nil {
			return waiting{}, err
		}
		w.asks = w.asks[1:]
	}
	if w.look || s.look {
		s.look = false
		if more, err := k.takeRows(s); err != nil || more {
			return waiting{look: more}, err
		}
	}
	return waiting{}, s.goOn()
}

// takeRows feeds a step the rows of its run's inbox. more says that the budget did not allow for all.
func (k *Kernel) takeRows(s *step) (more bool, err error) {
	rows, err := k.o.Store.Inbox(s.ctx, s.r.id)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if s.full() {
			return true, nil
		}
		if row.Kind == store.InboxTask && s.isHeld(row.Task) {
			continue
		}
		in, err := k.readRow(s, row)
		if err != nil {
			return false, err
		}
		if _, err := s.feedAll(in); err != nil {
			return false, err
		}
		s.consumed = append(s.consumed, row.ID)
	}
	return false, nil
}

// load folds a run that is not in memory, even one that has ended where it is to be redriven. It leaves no state where
// there is nothing to go on with.
func (k *Kernel) load(ctx context.Context, r *resident, redrive bool) (inputs []run.Input, err error) {
	err = k.fold(ctx, r, redrive)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && r.state == nil:
		k.forget(r)
		return nil, nil
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrNewer), errors.Is(err, value.ErrCorrupt), isProblems(err):
		if r.row == nil {
			return nil, err
		}
		r.state = nil
		k.quarantine(r, 0, &decideError{what: err.Error()}, nil)
		return nil, nil
	case err != nil:
		return nil, err
	}
	if r.seq == 1 {
		return []run.Input{startInput(r.row)}, nil
	}
	if err := k.findHeld(ctx, r); err != nil {
		return nil, err
	}
	inputs, err = k.takeUpChildren(ctx, r)
	return append(inputs, k.resume(r)...), err
}

func isProblems(err error) bool {
	var ps run.Problems
	return errors.As(err, &ps)
}

// forget drops a run from memory.
func (k *Kernel) forget(r *resident) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle.remove(r)
	if k.runs[r.id] == r {
		delete(k.runs, r.id)
	}
	k.askAnew(r.id, r.asks)
	r.asks = nil
}

// settle puts a run where it belongs after a turn: back to the queue, or to rest. The caller holds mu.
func (k *Kernel) settle(r *resident) {
	r.phase = phaseIdle
	if len(r.inputs) > 0 || len(r.asks) > 0 || r.look || r.more {
		k.enqueue(r)
		return
	}
	if r.row != nil && r.row.Status.Ended() { // it was asked to go on, and cannot
		delete(k.runs, r.id)
		return
	}
	k.rest(r)
}

// done is told the verdict on a step's unit, in the goroutine that commits.
func (k *Kernel) done(s *step, v store.Verdict) {
	r := s.r
	k.mu.Lock()
	defer k.mu.Unlock()
	if v != store.OK {
		k.refused(s, v)
		return
	}
	r.conflicts = 0
	if s.row != nil {
		r.row = s.row
	}
	if r.begun != nil {
		r.begun <- nil
		r.begun = nil
	}
	k.answerAll(s)
	for _, t := range s.unit.Run.Timers {
		k.addTimer(t)
	}
	for _, c := range s.unit.Run.Children {
		k.born(c.Row)
	}
	for _, o := range s.withdraw {
		o.queue.Withdraw(o.task.Key)
	}
	for _, t := range s.revoked {
		k.revoke(r.id, t)
	}
	for _, g := range s.again {
		k.askChild(r.id, g)
	}
	for _, t := range s.cancel {
		if cancel := k.effects[r.id][t]; cancel != nil {
			cancel(ErrGivenUp)
		}
	}
	if r.row.Status.Ended() {
		k.ended(r)
		return
	}
	for _, l := range s.launch {
		k.begin(l.doer, l.task, false)
	}
	for _, o := range s.offers {
		o.queue.Offer(o.task)
	}
	k.settle(r)
}

// refused drops what was decided on ground that has shifted. The caller holds mu.
func (k *Kernel) refused(s *step, v store.Verdict) {
	r := s.r
	if r.begun != nil {
		err := ErrExists
		if v == store.Stale {
			err = fmt.Errorf("run %d: its number was given twice: %w", r.id, store.ErrCorrupt)
		}
		r.begun <- err
		delete(k.runs, r.id)
		return
	}
	k.o.Log.Warn("commit refused; folding the run again", "run", r.id, "verdict", v.String())
	r.state, r.tasks, r.refs, r.held = nil, nil, nil, nil
	r.inputs = append(s.fed, r.inputs...)
	for i := len(s.replies) - 1; i >= 0; i-- {
		r.asks = slices.Insert(r.asks, 0, s.replies[i].ask)
	}
	r.look, r.more = true, true
	r.conflicts++
	k.settle(r)
}

// errQuarantined answers those who have something to tell a run that cannot be decided.
var errQuarantined = errors.New("the run stands still: it cannot be decided")

// closed is why a run that is not to be had takes nothing more.
func (r *resident) closed() error {
	if r.row != nil && !r.row.Status.Ended() {
		return errQuarantined
	}
	return ErrTaskClosed
}

// ended lets go of a run that ended. The caller holds mu.
func (k *Kernel) ended(r *resident) {
	for _, cancel := range k.effects[r.id] {
		cancel(ErrGivenUp)
	}
	delete(k.runs, r.id)
	k.askAnew(r.id, r.asks)
	r.asks = nil
	for _, w := range k.waiters[r.id] {
		close(w)
	}
	delete(k.waiters, r.id)
}

// quarantine sets a run aside that cannot be decided. Its log, rows and timers stay; inputs that were not rows are found
// again by their effects' classes when it is loaded next. next is the sequence number after the last durable event, 0 if
// the log could not be read.
func (k *Kernel) quarantine(r *resident, next uint64, bad *decideError, cancelled *run.Failure) {
	if r.row.Status.Ended() { // it was to be redriven: it stays as it ended
		k.o.Log.Error("run cannot be redriven: it cannot be decided", "run", r.id, "name", r.row.Name, "error", bad.what, "stack", string(bad.stack))
		k.forget(r)
		return
	}
	k.o.Log.Error("run quarantined: it cannot be decided", "run", r.id, "name", r.row.Name, "error", bad.what, "stack", string(bad.stack))
	if r.begun != nil {
		k.forget(r)
		r.begun <- fmt.Errorf("starting run %q: %s", r.row.Name, bad.what)
		return
	}
	row := *r.row
	row.Status, row.Resident, row.Note = run.Quarantined, true, bad.what
	unit := &store.Unit{Run: &store.RunChange{ID: r.id, First: next, Row: &row}}
	if cancelled != nil { // even the language's own way to end failed: end it without
		row.Status, row.Resident, row.Ended, row.Failure = run.Aborted, false, k.now(), cancelled
	}
	if row.Status.Ended() && row.Parent != 0 {
		unit.Inbox = append(unit.Inbox, childEnded(&row))
	}
	unit.Done = func(store.Verdict) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if row.Status.Ended() {
			k.ended(r)
		} else if k.runs[r.id] == r {
			delete(k.runs, r.id) // the next input folds it again, and may find it mended
			for _, a := range r.asks {
				a.told <- errQuarantined
			}
		}
	}
	k.o.Writer.Submit(unit)
}

// childEnded tells the parent of a run that it ended.
func childEnded(row *store.Run) store.InboxRow { return endOfChild(row, row.ParentTask) }

// endOfChild tells the parent of a run that it ended, as the end of the parent's task.
func endOfChild(row *store.Run, task run.TaskID) store.InboxRow {
	return store.InboxRow{
		Run:  row.Parent,
		Key:  taskRowKey(task),
		Kind: store.InboxRun,
		Task: task,
		Ref:  int64(row.ID),
	}
}

// readRow turns a row of the inbox into an input.
func (k *Kernel) readRow(s *step, row store.InboxRow) (run.Input, error) {
	switch row.Kind {
	case store.InboxCancel:
		return run.Input{Kind: run.Cancel, Outcome: readOutcome(row.Data)}, nil
	case store.InboxSignal:
		return run.Input{Kind: run.Signal, Name: row.Name, Value: row.Data}, nil
	case store.InboxTask:
		return ended(row.Task, readOutcome(row.Data)), nil
	}
	o, open := s.r.tasks[row.Task]
	if !open {
		return ended(row.Task, run.Outcome{}), nil // of no more interest; feed ignores it
	}
	var e Ended
	var err error
	if row.Kind == store.InboxJob {
		e.Job, err = k.o.Store.Job(s.ctx, job.ID(row.Ref))
	} else {
		e.Run, err = k.o.Store.Run(s.ctx, run.ID(row.Ref))
	}
	if err != nil {
		return run.Input{}, fmt.Errorf("task %d of run %d: %w", row.Task, row.Run, err)
	}
	if o.Resource == "" { // the language's own child
		in := ended(row.Task, run.Outcome{Output: e.Run.Output, Failure: e.Run.Failure})
		in.Status = e.Run.Status
		return in, nil
	}
	in, ok := k.o.Integrations(o.Resource).(Ledger)
	if !ok {
		return unknownResource(o), nil
	}
	outcome, err := in.End(s.ctx, k.task(s.r, o), e)
	if err != nil {
		outcome = run.Fail(run.ErrInternal, err.Error())
	}
	return ended(row.Task, outcome), nil
}

// readOutcome reads what Stop and TaskOutcome wrote into a row.
func readOutcome(data value.Value) run.Outcome {
	if output, ok := data.Get("output"); ok {
		return run.Done(output)
	}
	return run.Fail(data.At("error").Text(), data.At("cause").Text())
}

// committed is told of every batch by the Writer: rows for runs' inboxes wake their runs.
func (k *Kernel) committed(units []*store.Unit, verdicts []store.Verdict) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, u := range units {
		if verdicts[i] != store.OK {
			continue
		}
		for _, row := range u.Inbox {
			k.wake(row.Run)
		}
	}
}

// Open takes up what an earlier server left: runs with tasks under way or rows in their inbox, and timers.
func (k *Kernel) Open(ctx context.Context) error {
	ids, err := k.o.Store.Resident(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	for _, id := range ids {
		k.wake(id)
	}
	k.mu.Unlock()
	return k.refill(ctx)
}

// Run works until ctx is done, then waits for effects under way, or until something fails that cannot be worked around.
func (k *Kernel) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	if err := k.Open(work); err != nil {
		return fmt.Errorf("taking up the runs: %w", err)
	}
	failed := make(chan error, k.o.Workers+1)
	for range k.o.Workers {
		go func() { failed <- k.worker(work) }()
	}
	go func() { failed <- k.clock(work) }()
	running := k.o.Workers + 1
	var err error
	select {
	case <-ctx.Done():
		k.drain()
	case err = <-failed:
		running--
	}
	k.mu.Lock()
	k.stopping = true
	if k.failed == nil {
		k.failed = err
	}
	for _, tasks := range k.effects {
		for _, cancel := range tasks {
			cancel(ErrStopping)
		}
	}
	k.work.Broadcast()
	k.mu.Unlock()
	stopWork()
	for range running {
		err = errors.Join(err, <-failed)
	}
	return err
}

// drain lets effects come to their end for a while: the outcome of one that is cut off may never be known.
func (k *Kernel) drain() {
	deadline := time.Now().Add(k.o.Drain)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		s := k.Stats()
		if s.Effects == 0 && s.Ready == 0 || time.Now().After(deadline) {
			tick.Stop()
			return
		}
	}
}

func (k *Kernel) worker(ctx context.Context) error {
	for {
		k.mu.Lock()
		for k.ready.size == 0 && !k.stopping {
			k.work.Wait()
		}
		stop := k.stopping
		k.mu.Unlock()
		if stop {
			return nil
		}
		if _, err := k.Work(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
