package integration

import (
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/errand"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Lasting makes integrations fit for runs that are not durable themselves: a task that is rows is carried out as a run
// of lasting, which has a store that keeps them.
func Lasting(in kernel.Integrations, lasting *kernel.Kernel) kernel.Integrations {
	return func(resource string) kernel.Integration {
		found := in(resource)
		if _, ok := found.(kernel.Ledger); ok {
			return &lastingTask{found, lasting}
		}
		return found
	}
}

// lastingTask is a task that is carried out as a run.
type lastingTask struct {
	rows    kernel.Integration
	lasting *kernel.Kernel
}

func (*lastingTask) Class() kernel.Class { return kernel.AtLeastOnce }

// Check implements kernel.Checker.
func (e *lastingTask) Check(ctx context.Context, t kernel.Task) (*run.Failure, error) {
	if c, ok := e.rows.(kernel.Checker); ok {
		return c.Check(ctx, t)
	}
	return nil, nil
}

// Do implements kernel.Doer.
func (e *lastingTask) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	name := fmt.Sprintf("%s/%d", t.Run.Name, t.Order.Task)
	role := value.EmptyObject
	if arn := t.Run.Attributes.At(asl.AttributeRole); !arn.IsAbsent() {
		role = role.With(asl.AttributeRole, arn)
	}
	o, err := errand.Do(ctx, e.lasting, t.Run.Owner, name, t.Order, role)
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	return o
}
