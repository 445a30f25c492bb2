package asl

import (
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Trial is one state carried out by itself, as Step Functions' TestState does it. The state takes the steps that it takes
// in a run, with what it says of its data on the way kept in the result; only what its work would be is given from
// outside: the outcome of a task, or of all that a Map or a Parallel has inside.
//
// Nothing is waited for: a Wait ends when it has begun, and a retry is said, not done.
type Trial struct {
	setup  TrialSetup
	state  *state
	x      *execution
	b      *branch
	opened *openedMap // of a Map
	result TrialResult
}

// TrialSetup is what a state is tried with.
type TrialSetup struct {
	Input     value.Value
	Variables value.Value // an object; Absent: none
	// Context is the context object; Absent: one made of the fields that follow.
	Context      value.Value
	ExecutionARN string
	RoleARN      string
	Token        string // of a task that is ended with its token
	// Retries is how often the retrier that a failure matches was used before.
	Retries int
	// FailedIterations is how many iterations of the Map failed: of the tried one, or of that which the tried state is in.
	FailedIterations int
	// Read gives the items of a Map's ItemReader, which is evaluated: an array or an object. Nil: they are in the input, as
	// if they had been read.
	Read    func(reader value.Value) (value.Value, error)
	Now     time.Time
	Entropy uint64
}

// TrialStatus says how a trial ended, in TestState's words.
type TrialStatus string

// The statuses of a trial.
const (
	TrialSucceeded TrialStatus = "SUCCEEDED"
	TrialFailed    TrialStatus = "FAILED"
	TrialRetriable TrialStatus = "RETRIABLE"    // a retrier would have it carried out again
	TrialCaught    TrialStatus = "CAUGHT_ERROR" // a catcher goes on
)

// TrialResult is what became of a state.
type TrialResult struct {
	Status  TrialStatus
	Output  value.Value // Absent where it failed
	Failure *run.Failure
	Next    string // the state that follows; empty: none
	Stages  Inspection
	Handled Handled
}

// Handled is what dealt with the failure of a state. The indexes are those of Retry and Catch; -1: none.
type Handled struct {
	Retrier int // that matches, used up or not
	Catcher int // that goes on
	Backoff time.Duration
}

// StateNamed is what TestState calls a state of which the definition is given alone.
const StateNamed = "StateName"

// Unplaced is a cause without the place where an execution was whose first state is called StateNamed: a trial that had the
// state carried out by one has no history.
func Unplaced(cause string) string { return strings.TrimPrefix(cause, place(StateNamed, 2)) }

// CompileState compiles the definition of one state that stands alone. Its transitions may lead to any state.
func CompileState(source []byte) (*Definition, error) {
	v, err := value.Parse(source)
	if err != nil {
		return nil, run.Problems{syntaxProblem(source, err)}
	}
	c := newCompiler(source, value.NewObject(member("States", value.NewObject(member(StateNamed, v)))), Terms{lenient: true})
	states := pointer("").at("States")
	c.alone = states.at(StateNamed)
	c.duplicates(source)
	d := &Definition{machine: &machine{}, limits: WideLimits}
	alone := &targets{c: c, machine: d.machine, byName: make(map[string]*state)}
	d.machine.start = c.open(value.NewObject(), states).state(StateNamed, v, d.machine, alone)
	for _, w := range alone.wanted {
		*w.to = &state{name: w.name, machine: d.machine}
	}
	return c.finish(source, d)
}

// StateInfo is what a front door may want to know of a state.
type StateInfo struct {
	Type     string // as the file names it: Task
	Resource string // of a Task
	Branches int    // of a Parallel
	Writes   bool   // a Map with a ResultWriter: its result is no array of outputs
}

// Within reports whether the state called name is inside of the Map or Parallel called outer, at any depth.
func (d *Definition) Within(name, outer string) bool {
	s := d.named(name)
	for s != nil {
		if s = d.around(s); s != nil && s.name == outer {
			return true
		}
	}
	return false
}

// State tells of the state called name, of an inner machine or not; ok is false where there is none.
func (d *Definition) State(name string) (info StateInfo, ok bool) {
	s := d.named(name)
	if s == nil {
		return info, false
	}
	info.Type = s.kind.String()
	switch a := s.action.(type) {
	case *task:
		info.Resource = a.resource.arn
	case *parallel:
		info.Branches = len(a.branches)
	case *mapping:
		info.Writes = a.distributed != nil && a.distributed.writer != nil
	}
	return info, true
}

// around is the Parallel or Map, inline or distributed, that s is in; nil: none.
func (d *Definition) around(s *state) *state {
	if s.machine.owner != nil {
		return s.machine.owner
	}
	for _, o := range d.states {
		if m, ok := o.action.(*mapping); ok && m.processor == s.machine {
			return o
		}
	}
	return nil
}

func (d *Definition) named(name string) *state {
	for _, s := range d.states {
		if s.name == name {
			return s
		}
	}
	return nil
}

// Try begins the trial of the state called name, which the definition has. Where the trial needs an outcome (Needs), it
// goes on with End; otherwise it has ended.
func (d *Definition) Try(name string, setup TrialSetup) *Trial {
	s := d.named(name)
	t := &Trial{setup: setup, state: s, x: newExecution(d), b: &branch{id: 1}}
	t.result.Handled = Handled{Retrier: -1, Catcher: -1}
	x, b := t.x, t.b
	x.trial, x.started, x.input = t, setup.Now, setup.Input
	x.identity = newIdentity(setup.ExecutionARN, value.NewObject(member(AttributeRole, value.NewString(setup.RoleARN))))
	x.root, x.branches[b.id], x.lastBranch = b, b, b.id
	b.variables = setup.Variables
	b.enter(s, setup.Input, setup.Now, 0, 0)
	b.retries = setup.Retries
	x.settle(b)
	t.result.Stages.see(StageInput, setup.Input)
	if m, ok := s.action.(*mapping); ok {
		t.openMap(m)
	} else {
		t.step(run.Input{Kind: run.Step})
	}
	return t
}

// Needs is what the state waits for: the task to do, with an empty Resource for what a Map or a Parallel has inside. It is
// nil where the trial has ended.
func (t *Trial) Needs() *run.StartTask {
	switch {
	case t.result.Status != "":
		return nil
	case t.b.task != nil:
		order := t.b.task.order()
		return &order
	}
	return &run.StartTask{Label: t.state.name}
}

// End gives the outcome that the trial needs.
func (t *Trial) End(o run.Outcome) {
	if t.b.task != nil {
		if o.Failure == nil {
			t.see(StageResult, o.Output)
		}
		t.step(run.Input{Kind: run.TaskEnded, Task: t.b.task.id, Outcome: o})
		return
	}
	if o.Failure == nil && t.opened.exceeded(t.setup.FailedIterations) {
		o.Failure = &run.Failure{Error: errTolerated, Cause: causeTolerated}
	}
	if o.Failure != nil {
		t.fail(*o.Failure)
		return
	}
	t.b.phase, t.b.result = phaseResult, o.Output
	t.x.settle(t.b)
	t.step(run.Input{Kind: run.Step})
}

// fail goes on with the failure of the branch's state.
func (t *Trial) fail(f run.Failure) {
	t.b.phase, t.b.failure = phaseFailed, f
	t.x.settle(t.b)
	t.step(run.Input{Kind: run.Step})
}

// Items is how many items the Map has that is tried; -1: it is none, or it failed before it knew them.
func (t *Trial) Items() int {
	if t.opened == nil {
		return -1
	}
	return t.opened.items.Len()
}

// Result is what became of the state, once the trial has ended.
func (t *Trial) Result() TrialResult {
	r := t.result
	r.Stages.see(StageVariables, t.b.variables)
	r.Stages.keep(t.state.kind.stages())
	return r
}

// step gives in to the state, and goes on until the trial has ended or needs an outcome.
func (t *Trial) step(in run.Input) {
	for {
		if t.b.phase == phaseFailed {
			t.b.attempts = nil
			if i := t.b.state.retrierFor(t.b.failure.Error); i >= 0 {
				t.b.attempts = make([]int, len(t.b.state.retry))
				t.b.attempts[i] = t.setup.Retries
			}
		}
		in.Now, in.Entropy, in.Token = t.setup.Now, t.setup.Entropy, t.token
		events, _ := t.x.Decide(in) // it quarantines no state that Try has made
		if len(events) == 0 {
			return
		}
		if !t.follow(events[0].Fact) {
			return
		}
		in = run.Input{Kind: run.Step}
		if t.b.phase == phaseWait {
			in = run.Input{Kind: run.TimerFired, Timer: t.b.timer}
		}
	}
}

// follow takes a fact in, and reports whether the state can go on by itself.
func (t *Trial) follow(f run.Fact) bool {
	r := &t.result
	switch f := f.(type) {
	case *taskScheduled:
		t.x.Apply(f)
		return false
	case *parallelStarted:
		return false
	case *retryPlanned:
		r.Status, r.Failure = TrialRetriable, &t.b.failure
		r.Handled.Retrier = f.retrier
		r.Handled.Backoff = t.b.state.retry[f.retrier].longest(t.setup.Retries)
		return false
	case *moved:
		t.moved(f)
		return false
	case *runFailed:
		r.Status, r.Failure = TrialFailed, &f.failure
		r.Handled.Retrier = max(r.Handled.Retrier, t.b.state.retrierFor(t.b.failure.Error))
		return t.rise(f.failure)
	}
	t.x.Apply(f.(fact))
	return true
}

func (t *Trial) moved(f *moved) {
	r := &t.result
	r.Status, r.Output, r.Next = TrialSucceeded, f.output, ""
	if f.caught {
		r.Status, r.Failure = TrialCaught, &run.Failure{Error: t.b.failure.Error, Cause: t.b.failure.Cause}
		r.Handled.Retrier = max(r.Handled.Retrier, t.b.state.retrierFor(r.Failure.Error))
		r.Handled.Catcher = t.b.state.catcherFor(r.Failure.Error)
	}
	if f.to != nil {
		r.Next = f.to.name
	}
	t.b.assign(f.variables)
}

// rise hands the failure of a state to the Map or Parallel that it is in, and reports whether there is one that deals
// with it.
func (t *Trial) rise(f run.Failure) bool {
	owner := t.x.def.around(t.b.state)
	if owner == nil {
		return false
	}
	if m, ok := owner.action.(*mapping); ok && m.tolerated.isSet() {
		n, err := m.tolerated.whole(&t.x.cur, t.b.input, 0, 0)
		if err != nil || int64(t.setup.FailedIterations) < n {
			return false
		}
		f = run.Failure{Error: errTolerated, Cause: causeTolerated}
	}
	t.result.Status = ""
	t.b.state, t.b.failure, t.b.phase = owner, f, phaseFailed
	t.x.settle(t.b)
	return true
}

// context is the context object of a step.
func (t *Trial) context(s *step) value.Value {
	object := t.setup.Context
	if object.IsAbsent() {
		object = s.madeContext()
		if t.inMap() {
			object = object.With("Map", value.NewObject(member("Item", itemObject(0, t.setup.Input))))
		}
	}
	if !s.handing.IsAbsent() {
		object = object.With("Map", value.NewObject(member("Item", s.handing)))
	}
	return object
}

// inMap reports whether the state is in a Map, with a Parallel between them or not.
func (t *Trial) inMap() bool {
	for o := t.x.def.around(t.state); o != nil; o = t.x.def.around(o) {
		if o.kind == mapState {
			return true
		}
	}
	return false
}

func (t *Trial) token(run.TaskID) string { return t.setup.Token }

func (t *Trial) see(at Stage, v value.Value) { t.result.Stages.see(at, v) }
