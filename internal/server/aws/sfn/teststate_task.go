package sfn

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/errand"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/uuid"
)

// maxTest is how long a task may take that TestState carries out.
const maxTest = 5 * time.Minute

// carryOut does a task that is not mocked. It is a run of its own with this one task, seen among the runs: whatever the
// task is, it is done as in any run.
func (t *stateTest) carryOut(ctx context.Context, order *run.StartTask) (run.Outcome, error) {
	if err := t.Refuse(); err != nil {
		return run.Outcome{}, err
	}
	limit := t.now().Add(maxTest)
	if !order.Deadline.IsZero() && order.Deadline.Before(limit) {
		limit = order.Deadline
	}
	waiting, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	o, err := errand.Do(waiting, t.Kernel, by(ctx).Owner, "test-state-"+uuid.New(), *order,
		object(words(asl.AttributeRole, t.in.At("roleArn").Text())))
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return run.Fail("States.Timeout", ""), nil
	}
	return o, t.explain(err)
}
