package asl

import (
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// parallel is a Parallel state: its branches get the same input, their outputs in the order of the file are the result.
type parallel struct {
	branches []*machine
}

func (o *object) parallel(s *state) action {
	s.flow = o.flow(hasParameters | hasArguments | hasSelector | hasResultPath | hasAssign)
	p := &parallel{}
	for _, b := range o.objects("Branches", required) {
		p.branches = append(p.branches, b.innerMachine(s))
	}
	o.recovery(s)
	return p
}

func (p *parallel) enter(s *step) (run.Event, error) {
	flow := &s.b.state.flow
	input, err := flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	if input, err = flow.arguments(s, input); err != nil {
		return run.Event{}, err
	}
	return event(&parallelStarted{stamp: s.stamp(), state: s.b.state, input: input, firstBranch: s.x.lastBranch + 1}), nil
}

// parallelStarted is the fact that all branches of a Parallel entered their first states.
type parallelStarted struct {
	stamp
	state       *state
	input       value.Value
	firstBranch branchID // the others follow it
}

func (f *parallelStarted) machines() []*machine { return f.state.action.(*parallel).branches }

func (f *parallelStarted) Kind() run.EventKind { return kindParallelStarted }

func (f *parallelStarted) events() uint64 { return 1 + uint64(len(f.machines())) }

func (f *parallelStarted) apply(x *execution, b *branch) {
	machines := f.machines()
	b.fanout = &fanout{started: len(machines), tolerance: undeclared, outputs: make([]value.Value, len(machines))}
	b.phase, b.last, b.began = phaseFanout, f.first, f.first
	for i, m := range machines {
		child := &branch{id: f.firstBranch + branchID(i), index: i}
		child.enter(m.start, f.input, f.at, f.first+1+uint64(i), f.first)
		x.begin(b, child)
	}
}

// begin takes in a new branch below b.
func (x *execution) begin(b, child *branch) {
	b.adopt(child)
	x.branches[child.id] = child
	x.lastBranch = child.id
	x.settle(child)
}

func (f *parallelStarted) history(h *historian) {
	h.add("ParallelStateStarted", "", value.Value{})
	for _, m := range f.machines() {
		h.prev = f.first
		h.entered(m.start, f.input)
	}
}

func (f *parallelStarted) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Value(f.input)
	e.Uint(uint64(f.firstBranch))
}

func (f *parallelStarted) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeState(dec)
	if f.state == nil || f.state.kind != parallelState {
		dec.Fail("branches of a state that has none")
		return
	}
	f.input = dec.Value()
	f.firstBranch = branchID(dec.Uint())
}
