package integration

import (
	"context"
	"errors"
	"strings"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// NotThere is an argument of a task that names something which the catalogue does not have.
type NotThere struct {
	Argument string // empty: the resource itself
	Err      error
}

// Missing says which things of the catalogue a task would name in vain: queues, job definitions, functions and state
// machines; and which endpoint the configuration lacks for it. So a run that cannot work is refused before its first state, and not in the middle.
func Missing(ctx context.Context, c *catalog.Catalog, aws *awssdk.Client, by catalog.Caller, resource string, args value.Value) (missing []NotThere) {
	look := func(argument string, find func(name string) error) {
		name := args.At(argument)
		if name.Kind() != value.String {
			return
		}
		if err := find(name.Text()); errors.Is(err, store.ErrNotFound) {
			missing = append(missing, NotThere{argument, err})
		}
	}
	queue := func(name string) error { _, err := c.Queue(ctx, name); return err }
	definition := func(name string) error {
		_, err := c.Resolve(ctx, by, manifest.KindJobDefinition, name)
		return err
	}
	function := func(name string) error {
		_, err := c.Function(ctx, by, name)
		if errors.Is(err, store.ErrNotFound) && aws.HasLambda() {
			return nil // it may be there
		}
		return err
	}
	machine := func(name string) error { _, err := c.Machine(ctx, by, name); return err }
	switch {
	case remote(resource):
		if err := aws.Missing(resource); err != nil {
			missing = append(missing, NotThere{"", err})
		}
	case strings.HasPrefix(resource, "arn:aws:states:::batch:submitJob"):
		look("JobQueue", queue)
		look("JobDefinition", definition)
	case strings.HasPrefix(resource, "arn:aws:states:::lambda:invoke"):
		look("FunctionName", function)
	case strings.HasPrefix(resource, "arn:aws:states:::states:startExecution"):
		look("StateMachineArn", machine)
	case strings.HasPrefix(resource, "arn:aws:lambda:"):
		if err := function(resource); errors.Is(err, store.ErrNotFound) {
			missing = append(missing, NotThere{"", err})
		}
	}
	return missing
}
