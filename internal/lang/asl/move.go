package asl

import (
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// moved is the fact that a branch left its state, and entered another or ended well.
type moved struct {
	stamp
	from      *state
	to        *state // nil: the machine ends
	caught    bool   // left through a catcher
	index     int    // of the branch among its siblings
	output    value.Value
	variables value.Value // assigned on the way; Absent: none
}

// move completes m, of which the caller gives where to and with what.
func (s *step) move(m moved) run.Event {
	m.stamp, m.from, m.index = s.stamp(), s.b.state, s.b.index
	if m.to != nil || s.b.parent != nil {
		return event(&m)
	}
	end := run.EndRun{Status: run.Succeeded, Outcome: run.Done(m.output)}
	if s.x.deadline != 0 {
		return event(&m, run.SetTimer{Timer: s.x.deadline}, end)
	}
	return event(&m, end)
}

func (f *moved) Kind() run.EventKind { return kindMoved }

// exited is the id of the event that says that the state was left.
func (f *moved) exited() uint64 {
	if f.from.fansOut() {
		return f.first + 1 // after MapStateSucceeded and the like
	}
	return f.first
}

func (f *moved) events() uint64 {
	last := f.exited()
	if f.to != nil || f.from.machine.owner == nil || f.from.machine.owner.kind == mapState {
		last++
	}
	return last - f.first + 1
}

func (f *moved) apply(x *execution, b *branch) {
	x.closeOpen(b)
	b.assign(f.variables)
	switch {
	case f.to != nil:
		b.enter(f.to, f.output, f.at, f.exited()+1, f.exited())
	case b.parent == nil:
		x.end()
	default:
		x.remove(b)
		p := b.parent
		p.last = f.exited()
		p.fanout.succeeded(f.index, f.output)
		x.childEnded(p, f.first+f.events()-1)
	}
}

func (f *moved) history(h *historian) {
	switch {
	case f.from.fansOut() && f.caught:
		h.add(f.from.kind.String()+"StateFailed", "", value.Value{})
	case f.from.fansOut():
		prev := h.prev
		if f.from.nestsMapRuns() {
			h.prev = f.first - 1
		}
		h.add(f.from.kind.String()+"StateSucceeded", "", value.Value{})
		h.prev = prev // what follows refers to the last event of the state's branches
	}
	h.exited(f.from, f.output, f.variables)
	owner := f.from.machine.owner
	switch {
	case f.to != nil:
		h.entered(f.to, f.output)
	case owner == nil:
		h.executionSucceeded(f.output)
	case owner.kind == mapState:
		h.iteration("Succeeded", owner, f.index)
	}
}

func (f *moved) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.from)
	encodeState(e, f.to)
	e.Bool(f.caught)
	e.Uint(uint64(f.index))
	e.Value(f.output)
	e.Value(f.variables)
}

func (f *moved) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.from = d.decodeState(dec)
	f.to = d.decodeState(dec)
	f.caught = dec.Bool()
	f.index = int(dec.Uint())
	f.output = dec.Value()
	f.variables = dec.Value()
}
