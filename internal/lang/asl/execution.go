package asl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// execution is one run of a definition, folded from its facts.
//
// A Decide decides one event, but for one that ends the execution while map runs are under way. Step takes the branch at the head of the ready queue one transition further; the
// other inputs find their branch by task or timer, and one whose task or timer is no longer open is ignored.
type execution struct {
	def      *Definition
	identity identity
	input    value.Value
	started  time.Time // zero: not yet
	ended    bool
	position uint64 // history events so far
	redrives int
	redriven time.Time // the last time; zero: never

	root     *branch
	branches map[branchID]*branch
	tasks    map[run.TaskID]*branch
	timers   map[run.TimerID]*branch
	deadline run.TimerID // of the whole execution; 0: none
	ready    queue

	lastBranch branchID
	lastTask   run.TaskID
	lastTimer  run.TimerID

	trial *Trial // nil: a run
	// outer is set where a map run evaluates fields of its Map: the context object of the execution that it is part of.
	outer value.Value
	// cur is the step under way; context and lookup, made once for every expression, read it.
	cur     step
	context func() value.Value
	lookup  func(string) (value.Value, bool)
}

func newExecution(d *Definition) *execution {
	x := &execution{
		def:      d,
		branches: make(map[branchID]*branch),
		tasks:    make(map[run.TaskID]*branch),
		timers:   make(map[run.TimerID]*branch),
	}
	x.context = func() value.Value { return x.cur.contextObject() }
	x.lookup = func(name string) (value.Value, bool) { return x.cur.b.lookup(name) }
	return x
}

// Decide implements run.State.
func (x *execution) Decide(in run.Input) ([]run.Event, error) {
	if x.ended != (in.Kind == run.Redrive) || x.started.IsZero() != (in.Kind == run.Start) {
		return nil, nil
	}
	b := x.subject(&in)
	if b == nil {
		return nil, nil
	}
	x.cur = step{x: x, b: b, in: &in}
	ev, err := x.cur.decide()
	if err != nil {
		ev = x.cur.failState(err)
	}
	if ev.Fact == nil {
		return nil, nil
	}
	return append(x.cur.before, x.cur.withinHistory(ev)), nil
}

// subject is the branch that an input is about; nil: none any more.
func (x *execution) subject(in *run.Input) *branch {
	switch in.Kind {
	case run.Start:
		return &branch{id: 1}
	case run.Step, run.Refused:
		return x.ready.head()
	case run.TaskSubmitted, run.TaskEnded, run.TaskBeat:
		return x.tasks[in.Task]
	case run.TimerFired:
		return x.timers[in.Timer]
	case run.Cancel, run.Redrive:
		return x.root // nil, where it ended well
	}
	return nil
}

// decide says what follows from the step's input for its branch.
func (s *step) decide() (run.Event, error) {
	switch s.in.Kind {
	case run.Start:
		return s.start(), nil
	case run.Cancel:
		return s.abort(), nil
	case run.Redrive:
		return s.redrive(), nil
	case run.TaskSubmitted:
		return s.taskSubmitted(), nil
	case run.TaskBeat:
		return s.taskBeat(), nil
	case run.TaskEnded:
		return s.taskEnded(), nil
	case run.Refused:
		return s.refused(), nil
	case run.TimerFired:
		return s.timerFired()
	}
	switch s.b.phase {
	case phaseEntered:
		return s.b.state.action.enter(s)
	case phaseResult:
		return s.leave(s.b.work())
	case phaseFailed:
		return s.recover()
	case phaseLost:
		return s.fail(s.b.failure), nil
	case phaseFanout:
		return s.startIteration()
	case phaseOpened:
		return s.startMapRun()
	case phaseRedrive:
		return s.redriveMapRun()
	}
	return run.Event{}, fmt.Errorf("branch %d is ready in phase %d", s.b.id, s.b.phase)
}

func (s *step) timerFired() (run.Event, error) {
	switch {
	case s.in.Timer == s.x.deadline:
		return s.timeOut(), nil
	case s.b.phase == phaseWait:
		return s.leave(s.b.result)
	case s.b.phase == phaseBackoff:
		return event(&retried{stamp: s.stamp()}), nil
	case s.b.phase == phaseTask:
		return s.taskTimedOut(), nil
	}
	return run.Event{}, nil
}

// leave shapes result and takes the branch to the next state, or to the end of its machine.
func (s *step) leave(result value.Value) (run.Event, error) {
	output, variables, err := s.b.state.flow.output(s, result)
	if err != nil {
		return run.Event{}, err
	}
	return s.move(moved{to: s.b.state.next, output: output, variables: variables}), nil
}

// Apply implements run.State.
func (x *execution) Apply(f run.Fact) {
	fact := f.(fact)
	st := fact.base()
	x.position = st.first + fact.events() - 1
	b := x.branches[st.branch]
	x.ready.take(b)
	fact.apply(x, b)
	x.settle(b)
	x.ready.trim()
}

// settle queues b where a step can take it on.
func (x *execution) settle(b *branch) {
	if b != nil && !x.ended && b.ready() {
		x.ready.push(b)
	}
}

// Pending implements run.State.
func (x *execution) Pending(yield func(run.StartTask) bool) {
	for _, id := range slices.Sorted(maps.Keys(x.tasks)) {
		if !yield(x.tasks[id].task.order()) {
			return
		}
	}
}

// Position implements run.State.
func (x *execution) Position() uint64 { return x.position }

// end forgets everything: the execution ended well, and nothing more can happen.
func (x *execution) end() {
	x.ended = true
	x.ready = queue{}
	clear(x.branches)
	clear(x.tasks)
	clear(x.timers)
	x.root, x.deadline = nil, 0
}

// remove ends b alone.
func (x *execution) remove(b *branch) {
	b.gone = true
	delete(x.branches, b.id)
	if b.parent != nil {
		b.release()
	}
}

// drop ends all branches below b, closes what they have open, and forgets what b kept of those that failed.
func (x *execution) drop(b *branch) {
	b.each(func(c *branch) {
		c.gone = true
		delete(x.branches, c.id)
		x.closeOpen(c)
	})
	b.firstChild, b.lastChild, b.fanout, b.wreck = nil, nil, nil, nil
}

// closeOpen forgets the task and timers of b.
func (x *execution) closeOpen(b *branch) {
	if b.timer != 0 {
		delete(x.timers, b.timer)
		b.timer = 0
	}
	if t := b.task; t != nil {
		delete(x.tasks, t.id)
		delete(x.timers, t.timeout)
		delete(x.timers, t.heartbeat)
		b.task = nil
	}
}

// openOrders are the orders that close the task and timers of b.
func openOrders(orders []run.Order, b *branch) []run.Order {
	if b.timer != 0 {
		orders = append(orders, run.SetTimer{Timer: b.timer})
	}
	if t := b.task; t != nil {
		orders = append(t.clearTimers(orders), run.CancelTask{Task: t.id})
	}
	return orders
}

// dropOrders are the orders that close everything open below b.
func dropOrders(orders []run.Order, b *branch) []run.Order {
	b.each(func(c *branch) { orders = openOrders(orders, c) })
	return orders
}

// liveBranches are all live branches by their number.
func (x *execution) liveBranches() []*branch {
	return slices.SortedFunc(maps.Values(x.branches), func(a, b *branch) int { return cmp.Compare(a.id, b.id) })
}
