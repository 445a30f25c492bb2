package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// RunQuery selects runs; zero fields select all that the caller may see.
type RunQuery struct {
	Owner   string
	Machine string
	Name    string
	Parent  int64
	Status  string
	Label   string // name=value
	Before  int64  // only older than this run
	Limit   int
}

// Runs lists runs, latest first.
func (c *Client) Runs(ctx context.Context, f RunQuery) (*Page[Run], error) {
	q := url.Values{}
	text(q, "owner", f.Owner)
	text(q, "machine", f.Machine)
	text(q, "name", f.Name)
	text(q, "status", f.Status)
	text(q, "label", f.Label)
	number(q, "parent", f.Parent)
	number(q, "before", f.Before)
	number(q, "limit", int64(f.Limit))
	return get[Page[Run]](ctx, c, "/api/v1/runs", q)
}

// Run reads one run.
func (c *Client) Run(ctx context.Context, id int64) (*Run, error) {
	return get[Run](ctx, c, fmt.Sprintf("/api/v1/runs/%d", id), nil)
}

// Start starts a run. It is durable when Start returns.
func (c *Client) Start(ctx context.Context, r StartRun) (*Run, error) {
	return post[Run](ctx, c, "/api/v1/runs", r)
}

// Stop asks for a run to end as aborted. It returns before the run has ended.
func (c *Client) Stop(ctx context.Context, id int64, why StopRun) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/runs/%d/stop", id), nil, why, nil)
}

// Redrive has a run go on that failed, timed out or was stopped: what succeeded is not done again.
func (c *Client) Redrive(ctx context.Context, id int64) (*Run, error) {
	return post[Run](ctx, c, fmt.Sprintf("/api/v1/runs/%d/redrive", id), struct{}{})
}

// History lists a run's events after the one with the given id.
func (c *Client) History(ctx context.Context, id, after int64, limit int) (*Page[Event], error) {
	q := url.Values{}
	number(q, "after", after)
	number(q, "limit", int64(limit))
	return get[Page[Event]](ctx, c, fmt.Sprintf("/api/v1/runs/%d/history", id), q)
}

// Definition reads the file that a run runs.
func (c *Client) Definition(ctx context.Context, id int64) (*Definition, error) {
	return get[Definition](ctx, c, fmt.Sprintf("/api/v1/runs/%d/definition", id), nil)
}

// Debug reads everything that is stored of a run.
func (c *Client) Debug(ctx context.Context, id int64) (*Debug, error) {
	return get[Debug](ctx, c, fmt.Sprintf("/api/v1/runs/%d/debug", id), nil)
}
