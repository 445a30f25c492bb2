package asl

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// withinHistory is ev, or the end of the execution where its history would grow longer than Limits.Events with ev. The
// last event that there can be is that of the end.
func (s *step) withinHistory(ev run.Event) run.Event {
	limit, cut := s.x.def.limits.Events, ev.Fact.(fact)
	next := s.x.position + cut.events()
	if limit == 0 || next < limit || next == limit && endsRun(ev) {
		return ev
	}
	f := &historyFull{stamp: s.stamp(), cut: cut, shown: limit - 1 - min(limit-1, s.x.position), failure: run.Failure{
		Error: errRuntime,
		Cause: fmt.Sprintf("The execution reached the maximum number of history events (%d).", limit),
	}}
	return event(f, s.endOrders(&runFailed{status: run.Failed, failure: f.failure})...)
}

func endsRun(ev run.Event) bool {
	for _, o := range ev.Orders {
		if _, ends := o.(run.EndRun); ends {
			return true
		}
	}
	return false
}

// historyFull is the fact that the execution failed because its history is as long as it may become. Of what would have
// happened, the history shows the events that still fit.
type historyFull struct {
	stamp
	cut     fact // what did not happen
	shown   uint64
	failure run.Failure
}

func (f *historyFull) Kind() run.EventKind { return kindHistoryFull }

func (f *historyFull) events() uint64 { return f.shown + 1 }

func (f *historyFull) apply(x *execution, _ *branch) { x.halt() }

func (f *historyFull) history(h *historian) {
	h.events = append(h.events, History(f.cut)[:f.shown]...)
	h.next += f.shown
	h.prev = h.next - 1
	h.executionEnded(run.Failed, f.failure)
}

func (f *historyFull) Encode(e *value.Encoder) {
	f.encode(e)
	e.Uint(uint64(f.cut.Kind()))
	f.cut.Encode(e)
	e.Uint(f.shown)
	encodeFailure(e, f.failure)
}

func (f *historyFull) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	kind := dec.Uint()
	if f.cut = newFact(run.EventKind(min(kind, uint64(kindHistoryFull)))); f.cut == nil || kind >= uint64(kindHistoryFull) {
		dec.Fail("no fact that a full history cuts off")
		return
	}
	f.cut.decode(d, dec)
	f.shown = dec.Uint()
	f.failure = decodeFailure(dec)
}
