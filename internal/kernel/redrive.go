package kernel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// A run that ended, but not well, can be redriven: it is Running again, under its own number, with its own log, and goes
// on as its language sees fit. Whoever redrives it asks the run, as one does about a task, and is answered when the commit
// is durable that has the run go on.
//
// A run redrives a child of its own (run.RedriveRun) in the same way, but does not wait: the child goes on in a commit of
// its own, in which it takes the number of its parent's new task; so what it reported under the old number, or has still
// to report, is of no interest. A child that is about to end goes on when it has. Until the child goes on, the task that
// is open in its parent is what a server asks again for after a crash.

// ErrNotRedrivable means that a run has not ended, ended well, or for another reason cannot go on.
var ErrNotRedrivable = errors.New("the run cannot be redriven")

// maxRecentRedrives is how many redrives are known by their tokens (RedriveExecution in the API reference of Step
// Functions).
const maxRecentRedrives = 10

// Redrive has a run go on that ended, but not well. It returns the run's row when that is durable. The token, where it is
// not empty, makes asking twice harmless: see store.Run.RecentRedrives.
func (k *Kernel) Redrive(ctx context.Context, id run.ID, token string) (*store.Run, error) {
	row, err := k.o.Store.Run(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("run %d: %w", id, err)
	}
	if row.Redrove(token, k.now()) {
		return row, nil
	}
	if !row.Status.Ended() || row.Status == run.Succeeded {
		return nil, ErrNotRedrivable
	}
	a, err := k.askRedrive(id, token)
	if err == nil {
		err = k.answer(ctx, a)
	}
	if err != nil {
		return nil, err
	}
	return k.o.Store.Run(ctx, id)
}

// AskRedrive is Redrive that does not wait: told gets one answer, when the redrive is durable or refused.
func (k *Kernel) AskRedrive(id run.ID, token string) (told <-chan error, err error) {
	a, err := k.askRedrive(id, token)
	if err != nil {
		return nil, err
	}
	return a.told, nil
}

func (k *Kernel) askRedrive(id run.ID, token string) (*ask, error) {
	a := newAsk(run.Input{Kind: run.Redrive})
	a.token = token
	return a, k.ask(id, a)
}

// taskOf names a task of a run.
type taskOf struct {
	run  run.ID
	task run.TaskID
}

// redrives reports whether somebody asks for a redrive.
func redrives(asks []*ask) bool {
	for _, a := range asks {
		if a.in.Kind == run.Redrive {
			return true
		}
	}
	return false
}

// redrive has the run go on, if it ended.
func (s *step) redrive(a *ask) error {
	row := s.r.row
	if s.row != nil {
		row = s.row
	}
	switch {
	case a.parent != 0 && row.ParentTask == a.in.Task, row.Redrove(a.token, s.now):
		s.replies = append(s.replies, reply{a, nil})
		return nil
	case a.parent != 0 && !row.Status.Ended():
		s.k.mu.Lock()
		defer s.k.mu.Unlock()
		s.k.later[s.r.id] = append(s.k.later[s.r.id], a)
		return nil
	}
	n, err := s.feedAll(run.Input{Kind: run.Redrive})
	if err != nil {
		return err
	}
	if n == 0 {
		s.replies = append(s.replies, reply{a, ErrNotRedrivable})
		if a.parent != 0 {
			s.unit.Inbox = append(s.unit.Inbox, endOfChild(row, a.in.Task))
		}
		return nil
	}
	s.replies = append(s.replies, reply{a, nil})
	s.goesOn(a)
	return nil
}

// goesOn has the row say that the run was redriven.
func (s *step) goesOn(a *ask) {
	row := s.newRow()
	row.Status, row.Ended, row.Output, row.Failure, row.Note = run.Running, time.Time{}, value.Value{}, nil, ""
	row.Redrives++
	row.Redriven = s.now
	if a.parent != 0 {
		row.ParentTask = a.in.Task
	}
	if a.token == "" {
		return
	}
	recent := []store.Redrive{}
	for _, r := range row.RecentRedrives {
		if s.now.Sub(r.At) < store.RedriveMemory {
			recent = append(recent, r)
		}
	}
	recent = append(recent, store.Redrive{Token: a.token, At: s.now})
	row.RecentRedrives = recent[max(0, len(recent)-maxRecentRedrives):]
}

// again is a child to be redriven once the order is durable.
type again struct {
	child run.ID
	task  run.TaskID
}

// redriveRun orders the redrive of a child.
func (s *step) redriveRun(o run.RedriveRun) error {
	s.r.tasks[o.Task] = run.StartTask{Task: o.Task, Redrive: &o}
	child, err := s.k.childNamed(s.ctx, s.r.row, o)
	if errors.Is(err, store.ErrNotFound) {
		s.soon = append(s.soon, childGone(o))
		return nil
	}
	if err != nil {
		return err
	}
	s.remember(o.Task, Ref{Run: child.ID, RunName: child.Name})
	s.again = append(s.again, again{child.ID, o.Task})
	return nil
}

// childNamed is the child that a RedriveRun means.
func (k *Kernel) childNamed(ctx context.Context, parent *store.Run, o run.RedriveRun) (*store.Run, error) {
	machine := parent.Machine
	if o.Group != "" {
		machine = inGroup(machine, o.Group)
	}
	child, err := k.o.Store.RunByName(ctx, parent.Owner, machine, o.Name)
	if err == nil && child.Parent != parent.ID {
		err = store.ErrNotFound
	}
	return child, err
}

// inGroup is the machine that the runs of a group are listed under (run.StartRun.Group).
func inGroup(machine, group string) string {
	machine, _, _ = strings.Cut(machine, "/")
	return machine + "/" + group
}

// takeUpChildren asks again for the redrives that a run that was loaded had ordered.
func (k *Kernel) takeUpChildren(ctx context.Context, r *resident) (inputs []run.Input, err error) {
	for t := range r.state.Pending {
		if t.Redrive == nil {
			continue
		}
		child, err := k.childNamed(ctx, r.row, *t.Redrive)
		if errors.Is(err, store.ErrNotFound) {
			inputs = append(inputs, childGone(*t.Redrive))
			continue
		}
		if err != nil {
			return nil, err
		}
		if child.ParentTask == t.Task {
			continue // it goes on, or has ended since
		}
		k.mu.Lock()
		k.askChild(r.id, again{child.ID, t.Task})
		k.mu.Unlock()
	}
	return inputs, nil
}

func childGone(o run.RedriveRun) run.Input {
	return ended(o.Task, run.Fail("States.Runtime", fmt.Sprintf("Run %s is no longer kept.", o.Name)))
}

// askChild asks a child to go on. The caller holds mu.
func (k *Kernel) askChild(parent run.ID, g again) {
	key := taskOf{parent, g.task}
	if k.asked[key] != nil {
		return
	}
	a := newAsk(run.Input{Kind: run.Redrive, Task: g.task})
	a.parent = parent
	k.asked[key] = a
	r := k.find(g.child)
	r.asks = append(r.asks, a)
	k.enqueue(r)
}

// revoke says that the parent has no more interest in a child that may be about to go on. The caller holds mu.
func (k *Kernel) revoke(parent run.ID, t run.TaskID) {
	if a := k.asked[taskOf{parent, t}]; a != nil {
		a.revoked = true
	}
}

// settleAsked closes what was asked of a child; one that goes on though nobody wants it any more is stopped. The caller
// holds mu.
func (k *Kernel) settleAsked(child run.ID, a *ask, err error) {
	if a.parent == 0 {
		return
	}
	delete(k.asked, taskOf{a.parent, a.in.Task})
	if a.revoked && err == nil {
		k.deliver(child, run.Input{Kind: run.Cancel, Outcome: run.Fail("", "Its parent no longer needs it.")})
	}
}

// refuse answers all with an error. Where a parent asks, its task ends with it.
func (k *Kernel) refuse(asks []*ask, err error) {
	for _, a := range asks {
		a.told <- err
		if a.parent == 0 {
			continue
		}
		k.mu.Lock()
		delete(k.asked, taskOf{a.parent, a.in.Task})
		k.mu.Unlock()
		k.o.Writer.Submit(&store.Unit{Inbox: []store.InboxRow{
			outcomeRow(a.parent, a.in.Task, run.Fail(run.ErrInternal, "The child run cannot be redriven: "+err.Error())),
		}})
	}
}

// askAnew has those who ask for a redrive of a run that has left the memory ask it again; the others are refused. The caller
// holds mu.
func (k *Kernel) askAnew(id run.ID, asks []*ask) {
	var again []*ask
	for _, a := range asks {
		if a.in.Kind == run.Redrive {
			again = append(again, a)
		} else {
			a.told <- ErrTaskClosed
		}
	}
	again = append(again, k.later[id]...)
	delete(k.later, id)
	if len(again) > 0 {
		r := k.find(id)
		r.asks = append(r.asks, again...)
		k.enqueue(r)
	}
}
