package integration

import (
	"context"
	"errors"
	"fmt"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// CarryOut does one task for somebody who has no run for it, or none that lasts: it is a run of its own with this one
// task, seen among the runs, so whatever the task is, it is done as in any run. A name that was carried out before is
// not carried out again. When ctx is done, the run is stopped, and ctx's error returned.
func CarryOut(ctx context.Context, k *kernel.Kernel, owner, name string, order run.StartTask, attributes value.Value) (run.Outcome, error) {
	r, err := k.Start(ctx, kernel.StartRequest{
		Owner:      owner,
		Name:       name,
		Language:   asl.Language{}.Name(),
		Source:     []byte(onlyTask(order).JSON()),
		Input:      order.Payload,
		Attributes: attributes,
	})
	if err != nil {
		return run.Outcome{}, err
	}
	ended, err := k.Wait(ctx, r.ID)
	switch {
	case ctx.Err() != nil:
		stop := k.Stop(context.WithoutCancel(ctx), r.ID, run.Failure{Error: "States.Timeout"})
		return run.Outcome{}, errors.Join(ctx.Err(), stop)
	case err != nil:
		return run.Outcome{}, err
	case ended.Status == run.Succeeded:
		return run.Done(ended.Output), nil
	case ended.Failure == nil:
		return run.Fail("States.TaskFailed", ""), nil
	}
	return run.Outcome{Failure: ended.Failure}, nil
}

// onlyTask is a state machine that does one task, with its input as the payload.
func onlyTask(order run.StartTask) value.Value {
	task := value.Of(map[string]any{"Type": "Task", "Resource": order.Resource, "End": true})
	if !order.Credentials.IsAbsent() {
		task = task.With("Credentials", order.Credentials)
	}
	return value.NewObject(
		value.Member{Name: "StartAt", Value: value.NewString(asl.StateNamed)},
		value.Member{Name: "States", Value: value.EmptyObject.With(asl.StateNamed, task)},
	)
}

// Lasting makes integrations fit for runs that are not durable themselves: a task that is rows is carried out as a run
// of lasting, which has a store that keeps them.
func Lasting(in kernel.Integrations, lasting *kernel.Kernel) kernel.Integrations {
	return func(resource string) kernel.Integration {
		found := in(resource)
		if _, ok := found.(kernel.Ledger); ok {
			return &errand{found, lasting}
		}
		return found
	}
}

// errand is a task that is carried out as a run.
type errand struct {
	rows    kernel.Integration
	lasting *kernel.Kernel
}

func (*errand) Class() kernel.Class { return kernel.AtLeastOnce }

// Check implements kernel.Checker.
func (e *errand) Check(ctx context.Context, t kernel.Task) (*run.Failure, error) {
	if c, ok := e.rows.(kernel.Checker); ok {
		return c.Check(ctx, t)
	}
	return nil, nil
}

// Do implements kernel.Doer.
func (e *errand) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	name := fmt.Sprintf("%s/%d", t.Run.Name, t.Order.Task)
	role := value.EmptyObject
	if arn := t.Run.Attributes.At(asl.AttributeRole); !arn.IsAbsent() {
		role = role.With(asl.AttributeRole, arn)
	}
	o, err := CarryOut(ctx, e.lasting, t.Run.Owner, name, t.Order, role)
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	return o
}
