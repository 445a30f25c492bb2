package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/integration/mapdata"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

const (
	// callback ends the resources whose tasks wait for their token; the payload has it as its token.
	callback = ".waitForTaskToken"
	// worked is an activity.
	worked = "arn:aws:states:sim:1:activity:work"
)

// promise is a token in the hands of somebody outside, who ends the task with it, now and again until there is an answer.
type promise struct {
	token    string
	task     kernel.Task
	sent     int // how often the outcome was sent
	accepted int // how often the answer was that it counts
	over     bool
	asked    *telling // under way with the server at hand
}

// telling is a call with a token, on its way.
type telling struct {
	of   *promise
	kind run.InputKind
	told <-chan error
}

// promised hands a token out. The same call made twice hands out the same.
func (a *acts) promised(token string, t kernel.Task) {
	for _, p := range a.promises {
		if p.token == token {
			return
		}
	}
	a.promises = append(a.promises, &promise{token: token, task: t})
}

// open are the promises that nobody is keeping just now.
func (a *acts) open() (all []*promise) {
	for _, p := range a.promises {
		if !p.over && p.asked == nil {
			all = append(all, p)
		}
	}
	return all
}

// queue is where tasks wait for workers. It dies with its server.
type queue struct{ tasks []kernel.Task }

func (*queue) Class() kernel.Class { return kernel.Durable }

// Offer implements kernel.Queue.
func (q *queue) Offer(t kernel.Task) {
	q.Withdraw(t.Key)
	q.tasks = append(q.tasks, t)
}

// Withdraw implements kernel.Queue.
func (q *queue) Withdraw(key string) {
	q.tasks = slices.DeleteFunc(q.tasks, func(t kernel.Task) bool { return t.Key == key })
}

// integration finds the outside world's resources, and the activity.
func (s *server) integration(a *acts, runs func(context.Context, store.RunFilter) ([]*store.Run, error)) kernel.Integrations {
	ofMapRuns := mapdata.Integrations(mapdata.Deps{Runs: runs})
	return func(resource string) kernel.Integration {
		if resource == worked {
			return s.queue
		}
		if in := ofMapRuns[resource]; in != nil {
			return in
		}
		return a.integration(strings.TrimSuffix(resource, callback))
	}
}

// take has a worker take up a task. Where the server dies before the answer, the worker does not have it, and the task
// times out.
func (w *World) take() error {
	i := w.rng.IntN(len(w.queue.tasks))
	t := w.queue.tasks[i]
	w.queue.tasks = slices.Delete(w.queue.tasks, i, i+1)
	return w.tell(&promise{token: w.kernel.Token(t.Run.ID, t.Order.Task), task: t}, run.Input{Kind: run.TaskSubmitted, Value: value.EmptyObject})
}

// keep has somebody outside make a call with a token: as a rule the one that ends its task.
func (w *World) keep() error {
	open := w.acts.open()
	p := open[w.rng.IntN(len(open))]
	if w.rng.IntN(4) == 0 {
		return w.tell(p, run.Input{Kind: run.TaskBeat})
	}
	p.sent++
	return w.tell(p, run.Input{Kind: run.TaskEnded, Outcome: answer(p.task.Order.Payload)})
}

func (w *World) tell(p *promise, in run.Input) error {
	told, err := w.kernel.Tell(p.token, in)
	if err != nil {
		return fmt.Errorf("a call with the token of %s: %w", p.task.Key, err)
	}
	p.asked = &telling{p, in.Kind, told}
	w.tellings = append(w.tellings, p.asked)
	return nil
}

// hear takes the answers to calls with tokens.
func (w *World) hear() error {
	for i := 0; i < len(w.tellings); {
		t := w.tellings[i]
		select {
		case err := <-t.told:
			w.tellings = slices.Delete(w.tellings, i, i+1)
			t.of.asked = nil
			if err := w.answered(t, err); err != nil {
				return err
			}
		default:
			i++
		}
	}
	return nil
}

func (w *World) answered(t *telling, err error) error {
	p := t.of
	switch {
	case t.kind == run.TaskSubmitted:
		if err == nil {
			w.acts.promised(p.token, p.task)
		}
		return nil
	case err == nil && t.kind == run.TaskBeat:
		return nil
	case err == nil:
		p.accepted++
		// A holder who is not sure tries again.
		p.over = p.accepted > 1 || w.rng.IntN(2) == 0
		return nil
	case !errors.Is(err, kernel.ErrTaskClosed):
		return fmt.Errorf("a call with the token of %s: %w", p.task.Key, err)
	}
	p.over = true
	if p.sent == 0 || p.sent == 1 && t.kind == run.TaskEnded && p.accepted == 0 {
		w.acts.refused = append(w.acts.refused, p)
	}
	return nil
}

// crashed forgets what was on its way to the server that died.
func (a *acts) crashed() {
	for _, p := range a.promises {
		p.asked = nil
	}
}

// untold is a payload without its token, which depends on the order in which runs were started.
func untold(payload value.Value) value.Value { return payload.Without("token") }

// brokenPromises lists tokens that counted twice, and those that were refused though they had never been used; unless
// their calls were lost with a server, as those that are made at most once are.
func (a *acts) brokenPromises() (out []string) {
	for _, p := range a.promises {
		if p.accepted > 1 {
			out = append(out, fmt.Sprintf("the token of %s counted %d times", p.task.Key, p.accepted))
		}
	}
	for _, p := range a.refused {
		if x := a.done[p.task.Key]; x == nil || x.class != kernel.AtMostOnce {
			out = append(out, fmt.Sprintf("the token of %s was refused", p.task.Key))
		}
	}
	return out
}
