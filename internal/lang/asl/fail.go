package asl

import (
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
	aborted []iterationRef
}

// failState fails the state of the step's branch.
func (s *step) failState(f run.Failure) run.Event {
	ev := &stateFailed{stamp: s.stamp(), failure: f, aborted: s.b.iterations(nil)}
	return event(ev, dropOrders(openOrders(nil, s.b), s.b)...)
}

// refused fails the state of the step's branch, whose task is not so much as scheduled.
func (s *step) refused() run.Event {
	f := *s.in.Outcome.Failure
	return s.failState(s.failureOf(&stateError{f.Error, f.Cause}))
}

func (f *stateFailed) Kind() run.EventKind { return kindStateFailed }

func (f *stateFailed) events() uint64 { return uint64(len(f.aborted)) }

func (f *stateFailed) apply(x *execution, b *branch) {
	x.closeOpen(b)
	x.drop(b)
	b.phase, b.failure = phaseFailed, f.failure
}

func (f *stateFailed) history(h *historian) { h.iterationsAborted(f.aborted) }

func (f *stateFailed) Encode(e *value.Encoder) {
	f.encode(e)
	encodeFailure(e, f.failure)
	encodeIterations(e, f.aborted)
}

func (f *stateFailed) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.failure = decodeFailure(dec)
	f.aborted = d.decodeIterations(dec)
}

// fail ends the step's branch, of which the state failed for good.
func (s *step) fail(f run.Failure) run.Event {
	if s.b.parent != nil {
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
	ev := &runFailed{stamp: s.stamp(), status: run.Aborted}
	ev.prev = 0
	if f := s.in.Outcome.Failure; f != nil {
		ev.failure = *f
	}
	return event(ev, s.endOrders(ev)...)
}

// timeOut ends the execution because its TimeoutSeconds are over.
func (s *step) timeOut() run.Event {
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

func (f *runFailed) apply(x *execution, _ *branch) { x.end() }

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
	fatal   bool           // the Parallel or Map fails with it, with failure; what else it had under way is dropped
	failure run.Failure    // of the Parallel or Map, if fatal
	aborted []iterationRef // siblings that are dropped, of a Map
}

func (s *step) failBranch(f run.Failure) run.Event {
	p := s.b.parent
	ev := &branchFailed{stamp: s.stamp(), state: s.b.state, index: s.b.index}
	ev.fatal, ev.failure = p.fanout.verdict(f)
	if !ev.fatal {
		return event(ev)
	}
	ev.aborted = p.iterations(s.b)
	return event(ev, dropOrders(nil, p)...)
}

func (f *branchFailed) Kind() run.EventKind { return kindBranchFailed }

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
	p.last = f.prev
	if f.state.fansOut() {
		p.last = f.first
	}
	p.fanout.failed++
	if !f.fatal {
		x.childEnded(p, p.last)
		return
	}
	x.drop(p)
	p.phase, p.failure = phaseFailed, f.failure
	x.settle(p)
}

func (f *branchFailed) history(h *historian) {
	if f.state.fansOut() {
		h.add(f.state.kind.String()+"StateFailed", "", value.Value{})
	}
	if owner := f.state.machine.owner; owner.kind == mapState {
		h.iteration("Failed", owner, f.index)
	}
	h.iterationsAborted(f.aborted)
}

func (f *branchFailed) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Uint(uint64(f.index))
	e.Bool(f.fatal)
	encodeFailure(e, f.failure)
	encodeIterations(e, f.aborted)
}

func (f *branchFailed) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeState(dec)
	f.index = int(dec.Uint())
	f.fatal = dec.Bool()
	f.failure = decodeFailure(dec)
	f.aborted = d.decodeIterations(dec)
}
