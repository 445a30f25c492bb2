package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// history reads a history of 1,000,000 events through the API, from either end to the other.
func history(b *bench) error {
	s, err := serve(b.ctx, b.dir)
	if err != nil {
		return err
	}
	defer s.kill()
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	execution, err := c.longRun(b.n(1_000_000))
	if err != nil {
		return err
	}
	for _, order := range []struct {
		name    string
		reverse bool
	}{{"forward", false}, {"reverse", true}} {
		w := walk{c: c, execution: execution, reverse: order.reverse}
		if err := w.pages(); err != nil {
			return err
		}
		if w.events < b.n(1_000_000) {
			return fmt.Errorf("the history has %d events", w.events)
		}
		b.add(row{Bench: "history", Metric: order.name + ", first page of 1,000", Value: percentile(w.first, 50), Unit: "ms", Target: 50, Lower: true, Bound: boundHash})
		b.add(row{Bench: "history", Metric: order.name + ", last page", Value: percentile(w.last, 50), Unit: "ms", Target: 50, Lower: true, Bound: boundHash})
		b.add(row{Bench: "history", Metric: order.name + ", p99 of all pages", Value: percentile(w.all, 99), Unit: "ms", Lower: true, Bound: boundHash})
	}
	return s.close()
}

// longRun carries out an execution of about so many events and gives its ARN: four for each item of a Map.
func (c *conn) longRun(events int) (string, error) {
	machine, err := c.machine("long", "STANDARD", mapMachine)
	if err != nil {
		return "", err
	}
	input := `{\"items\":[0` + strings.Repeat(",0", events/4) + `]}`
	out, err := c.call("StartExecution", fmt.Sprintf(`{"stateMachineArn":%q,"input":"%s"}`, machine, input))
	if err != nil {
		return "", err
	}
	var execution struct{ ExecutionArn, Status string }
	if err := json.Unmarshal(out, &execution); err != nil {
		return "", err
	}
	for execution.Status != "SUCCEEDED" {
		time.Sleep(50 * time.Millisecond)
		out, err := c.call("DescribeExecution", fmt.Sprintf(`{"executionArn":%q,"includedData":"METADATA_ONLY"}`, execution.ExecutionArn))
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal(out, &execution); err != nil {
			return "", err
		}
		if execution.Status != "RUNNING" && execution.Status != "SUCCEEDED" {
			return "", fmt.Errorf("the execution is %s", execution.Status)
		}
	}
	return execution.ExecutionArn, nil
}

// walk goes through a history page by page.
type walk struct {
	c         *conn
	execution string
	reverse   bool

	events           int
	first, last, all []time.Duration
}

func (w *walk) pages() error {
	token, next := "", ""
	for {
		took, err := w.page(token, &next)
		if err != nil {
			return err
		}
		w.all = append(w.all, took)
		ends := &w.first
		if next == "" {
			ends = &w.last
		}
		if token == "" || next == "" {
			events, again := w.events, ""
			for range 9 {
				took, err := w.page(token, &again)
				if err != nil {
					return err
				}
				*ends = append(*ends, took)
			}
			w.events = events
		}
		if next == "" {
			return nil
		}
		token = next
	}
}

// page reads the page that begins at token, and gives the next one's.
func (w *walk) page(token string, next *string) (time.Duration, error) {
	body := fmt.Sprintf(`{"executionArn":%q,"reverseOrder":%t,"maxResults":1000}`, w.execution, w.reverse)
	if token != "" {
		body = fmt.Sprintf(`%s,"nextToken":%q}`, strings.TrimSuffix(body, "}"), token)
	}
	began := time.Now()
	out, err := w.c.call("GetExecutionHistory", body)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Events    []json.RawMessage
		NextToken string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return 0, err
	}
	w.events += len(answer.Events)
	*next = answer.NextToken
	return took, nil
}
