package integration

import (
	"context"
	"errors"
	"strings"

	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// activityTask is a task whose resource is an activity: it waits for a worker.
type activityTask struct{ *Deps }

// isActivity reports whether a resource is an activity: arn:PARTITION:states:REGION:ACCOUNT:activity:NAME.
func isActivity(resource string) bool {
	parts := strings.SplitN(resource, ":", 7)
	return len(parts) == 7 && parts[0] == "arn" && parts[2] == "states" && parts[5] == "activity"
}

// Class implements kernel.Integration.
func (activityTask) Class() kernel.Class { return kernel.Durable }

// Check implements kernel.Checker.
func (a activityTask) Check(ctx context.Context, t kernel.Task) (*run.Failure, error) {
	_, err := a.Catalog.Resolve(ctx, caller(t), catalog.KindActivity, t.Order.Resource)
	if errors.Is(err, store.ErrNotFound) {
		return &run.Failure{Error: "States.Runtime", Cause: "The activity " + t.Order.Resource + " does not exist."}, nil
	}
	return nil, err
}

// Offer implements kernel.Queue.
func (a activityTask) Offer(t kernel.Task) {
	name := t.Order.Resource[strings.LastIndexByte(t.Order.Resource, ':')+1:]
	a.Activities.Offer(activity.Task{Activity: name, Run: t.Run.ID, ID: t.Order.Task, Key: t.Key})
}

// Withdraw implements kernel.Queue.
func (a activityTask) Withdraw(key string) { a.Activities.Withdraw(key) }
