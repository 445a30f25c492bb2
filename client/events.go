package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// EventQuery selects changes; zero fields select all that the caller may see.
type EventQuery struct {
	Run   int64 // of this run, its children and its jobs
	Job   int64
	After *int64 // changes after this one; nil: from now on
}

// Events yields changes as they become durable, from many runs in the order of their commits. It connects again where
// the connection breaks, and goes on where it was. It returns when yield returns false or ctx is done.
func (c *Client) Events(ctx context.Context, f EventQuery, yield func(Change) bool) error {
	for {
		more, err := c.events(ctx, &f, yield)
		p := (*Problem)(nil)
		switch {
		case !more:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &p) && p.Status < 500:
			return err
		}
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// events reads one connection's worth; more is false when yield has had enough.
func (c *Client) events(ctx context.Context, f *EventQuery, yield func(Change) bool) (more bool, err error) {
	q := url.Values{}
	number(q, "run", f.Run)
	number(q, "job", f.Job)
	if f.After != nil {
		q.Set("after", fmt.Sprint(*f.After))
	}
	resp, err := c.send(ctx, http.MethodGet, "/api/v1/events", q, nil)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var change Change
		if err := json.Unmarshal([]byte(data), &change); err != nil {
			return true, fmt.Errorf("reading event: %w", err)
		}
		f.After = &change.Seq
		if !yield(change) {
			return false, nil
		}
	}
	return true, lines.Err()
}
