package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// The types of job.Dependency.
const (
	afterOK    = ""           // the whole job ended well
	afterAny   = "any"        // it ended
	sequential = "SEQUENTIAL" // of an array: each child after the one before it ended well
	nToN       = "N_TO_N"     // of arrays of one size: each child after the other's of the same index ended well
)

// link finds out what a job that has not begun waits for, and holds it until then. A job that cannot begin any more ends.
func (d *Dispatcher) link(ctx context.Context, j *openJob, now time.Time) {
	begun := j.row.Version > 1 && (j.row.State != job.Held || !j.row.Started.IsZero())
	j.held = j.row.Held() && !begun
	for _, dep := range j.spec.After {
		var err error
		switch dep.Type {
		case sequential:
			d.lineUp(j)
		case nToN:
			err = d.pair(ctx, j, dep.Job, now)
		default:
			if !begun {
				err = d.waitFor(ctx, j, dep)
			}
		}
		if err != nil {
			d.stop(j, ending{job.Failed, job.ReasonCancelled, err.Error()}, now)
			return
		}
	}
	j.held = j.held || len(j.waitsFor) > 0
	d.endIfDone(j, now)
}

// waitFor holds a job for another. The error says that it waits in vain.
func (d *Dispatcher) waitFor(ctx context.Context, j *openJob, dep job.Dependency) error {
	other, err := d.lookUp(ctx, dep.Job)
	switch {
	case errors.Is(err, store.ErrNotFound) && j.row.Version > 1:
		return nil // it was there, has ended as it was to, or j would have ended with it, and is no longer kept
	case err != nil:
		return err
	}
	if other.State.Ended() {
		return inVain(dep, other)
	}
	j.waitsFor = append(j.waitsFor, dep.Job)
	d.needs[dep.Job] = append(d.needs[dep.Job], j.row.ID)
	return nil
}

func inVain(dep job.Dependency, other *job.Job) error {
	if dep.Type == afterAny || other.State == job.Succeeded {
		return nil
	}
	return fmt.Errorf("job %s, which was to end well first, ended as %s", other.Name, other.State)
}

// lookUp finds a job, open or ended.
func (d *Dispatcher) lookUp(ctx context.Context, id job.ID) (*job.Job, error) {
	if j := d.jobs[id]; j != nil {
		return &j.row, nil
	}
	row, err := d.o.Store.Job(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &unknownJob{id}
	}
	return row, err
}

// unknownJob says that there is no such job, as the reason why another cannot begin.
type unknownJob struct{ id job.ID }

func (e *unknownJob) Error() string {
	return fmt.Sprintf("job %d, which was to end first, is not known", e.id)
}

func (e *unknownJob) Unwrap() error { return store.ErrNotFound }

// tellDependents lets the jobs go that were held for j alone.
func (d *Dispatcher) tellDependents(j *openJob, now time.Time) {
	waiting := d.needs[j.row.ID]
	delete(d.needs, j.row.ID)
	for _, id := range waiting {
		x := d.jobs[id]
		if x == nil || x.row.State.Ended() || !slices.Contains(x.waitsFor, j.row.ID) {
			continue
		}
		x.waitsFor = slices.DeleteFunc(x.waitsFor, func(id job.ID) bool { return id == j.row.ID })
		for _, dep := range x.spec.After {
			if dep.Job != j.row.ID || dep.Type == nToN || dep.Type == sequential {
				continue
			}
			if err := inVain(dep, &j.row); err != nil {
				d.stop(x, ending{job.Failed, job.ReasonCancelled, err.Error()}, now)
			}
		}
		if len(x.waitsFor) == 0 && !x.row.Held() && !x.row.State.Ended() {
			x.held = false
			d.touch(x)
			d.enqueue(x, now)
		}
	}
}

// lineUp holds all children but the first of those that wait.
func (d *Dispatcher) lineUp(j *openJob) {
	j.lined = true
	first := true
	for i := range j.children {
		if c := &j.children[i]; !c.state.Ended() {
			if !first && c.state == job.Queued && c.gang == nil {
				c.state = job.Held
			}
			first = false
		}
	}
}

// pair holds each child of j for the same child of another array.
func (d *Dispatcher) pair(ctx context.Context, j *openJob, id job.ID, now time.Time) error {
	states, err := d.childStates(ctx, id)
	if err != nil {
		return err
	}
	if len(states) != len(j.children) {
		return fmt.Errorf("job %d has %d children, to be paired with %d", id, len(states), len(j.children))
	}
	open := false
	for i, s := range states {
		c := &j.children[i]
		switch {
		case c.gang != nil || c.state != job.Queued && c.state != job.Held || s == job.Succeeded:
		case s.Ended():
			d.failChild(j, int32(i), id)
		default:
			c.state, open = job.Held, true
			c.holds++
		}
	}
	if open {
		d.needs[id] = append(d.needs[id], j.row.ID)
	}
	return nil
}

// childStates says where each child of a job stands.
func (d *Dispatcher) childStates(ctx context.Context, id job.ID) ([]job.State, error) {
	if j := d.jobs[id]; j != nil {
		states := make([]job.State, len(j.children))
		for i := range j.children {
			states[i] = j.children[i].state
		}
		return states, nil
	}
	row, err := d.lookUp(ctx, id)
	if err != nil {
		return nil, err
	}
	states := make([]job.State, row.Spec.Children())
	for i := range states {
		if states[i] = job.Cancelled; row.State == job.Succeeded {
			states[i] = job.Succeeded
		}
	}
	if row.State == job.Succeeded {
		return states, nil
	}
	err = d.eachChild(ctx, id, row.Spec, func(g *gang) {
		states[g.child], _ = g.verdict(row.Spec)
	})
	return states, err
}

// childEnded lets go what waited for a child: the next one of its array, and those it is paired with.
func (d *Dispatcher) childEnded(j *openJob, child int32, s job.State, now time.Time) {
	if j.lined && !j.row.State.Ended() {
		if s != job.Succeeded {
			d.stop(j, ending{job.Failed, job.ReasonCancelled, j.failed() + "; those after it were not to start"}, now)
		} else if int(child)+1 < len(j.children) {
			d.letGo(j, child+1)
		}
	}
	for _, id := range d.needs[j.row.ID] {
		x := d.jobs[id]
		if x == nil || x.row.State.Ended() || int(child) >= len(x.children) || x.children[child].holds == 0 {
			continue
		}
		if !slices.ContainsFunc(x.spec.After, func(dep job.Dependency) bool { return dep.Job == j.row.ID && dep.Type == nToN }) {
			continue
		}
		if s != job.Succeeded {
			d.failChild(x, child, j.row.ID)
			d.endIfDone(x, now)
			continue
		}
		if x.children[child].holds--; x.children[child].holds == 0 {
			d.letGo(x, child)
		}
	}
}

// letGo lets a child wait for room.
func (d *Dispatcher) letGo(j *openJob, child int32) {
	if c := &j.children[child]; c.state == job.Held {
		c.state = job.Queued
		d.state.Apply(sched.ChildQueued{Job: j.row.ID, Child: child})
	}
}

// failChild ends a child whose counterpart in another job did not end well.
func (d *Dispatcher) failChild(j *openJob, child int32, other job.ID) {
	c := &j.children[child]
	if c.state.Ended() {
		return
	}
	d.touch(j)
	c.state, c.holds = job.Failed, 0
	j.row.Counts.Queued--
	j.row.Counts.Failed++
	if j.first == nil {
		j.first = &failure{child, fmt.Sprintf("child %d of job %d, which was to end well first, did not", child, other)}
	}
}
