package app

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

const (
	prunePeriod = 10 * time.Minute
	prunePause  = 20 * time.Millisecond // between steps, for those who commit
	blobGrace   = time.Hour             // a large value may lie on the disk before the commit that names it
)

// prune removes from time to time what has ended for longer than the configuration keeps it. A failure is tried again
// the next time.
func (a *App) prune(ctx context.Context) error {
	tick := time.NewTicker(prunePeriod)
	defer tick.Stop()
	for {
		if err := a.pruneOnce(ctx, time.Now()); err != nil && ctx.Err() == nil {
			a.log.Error("pruning broke off; it is tried again later", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) pruneOnce(ctx context.Context, now time.Time) error {
	a.pruning.Lock()
	defer a.pruning.Unlock()
	keep := a.live.Load().Retention
	runs, jobs := now.Add(-keep.Runs), now.Add(-keep.Jobs)
	// The engine forgets first: once a job's row is gone, nobody knows that there are logs of it.
	if err := a.forget(ctx, jobs); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = a.store.Prune(ctx, runs, jobs); err != nil {
			return err
		}
		select {
		case <-time.After(prunePause):
		case <-ctx.Done():
			return ctx.Err()
		}
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

// forget drops logs and scratch directories of jobs that Prune will remove.
func (a *App) forget(ctx context.Context, before time.Time) error {
	const page = 500
	ended := []job.State{job.Succeeded, job.Failed, job.Cancelled}
	for f := (store.JobFilter{States: ended, Limit: page}); ; {
		jobs, err := a.store.Jobs(ctx, f)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if !j.Ended.Before(before) || a.awaited(ctx, j) {
				continue
			}
			if err := a.engine.Forget(ctx, j.ID); err != nil {
				return err
			}
		}
		if len(jobs) < page {
			return nil
		}
		f.Before = jobs[len(jobs)-1].ID
	}
}

// awaited reports whether a run may still ask how the job ended; Prune keeps it then.
func (a *App) awaited(ctx context.Context, j *job.Job) bool {
	if j.Run == 0 {
		return false
	}
	r, err := a.store.Run(ctx, run.ID(j.Run))
	return err == nil && !r.Status.Ended()
}
