// Package asl is the Amazon States Language: it parses and checks state machine files, decides what an execution does
// next, and projects what it did as Step Functions' history events.
//
// The package is pure: what Decide answers depends on the folded state and the input alone. It reads no clock, draws no
// random number, does no I/O, starts no goroutine and takes no order from a map. One file holds each type of state: its
// fields, what it does, and the facts that are its own.
//
// Sources: the specification at states-language.net, the Step Functions developer guide, and recorded histories where
// both are silent.
package asl

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Language is the States Language as a run.Language. The zero Language is ready to use.
type Language struct {
	// Limits are those of executions; the zero Limits are WideLimits.
	Limits Limits
}

// Name implements run.Language.
func (Language) Name() string { return "asl" }

// Compile implements run.Language. Warnings alone are no error: Definition.Warnings has them.
func (l Language) Compile(source []byte) (run.Definition, error) {
	d, err := Compile(source)
	if err != nil {
		return nil, err
	}
	d.limits = l.Limits.orWide()
	return d, nil
}

// Definition is a valid state machine. It is immutable.
type Definition struct {
	machine *machine
	states  []*state // all states, those of inner machines too, in the order of the file
	// timeout bounds the whole execution, in seconds; 0: no bound.
	timeout int64
	limits  Limits
	// Warnings are what deserves a look, though the file is valid.
	Warnings run.Problems
}

// NewState implements run.Definition.
func (d *Definition) NewState() run.State { return newExecution(d) }

// DecodeState implements run.Definition.
func (d *Definition) DecodeState(dec *value.Decoder) (run.State, error) {
	x := newExecution(d)
	x.decode(dec)
	if err := dec.Err(); err != nil {
		return nil, fmt.Errorf("decoding execution: %w", err)
	}
	return x, nil
}

// DecodeFact implements run.Definition.
func (d *Definition) DecodeFact(kind run.EventKind, dec *value.Decoder) (run.Fact, error) {
	f := newFact(kind)
	if f == nil {
		return nil, fmt.Errorf("decoding fact: kind %d is not known to this release", kind)
	}
	f.decode(d, dec)
	if err := dec.Err(); err != nil {
		return nil, fmt.Errorf("decoding fact of kind %d: %w", kind, err)
	}
	return f, nil
}

// state reads what encodeState wrote; nil stands for the end of a machine.
func (d *Definition) decodeState(dec *value.Decoder) *state {
	i := dec.Uint()
	if i == 0 {
		return nil
	}
	if i > uint64(len(d.states)) {
		dec.Fail("state beyond the definition")
		return nil
	}
	return d.states[i-1]
}

func encodeState(e *value.Encoder, s *state) {
	if s == nil {
		e.Uint(0)
		return
	}
	e.Uint(uint64(s.index) + 1)
}

// machine is a state machine: the file's own, a branch of a Parallel, or the processor of a Map.
type machine struct {
	owner *state // the Parallel or Map that it is part of; nil: the file's own
	start *state
}

// state is one state of the definition.
type state struct {
	index   int // in Definition.states
	name    string
	kind    stateKind
	data    bool     // its fields are in JSONata, not in JSONPath
	machine *machine // that the state is part of
	next    *state   // nil: the machine ends here
	ends    bool     // the machine may end here: End, Succeed or Fail
	flow    flow
	retry   []retrier
	catch   []catcher
	action  action
}

// action is what a type of state does.
type action interface {
	// enter carries the state out for the step's branch, which has just entered it or enters it again after a failure. An
	// error fails the state.
	enter(*step) (run.Event, error)
}

// stateKind is the type of a state.
type stateKind uint8

const (
	passState stateKind = iota + 1
	taskState
	choiceState
	waitState
	succeedState
	failState
	parallelState
	mapState
)

var stateKinds = [...]string{"", "Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}

func (k stateKind) String() string { return stateKinds[k] }

func parseStateKind(name string) (stateKind, bool) {
	for i, n := range stateKinds {
		if i > 0 && n == name {
			return stateKind(i), true
		}
	}
	return 0, false
}
