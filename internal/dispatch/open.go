package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// openJob is a job that has not ended, or whose end is not durable yet.
type openJob struct {
	row      job.Job // as of the next unit, but for Version
	spec     *job.Spec
	queue    string // its own name
	shape    []sched.Need
	children []child
	held     bool                   // takes no part in planning
	waitsFor []job.ID               // jobs whose ends it is held for
	lined    bool                   // its children start one after another
	ending   *ending                // nil: it may go on
	asked    bool                   // somebody wants it cancelled
	answered []store.JobRequestKind // by the next unit
	first    *failure               // of the children that failed for good, the first
	alive    int32                  // replicas that run
	dynamic  []expanding            // what each group's process has that differs between replicas
	meets    bool                   // its gangs need a port

	dirty   bool
	touched []*gang // with replicas that changed
}

// child is one of an array, or the only one.
type child struct {
	state job.State // Held, Queued, Running (from first start to last end of an attempt), or ended
	holds int16     // children of other jobs whose ends it is Held for
	gang  *gang     // nil: never started, or ended
}

// ending is how a job is to end once nothing of it runs any more, whatever becomes of its children.
type ending struct {
	state  job.State
	reason job.Reason // for what still runs
	why    string
}

// failure is the failure of a child, for the sentence about its job.
type failure struct {
	child int32
	why   string
}

// adopt makes an openJob of a row. It takes no part in anything yet.
func (d *Dispatcher) adopt(row *job.Job) *openJob {
	j := &openJob{row: *row, spec: row.Spec, shape: sched.Shape(row.Spec, d.o.DefaultCPU)}
	j.children = make([]child, max(0, j.spec.Children()))
	for i := range j.children {
		j.children[i].state = job.Queued
	}
	j.row.Counts = job.Counts{Queued: int32(len(j.children))}
	j.dynamic, j.meets = expandings(j.spec)
	d.jobs[row.ID] = j
	return j
}

// accept takes a job that was submitted.
func (d *Dispatcher) accept(ctx context.Context, row *job.Job, now time.Time) {
	if d.jobs[row.ID] != nil || row.State.Ended() {
		return
	}
	d.admit(ctx, d.adopt(row), now)
}

// admit has a new job wait for room or for other jobs, or ends it at once.
func (d *Dispatcher) admit(ctx context.Context, j *openJob, now time.Time) {
	d.touch(j)
	q, err := d.useQueue(ctx, j.spec.Queue)
	if err == nil {
		err = d.checkProcesses(j.row.Owner, j.spec)
	}
	if err == nil && len(d.nodes) > 0 {
		err = sched.Fits(j.shape, groupNames(j.spec), d.placingAll(), q)
	}
	j.queue = q.Name
	switch {
	case err != nil:
		d.stop(j, ending{job.Failed, job.ReasonCancelled, "cannot be run: " + err.Error()}, now)
	case len(j.children) == 0:
		d.end(j, job.Succeeded, "an array without children", now)
	default:
		d.link(ctx, j, now)
		if !j.row.State.Ended() && !j.held {
			d.enqueue(j, now)
		}
	}
}

// enqueue has a job take part in planning, with the children that wait.
func (d *Dispatcher) enqueue(j *openJob, now time.Time) {
	entry := sched.Job{
		ID: j.row.ID, Name: j.row.Name, Queue: j.queue, Priority: j.spec.Priority, Shape: j.shape,
		Next: int32(len(j.children)), Size: int32(len(j.children)),
	}
	if j.spec.Array != nil {
		entry.MaxRunning = j.spec.Array.MaxRunning
	}
	for entry.Next > 0 && j.children[entry.Next-1].state == job.Queued && j.children[entry.Next-1].gang == nil {
		entry.Next--
	}
	d.state.Apply(sched.JobAccepted{Job: entry})
	for i := range j.children {
		c := &j.children[i]
		switch {
		case c.state == job.Running:
			d.state.Apply(sched.ChildStarted{Job: j.row.ID, Child: int32(i), Slots: c.gang.slots()})
		case c.state == job.Queued && c.gang != nil:
			d.state.Apply(sched.ChildQueued{Job: j.row.ID, Child: int32(i), NotBefore: c.gang.notBefore})
		case c.state == job.Queued && int32(i) < entry.Next:
			d.state.Apply(sched.ChildQueued{Job: j.row.ID, Child: int32(i)})
		}
	}
	if j.row.Held() {
		d.state.Apply(sched.JobSuspended{Job: j.row.ID, Suspended: true})
	}
	if j.ending != nil {
		d.state.Apply(sched.JobClosed{Job: j.row.ID})
	}
}

// request does what is asked of a job.
func (d *Dispatcher) request(r store.JobRequest, now time.Time) {
	j := d.jobs[r.Job]
	if j == nil || j.row.State.Ended() {
		return
	}
	switch r.Kind {
	case store.JobCancel:
		j.asked = true
		d.stop(j, cancelling(r), now)
	case store.JobSuspend, store.JobResume:
		d.suspend(j, r.Kind == store.JobSuspend, now)
		j.answered = append(j.answered, r.Kind)
		d.touch(j)
	}
}

// cancelling is the end of a job that somebody asked to be cancelled.
func cancelling(r store.JobRequest) ending {
	why := "cancelled"
	if r.Why != "" {
		why += ": " + r.Why
	}
	return ending{job.Cancelled, job.ReasonCancelled, why}
}

// stop has a job end as e says: children that wait are cancelled now, those that run are told to stop.
func (d *Dispatcher) stop(j *openJob, e ending, now time.Time) {
	if j.ending != nil || j.row.State.Ended() {
		return
	}
	j.ending, j.row.Why = &e, e.why
	d.touch(j)
	d.state.Apply(sched.JobClosed{Job: j.row.ID})
	for i := range j.children {
		c := &j.children[i]
		switch {
		case c.state == job.Running:
			d.stopGang(j, c.gang, e.reason)
		case !c.state.Ended():
			d.cancelChild(j, c)
		}
	}
	for i := range j.children {
		if c := &j.children[i]; c.state == job.Running && c.gang.ended() {
			d.gangEnded(j, c.gang, now)
		}
	}
	d.endIfDone(j, now)
}

// cancelChild ends a child that does not run.
func (d *Dispatcher) cancelChild(j *openJob, c *child) {
	if c.gang != nil {
		for i := range c.gang.members {
			c.gang.members[i].State = job.Cancelled
		}
		j.touchGang(c.gang, allMembers)
	}
	c.state, c.gang = job.Cancelled, nil
	j.row.Counts.Queued--
	j.row.Counts.Failed++
}

// endIfDone ends a job of which nothing is left to do.
func (d *Dispatcher) endIfDone(j *openJob, now time.Time) {
	n := j.row.Counts
	if n.Queued+n.Active > 0 || j.row.State.Ended() {
		return
	}
	switch {
	case n.Failed == 0:
		d.end(j, job.Succeeded, "", now)
	case j.ending != nil:
		d.end(j, j.ending.state, j.ending.why, now)
	default:
		d.end(j, job.Failed, j.failed(), now)
	}
}

// failed is the sentence about a job whose children did not all end well.
func (j *openJob) failed() string {
	why := "its children were cancelled"
	if j.first != nil {
		why = j.first.why
	}
	if j.spec.Array == nil {
		return why
	}
	s := fmt.Sprintf("%d of %d children failed", j.row.Counts.Failed, len(j.children))
	if j.first != nil {
		s += fmt.Sprintf(": child %d: %s", j.first.child, why)
	}
	return s
}

// end ends a job, and tells the jobs that wait for it.
func (d *Dispatcher) end(j *openJob, s job.State, why string, now time.Time) {
	j.row.State, j.row.Why, j.row.Ended = s, why, now
	if j.spec.KeepFor > 0 {
		j.row.Expires = now.Add(j.spec.KeepFor)
	}
	d.touch(j)
	d.state.Apply(sched.JobEnded{Job: j.row.ID})
	d.ended = append(d.ended, j.row.ID)
	d.tellDependents(j, now)
}

// drop forgets a job that is to be read again.
func (d *Dispatcher) drop(id job.ID) {
	if j := d.jobs[id]; j != nil {
		for i := range j.children {
			if g := j.children[i].gang; g != nil {
				d.freePort(g)
			}
		}
	}
	delete(d.jobs, id)
	d.state.Apply(sched.JobEnded{Job: id})
}

// unit is everything that changed about a job since the last one. With the end of the job comes the word to its run.
func (j *openJob) unit() *store.Unit {
	j.row.Version++
	if !j.row.State.Ended() {
		j.row.State = j.state()
	}
	row := j.row
	row.Spec = nil
	change := store.JobChange{Job: &row, Answered: j.answered}
	j.answered = nil
	for _, g := range j.touched {
		change.Replicas = g.appendChanged(change.Replicas)
	}
	clear(j.touched)
	j.touched, j.dirty = j.touched[:0], false
	u := &store.Unit{Jobs: []store.JobChange{change}}
	if row.State.Ended() && row.Run != 0 && row.Task != 0 {
		u.Inbox = []store.InboxRow{{
			Run: run.ID(row.Run), Key: fmt.Sprintf("task/%d", row.Task), Kind: store.InboxJob, Task: run.TaskID(row.Task), Ref: int64(row.ID),
		}}
	}
	return u
}

// state is where a job stands that has not ended.
func (j *openJob) state() job.State {
	n := j.row.Counts
	switch {
	case n.Active == 0 && (j.held || j.row.Held()):
		return job.Held
	case n.Active == 0:
		return job.Queued
	case j.ending != nil:
		return job.Stopping
	case j.alive > 0 || j.row.State == job.Running:
		return job.Running
	}
	return job.Starting
}

func groupNames(spec *job.Spec) []string {
	names := make([]string, len(spec.Groups))
	for i := range spec.Groups {
		names[i] = spec.Groups[i].Name
	}
	return names
}
