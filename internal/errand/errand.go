// Package errand does single tasks for those who have no run for them, or none that lasts: whatever a task is, it is done
// as in any run, because it is one.
package errand

import (
	"context"
	"errors"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Do does a task as a run of its own with this one task, seen among the runs. A name that was carried out before is
// not carried out again. When ctx is done, the run is stopped, and ctx's error returned.
func Do(ctx context.Context, k *kernel.Kernel, owner, name string, order run.StartTask, attributes value.Value) (run.Outcome, error) {
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
	return run.Fail(ended.Failure.Error, asl.Unplaced(ended.Failure.Cause)), nil
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
