package integration

import (
	"context"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
)

// Noop is the resource that does nothing and gives its payload back. It measures what a task costs by itself.
const Noop = "arn:tutti:states:::noop"

type noop struct{}

func (noop) Class() kernel.Class { return kernel.Idempotent }

// Do implements kernel.Doer.
func (noop) Do(_ context.Context, t kernel.Task, _ func()) run.Outcome {
	return run.Done(t.Order.Payload)
}
