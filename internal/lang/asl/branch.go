package asl

import (
	"time"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// branchID numbers the branches of an execution in the order they were started; the execution itself is branch 1.
type branchID uint64

// branch is one thread of an execution: the execution itself, a branch of a Parallel, or an iteration of a Map. It is in
// exactly one state at a time, and it is the scope of the variables assigned there.
type branch struct {
	id     branchID
	parent *branch // nil: the execution itself
	index  int     // among its siblings: the branch's place in the file, or the number of the iteration
	item   value.Value
	// item is what a Map iterates over here ($$.Map.Item.Value); Absent elsewhere.

	state     *state
	phase     phase
	input     value.Value // the state's
	since     time.Time   // when the state was entered
	entered   uint64      // history event that says so
	from      uint64      // the history event that it follows from; 0: none
	last      uint64      // the branch's latest history event
	began     uint64      // of a Parallel or Map, the history event that says that its work began
	variables value.Value // an object; Absent: none
	attempts  []int       // how often each retrier of the state was used; nil: none yet
	retries   int         // their sum
	attempt   run.TaskID  // the latest task of the state; 0: none

	result  value.Value // phaseResult: what the state's work gave
	failure run.Failure // phaseFailed, phaseLost
	timer   run.TimerID // phaseWait, phaseBackoff
	task    *openTask   // phaseTask
	fanout  *fanout     // phaseFanout
	wreck   []*branch   // of the fanout: branches that failed, and those that were given up with them; see redrive.go
	mapRun  *mapRunRef  // of a distributed Map, its map run

	queued bool // in execution.ready
	gone   bool // ended or dropped

	// The tree of live branches, children in the order they were started.
	firstChild, lastChild, before, after *branch
}

// phase is what a branch's state is waiting for.
type phase uint8

const (
	phaseEntered phase = iota + 1 // a step: the state is to be carried out
	phaseResult                   // a step: its work is done, its output is to be shaped
	phaseFailed                   // a step: Retry, Catch or the parent have to deal with a failure
	phaseTask                     // the end of a task
	phaseWait                     // a Wait's timer
	phaseBackoff                  // a retrier's timer
	phaseFanout                   // its children; a step too, while more of them can be started
	phaseLost                     // a step: a failure that neither Retry nor Catch deals with ends the branch
	phaseOpened                   // a step: a distributed Map orders its map run
	phaseRedrive                  // a step: a distributed Map has its map run go on
)

// ready reports whether a step can take the branch on.
func (b *branch) ready() bool {
	switch b.phase {
	case phaseEntered, phaseResult, phaseFailed, phaseLost, phaseOpened, phaseRedrive:
		return !b.gone
	case phaseFanout:
		return !b.gone && b.fanout.canStart()
	}
	return false
}

// enter puts the branch into to; event is the history event that says so, which follows from from.
func (b *branch) enter(to *state, input value.Value, at time.Time, event, from uint64) {
	b.state, b.input, b.since, b.entered, b.from, b.last = to, input, at, event, from, event
	b.phase = phaseEntered
	b.attempts, b.retries, b.attempt = nil, 0, 0
	b.result, b.fanout, b.wreck, b.mapRun = value.Value{}, nil, nil, nil
}

// work is the result of the state's work.
func (b *branch) work() value.Value {
	if b.fanout != nil {
		return b.fanout.result()
	}
	return b.result
}

// assign sets the members of variables in the branch's scope.
func (b *branch) assign(variables value.Value) {
	for name, v := range variables.Members() {
		b.variables = b.variables.With(name, v)
	}
}

// lookup finds a variable here or in the scopes around.
func (b *branch) lookup(name string) (value.Value, bool) {
	for ; b != nil; b = b.parent {
		if v, ok := b.variables.Get(name); ok {
			return v, true
		}
	}
	return value.Value{}, false
}

// adopt makes child the branch's youngest.
func (b *branch) adopt(child *branch) {
	child.parent = b
	child.before = b.lastChild
	if b.lastChild == nil {
		b.firstChild = child
	} else {
		b.lastChild.after = child
	}
	b.lastChild = child
}

// release takes the branch out of its parent's children.
func (b *branch) release() {
	if b.before == nil {
		b.parent.firstChild = b.after
	} else {
		b.before.after = b.after
	}
	if b.after == nil {
		b.parent.lastChild = b.before
	} else {
		b.after.before = b.before
	}
	b.before, b.after = nil, nil
}

// each calls visit for every branch below b, parents first, siblings in the order they were started.
func (b *branch) each(visit func(*branch)) {
	for c := b.firstChild; c != nil; c = c.after {
		visit(c)
		c.each(visit)
	}
}

// step is one Decide at work on one branch.
type step struct {
	x  *execution
	b  *branch
	in *run.Input
	sc expr.Scope
	// used is what the JSONata of the step has taken: that of one state counts together, however many expressions there are.
	used jsonata.Used
	// starting is set while a Map's branch evaluates the input of an iteration to be, result and caughtError while the
	// output of a state or of a catcher is.
	starting    *startingItem
	handing     value.Value // the object Map.Item, while a map run evaluates the input of a child execution
	result      value.Value
	caughtError value.Value
	drawn       uint64 // random numbers so far
	// before are events that come before the one that the step decides, and so many history events.
	before []run.Event
	ahead  uint64
}

// scope is what an expression sees whose "$" is input.
func (s *step) scope(input value.Value) *expr.Scope {
	s.sc = expr.Scope{Input: input, Context: s.x.context, Var: s.x.lookup, Entropy: s.in.Entropy}
	return &s.sc
}

// stamp is the common part of a fact that the step decides, of events history events.
func (s *step) stamp() stamp {
	return stamp{at: s.in.Now, branch: s.b.id, first: s.x.position + 1 + s.ahead, prev: s.b.last}
}

// event pairs a fact with its orders.
func event(f fact, orders ...run.Order) run.Event { return run.Event{Fact: f, Orders: orders} }
