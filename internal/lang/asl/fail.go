package asl

import (
	"errors"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// What follows a failure takes several steps, each a fact: the state fails (stateFailed or a fact of its own, such as
// taskFailed); Retry or Catch deal with it (retryPlanned, moved), or the branch fails (branchFailed), and with it perhaps
// the Parallel or Map that it belongs to, which deals with the failure in the same way; at the end the execution fails
// (runFailed).

// stateFailed is the fact that the work of a branch's state failed. What the branch had under way is dropped.
type stateFailed struct {
	stamp
	failure run.Failure
	aborted []abortedRef
	// old marks a fact of the first release, which says no more than this: it has no state.
	old   bool
	state *state
	// worked says that the branches of the state had done their work: what failed is what the state makes of it.
	worked bool
	// caught says that the state had failed before, and that it was its catcher that failed now: nobody deals with that.
	caught bool
	// query says that it was an expression of JSONata that failed, at the place location in the state and of an event
	// that follows from from.
	query    bool
	location string
	from     uint64
}

// failState fails the state of the step's branch with err.
func (s *step) failState(err error) run.Event {
	ev := s.stateFailed(s.failureOf(err))
	ev.caught = s.b.phase == phaseFailed
	ev.worked = s.b.phase == phaseResult && s.b.state.fansOut()
	if ev.failure.Error != errRuntime { // which ends the whole execution, and not piece by piece
		ev.aborted = s.b.abortedBelow(nil)
	}
	var qe *queryError
	if errors.As(err, &qe) {
		ev.query, ev.location, ev.from = true, qe.location, s.b.last
		if s.b.last == s.b.entered {
			ev.from = s.b.from // the entering itself is passed over
		}
	}
	return event(ev, dropOrders(openOrders(nil, s.b), s.b)...)
}

// refused fails the state of the step's branch, whose task is not so much as scheduled.
func (s *step) refused() run.Event {
	f := *s.in.Outcome.Failure
	return s.failState(&stateError{f.Error, f.Cause})
}

func (s *step) stateFailed(f run.Failure) *stateFailed {
	return &stateFailed{stamp: s.stamp(), failure: f, state: s.b.state}
}

func (f *stateFailed) Kind() run.EventKind {
	if f.old {
		return kindStateFailed
	}
	return kindStateFailedAt
}

// before is the number of history events that precede EvaluationFailed.
func (f *stateFailed) before() uint64 {
	if f.worked || f.caught && f.state.fansOut() {
		return 1
	}
	return 0
}

func (f *stateFailed) events() uint64 {
	n := f.before() + uint64(len(f.aborted))
	if f.query {
		n++
	}
	return n
}

func (f *stateFailed) apply(x *execution, b *branch) {
	x.closeOpen(b)
	x.wreckAll(b)
	b.phase, b.failure = phaseFailed, f.failure
	if f.caught {
		b.phase = phaseLost
	}
	switch {
	case f.query:
		b.last = f.first + f.before()
	case f.before() > 0:
		b.last = f.first
	}
}

func (f *stateFailed) history(h *historian) {
	switch {
	case f.worked:
		h.add(f.state.kind.String()+"StateSucceeded", "", value.Value{})
	case f.before() > 0:
		h.add(f.state.kind.String()+"StateFailed", "", value.Value{})
	}
	if f.query {
		h.prev = f.from
		h.add("EvaluationFailed", "evaluationFailedEventDetails", details(
			words("cause", f.failure.Cause), words("error", f.failure.Error), words("location", f.location), words("state", f.state.name)))
	}
	h.aborted(f.aborted)
}

func (f *stateFailed) Encode(e *value.Encoder) {
	f.encode(e)
	encodeFailure(e, f.failure)
	if f.old {
		encodeIterations(e, f.aborted)
		return
	}
	encodeAborted(e, f.aborted)
	encodeState(e, f.state)
	e.Bool(f.worked)
	e.Bool(f.caught)
	e.Bool(f.query)
	if f.query {
		e.Text(f.location)
		e.Uint(f.from)
	}
}

func (f *stateFailed) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.failure = decodeFailure(dec)
	if f.old {
		f.aborted = d.decodeIterations(dec)
		return
	}
	f.aborted = d.decodeAborted(dec)
	f.state = d.decodeState(dec)
	f.worked = dec.Bool()
	f.caught = dec.Bool()
	if f.query = dec.Bool(); f.query {
		f.location = dec.Text()
		f.from = dec.Uint()
	}
	if f.state == nil {
		dec.Fail("a failure of no state")
	}
}

// fail ends the step's branch, of which the state failed for good. Nothing survives States.Runtime: it ends the execution
// from within any branch.
func (s *step) fail(f run.Failure) run.Event {
	if s.b.parent != nil && f.Error != errRuntime {
		return s.failBranch(f)
	}
	ev := &runFailed{stamp: s.stamp(), status: run.Failed, failure: f}
	if f.Error != errRuntime {
		ev.state = s.b.state
	}
	return event(ev, s.endOrders(ev)...)
}

// abort ends the execution because somebody asked for it.
func (s *step) abort() run.Event {
	s.abortMapRuns()
	ev := &runFailed{stamp: s.stamp(), status: run.Aborted}
	ev.prev = 0
	if f := s.in.Outcome.Failure; f != nil {
		ev.failure = *f
	}
	return event(ev, s.endOrders(ev)...)
}

// timeOut ends the execution because its TimeoutSeconds are over.
func (s *step) timeOut() run.Event {
	s.abortMapRuns()
	ev := &runFailed{stamp: s.stamp(), status: run.TimedOut, failure: run.Failure{Error: errTimeout}}
	ev.prev = 0
	return event(ev, s.endOrders(ev)...)
}

// endOrders close everything that the execution has open, and end it.
func (s *step) endOrders(f *runFailed) []run.Order {
	orders := dropOrders(openOrders(nil, s.x.root), s.x.root)
	if s.x.deadline != 0 && f.status != run.TimedOut {
		orders = append(orders, run.SetTimer{Timer: s.x.deadline})
	}
	return append(orders, run.EndRun{Status: f.status, Outcome: run.Outcome{Failure: &f.failure}})
}

// runFailed is the fact that the execution ended, but not well.
type runFailed struct {
	stamp
	status  run.Status
	state   *state // that failed; nil: none, or the history does not say so
	failure run.Failure
}

func (f *runFailed) Kind() run.EventKind { return kindRunFailed }

func (f *runFailed) events() uint64 {
	if f.state != nil && f.state.fansOut() {
		return 2
	}
	return 1
}

func (f *runFailed) apply(x *execution, _ *branch) { x.halt() }

func (f *runFailed) history(h *historian) {
	if f.state != nil && f.state.fansOut() {
		h.add(f.state.kind.String()+"StateFailed", "", value.Value{})
	}
	h.executionEnded(f.status, f.failure)
}

func (f *runFailed) Encode(e *value.Encoder) {
	f.encode(e)
	e.Byte(byte(f.status))
	encodeState(e, f.state)
	encodeFailure(e, f.failure)
}

func (f *runFailed) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.status = run.Status(dec.Byte())
	f.state = d.decodeState(dec)
	f.failure = decodeFailure(dec)
}

// branchFailed is the fact that a branch of a Parallel or an iteration of a Map failed.
type branchFailed struct {
	stamp
	state   *state // that failed
	index   int
	fatal   bool         // the Parallel or Map fails with it, with failure; what else it had under way is dropped
	failure run.Failure  // of the Parallel or Map, if fatal
	aborted []abortedRef // what is dropped
	// old marks a fact of the first release, which tells of aborted iterations alone.
	old bool
}

func (s *step) failBranch(f run.Failure) run.Event {
	p := s.b.parent
	ev := &branchFailed{stamp: s.stamp(), state: s.b.state, index: s.b.index}
	ev.fatal, ev.failure = p.fanout.verdict(f)
	if !ev.fatal {
		return event(ev)
	}
	ev.aborted = p.abortedBelow(s.b)
	return event(ev, dropOrders(nil, p)...)
}

func (f *branchFailed) Kind() run.EventKind {
	if f.old {
		return kindBranchFailed
	}
	return kindBranchFailedAt
}

func (f *branchFailed) events() uint64 {
	n := uint64(len(f.aborted))
	if f.state.fansOut() {
		n++
	}
	if f.state.machine.owner.kind == mapState {
		n++
	}
	return n
}

func (f *branchFailed) apply(x *execution, b *branch) {
	x.remove(b)
	p := b.parent
	p.wreck = append(p.wreck, b)
	p.last = f.prev
	if f.state.fansOut() {
		p.last = f.first
	}
	p.fanout.failed++
	if !f.fatal {
		x.childEnded(p, p.last)
		return
	}
	x.wreckAll(p)
	p.phase, p.failure = phaseFailed, f.failure
	x.settle(p)
}

func (f *branchFailed) history(h *historian) {
	if f.state.fansOut() {
		h.add(f.state.kind.String()+"StateFailed", "", value.Value{})
	}
	if !f.old {
		h.aborted(f.aborted)
	}
	if owner := f.state.machine.owner; owner.kind == mapState {
		h.iteration("Failed", owner, f.index)
	}
	if f.old {
		h.aborted(f.aborted)
	}
}

func (f *branchFailed) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Uint(uint64(f.index))
	e.Bool(f.fatal)
	encodeFailure(e, f.failure)
	if f.old {
		encodeIterations(e, f.aborted)
		return
	}
	encodeAborted(e, f.aborted)
}

func (f *branchFailed) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeState(dec)
	f.index = int(dec.Uint())
	f.fatal = dec.Bool()
	f.failure = decodeFailure(dec)
	if f.old {
		f.aborted = d.decodeIterations(dec)
		return
	}
	f.aborted = d.decodeAborted(dec)
}
