package dispatch

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tutti-ml/tutti/internal/engine"
)

// Times of the shell.
const (
	retryPause  = 500 * time.Millisecond // before asking an engine again that failed
	nodesPeriod = 10 * time.Second       // between looks at the engine's nodes
)

// Run drives the Dispatcher, which was loaded, until ctx is done; it returns nil then. The writer must be running, and
// is to be stopped after Run.
func (d *Dispatcher) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.runSteps(ctx) })
	group.Go(func() error { return d.runOrders(ctx) })
	group.Go(func() error { return d.runReports(ctx) })
	group.Go(func() error { return d.runNodes(ctx) })
	return group.Wait()
}

// runSteps steps whenever there is mail, a flight has landed, or a deadline has come.
func (d *Dispatcher) runSteps(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.post.wake:
		case <-timer.C:
		}
		if err := d.Step(ctx, d.o.Now()); err != nil && ctx.Err() == nil {
			d.o.Log.Error("dispatching", "error", err)
			timer.Reset(retryPause)
			continue
		}
		if at := d.NextDeadline(); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(0, at.Sub(d.o.Now())))
		}
	}
}

// runOrders tells the engine what was released.
func (d *Dispatcher) runOrders(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.post.sent:
		}
		for {
			err := d.Perform(ctx)
			if err == nil {
				break
			}
			if ctx.Err() == nil {
				d.o.Log.Warn("the engine does not take orders, asking again", "engine", d.o.Engine.Name(), "error", err)
			}
			if !pause(ctx, retryPause) {
				return nil
			}
		}
	}
}

// runReports passes the engine's reports on, and takes up the stream again where it breaks.
func (d *Dispatcher) runReports(ctx context.Context) error {
	for {
		err := d.o.Engine.Reports(ctx, func(reports []engine.Report) bool {
			d.HandleReports(reports)
			return ctx.Err() == nil
		})
		if ctx.Err() == nil && err != nil {
			d.o.Log.Warn("the engine's reports broke off, asking again", "engine", d.o.Engine.Name(), "error", err)
		}
		if !pause(ctx, retryPause) {
			return nil
		}
	}
}

// runNodes looks at the engine's nodes from time to time.
func (d *Dispatcher) runNodes(ctx context.Context) error {
	for pause(ctx, nodesPeriod) {
		nodes, err := d.o.Engine.Nodes(ctx)
		if err == nil {
			d.HandleNodes(nodes)
		} else if ctx.Err() == nil {
			d.o.Log.Warn("the engine does not say what nodes it has", "engine", d.o.Engine.Name(), "error", err)
		}
	}
	return nil
}

// pause waits; false means that ctx is done.
func pause(ctx context.Context, t time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(t):
		return true
	}
}
