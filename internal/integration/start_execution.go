package integration

import (
	"context"
	"errors"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Errors of states:startExecution.
const (
	errNoMachine     = "StepFunctions.StateMachineDoesNotExistException"
	errRunExists     = "StepFunctions.ExecutionAlreadyExistsException"
	errRunName       = "StepFunctions.InvalidNameException"
	errRunParameters = "StepFunctions.ValidationException"
)

// startExecution is states:startExecution: a child run. parsed is what .sync:2 adds: the child's output as JSON, not as
// a string that holds JSON.
type startExecution struct {
	*Deps
	waits, parsed bool
}

// Class implements kernel.Integration.
func (*startExecution) Class() kernel.Class { return kernel.Durable }

// Begin implements kernel.Ledger.
func (s *startExecution) Begin(ctx context.Context, t kernel.Task) (kernel.Rows, error) {
	p := t.Order.Payload
	arn := p.At("StateMachineArn").Text()
	if arn == "" {
		return failed(errRunParameters, "Parameters.StateMachineArn is missing: give a state machine's name or ARN"), nil
	}
	m, err := s.Catalog.Machine(ctx, caller(t), arn)
	if err != nil {
		return refusal(errNoMachine, err)
	}
	input, fault := childInput(p.At("Input"))
	if fault != "" {
		return failed(errRunParameters, "%s", fault), nil
	}
	name := p.At("Name").Text()
	if name != "" {
		if !run.ValidName(name) {
			return failed(errRunName, "Invalid Name: '%s'. A run's name has %s", name, run.NameRule), nil
		}
		taken, err := s.Store.RunByName(ctx, t.Run.Owner, m.Name, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return kernel.Rows{}, err
		}
		if err == nil {
			return failed(errRunExists, "Execution Already Exists: '%s'", s.executionARN(taken.Machine, taken.Name)), nil
		}
	}
	began := s.Now()
	rows := kernel.Rows{Run: &kernel.NewRun{Name: name, Machine: m.Name, Language: m.Language, Source: m.Source, Input: input}}
	answer := func(ref kernel.Ref) value.Value {
		return object("ExecutionArn", s.executionARN(m.Name, ref.RunName), "StartDate", millis(began))
	}
	if s.waits {
		rows.Submitted = answer
	} else {
		rows.Outcome = func(ref kernel.Ref) run.Outcome { return run.Done(answer(ref)) }
	}
	return rows, nil
}

// childInput is Input, which may be a string that holds JSON; {} where there is none.
func childInput(v value.Value) (input value.Value, fault string) {
	switch v.Kind() {
	case value.Absent:
		return value.EmptyObject, ""
	case value.String:
		input, err := value.Parse([]byte(v.Text()))
		if err != nil {
			return value.Value{}, "Parameters.Input is a string that is not JSON: " + err.Error()
		}
		return input, ""
	}
	return v, ""
}

// End implements kernel.Ledger.
func (s *startExecution) End(_ context.Context, _ kernel.Task, e kernel.Ended) (run.Outcome, error) {
	r := e.Run
	in, out := r.Input, r.Output
	if !s.parsed {
		in, out = asText(in), asText(out)
	}
	included := object("Included", true)
	result := object("ExecutionArn", s.executionARN(r.Machine, r.Name))
	if r.Failure != nil {
		result = object("Cause", r.Failure.Cause, "Error", r.Failure.Error, "ExecutionArn", s.executionARN(r.Machine, r.Name))
	}
	for _, m := range []value.Member{
		{Name: "Input", Value: in},
		{Name: "InputDetails", Value: included},
		{Name: "Name", Value: value.NewString(r.Name)},
		{Name: "Output", Value: out},
		{Name: "OutputDetails", Value: included},
		{Name: "StartDate", Value: millis(r.Started)},
		{Name: "StateMachineArn", Value: value.NewString(s.Catalog.ARNOf(manifest.KindStateMachine, r.Machine))},
		{Name: "Status", Value: value.NewString(r.Status.String())},
		{Name: "StopDate", Value: millis(r.Ended)},
	} {
		if !m.Value.IsAbsent() && !(m.Name == "OutputDetails" && out.IsAbsent()) {
			result = result.With(m.Name, m.Value)
		}
	}
	if r.Status != run.Succeeded {
		return run.Fail("States.TaskFailed", result.JSON()), nil
	}
	return run.Done(result), nil
}

func asText(v value.Value) value.Value {
	if v.IsAbsent() {
		return v
	}
	return value.NewString(v.JSON())
}

func (s *startExecution) executionARN(machine, name string) string {
	return s.Catalog.ARN("states", "execution:"+machine+":"+name)
}
