package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/client"
)

// A run is written r12, a job j7; both also by name, the latest run or job of that name. After a job's may follow
// /CHILD and /REPLICA.

// runID and jobID are how ids are shown.
func runID(id int64) string { return "r" + strconv.FormatInt(id, 10) }
func jobID(id int64) string { return "j" + strconv.FormatInt(id, 10) }

// ref is a run or a job that a person named. One of the two is set.
type ref struct {
	run            *client.Run
	job            *client.Job
	child, replica *int32
}

func parseID(s, prefix string) (int64, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil && id > 0
}

// find resolves what a person wrote.
func find(ctx context.Context, c *client.Client, s string) (ref, error) {
	name, rest, _ := strings.Cut(s, "/")
	r, err := findWhole(ctx, c, name)
	if err != nil || rest == "" {
		return r, err
	}
	if r.job == nil {
		return r, usage("%q is a run: only jobs have children and replicas", name)
	}
	for i, part := range strings.Split(rest, "/") {
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || i > 1 {
			return r, usage("%q names no process: write JOB/CHILD or JOB/CHILD/REPLICA, such as %s/0/1", s, name)
		}
		index := int32(n)
		if i == 0 {
			r.child = &index
		} else {
			r.replica = &index
		}
	}
	// A job that is no array has replicas only.
	if r.job.Children == 0 && r.replica == nil {
		r.child, r.replica = nil, r.child
	}
	for _, part := range []struct {
		what  string
		index *int32
		count int64
	}{{"child", r.child, int64(r.job.Children)}, {"replica", r.replica, int64(r.job.Replicas)}} {
		if part.index != nil && (*part.index < 0 || int64(*part.index) >= max(part.count, 1)) {
			return r, remedy(fmt.Sprintf("Give a number from 0 to %d; 'tutti get replicas %s' lists them.", max(part.count, 1)-1, name),
				fmt.Errorf("job %s has no %s %d", name, part.what, *part.index))
		}
	}
	return r, nil
}

func findWhole(ctx context.Context, c *client.Client, name string) (ref, error) {
	if id, ok := parseID(name, "r"); ok {
		run, err := c.Run(ctx, id)
		if !client.IsNotFound(err) {
			return ref{run: run}, err
		}
	}
	if id, ok := parseID(name, "j"); ok {
		job, err := c.Job(ctx, id)
		if !client.IsNotFound(err) {
			return ref{job: job}, err
		}
	}
	runs, err := c.Runs(ctx, client.RunQuery{Name: name, Limit: 1})
	if err != nil {
		return ref{}, err
	}
	if len(runs.Items) > 0 {
		return ref{run: &runs.Items[0]}, nil
	}
	jobs, err := c.Jobs(ctx, client.JobQuery{Name: name, Limit: 1})
	if err != nil {
		return ref{}, err
	}
	if len(jobs.Items) > 0 {
		job, err := c.Job(ctx, jobs.Items[0].ID)
		return ref{job: job}, err
	}
	return ref{}, remedy("List what there is with 'tutti get runs' and 'tutti get jobs'.", fmt.Errorf("there is no run and no job %q", name))
}
