package catalog

import (
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
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

// The members of a state machine's Data that say when it was revised last; they are not there before the first time.
const (
	MachineRevision = "revisionId" // names the revision: a UUID
	MachineUpdated  = "updated"    // milliseconds since 1970
)

// Revised is o, a version of a state machine that is about to be stored and whose definition or settings differ from
// those of the version before, as a new revision.
func Revised(o *store.Object) {
	id := uuid.Of(fmt.Sprintf("%s\x00%s\x00%d\x00%d", o.Owner, o.Name, o.Created.UnixMilli(), o.Version))
	o.Data = o.Data.With(MachineRevision, value.NewString(id)).With(MachineUpdated, value.NewInt(o.Updated.UnixMilli()))
}

// reapplied is what applying a file makes of a state machine that is there: its definition is the file's, and what else
// is kept with it, such as a role, stays.
func reapplied(latest, o *store.Object) {
	applied := o.Data
	o.Data = latest.Data
	for name, v := range applied.Members() {
		o.Data = o.Data.With(name, v)
	}
	if !value.Equal(o.Data, latest.Data) {
		Revised(o)
	}
}
