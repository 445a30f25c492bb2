// Package mapdata does for map runs of distributed Maps what the language cannot do itself: it reads the items that an
// ItemReader names, collects what the child executions gave, and writes results where a ResultWriter says.
//
// Items are read piece by piece: each task reads the next few thousand and answers with a cursor from which another
// goes on, after a restart too. So a file of any length passes through without being held anywhere. Results are read from
// the rows of the children, a page at a time.
package mapdata

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Request is one call of S3's REST protocol: the bucket is the first part of the path.
type Request struct {
	Method string
	Path   string // escaped
	Query  url.Values
	Header http.Header // beside what signing needs
	Body   []byte
}

// Deps are what reading and writing work with.
type Deps struct {
	// Runs lists runs: those of store.Store.
	Runs func(context.Context, store.RunFilter) ([]*store.Run, error)
	// S3 signs and sends a request on behalf of a task. The caller closes the body of the answer, whatever its status.
	S3 func(context.Context, kernel.Task, Request) (*http.Response, error)
}

// Integrations are what the resources of map runs mean, by name.
func Integrations(d Deps) map[string]kernel.Integration {
	return map[string]kernel.Integration{
		asl.ResourceRead:    &reader{deps: d},
		asl.ResourceCollect: &collector{d},
		asl.ResourceWrite:   &writer{d},

		asl.ResourceUnsuccessful: &lister{d},
	}
}

// The errors that Step Functions names.
const (
	errReader = "States.ItemReaderFailed"
	errWriter = "States.ResultWriterFailed"
)

// fault is what is wrong with a reader or with what it reads, in a sentence for those who wrote it.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }

// childrenAtOnce is how many rows of children are read at a time.
const childrenAtOnce = 500

// pages tells where the pages of a run's children begin, the latest first: what RunFilter.Before has to be.
func (d *Deps) pages(ctx context.Context, parent run.ID) ([]run.ID, error) {
	var starts []run.ID
	f := store.RunFilter{Parent: parent, Limit: childrenAtOnce}
	for {
		page, err := d.Runs(ctx, f)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return starts, nil
		}
		starts = append(starts, f.Before)
		f.Before = page[len(page)-1].ID
	}
}

// children yields the children of a run in the order in which they were started, which is that of their items.
func (d *Deps) children(ctx context.Context, parent run.ID, yield func(*store.Run) error) error {
	starts, err := d.pages(ctx, parent)
	if err != nil {
		return err
	}
	for i := len(starts) - 1; i >= 0; i-- {
		page, err := d.Runs(ctx, store.RunFilter{Parent: parent, Before: starts[i], Limit: childrenAtOnce})
		if err != nil {
			return err
		}
		for j := len(page) - 1; j >= 0; j-- {
			if err := yield(page[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// lister lists the children of a map run that did not succeed, or have still to end: before a redrive none of them is to
// go on.
type lister struct{ Deps }

// Class implements kernel.Integration: listing changes nothing.
func (*lister) Class() kernel.Class { return kernel.AtLeastOnce }

// Do implements kernel.Doer.
func (l *lister) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	before, _ := t.Order.Payload.At("cursor").Int64()
	page, err := l.Runs(ctx, store.RunFilter{
		Parent: t.Run.ID, Before: run.ID(before), Limit: childrenAtOnce,
		Statuses: []run.Status{run.Running, run.Quarantined, run.Failed, run.TimedOut, run.Aborted},
	})
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	children := make([]value.Value, len(page))
	for i, c := range page {
		children[i] = value.NewObject(value.Member{Name: "name", Value: value.NewString(c.Name)}, value.Member{Name: "items", Value: c.Attributes.At(asl.AttributeItems)})
	}
	out := value.NewObject(value.Member{Name: "children", Value: value.NewArray(children...)})
	if len(page) == childrenAtOnce {
		out = out.With("cursor", value.NewInt(int64(page[len(page)-1].ID)))
	}
	return run.Done(out)
}

// collector gives what the children of a map run gave, in the order of the items; what failed is left out.
type collector struct{ Deps }

// Class implements kernel.Integration: collecting changes nothing.
func (*collector) Class() kernel.Class { return kernel.AtLeastOnce }

// Do implements kernel.Doer.
func (c *collector) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	form := formOf(t.Order.Payload.At("writer"), "COMPACT")
	var results []value.Value
	err := c.children(ctx, t.Run.ID, func(child *store.Run) error {
		if child.Status == run.Succeeded {
			results = form.append(results, child)
		}
		return nil
	})
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	return run.Done(value.NewArray(results...))
}
