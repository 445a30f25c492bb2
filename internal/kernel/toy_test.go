package kernel_test

import (
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// toy is the smallest language that uses every input and order: a list of steps done one after another, such as
//
//	[["pass", 3], ["task", "echo", {"a": 1}], ["wait", 60], ["signal", "go"], ["child", [["pass", 1]]], ["fail", "E", "why"]]
//
// ["callback", "echo"] is a task whose payload is its token, and that ends with it; beats and submissions count among what
// it gave.
//
// The output of a run is the list of what its steps gave. ["panic"] breaks the decider, ["panicOn", "cancel"] does so
// when the run is cancelled.
type toy struct{}

func (toy) Name() string { return "toy" }

func (toy) Compile(source []byte) (run.Definition, error) {
	v, err := value.Parse(source)
	if err != nil {
		return nil, run.Problems{{Text: err.Error()}}
	}
	for i, s := range v.Elements() {
		if s.Len() == 0 {
			return nil, run.Problems{{Pointer: fmt.Sprintf("/%d", i), Text: "a step has a name"}}
		}
	}
	return toyDefinition{v}, nil
}

type toyDefinition struct{ steps value.Value }

func (d toyDefinition) NewState() run.State { return &toyState{def: d} }

func (d toyDefinition) Part(name string) (run.Definition, error) {
	for _, s := range d.steps.Elements() {
		if s.Index(0).Text() == "child" && s.Index(1).Text() == name {
			return toyDefinition{s.Index(2)}, nil
		}
	}
	return nil, fmt.Errorf("no part %q", name)
}

func (d toyDefinition) DecodeState(dec *value.Decoder) (run.State, error) {
	s := &toyState{def: d, begun: dec.Bool(), at: int(dec.Uint()), spent: int(dec.Uint()), waiting: dec.Bool(), submitted: dec.Bool(), events: dec.Uint(), task: run.TaskID(dec.Uint())}
	for range dec.Len() {
		s.got = append(s.got, dec.Value())
	}
	return s, dec.Err()
}

func (d toyDefinition) DecodeFact(k run.EventKind, dec *value.Decoder) (run.Fact, error) {
	return toyFact{k, dec.Uint(), dec.Value()}, dec.Err()
}

// The kinds of toyFact.
const (
	toyBegan     run.EventKind = iota + 1
	toyPassed                  // one round of a pass
	toyWaits                   // for a task, timer, signal or child
	toyGot                     // the step gave value
	toySubmitted               // the task was accepted
	toyBeat
	toyEnded
)

type toyFact struct {
	kind run.EventKind
	task uint64
	got  value.Value
}

func (f toyFact) Kind() run.EventKind { return f.kind }

func (f toyFact) Encode(e *value.Encoder) {
	e.Uint(f.task)
	e.Value(f.got)
}

type toyState struct {
	def       toyDefinition
	begun     bool
	at        int // step
	spent     int // rounds of a pass done
	waiting   bool
	submitted bool
	events    uint64
	task      run.TaskID // the last one started
	got       []value.Value
}

func (s *toyState) Position() uint64 { return s.events }

func (s *toyState) Encode(e *value.Encoder) {
	e.Bool(s.begun)
	e.Uint(uint64(s.at))
	e.Uint(uint64(s.spent))
	e.Bool(s.waiting)
	e.Bool(s.submitted)
	e.Uint(s.events)
	e.Uint(uint64(s.task))
	e.Uint(uint64(len(s.got)))
	for _, v := range s.got {
		e.Value(v)
	}
}

func (s *toyState) step() (name string, step value.Value) {
	if s.at >= s.def.steps.Len() {
		return "", value.Value{}
	}
	step = s.def.steps.Index(s.at)
	return step.Index(0).Text(), step
}

func (s *toyState) Pending(yield func(run.StartTask) bool) {
	switch name, step := s.step(); {
	case s.waiting && name == "task":
		yield(run.StartTask{Task: s.task, Resource: step.Index(1).Text(), Payload: step.Index(2)})
	case s.waiting && name == "callback":
		yield(run.StartTask{Task: s.task, Resource: step.Index(1).Text(), Callback: true, Submitted: s.submitted})
	case s.waiting && name == "child":
		yield(run.StartTask{Task: s.task})
	}
}

func (s *toyState) Decide(in run.Input) ([]run.Event, error) {
	name, step := s.step()
	switch in.Kind {
	case run.Start:
		if s.begun {
			return nil, nil
		}
		return one(toyFact{kind: toyBegan}), nil
	case run.Cancel:
		if s.def.steps.Index(0).Index(0).Text() == "panicOn" {
			panic("cannot even be cancelled")
		}
		events := one(toyFact{kind: toyEnded})
		if s.waiting && (name == "task" || name == "child" || name == "callback") {
			events[0].Orders = append(events[0].Orders, run.CancelTask{Task: s.task})
		}
		events[0].Orders = append(events[0].Orders, run.EndRun{Status: run.Aborted, Outcome: in.Outcome})
		return events, nil
	case run.TaskEnded:
		if !s.waiting || in.Task != s.task {
			return nil, nil
		}
		if f := in.Outcome.Failure; f != nil {
			return one(toyFact{kind: toyGot, got: value.NewString(f.Error)}), nil
		}
		return one(toyFact{kind: toyGot, got: in.Outcome.Output}), nil
	case run.TaskSubmitted, run.TaskBeat:
		if !s.waiting || name != "callback" || in.Task != s.task || s.submitted && in.Kind == run.TaskSubmitted {
			return nil, nil
		}
		if in.Kind == run.TaskBeat {
			return one(toyFact{kind: toyBeat, got: value.NewString("beat")}), nil
		}
		return one(toyFact{kind: toySubmitted, got: value.NewString("submitted")}), nil
	case run.Refused:
		return []run.Event{{
			Fact:   toyFact{kind: toyEnded},
			Orders: []run.Order{run.EndRun{Status: run.Failed, Outcome: in.Outcome}},
		}}, nil
	case run.TimerFired:
		if !s.waiting || name != "wait" && name != "rewait" || in.Timer != run.TimerID(s.at) {
			return nil, nil
		}
		return one(toyFact{kind: toyGot, got: value.NewString("woke")}), nil
	case run.Signal:
		if !s.waiting || name != "signal" || in.Name != step.Index(1).Text() {
			return nil, nil
		}
		return one(toyFact{kind: toyGot, got: in.Value}), nil
	case run.Step:
		if !s.begun || s.waiting {
			return nil, nil
		}
		return s.next(in, name, step)
	}
	return nil, nil
}

func (s *toyState) next(in run.Input, name string, step value.Value) ([]run.Event, error) {
	waits := func(o run.Order, task run.TaskID) []run.Event {
		return []run.Event{{Fact: toyFact{kind: toyWaits, task: uint64(task)}, Orders: []run.Order{o}}}
	}
	switch name {
	case "":
		return []run.Event{{
			Fact:   toyFact{kind: toyEnded},
			Orders: []run.Order{run.EndRun{Status: run.Succeeded, Outcome: run.Done(value.NewArray(s.got...))}},
		}}, nil
	case "fail":
		return []run.Event{{
			Fact:   toyFact{kind: toyEnded},
			Orders: []run.Order{run.EndRun{Status: run.Failed, Outcome: run.Fail(step.Index(1).Text(), step.Index(2).Text())}},
		}}, nil
	case "pass":
		if n, _ := step.Index(1).Int64(); s.spent < int(n) {
			return one(toyFact{kind: toyPassed}), nil
		}
		return one(toyFact{kind: toyGot, got: value.NewInt(int64(s.spent))}), nil
	case "uuid":
		return one(toyFact{kind: toyGot, got: value.NewString(fmt.Sprintf("%016x", in.Entropy))}), nil
	case "task":
		return waits(run.StartTask{Task: s.task + 1, Resource: step.Index(1).Text(), Payload: step.Index(2), Label: "toy"}, s.task+1), nil
	case "callback":
		return waits(run.StartTask{
			Task: s.task + 1, Resource: step.Index(1).Text(), Payload: value.NewString(in.Token(s.task + 1)), Label: "toy", Callback: true,
		}, s.task+1), nil
	case "child":
		return waits(run.StartRun{Task: s.task + 1, Part: step.Index(1).Text(), Input: value.EmptyObject}, s.task+1), nil
	case "wait":
		n, _ := step.Index(1).Int64()
		return waits(run.SetTimer{Timer: run.TimerID(s.at), At: in.Now.Add(time.Duration(n) * time.Second)}, s.task), nil
	case "rewait": // set, then set again to another time
		n, _ := step.Index(1 + s.spent).Int64()
		set := run.SetTimer{Timer: run.TimerID(s.at), At: in.Now.Add(time.Duration(n) * time.Second)}
		if s.spent == 0 {
			return []run.Event{{Fact: toyFact{kind: toyPassed}, Orders: []run.Order{set}}}, nil
		}
		return waits(set, s.task), nil
	case "signal", "panicOn":
		return []run.Event{{Fact: toyFact{kind: toyWaits, task: uint64(s.task)}}}, nil
	}
	panic("toy: " + name)
}

func one(f toyFact) []run.Event { return []run.Event{{Fact: f}} }

func (s *toyState) Apply(fact run.Fact) {
	f := fact.(toyFact)
	s.events++
	switch f.kind {
	case toyBegan:
		s.begun = true
	case toyPassed:
		s.spent++
	case toyWaits:
		s.waiting, s.task = true, run.TaskID(f.task)
	case toySubmitted, toyBeat:
		s.submitted = s.submitted || f.kind == toySubmitted
		s.got = append(s.got, f.got)
	case toyGot:
		s.got = append(s.got, f.got)
		s.at, s.spent, s.waiting, s.submitted = s.at+1, 0, false, false
	case toyEnded:
		s.at, s.waiting, s.begun = s.def.steps.Len(), false, false
	}
}
