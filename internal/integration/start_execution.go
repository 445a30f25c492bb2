package integration

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

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
	errRunInput      = "StepFunctions.InvalidExecutionInputException"
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
	m, err := s.Catalog.Target(ctx, caller(t), arn, rand.Uint64())
	if errors.Is(err, store.ErrNotFound) {
		return refused(errNoMachine, "StateMachineDoesNotExist", "State Machine Does Not Exist: '"+arn+"'"), nil
	}
	if err != nil {
		return refusal(errNoMachine, err)
	}
	input, err := childInput(p.At("Input"))
	if err != nil {
		return refused(errRunInput, "InvalidExecutionInput", "Invalid State Machine Execution Input: '"+err.Error()+"'"), nil
	}
	name := p.At("Name").Text()
	if name != "" {
		if !run.ValidName(name) {
			return refused(errRunName, "InvalidName", "Invalid Name: '"+name+"'"), nil
		}
		taken, err := s.Store.RunByName(ctx, t.Run.Owner, m.Machine, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return kernel.Rows{}, err
		}
		if err == nil && !s.waits && taken.Status == run.Running && value.Equal(taken.Input, input) {
			return s.same(taken), nil
		}
		if err == nil {
			return refused(errRunExists, "ExecutionAlreadyExists", "Execution Already Exists: '"+s.Catalog.ExecutionARN(taken.Machine, taken.Name)+"'"), nil
		}
	}
	began := s.Now()
	rows := kernel.Rows{Run: &kernel.NewRun{
		Name: name, Machine: m.Machine, Language: m.Language(), Source: m.Source(), Input: input, Labels: m.Labels(),
		Attributes: func(ref kernel.Ref) value.Value { return m.Attributes(s.Catalog.ExecutionARN(m.Machine, ref.RunName)) },
	}}
	if s.waits {
		rows.Submitted = func(ref kernel.Ref) value.Value { return s.answer(m.Machine, ref.RunName, began) }
	} else {
		rows.Outcome = func(ref kernel.Ref) run.Outcome { return run.Done(s.answer(m.Machine, ref.RunName, began)) }
	}
	return rows, nil
}

// same answers for an execution of that name and input which is under way: starting it again is starting it once.
func (s *startExecution) same(r *store.Run) kernel.Rows {
	return kernel.Rows{Outcome: func(kernel.Ref) run.Outcome { return run.Done(s.answer(r.Machine, r.Name, r.Started)) }}
}

// answer is what StartExecution answers. AWS's recorded answers to those that do not wait for the end are two bytes longer
// than the others, for names of the same length.
func (s *startExecution) answer(machine, name string, began time.Time) value.Value {
	arn := s.Catalog.ExecutionARN(machine, name)
	size := len(`{"executionArn":"","startDate":1.795348800123E9}`) + len(arn)
	if !s.waits {
		size += 2
	}
	return overHTTP(object("ExecutionArn", arn, "StartDate", millis(began)), size, s.Now())
}

// refused is an error of Step Functions itself, which begins nothing.
func refused(name, code, message string) kernel.Rows {
	o := sdkFailure(name, "AWSStepFunctions", code, message)
	return kernel.Rows{Outcome: func(kernel.Ref) run.Outcome { return o }}
}

// childInput is Input, which may be a string that holds JSON; {} where there is none.
func childInput(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.Absent, value.Null:
		return value.EmptyObject, nil
	case value.String:
		return value.Parse([]byte(v.Text()))
	}
	return v, nil
}

// End implements kernel.Ledger.
func (s *startExecution) End(_ context.Context, _ kernel.Task, e kernel.Ended) (run.Outcome, error) {
	r := e.Run
	in, out := r.Input, r.Output
	if !s.parsed {
		in, out = asText(in), asText(out)
	}
	included := object("Included", true)
	result := value.EmptyObject
	if f := r.Failure; f != nil && f.Cause != "" {
		result = result.With("Cause", value.NewString(f.Cause))
	}
	if f := r.Failure; f != nil && f.Error != "" {
		result = result.With("Error", value.NewString(f.Error))
	}
	for _, m := range []value.Member{
		{Name: "ExecutionArn", Value: value.NewString(s.Catalog.ExecutionARN(r.Machine, r.Name))},
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
