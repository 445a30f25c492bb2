package app

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

const (
	prunePeriod = 10 * time.Second      // how much longer than it is to be kept something may be there
	prunePause  = 20 * time.Millisecond // between steps, for those who commit
	sweepPeriod = 10 * time.Minute      // for files of large values, of which all are looked at
	blobGrace   = time.Hour             // a large value may lie on the disk before the commit that names it
)

// prune removes from time to time what has ended for longer than the configuration, or a job itself, keeps it. A failure
// is tried again the next time.
func (a *App) prune(ctx context.Context) error {
	tick, sweep := time.NewTicker(prunePeriod), time.NewTicker(sweepPeriod)
	defer tick.Stop()
	defer sweep.Stop()
	what := a.pruneOnce
	for {
		if err := what(ctx, time.Now()); err != nil && ctx.Err() == nil {
			a.log.Error("pruning broke off; it is tried again later", "error", err)
		}
		select {
		case <-tick.C:
			what = a.pruneRows
		case <-sweep.C:
			what = a.pruneOnce
		case <-ctx.Done():
			return nil
		}
	}
}

// pruneOnce removes rows, and then the files of values that none of those left names.
func (a *App) pruneOnce(ctx context.Context, now time.Time) error {
	a.pruning.Lock()
	defer a.pruning.Unlock()
	if err := a.removeRows(ctx, now); err != nil {
		return err
	}
	_, err := a.blobs.Sweep(now.Add(-blobGrace), func(d value.Digest) (bool, error) {
		_, err := a.store.Value(ctx, d)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
	return err
}

// pruneRows removes rows alone.
func (a *App) pruneRows(ctx context.Context, now time.Time) error {
	a.pruning.Lock()
	defer a.pruning.Unlock()
	return a.removeRows(ctx, now)
}

// removeRows removes runs and jobs. The engine forgets a job first: once its row is gone, nobody knows that there are
// logs of it.
func (a *App) removeRows(ctx context.Context, now time.Time) error {
	keep := store.Retention(a.live.Load().Retention)
	forget := func(id job.ID) error { return a.engine.Forget(ctx, id) }
	for {
		more, err := a.store.Prune(ctx, now, keep, forget)
		if err != nil || !more {
			return err
		}
		select {
		case <-time.After(prunePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
