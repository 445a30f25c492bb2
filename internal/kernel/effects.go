package kernel

import (
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// launch carries a task out that was durably ordered before. See begin.
func (k *Kernel) launch(d Doer, t Task, again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin(d, t, again)
}

// begin carries a task out. again says that a server before this one may have begun it: a Queryable one is then looked
// for first. The caller holds mu.
func (k *Kernel) begin(d Doer, t Task, again bool) {
	id, task := t.Run.ID, t.Order.Task
	ctx, cancel := context.WithCancelCause(context.Background())
	if k.effects[id] == nil {
		k.effects[id] = make(map[run.TaskID]context.CancelCauseFunc)
	}
	k.effects[id][task] = cancel
	k.underWay++
	k.started++
	k.o.Go(func() {
		outcome := k.effect(ctx, d, t, again)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.underWay--
		if delete(k.effects[id], task); len(k.effects[id]) == 0 {
			delete(k.effects, id)
		}
		if ctx.Err() == nil {
			k.deliver(id, comeBack(t.Order, outcome))
		} else if r := k.runs[id]; r != nil && r.phase == phaseIdle {
			k.rest(r)
		}
		cancel(nil)
	})
}

// comeBack is what follows from what carried a task out: its end, or its submission where somebody else ends it.
func comeBack(t run.StartTask, o run.Outcome) run.Input {
	if t.Callback && o.Failure == nil {
		return run.Input{Kind: run.TaskSubmitted, Task: t.Task, Value: o.Output}
	}
	return ended(t.Task, o)
}

func (k *Kernel) effect(ctx context.Context, d Doer, t Task, again bool) (o run.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			k.o.Log.Error("integration panicked", "resource", t.Order.Resource, "task", t.Key, "panic", fmt.Sprint(p))
			o = run.Fail(run.ErrInternal, fmt.Sprintf("The integration of %s panicked: %v", t.Order.Resource, p))
		}
	}()
	t.Begun = func(answer value.Value) { k.begun(t, answer) }
	if looker, ok := d.(Looker); ok && again {
		o, found, err := looker.Look(ctx, t)
		if err != nil {
			return run.Fail(run.ErrOutcomeUnknown, err.Error())
		}
		if found {
			return o
		}
	}
	return d.Do(ctx, t, func() { k.beat(t) })
}

// begun tells a run that one of its tasks was submitted.
func (k *Kernel) begun(t Task, answer value.Value) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.deliver(t.Run.ID, run.Input{Kind: run.TaskSubmitted, Task: t.Order.Task, Value: answer})
}

// beat tells a run that one of its tasks is alive.
func (k *Kernel) beat(t Task) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.deliver(t.Run.ID, run.Input{Kind: run.TaskBeat, Task: t.Order.Task})
}
