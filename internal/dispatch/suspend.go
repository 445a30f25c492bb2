package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// Suspend asks for a job to start nothing more, until Resume; what of it runs is left alone. When it returns, the request
// is durable. For a job that has ended it does nothing. The error is store.ErrNotFound where there is no such job.
func (d *Dispatcher) Suspend(ctx context.Context, id job.ID) error {
	return d.ask(ctx, "suspending", store.JobRequest{Job: id, Kind: store.JobSuspend})
}

// Resume asks for a job that was suspended, by Suspend or when it was submitted, to go on; otherwise as Suspend.
func (d *Dispatcher) Resume(ctx context.Context, id job.ID) error {
	return d.ask(ctx, "resuming", store.JobRequest{Job: id, Kind: store.JobResume})
}

// ask makes a request to a job that has not ended durable.
func (d *Dispatcher) ask(ctx context.Context, what string, r store.JobRequest) error {
	j, err := d.o.Store.Job(ctx, r.Job)
	if err == nil && !j.State.Ended() {
		_, err = d.o.Writer.Commit(ctx, &store.Unit{Requests: []store.JobRequest{r}})
	}
	if err != nil {
		return fmt.Errorf("%s job %d: %w", what, r.Job, err)
	}
	return nil
}

// suspend holds a job back, or lets it go on.
func (d *Dispatcher) suspend(j *openJob, suspended bool, now time.Time) {
	j.row.Suspended = &suspended
	switch {
	case !j.held:
		d.state.Apply(sched.JobSuspended{Job: j.row.ID, Suspended: suspended})
	case !suspended && len(j.waitsFor) == 0 && j.ending == nil:
		j.held = false
		d.enqueue(j, now)
	}
}
