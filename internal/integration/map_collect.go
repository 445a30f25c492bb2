package integration

import (
	"context"
	"slices"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// mapCollect gives what the children of a map run gave, in the order of the items: asl.ResourceCollect.
type mapCollect struct{ *Deps }

// Class implements kernel.Integration: collecting changes nothing.
func (*mapCollect) Class() kernel.Class { return kernel.AtLeastOnce }

// Do implements kernel.Doer.
func (m *mapCollect) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	var results []value.Value
	err := m.children(ctx, t.Run.ID, func(c *store.Run) error {
		if c.Status == run.Succeeded {
			results = append(results, c.Output)
		}
		return nil
	})
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	slices.Reverse(results)
	if t.Order.Payload.At("writer", "Transformation").Text() == "FLATTEN" {
		results = flatten(results)
	}
	return run.Done(value.NewArray(results...))
}

// children yields all children of a run, the latest first.
func (d *Deps) children(ctx context.Context, parent run.ID, yield func(*store.Run) error) error {
	f := store.RunFilter{Parent: parent, Limit: childrenAtOnce}
	for {
		page, err := d.Store.Runs(ctx, f)
		if err != nil {
			return err
		}
		for _, c := range page {
			if err := yield(c); err != nil {
				return err
			}
		}
		if len(page) < childrenAtOnce {
			return nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// childrenAtOnce is how many rows of children are read at a time.
const childrenAtOnce = 1000

// flatten puts the elements of results that are arrays in their place.
func flatten(results []value.Value) []value.Value {
	var flat []value.Value
	for _, r := range results {
		if r.Kind() != value.Array {
			flat = append(flat, r)
			continue
		}
		for _, e := range r.Elements() {
			flat = append(flat, e)
		}
	}
	return flat
}
