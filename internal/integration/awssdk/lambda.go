package awssdk

import (
	"context"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Invoke calls a function at the endpoint of Lambda by its ARN or name, as a resource that is a function's ARN does: the
// task's payload is the function's, and so is the result.
func (c *Client) Invoke(ctx context.Context, t kernel.Task, function string) run.Outcome {
	payload := t.Order.Payload
	t.Order.Resource = statesPrefix + "lambda:invoke"
	t.Order.Payload = value.NewObject(
		value.Member{Name: "FunctionName", Value: value.NewString(function)},
		value.Member{Name: "Payload", Value: payload},
	)
	o := c.Find(t.Order.Resource).(kernel.Doer).Do(ctx, t, func() {})
	if o.Failure == nil {
		o.Output = o.Output.At("Payload")
	}
	return o
}

// HasLambda reports whether the configuration has an endpoint for functions.
func (c *Client) HasLambda() bool { return c.Missing(statesPrefix+"lambda:invoke") == nil }
