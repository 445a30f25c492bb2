package store

import (
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
)

// Facts is what a Guard must know of what is stored.
type Facts interface {
	RunHead(ctx context.Context, id run.ID) (RunHead, error)
	JobHead(ctx context.Context, id job.ID) (JobHead, error)
	// ObjectHead is the latest version of an object, deleted or not; 0 where there is none.
	ObjectHead(ctx context.Context, name ObjectName) (int64, error)
	RunNamed(ctx context.Context, name RunName) (bool, error)
	JobNamed(ctx context.Context, name JobName) (bool, error)
	JobKeyed(ctx context.Context, key string) (bool, error)
}

// RunHead is where a run's log stands. The zero RunHead is a run that does not exist.
type RunHead struct {
	Next  uint64 // sequence number of the next event, from 1
	Ended bool
}

// JobHead is where a job stands. The zero JobHead is a job that does not exist.
type JobHead struct {
	Version int64
	Ended   bool
}

// RunName is what a run is unique by. Runs without a Name are not bound to be unique.
type RunName struct{ Owner, Machine, Name string }

// JobName is what a job is unique by.
type JobName struct{ Owner, Space, Name string }

// ObjectName is what an object is unique by.
type ObjectName struct{ Kind, Space, Name string }

// NameOf gives what j is unique by. A job without its Spec has no Space.
func NameOf(j *job.Job) JobName {
	n := JobName{Owner: j.Owner, Name: j.Name}
	if j.Spec != nil {
		n.Space = j.Spec.Space
	}
	return n
}

// Guard judges units one after another, each against what is stored and the units found OK before it. It is the one
// place that knows when a unit is stale or in conflict; adapters only write what it lets through. Because it judges
// before anything is written, a transaction never has to be taken back for the sake of one unit.
//
// It remembers the heads that it has seen, so it must see every change: one Guard judges all units of its store, or is
// made anew for each transaction.
type Guard struct {
	facts   Facts
	runs    map[run.ID]RunHead
	jobs    map[job.ID]JobHead
	objects map[ObjectName]int64
	// Names and keys given in this transaction, which Facts does not yet know.
	runNames map[RunName]bool
	jobNames map[JobName]bool
	jobKeys  map[string]bool

	undo []func() // of the unit being judged
}

// NewGuard returns a guard that has seen nothing.
func NewGuard(f Facts) *Guard {
	return &Guard{
		facts:    f,
		runs:     make(map[run.ID]RunHead),
		jobs:     make(map[job.ID]JobHead),
		objects:  make(map[ObjectName]int64),
		runNames: make(map[RunName]bool),
		jobNames: make(map[JobName]bool),
		jobKeys:  make(map[string]bool),
	}
}

// Judge gives the verdict on u. An error is one of Facts, or says that u makes no sense.
func (g *Guard) Judge(ctx context.Context, u *Unit) (Verdict, error) {
	g.undo = g.undo[:0]
	v, err := g.judge(ctx, u)
	if err != nil || v != OK {
		for i := len(g.undo) - 1; i >= 0; i-- {
			g.undo[i]()
		}
	}
	return v, err
}

// RunOpen reports whether a run exists and has not ended, as of the units judged so far.
func (g *Guard) RunOpen(ctx context.Context, id run.ID) (bool, error) {
	h, err := g.run(ctx, id)
	return h.Next > 0 && !h.Ended, err
}

// JobOpen reports whether a job exists and has not ended, as of the units judged so far.
func (g *Guard) JobOpen(ctx context.Context, id job.ID) (bool, error) {
	h, err := g.job(ctx, id)
	return h.Version > 0 && !h.Ended, err
}

// Committed says that the units judged so far are stored. Of each kind it goes on remembering at most limit heads.
func (g *Guard) Committed(limit int) {
	clear(g.runNames)
	clear(g.jobNames)
	clear(g.jobKeys)
	trim(g.runs, limit, func(h RunHead) bool { return h.Ended })
	trim(g.jobs, limit, func(h JobHead) bool { return h.Ended })
	trim(g.objects, limit, func(int64) bool { return false })
}

// ForgetRun drops the head of a run that was removed.
func (g *Guard) ForgetRun(id run.ID) { delete(g.runs, id) }

// ForgetJob drops the head of a job that was removed.
func (g *Guard) ForgetJob(id job.ID) { delete(g.jobs, id) }

// trim halves m when it is larger than limit; what is idle goes first.
func trim[K comparable, V any](m map[K]V, limit int, idle func(V) bool) {
	if len(m) <= limit {
		return
	}
	for k, v := range m {
		if idle(v) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) <= limit/2 {
			return
		}
		delete(m, k)
	}
}

func (g *Guard) judge(ctx context.Context, u *Unit) (Verdict, error) {
	if u.Run != nil {
		if v, err := g.judgeRun(ctx, u.Run, false); v != OK || err != nil {
			return v, err
		}
	}
	for _, c := range u.Jobs {
		if v, err := g.judgeJob(ctx, c.Job); v != OK || err != nil {
			return v, err
		}
	}
	for _, c := range u.Objects {
		name := ObjectName{c.Object.Kind, c.Object.Space, c.Object.Name}
		latest, err := g.object(ctx, name)
		if err != nil {
			return 0, err
		}
		if c.Object.Version != latest+1 {
			return Stale, nil
		}
		set(g, g.objects, name, c.Object.Version)
	}
	return OK, nil
}

func (g *Guard) judgeRun(ctx context.Context, c *RunChange, child bool) (Verdict, error) {
	h, err := g.run(ctx, c.ID)
	if err != nil {
		return 0, err
	}
	switch {
	case h.Next > 0:
		anywhere := c.First == 0 && c.Count == 0
		if child || c.First != h.Next && !anywhere {
			return Stale, nil
		}
	case c.First != 1 || c.Row == nil:
		return Stale, nil
	default:
		if v, err := g.judgeRunName(ctx, RunName{c.Row.Owner, c.Row.Machine, c.Row.Name}); v != OK || err != nil {
			return v, err
		}
	}
	h.Next = max(h.Next, 1) + uint64(c.Count)
	if c.Row != nil {
		h.Ended = c.Row.Status.Ended()
	}
	set(g, g.runs, c.ID, h)
	for i := range c.Children {
		if v, err := g.judgeRun(ctx, &c.Children[i], true); v != OK || err != nil {
			return v, err
		}
	}
	return OK, nil
}

func (g *Guard) judgeRunName(ctx context.Context, name RunName) (Verdict, error) {
	if name.Name == "" {
		return OK, nil
	}
	taken := g.runNames[name]
	if !taken {
		var err error
		if taken, err = g.facts.RunNamed(ctx, name); err != nil {
			return 0, err
		}
	}
	if taken {
		return Conflict, nil
	}
	set(g, g.runNames, name, true)
	return OK, nil
}

func (g *Guard) judgeJob(ctx context.Context, j *job.Job) (Verdict, error) {
	h, err := g.job(ctx, j.ID)
	if err != nil {
		return 0, err
	}
	if j.Version < 1 || j.Version != h.Version+1 {
		return Stale, nil
	}
	if j.Version == 1 {
		if j.Spec == nil {
			return 0, fmt.Errorf("new job %d has no spec", j.ID)
		}
		if v, err := g.judgeJobName(ctx, j); v != OK || err != nil {
			return v, err
		}
	}
	set(g, g.jobs, j.ID, JobHead{j.Version, j.State.Ended()})
	return OK, nil
}

func (g *Guard) judgeJobName(ctx context.Context, j *job.Job) (Verdict, error) {
	name := NameOf(j)
	taken := g.jobNames[name] || j.Key != "" && g.jobKeys[j.Key]
	var err error
	if !taken && j.Key != "" {
		taken, err = g.facts.JobKeyed(ctx, j.Key)
	}
	if !taken && err == nil {
		taken, err = g.facts.JobNamed(ctx, name)
	}
	if err != nil {
		return 0, err
	}
	if taken {
		return Conflict, nil
	}
	set(g, g.jobNames, name, true)
	if j.Key != "" {
		set(g, g.jobKeys, j.Key, true)
	}
	return OK, nil
}

func (g *Guard) run(ctx context.Context, id run.ID) (RunHead, error) {
	return head(ctx, g.runs, id, g.facts.RunHead)
}

func (g *Guard) job(ctx context.Context, id job.ID) (JobHead, error) {
	return head(ctx, g.jobs, id, g.facts.JobHead)
}

func (g *Guard) object(ctx context.Context, name ObjectName) (int64, error) {
	return head(ctx, g.objects, name, g.facts.ObjectHead)
}

func head[K comparable, V any](ctx context.Context, seen map[K]V, k K, ask func(context.Context, K) (V, error)) (V, error) {
	if v, ok := seen[k]; ok {
		return v, nil
	}
	v, err := ask(ctx, k)
	if err == nil {
		seen[k] = v
	}
	return v, err
}

// set is m[k] = v, to be undone if the unit is refused.
func set[K comparable, V any](g *Guard, m map[K]V, k K, v V) {
	was, ok := m[k]
	g.undo = append(g.undo, func() {
		if ok {
			m[k] = was
		} else {
			delete(m, k)
		}
	})
	m[k] = v
}
