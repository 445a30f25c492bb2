package asl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// An execution that ended, but not well, can be redriven: it goes on with the states that were entered and never left,
// with the input that they had. So an execution that ends this way keeps its branches, and a Parallel or Map keeps those
// that failed, or were given up because another failed, as its wreck. The wreck is forgotten when the state is retried,
// caught or left.

// wreckAll makes all branches below b, and what they keep, part of its wreck.
func (x *execution) wreckAll(b *branch) {
	for c := b.firstChild; c != nil; {
		next := c.after
		c.before, c.after = nil, nil
		x.sink(c)
		c.each(x.sink)
		b.wreck = append(b.wreck, c)
		c = next
	}
	b.firstChild, b.lastChild = nil, nil
}

// sink ends b, but for what a redrive needs of it.
func (x *execution) sink(b *branch) {
	b.gone = true
	delete(x.branches, b.id)
	x.closeOpen(b)
}

// halt ends the execution, but for what a redrive needs of it.
func (x *execution) halt() {
	x.ended = true
	x.ready = queue{}
	for _, b := range x.branches { // order: each is closed by itself
		x.closeOpen(b)
		b.queued = false
	}
	clear(x.timers)
	x.deadline = 0
}

// redriven is the fact that an execution that had ended goes on.
type redriven struct {
	stamp
	count    int
	deadline run.TimerID // 0: none
}

// redrive has the execution go on, where its history leaves room for that and for one event more.
func (s *step) redrive() run.Event {
	x := s.x
	if limit := x.def.limits.Events; limit > 0 && x.position+2 > limit {
		return run.Event{}
	}
	f := &redriven{stamp: s.stamp(), count: x.redrives + 1}
	f.prev = x.position
	var orders []run.Order
	f.deadline, orders = s.timeLimit(x.identity.attributes)
	return event(f, orders...)
}

func (f *redriven) Kind() run.EventKind { return kindRedriven }

func (f *redriven) events() uint64 { return 1 }

func (f *redriven) apply(x *execution, b *branch) {
	x.ended, x.redrives, x.redriven = false, f.count, f.at
	if f.deadline != 0 {
		x.deadline, x.timers[f.deadline], x.lastTimer = f.deadline, b, f.deadline
	}
	x.salvage(b)
}

// salvage takes b up again. What it does next follows, in the history, from where its state was entered or its work began.
func (x *execution) salvage(b *branch) {
	b.gone, x.branches[b.id] = false, b
	again := b.beginsAnew()
	b.attempts, b.retries, b.attempt, b.failure = nil, 0, 0, run.Failure{}
	switch {
	case again:
		x.drop(b)
		b.result, b.mapRun = value.Value{}, nil
		b.last, b.phase = b.entered, phaseEntered
	case b.mapRun == nil:
		b.last, b.phase = b.began, phaseFanout
		x.raise(b)
	case b.result.IsAbsent():
		b.last, b.phase = b.began, phaseRedrive
	default: // the map run came to its end
		b.phase = phaseResult
	}
	x.settle(b)
}

// beginsAnew reports whether a redrive carries the state of b out as a whole. A Parallel or Map goes on with what did not
// succeed, but where its results were too large or made no sense (developer guide, "Redrive behavior of individual
// states"); a map run that failed in that way goes on all the same.
func (b *branch) beginsAnew() bool {
	failed := b.phase == phaseFailed || b.phase == phaseLost
	whole := failed && (b.failure.Error == errDataLimitExceeded || b.failure.Error == errRuntime)
	switch m, isMap := b.state.action.(*mapping); {
	case !b.state.fansOut():
		return true
	case !isMap || m.distributed == nil:
		return whole || b.fanout == nil
	case b.mapRun == nil:
		return true
	default:
		return whole && (b.failure.Error == errDataLimitExceeded || !b.result.IsAbsent())
	}
}

// raise takes the wreck of b up again, and what else was under way below it.
func (x *execution) raise(b *branch) {
	children := b.wreck
	for c := b.firstChild; c != nil; c = c.after {
		children = append(children, c)
	}
	b.firstChild, b.lastChild, b.wreck = nil, nil, nil
	slices.SortFunc(children, func(c, d *branch) int { return cmp.Compare(c.id, d.id) })
	for _, c := range children {
		c.after = nil
		b.adopt(c)
		x.salvage(c)
	}
	b.fanout.resume(len(children))
	if b.fanout.done() {
		b.phase = phaseResult
	}
}

// resume counts anew where live branches are under way again.
func (f *fanout) resume(live int) {
	f.ended = f.started - live
	f.failed = f.ended
	for _, output := range f.outputs {
		if !output.IsAbsent() {
			f.failed--
		}
	}
}

func (f *redriven) history(h *historian) {
	h.add("ExecutionRedriven", "executionRedrivenEventDetails", details(member("redriveCount", value.NewInt(int64(f.count)))))
}

func (f *redriven) Encode(e *value.Encoder) {
	f.encode(e)
	e.Uint(uint64(f.count))
	e.Uint(uint64(f.deadline))
}

func (f *redriven) decode(_ *Definition, d *value.Decoder) {
	f.stamp.decode(d)
	f.count = int(d.Uint())
	f.deadline = run.TimerID(d.Uint())
}

// mapRunRef is the map run of a distributed Map.
type mapRunRef struct {
	arn      string
	redrives int
}

// name is the one that the map run was started under.
func (r *mapRunRef) name() string { return r.arn[strings.LastIndexByte(r.arn, ':')+1:] }

func (r *mapRunRef) encode(e *value.Encoder) {
	if e.Bool(r != nil); r != nil {
		e.Text(r.arn)
		e.Uint(uint64(r.redrives))
	}
}

func decodeMapRunRef(d *value.Decoder) *mapRunRef {
	if !d.Bool() {
		return nil
	}
	return &mapRunRef{arn: d.Text(), redrives: int(d.Uint())}
}

// mapRunRedriven is the fact that the map run of a branch's Map was told to go on.
type mapRunRedriven struct {
	stamp
	task run.TaskID
	ref  mapRunRef
	// label is what the children of the Map are grouped under.
	label string
}

// maxRedrives is how often a map run can be redriven ("Redriving Map Runs" in the developer guide).
const maxRedrives = 1000

// redriveMapRun has the map run of the branch's Map go on.
func (s *step) redriveMapRun() (run.Event, error) {
	ref := *s.b.mapRun
	if ref.redrives++; ref.redrives > maxRedrives {
		return run.Event{}, runtimeError("The Map Run exceeded the maximum of %d redrives.", maxRedrives)
	}
	f := &mapRunRedriven{stamp: s.stamp(), task: s.x.lastTask + 1, ref: ref, label: s.b.state.action.(*mapping).distributed.label}
	return event(f, *f.order()), nil
}

func (f *mapRunRedriven) order() *run.RedriveRun {
	return &run.RedriveRun{Task: f.task, Name: f.ref.name(), Group: f.label}
}

func (f *mapRunRedriven) Kind() run.EventKind { return kindMapRunRedriven }

func (f *mapRunRedriven) events() uint64 { return 1 }

func (f *mapRunRedriven) apply(x *execution, b *branch) {
	b.mapRun = &f.ref
	b.task, b.phase, b.last = &openTask{id: f.task, state: b.state, redrive: f.order()}, phaseTask, f.first
	x.openTask(b)
}

func (f *mapRunRedriven) history(h *historian) {
	h.add("MapRunRedriven", "mapRunRedrivenEventDetails",
		details(words("mapRunArn", f.ref.arn), member("redriveCount", value.NewInt(int64(f.ref.redrives)))))
}

func (f *mapRunRedriven) Encode(e *value.Encoder) {
	f.encode(e)
	e.Uint(uint64(f.task))
	f.ref.encode(e)
	e.Text(f.label)
}

func (f *mapRunRedriven) decode(_ *Definition, d *value.Decoder) {
	f.stamp.decode(d)
	f.task = run.TaskID(d.Uint())
	if ref := decodeMapRunRef(d); ref != nil {
		f.ref = *ref
	}
	f.label = d.Text()
}
