package catalog

import (
	"context"

	"github.com/tutti-ml/tutti/internal/manifest"
)

// Machine is a stored state machine.
type Machine struct {
	Name     string
	Version  int64
	Language string
	Source   []byte
}

// Machine finds a state machine by name or ARN.
func (c *Catalog) Machine(ctx context.Context, by Caller, nameOrARN string) (Machine, error) {
	o, err := c.Resolve(ctx, by, manifest.KindStateMachine, nameOrARN)
	if err != nil {
		return Machine{}, err
	}
	return Machine{o.Name, o.Version, o.Data.At("language").Text(), []byte(manifest.StateMachineSource(o.Data))}, nil
}
