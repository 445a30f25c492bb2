package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// JobQuery selects jobs; zero fields select all that the caller may see.
type JobQuery struct {
	Owner     string
	Queue     string
	Namespace string
	Name      string
	Run       int64
	State     string
	Label     string // name=value
	Before    int64  // only older than this job
	Limit     int
}

// Jobs lists jobs, latest first, without their specs.
func (c *Client) Jobs(ctx context.Context, f JobQuery) (*Page[Job], error) {
	q := url.Values{}
	text(q, "owner", f.Owner)
	text(q, "queue", f.Queue)
	text(q, "namespace", f.Namespace)
	text(q, "name", f.Name)
	text(q, "state", f.State)
	text(q, "label", f.Label)
	number(q, "run", f.Run)
	number(q, "before", f.Before)
	number(q, "limit", int64(f.Limit))
	return get[Page[Job]](ctx, c, "/api/v1/jobs", q)
}

// Job reads one job.
func (c *Client) Job(ctx context.Context, id int64) (*Job, error) {
	return get[Job](ctx, c, fmt.Sprintf("/api/v1/jobs/%d", id), nil)
}

// Submit submits the job that a manifest describes. It is durable when Submit returns.
func (c *Client) Submit(ctx context.Context, manifest File) (*Job, error) {
	return post[Job](ctx, c, "/api/v1/jobs", manifest)
}

// ReplicaQuery selects replicas of a job, in order of child and replica.
type ReplicaQuery struct {
	Child *int32 // nil: all
	State string
	After [2]int32 // child and replica of the last one seen; ignored on the first page
	Later bool     // not the first page
	Limit int
}

// Replicas lists where the processes of a job stand.
func (c *Client) Replicas(ctx context.Context, id int64, f ReplicaQuery) (*Page[Replica], error) {
	q := url.Values{}
	if f.Child != nil {
		q.Set("child", fmt.Sprint(*f.Child))
	}
	if f.Later {
		q.Set("after", fmt.Sprintf("%d/%d", f.After[0], f.After[1]))
	}
	text(q, "state", f.State)
	number(q, "limit", int64(f.Limit))
	return get[Page[Replica]](ctx, c, fmt.Sprintf("/api/v1/jobs/%d/replicas", id), q)
}

// Cancel asks for a job to stop. It returns before the job has ended.
func (c *Client) Cancel(ctx context.Context, id int64, why string) error {
	in := struct {
		Why string `json:"why,omitempty"`
	}{why}
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/jobs/%d/stop", id), nil, in, nil)
}

// Suspend asks for a job to start nothing more until it is resumed. What of it runs goes on.
func (c *Client) Suspend(ctx context.Context, id int64) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/jobs/%d/suspend", id), nil, nil, nil)
}

// Resume asks for a suspended job to go on.
func (c *Client) Resume(ctx context.Context, id int64) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/jobs/%d/resume", id), nil, nil, nil)
}

// LogQuery selects output: of one job, or of all jobs of a run.
type LogQuery struct {
	Run     int64
	Job     int64
	Child   *int32 // nil: all
	Replica *int32 // nil: all
	Attempt int32  // 0: the latest of each
	Tail    int    // only the last lines of each process; 0: all
	Follow  bool   // go on until everything has ended
}

// Logs yields lines of output. It returns when there are no more, or when yield returns false.
func (c *Client) Logs(ctx context.Context, f LogQuery, yield func(Line) bool) error {
	q := url.Values{}
	number(q, "run", f.Run)
	number(q, "job", f.Job)
	number(q, "attempt", int64(f.Attempt))
	number(q, "tail", int64(f.Tail))
	if f.Child != nil {
		q.Set("child", fmt.Sprint(*f.Child))
	}
	if f.Replica != nil {
		q.Set("replica", fmt.Sprint(*f.Replica))
	}
	if f.Follow {
		q.Set("follow", "true")
	}
	resp, err := c.send(ctx, http.MethodGet, "/api/v1/logs", q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	d := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var l Line
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading logs: %w", err)
		}
		if !yield(l) {
			return nil
		}
	}
}
