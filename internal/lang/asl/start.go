package asl

import (
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// started is the fact that the execution began. Of kindBegun it carries the attributes too.
type started struct {
	stamp
	kind       run.EventKind
	attributes value.Value
	name       string
	input      value.Value
	to         *state
	deadline   run.TimerID // 0: none
}

// start begins the execution.
func (s *step) start() run.Event {
	d := s.x.def
	f := &started{stamp: s.stamp(), kind: kindStarted, attributes: s.in.Attributes, name: s.in.Name, input: s.in.Value, to: d.machine.start}
	if f.input.IsAbsent() {
		f.input = value.EmptyObject
	}
	if !f.attributes.IsAbsent() {
		f.kind = kindBegun
	}
	var orders []run.Order
	f.deadline, orders = s.timeLimit(f.attributes)
	return event(f, orders...)
}

// timeLimit sets the timer that ends the whole execution; 0 where nothing bounds it.
func (s *step) timeLimit(attributes value.Value) (run.TimerID, []run.Order) {
	timeout := s.x.def.timeout
	if limit, ok := attributes.At(AttributeTimeLimit).Int64(); ok && (timeout == 0 || limit < timeout) {
		timeout = limit
	}
	if timeout == 0 {
		return 0, nil
	}
	timer := s.x.lastTimer + 1
	return timer, []run.Order{run.SetTimer{Timer: timer, At: after(s.in.Now, timeout)}}
}

// after is seconds after t, far in the future where that is beyond what a timer can hold.
func after(t time.Time, seconds int64) time.Time {
	const longest = 100 * 366 * 24 * 3600
	return t.Add(time.Duration(min(seconds, longest)) * time.Second)
}

func (f *started) Kind() run.EventKind { return f.kind }

func (f *started) events() uint64 { return 2 }

func (f *started) apply(x *execution, _ *branch) {
	x.started, x.input, x.identity = f.at, f.input, newIdentity(f.name, f.attributes)
	b := &branch{id: f.branch}
	x.root, x.branches[b.id], x.lastBranch = b, b, b.id
	if f.deadline != 0 {
		x.deadline, x.timers[f.deadline], x.lastTimer = f.deadline, b, f.deadline
	}
	b.enter(f.to, f.input, f.at, f.first+1, 0)
	x.settle(b)
}

func (f *started) history(h *historian) {
	input := payload("input", f.input)
	if written := f.attributes.At(AttributeInput); !written.IsAbsent() {
		input.Value = written
	}
	h.executionStarted(input, f.attributes)
	h.prev = 0 // the first state follows nothing
	if f.to.showsCompactInput() {
		input = payload("input", f.input)
	}
	h.enteredWith(f.to, input)
}

func (f *started) Encode(e *value.Encoder) {
	f.encode(e)
	e.Text(f.name)
	e.Value(f.input)
	encodeState(e, f.to)
	e.Uint(uint64(f.deadline))
	if f.kind == kindBegun {
		e.Value(f.attributes)
	}
}

func (f *started) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.name = dec.Text()
	f.input = dec.Value()
	f.to = d.decodeState(dec)
	f.deadline = run.TimerID(dec.Uint())
	if f.kind == kindBegun {
		f.attributes = dec.Value()
	}
}
