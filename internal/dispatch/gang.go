package dispatch

import (
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
)

// gang is the replicas of a child that has started at least once and not ended. Between two attempts its members are all
// Queued; while it runs, one that is Queued waits to be restarted alone.
type gang struct {
	child     int32
	members   []member // by rank
	stopping  bool     // its attempt is over, what still runs was told to stop
	notBefore time.Time
	port      int32 // where it meets; 0: nowhere
	touched   bool
}

// member is a replica.
type member struct {
	job.Replica
	started time.Time // of this attempt, as the engine reported
	restart time.Time // when Queued in a gang that runs: not before
	changed bool
}

func (m *member) active() bool {
	return m.State == job.Starting || m.State == job.Running || m.State == job.Stopping
}

const allMembers = -1

// touchGang notes that a member's row, or all rows, are to be written.
func (j *openJob) touchGang(g *gang, rank int32) {
	if rank != allMembers {
		g.members[rank].changed = true
	} else {
		for i := range g.members {
			g.members[i].changed = true
		}
	}
	if !g.touched {
		g.touched = true
		j.touched = append(j.touched, g)
	}
}

func (g *gang) appendChanged(rows []job.Replica) []job.Replica {
	for i := range g.members {
		if g.members[i].changed {
			g.members[i].changed = false
			rows = append(rows, g.members[i].Replica)
		}
	}
	g.touched = false
	return rows
}

// ended reports whether nothing of the attempt runs or will.
func (g *gang) ended() bool {
	for i := range g.members {
		if !g.members[i].State.Ended() {
			return false
		}
	}
	return true
}

// attempts is how often the replica that was started most often was.
func (g *gang) attempts() int32 {
	n := int32(0)
	for i := range g.members {
		n = max(n, g.members[i].Proc.Attempt)
	}
	return n
}

func (g *gang) slots() []sched.Slot {
	slots := make([]sched.Slot, len(g.members))
	for i := range g.members {
		slots[i] = sched.Slot{Node: g.members[i].Node, GPUs: g.members[i].GPUs}
	}
	return slots
}

// report folds what an engine says of a process. What it says of an earlier attempt, or again, changes nothing.
func (d *Dispatcher) report(r *engine.Report, now time.Time) {
	d.orders.ack = max(d.orders.ack, r.Number)
	if r.Exit != nil {
		delete(d.orphans, r.Proc)
	}
	j := d.jobs[r.Proc.Job]
	if j == nil || j.row.State.Ended() || r.Proc.Child < 0 || int(r.Proc.Child) >= len(j.children) {
		return
	}
	g := j.children[r.Proc.Child].gang
	if g == nil || r.Proc.Replica < 0 || int(r.Proc.Replica) >= len(g.members) {
		return
	}
	m := &g.members[r.Proc.Replica]
	if m.Proc != r.Proc || !m.active() {
		return
	}
	switch {
	case r.Exit != nil:
		d.memberEnded(j, g, m, r.Exit, now)
	case !r.Started.IsZero():
		d.memberStarted(j, g, m, r.Started)
	}
}

func (d *Dispatcher) memberStarted(j *openJob, g *gang, m *member, at time.Time) {
	d.jobStarted(j, at)
	if m.State != job.Starting {
		return
	}
	m.State, m.started = job.Running, at
	j.alive++
	j.touchGang(g, m.Proc.Replica)
	d.touch(j)
	if limit := j.spec.Timeout; limit > 0 {
		d.wakeAt(at.Add(limit+timeoutSlack), j, g.child)
	}
}

// jobStarted notes the first start of a job, from which its deadline counts.
func (d *Dispatcher) jobStarted(j *openJob, at time.Time) {
	if at.IsZero() || !j.row.Started.IsZero() {
		return
	}
	j.row.Started = at
	d.touch(j)
	if j.spec.Deadline > 0 {
		d.wakeAt(at.Add(j.spec.Deadline), j, -1)
	}
}

// memberEnded says what the end of a replica means for its gang.
func (d *Dispatcher) memberEnded(j *openJob, g *gang, m *member, exit *job.Exit, now time.Time) {
	d.jobStarted(j, exit.Started)
	if m.State == job.Stopping && exit.Reason == job.ReasonLost && exit.Started.IsZero() {
		stopped := *exit // before it could start
		stopped.Reason = j.stopReason(g, m, now)
		exit = &stopped
	}
	j.leave(m)
	m.Exit, m.State = exit, endState(exit)
	j.touchGang(g, m.Proc.Replica)
	d.touch(j)
	group, index := j.spec.GroupOf(m.Proc.Replica)
	switch {
	case g.stopping:
	case exit.OK() && !(group.Decides && index == 0):
	case !exit.OK() && group.Restart == job.RestartMember && j.retries(m.Proc.Attempt, j.row.Failures+1, exit):
		j.row.Failures++
		d.restartMember(j, g, m, now)
		if g.waiting() { // for a delay, with nothing that runs: somebody else may have its room
			d.vacate(j, g)
			d.requeue(j, g)
		}
	default:
		d.stopGang(j, g, job.ReasonGang)
	}
	if g.ended() {
		d.gangEnded(j, g, now)
	}
}

// leave takes a member out of those that run.
func (j *openJob) leave(m *member) {
	if m.State == job.Running {
		j.alive--
	}
}

func endState(exit *job.Exit) job.State {
	switch {
	case exit.OK():
		return job.Succeeded
	case exit.Reason == job.ReasonCancelled || exit.Reason == job.ReasonGang:
		return job.Cancelled
	}
	return job.Failed
}

// stopGang has what still runs of an attempt end. A member that waits to be restarted stays as it failed, unless the
// whole job is being stopped.
func (d *Dispatcher) stopGang(j *openJob, g *gang, reason job.Reason) {
	g.stopping = true
	for i := range g.members {
		m := &g.members[i]
		switch m.State {
		case job.Starting, job.Running:
			d.stopMember(j, g, m, reason)
		case job.Queued:
			if m.State = job.Cancelled; reason == job.ReasonGang {
				m.State = endState(m.Exit)
			}
			j.touchGang(g, m.Proc.Replica)
			d.touch(j)
		}
	}
}

// stopMember tells a member to stop. One that was to start in this very step is not started: the engine, told to stop
// what it does not know, reports that it is no more.
func (d *Dispatcher) stopMember(j *openJob, g *gang, m *member, reason job.Reason) {
	j.leave(m)
	d.orders.starts = slices.DeleteFunc(d.orders.starts, func(s engine.Start) bool { return s.Proc == m.Proc })
	m.State = job.Stopping
	j.touchGang(g, m.Proc.Replica)
	d.touch(j)
	d.orders.cancels = append(d.orders.cancels, cancel{proc: m.Proc, reason: reason})
}

// verdict is how an ended attempt went, and the member whose failure made it so: the first to fail, as others may have
// failed for want of it. An attempt that was decided well before anything failed is well.
func (g *gang) verdict(spec *job.Spec) (s job.State, cause *member) {
	var decided *member
	s = job.Succeeded
	for i := range g.members {
		m := &g.members[i]
		if m.State != job.Succeeded {
			s = job.Cancelled
		} else if group, index := spec.GroupOf(int32(i)); group.Decides && index == 0 && decided == nil {
			decided = m
		}
		if m.State == job.Failed && (cause == nil || m.Exit.Ended.Before(cause.Exit.Ended)) {
			cause = m
		}
	}
	switch {
	case decided != nil && (cause == nil || decided.Exit.Ended.Before(cause.Exit.Ended)):
		return job.Succeeded, nil
	case cause != nil:
		return job.Failed, cause
	}
	return s, nil
}

// gangEnded ends an attempt of a child: it succeeds, fails for good, or waits for its next attempt.
func (d *Dispatcher) gangEnded(j *openJob, g *gang, now time.Time) {
	c := &j.children[g.child]
	d.vacate(j, g)
	s, cause := g.verdict(j.spec)
	if s == job.Failed {
		if j.ending == nil { // else it was stopped
			j.row.Failures++
		}
		if j.retries(g.attempts(), j.row.Failures, cause.Exit) {
			d.requeue(j, g)
			return
		}
		if j.first == nil {
			j.first = &failure{g.child, j.describe(cause)}
		}
	}
	c.state, c.gang = s, nil
	if s == job.Succeeded {
		j.row.Counts.Succeeded++
	} else {
		j.row.Counts.Failed++
	}
	if s == job.Failed && j.spent() {
		d.stop(j, ending{job.Failed, job.ReasonCancelled, j.failed()}, now)
	}
	d.childEnded(j, g.child, s, now)
	d.endIfDone(j, now)
}

// vacate gives back what a gang of which nothing runs any more holds.
func (d *Dispatcher) vacate(j *openJob, g *gang) {
	d.state.Apply(sched.ChildEnded{Job: j.row.ID, Child: g.child})
	d.freePort(g)
	d.touch(j)
	j.row.Counts.Active--
}

// requeue has a child wait for its next attempt.
func (d *Dispatcher) requeue(j *openJob, g *gang) {
	g.stopping, g.notBefore = false, j.nextStart(g)
	for i := range g.members {
		g.members[i].State = job.Queued
	}
	j.touchGang(g, allMembers)
	j.children[g.child].state = job.Queued
	j.row.Counts.Queued++
	d.state.Apply(sched.ChildQueued{Job: j.row.ID, Child: g.child, NotBefore: g.notBefore})
}

// nextStart is when a gang whose attempt is over may start again.
func (j *openJob) nextStart(g *gang) time.Time {
	var last time.Time
	for i := range g.members {
		if e := g.members[i].Exit; e != nil && e.Ended.After(last) {
			last = e.Ended
		}
	}
	return last.Add(delayAfter(&j.spec.Retry, g.attempts()))
}
