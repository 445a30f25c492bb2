package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
)

// ErrName says that a job of that name exists.
var ErrName = errors.New("a job of that name exists")

// Submit accepts a job for its owner; when it returns, the job is durable. A spec that cannot be run is a *Refusal. A
// name that is empty or ends in "-" is completed with the job's number; any other must be new. Submitting a key that
// the owner used before gives the job of that time, whatever the spec; an empty key is none.
func (d *Dispatcher) Submit(ctx context.Context, owner string, spec *job.Spec, key string) (*job.Job, error) {
	if key != "" {
		if j, err := d.byKey(ctx, owner, key); j != nil || err != nil {
			return j, err
		}
	}
	if err := d.Check(ctx, owner, spec); err != nil {
		return nil, err
	}
	id := d.o.Writer.NewJobID()
	j := &job.Job{
		ID: id, Name: Name(spec.Name, id), Key: key, Owner: owner, Spec: spec,
		State: job.Queued, Submitted: d.o.Now(), Version: 1,
	}
	if spec.Suspend || len(spec.After) > 0 {
		j.State = job.Held
	}
	v, err := d.o.Writer.Commit(ctx, &store.Unit{Jobs: []store.JobChange{{Job: j}}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("submitting job %q: %w", j.Name, err)
	case v == store.OK:
		return j, nil
	case key != "":
		if j, err := d.byKey(ctx, owner, key); j != nil || err != nil {
			return j, err
		}
	}
	return nil, fmt.Errorf("submitting job %q: %w; give another name, or one that ends in \"-\" to have it completed", j.Name, ErrName)
}

// Name completes a name that is empty or ends in "-" with the job's number.
func Name(name string, id job.ID) string {
	if name == "" {
		name = "job-"
	}
	if strings.HasSuffix(name, "-") {
		name += strconv.FormatInt(int64(id), 36)
	}
	return name
}

// byKey finds the job that an owner submitted with a key; nil where there is none.
func (d *Dispatcher) byKey(ctx context.Context, owner, key string) (*job.Job, error) {
	j, err := d.o.Store.JobByKey(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking for the job of key %q: %w", key, err)
	case j.Owner != owner:
		return nil, &Refusal{[]Problem{{"key", "another owner uses it; choose one that nobody else does"}}}
	}
	return j, nil
}

// Cancel asks for a job to be stopped for good; when it returns, the request is durable. Cancelling a job that has ended
// does nothing. The error is store.ErrNotFound where there is no such job.
func (d *Dispatcher) Cancel(ctx context.Context, id job.ID, why string) error {
	return d.ask(ctx, "cancelling", store.JobRequest{Job: id, Kind: store.JobCancel, Why: why})
}
