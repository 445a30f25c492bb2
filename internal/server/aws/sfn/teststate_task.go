package sfn

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// maxTest is how long a task may take that TestState carries out.
const maxTest = 5 * time.Minute

// carryOut does a task that is not mocked. It is a run of its own with this one task, seen among the runs: whatever the
// task is, it is done as in any run.
func (t *stateTest) carryOut(ctx context.Context, order *run.StartTask) (run.Outcome, error) {
	if err := t.Refuse(); err != nil {
		return run.Outcome{}, err
	}
	r, err := t.Kernel.Create(ctx, kernel.StartRequest{
		Owner:      by(ctx).Owner,
		Name:       "test-state-" + aws.NewUUID(),
		Language:   "asl",
		Source:     []byte(onlyTask(order).JSON()),
		Input:      order.Payload,
		Attributes: object(words(asl.AttributeRole, t.in.At("roleArn").Text())),
	})
	if err != nil {
		return run.Outcome{}, t.explain(err)
	}
	limit := t.now().Add(maxTest)
	if !order.Deadline.IsZero() && order.Deadline.Before(limit) {
		limit = order.Deadline
	}
	waiting, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	ended, err := t.Kernel.Wait(waiting, r.ID)
	if err == nil {
		return outcomeOf(ended), nil
	}
	if waiting.Err() == nil {
		return run.Outcome{}, err
	}
	timeout := run.Failure{Error: "States.Timeout"}
	if err := t.Kernel.Stop(context.WithoutCancel(ctx), r.ID, timeout); err != nil {
		return run.Outcome{}, err
	}
	if !errors.Is(waiting.Err(), context.DeadlineExceeded) {
		return run.Outcome{}, ctx.Err() // the caller is gone
	}
	return run.Outcome{Failure: &timeout}, nil
}

// onlyTask is a state machine that does one task, with its input as the payload.
func onlyTask(order *run.StartTask) value.Value {
	return value.NewObject(text("StartAt", asl.StateNamed), of("States", value.NewObject(of(asl.StateNamed, object(
		text("Type", "Task"), text("Resource", order.Resource), of("Credentials", order.Credentials), of("End", value.True))))))
}

// outcomeOf is what became of a run, as of a task.
func outcomeOf(r *store.Run) run.Outcome {
	if r.Status == run.Succeeded {
		return run.Done(r.Output)
	}
	if r.Failure == nil {
		return run.Fail("States.TaskFailed", "")
	}
	return run.Fail(r.Failure.Error, asl.Unplaced(r.Failure.Cause))
}
