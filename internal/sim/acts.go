package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// acts is the world outside: what tasks did there outlives every server. What a task answers depends on its payload
// alone, so that runs end alike whatever the interleaving.
type acts struct {
	done     map[string]*act // by the task's key
	promises []*promise      // in the order in which they were made
	refused  []*promise      // though they had not been kept
}

// act is what was done under one key.
type act struct {
	what  string // run, state and payload: the key without its numbers
	class kernel.Class
	times int
}

func newActs() *acts { return &acts{done: make(map[string]*act)} }

// prefix of the resources of the simulation.
const prefix = "arn:aws:states:::sim:"

// integration finds sim:idempotent, sim:queryable, sim:once and sim:atLeastOnce. Each returns its payload, or fails with
// the error that a payload {"fail": NAME} asks for.
func (a *acts) integration(resource string) kernel.Integration {
	switch strings.TrimPrefix(resource, prefix) {
	case "idempotent":
		return doer{a, kernel.Idempotent}
	case "queryable":
		return looker{doer{a, kernel.Queryable}}
	case "once":
		return doer{a, kernel.AtMostOnce}
	case "job.sync":
		return ledger{}
	case "atLeastOnce":
		return doer{a, kernel.AtLeastOnce}
	}
	return nil
}

// multiset is what was done, whatever the numbers of runs and tasks, in order of the text.
func (a *acts) multiset() []string {
	var all []string
	for _, x := range a.done {
		all = append(all, x.what)
	}
	slices.Sort(all)
	return all
}

// broken lists the keys that were carried out more often than their class allows.
func (a *acts) broken() []string {
	var out []string
	for key, x := range a.done {
		if x.times > 1 && (x.class == kernel.Queryable || x.class == kernel.AtMostOnce) {
			out = append(out, fmt.Sprintf("%s (%v) %d times", key, x.class, x.times))
		}
	}
	slices.Sort(out)
	return append(out, a.brokenPromises()...)
}

type doer struct {
	acts  *acts
	class kernel.Class
}

func (d doer) Class() kernel.Class { return d.class }

func (d doer) Do(_ context.Context, t kernel.Task, _ func()) run.Outcome {
	x := d.acts.done[t.Key]
	if x == nil {
		x = &act{what: nameOf(t.Run) + " " + t.Order.Label + " " + untold(t.Order.Payload).JSON(), class: d.class}
		d.acts.done[t.Key] = x
	}
	x.times++
	return d.acts.result(t)
}

// result is what a task gives that was carried out.
func (a *acts) result(t kernel.Task) run.Outcome {
	if t.Order.Callback {
		a.promised(t.Order.Payload.At("token").Text(), t)
		return run.Done(value.EmptyObject)
	}
	return answer(t.Order.Payload)
}

// nameOf is what a run is called whatever the interleaving: runs of parts have names that are drawn.
func nameOf(r *store.Run) string {
	if r.Part != "" {
		return r.Part
	}
	return r.Name
}

func answer(payload value.Value) run.Outcome {
	until, _ := payload.At("until").Int64()
	if redrives, _ := payload.At("redrives").Int64(); redrives < until {
		return run.Fail("Sim.Later", "as asked")
	}
	if name := payload.At("fail"); name.Kind() == value.String {
		return run.Fail(name.Text(), "as asked")
	}
	return run.Done(untold(payload))
}

type looker struct{ doer }

func (l looker) Look(_ context.Context, t kernel.Task) (run.Outcome, bool, error) {
	if l.acts.done[t.Key] == nil {
		return run.Outcome{}, false, nil
	}
	return l.acts.result(t), true, nil
}

// ledger is sim:job.sync: a job whose process runs for as many seconds as the payload says and fails where it asks to
// fail; a gang of two, or an array of three, by the payload's n.
type ledger struct{}

func (ledger) Class() kernel.Class { return kernel.Durable }

func (ledger) Begin(_ context.Context, t kernel.Task) (kernel.Rows, error) {
	p := t.Order.Payload
	if later := answer(p); later.Failure != nil {
		return kernel.Rows{Outcome: func(kernel.Ref) run.Outcome { return later }}, nil
	}
	seconds, _ := p.At("seconds").Int64()
	n, _ := p.At("n").Int64()
	command := []string{"sleep", fmt.Sprintf("%ds", seconds)}
	if p.At("fail").Kind() == value.String {
		command = []string{"exit", "3"}
	}
	spec := &job.Spec{
		Groups: []job.Group{{Name: "main", Replicas: 1 + int32(n%2), Process: job.Process{
			Command:   command,
			Env:       []job.Env{{Name: "FAIL_ATTEMPTS", Value: fmt.Sprint(n % 3)}},
			Resources: job.Resources{MilliCPU: 1000},
		}}},
		Retry: job.Retry{Attempts: 3, Delay: time.Second},
	}
	if n%5 == 0 {
		spec.Array = &job.Array{Size: 3}
	}
	return kernel.Rows{
		Job:       &job.Job{Name: "sim-", Spec: spec},
		Submitted: func(kernel.Ref) value.Value { return value.EmptyObject },
	}, nil
}

func (ledger) End(_ context.Context, t kernel.Task, e kernel.Ended) (run.Outcome, error) {
	if e.Job.State != job.Succeeded {
		return run.Fail("Sim.Bad", e.Job.State.String()), nil
	}
	return run.Done(t.Order.Payload), nil
}
