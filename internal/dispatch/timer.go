package dispatch

import (
	"container/heap"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// timer is a moment at which something may have to be done about a job. It is a hint: whoever is woken looks at the job.
type timer struct {
	at    time.Time
	job   job.ID
	child int32 // -1: the job as a whole
}

// timers is a heap, earliest first.
type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	a, b := t[i], t[j]
	switch {
	case !a.at.Equal(b.at):
		return a.at.Before(b.at)
	case a.job != b.job:
		return a.job < b.job
	}
	return a.child < b.child
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

func (d *Dispatcher) wakeAt(at time.Time, j *openJob, child int32) {
	heap.Push(&d.timers, timer{at, j.row.ID, child})
}

// timeoutSlack is how much longer than its Timeout an attempt may run before it is not left to the engine any more.
const timeoutSlack = 30 * time.Second

// fire does what is due at now.
func (d *Dispatcher) fire(now time.Time) {
	for len(d.timers) > 0 && !d.timers[0].at.After(now) {
		t := heap.Pop(&d.timers).(timer)
		j := d.jobs[t.job]
		switch {
		case j == nil || j.row.State.Ended():
		case t.child < 0:
			d.checkDeadline(j, now)
		case j.children[t.child].gang != nil && j.children[t.child].state == job.Running:
			d.checkGang(j, j.children[t.child].gang, now)
		}
	}
}

// overdue reports whether a job has outlived its deadline.
func (j *openJob) overdue(now time.Time) bool {
	limit := j.spec.Deadline
	return limit > 0 && !j.row.Started.IsZero() && !now.Before(j.row.Started.Add(limit))
}

// checkDeadline stops a job that is overdue.
func (d *Dispatcher) checkDeadline(j *openJob, now time.Time) {
	if j.overdue(now) {
		d.stop(j, ending{job.Failed, job.ReasonTimeout, "ran longer than its deadline of " + j.spec.Deadline.String()}, now)
	}
}

// checkGang restarts members whose delay is over, and stops an attempt that outlived its timeout.
func (d *Dispatcher) checkGang(j *openJob, g *gang, now time.Time) {
	limit := j.spec.Timeout
	for i := range g.members {
		m := &g.members[i]
		switch {
		case m.State == job.Queued && !m.restart.After(now):
			d.startMember(j, g, m)
		case m.State == job.Running && limit > 0 && !m.started.Add(limit+timeoutSlack).After(now):
			d.stopMember(j, g, m, job.ReasonTimeout)
		}
	}
}
