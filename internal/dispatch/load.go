package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// Load reads what is stored and asks the engine what runs, once, before the first Step: processes that run are adopted,
// those that were to start and never did are started again, ends that came meanwhile are taken. What runs for a job that
// is no more is stopped.
func (d *Dispatcher) Load(ctx context.Context, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	nodes, err := d.o.Engine.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("asking engine %s for its nodes: %w", d.o.Engine.Name(), err)
	}
	d.setNodes(nodes)
	known, err := d.list(ctx)
	if err != nil {
		return err
	}
	last, err := d.o.Engine.LastJob(ctx)
	if err != nil {
		return fmt.Errorf("asking engine %s for its latest job: %w", d.o.Engine.Name(), err)
	}
	d.o.Writer.SkipJobs(last)
	var rows []*job.Job
	if err := d.o.Store.OpenJobs(ctx, func(row *job.Job) bool { rows = append(rows, row); return true }); err != nil {
		return fmt.Errorf("reading open jobs: %w", err)
	}
	if err := d.takeUp(ctx, rows, known, now); err != nil {
		return err
	}
	d.stopOrphans(known)
	return nil
}

// takeUp goes on with stored jobs. All are restored before any takes part again, as they may wait for one another.
func (d *Dispatcher) takeUp(ctx context.Context, rows []*job.Job, known listed, now time.Time) error {
	requests, err := d.o.Store.JobRequests(ctx)
	if err != nil {
		return fmt.Errorf("reading requests to jobs: %w", err)
	}
	cancelled := make(map[job.ID]ending, len(requests))
	for _, r := range requests {
		cancelled[r.Job] = cancelling(r)
	}
	for _, row := range rows {
		_, asked := cancelled[row.ID]
		if err := d.restore(ctx, row, asked, known, now); err != nil {
			return err
		}
	}
	for _, row := range rows {
		d.rejoin(ctx, d.jobs[row.ID], now)
	}
	for _, row := range rows {
		e, asked := cancelled[row.ID]
		d.endAgain(d.jobs[row.ID], e, asked, now)
	}
	d.takeIn(known)
	return nil
}

// listed is what the engine knows, by process and by job.
type listed struct {
	all map[job.Proc]*listing
	of  map[job.ID][]*listing
}

type listing struct {
	report  engine.Report
	claimed bool // it belongs to a replica of ours
}

func (d *Dispatcher) list(ctx context.Context) (listed, error) {
	reports, err := d.o.Engine.List(ctx)
	if err != nil {
		return listed{}, fmt.Errorf("asking engine %s what it runs: %w", d.o.Engine.Name(), err)
	}
	known := listed{all: make(map[job.Proc]*listing, len(reports)), of: map[job.ID][]*listing{}}
	for _, r := range reports {
		l := &listing{report: r}
		known.all[r.Proc] = l
		known.of[r.Proc.Job] = append(known.of[r.Proc.Job], l)
	}
	return known, nil
}

// stopOrphans stops what runs and is nobody's. Until it is gone nothing starts: nobody knows what it holds.
func (d *Dispatcher) stopOrphans(known listed) {
	for _, l := range known.sorted() {
		if !l.claimed && l.report.Exit == nil {
			d.o.Log.Warn("stopping a process that belongs to no job", "process", l.report.Proc.String())
			d.orders.cancels = append(d.orders.cancels, cancel{proc: l.report.Proc, reason: job.ReasonCancelled})
			d.orphans[l.report.Proc] = true
		}
	}
}

// takeIn leaves what the engine says of our processes in the mail. The stream of reports will say it again: only there
// do the numbers tell what came before, so nothing is acknowledged on account of a list.
func (d *Dispatcher) takeIn(known listed) {
	var reports []engine.Report
	for _, l := range known.sorted() {
		if l.claimed {
			r := l.report
			r.Number = 0
			reports = append(reports, r)
		}
	}
	d.HandleReports(reports)
}

// sorted gives the listings in the order in which they were reported.
func (known listed) sorted() []*listing {
	return slices.SortedFunc(maps.Values(known.all), func(a, b *listing) int {
		return cmp.Or(cmp.Compare(a.report.Number, b.report.Number), compareProcs(a.report.Proc, b.report.Proc))
	})
}

func compareProcs(a, b job.Proc) int {
	return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Child, b.Child), cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Attempt, b.Attempt))
}

// reload reads jobs again that turned out to be stale.
func (d *Dispatcher) reload(ctx context.Context, now time.Time) error {
	if len(d.stale) == 0 {
		return nil
	}
	known, err := d.list(ctx)
	if err != nil {
		return err
	}
	var rows []*job.Job
	for _, id := range d.stale {
		d.drop(id)
		row, err := d.o.Store.Job(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("reading job %d again: %w", id, err)
		}
		if err == nil && !row.State.Ended() {
			rows = append(rows, row)
		}
	}
	if err := d.takeUp(ctx, rows, known, now); err != nil {
		return err
	}
	d.stale = d.stale[:0]
	return nil
}

// restore makes an openJob of what is stored, and compares its processes with what the engine knows.
func (d *Dispatcher) restore(ctx context.Context, row *job.Job, asked bool, known listed, now time.Time) error {
	j := d.adopt(row)
	j.asked = asked
	if q, err := d.useQueue(ctx, j.spec.Queue); err == nil {
		j.queue = q.Name
	} else {
		j.queue = j.spec.Queue
		d.queues[j.queue] = j.queue
		d.state.Apply(sched.QueueChanged{Queue: sched.Queue{Name: j.queue, Closed: err.Error()}})
	}
	newest := known.newest(row.ID)
	err := d.eachChild(ctx, row.ID, j.spec, func(g *gang) {
		d.catchUp(j, g, newest)
		j.restoreChild(g)
		if j.children[g.child].state == job.Running {
			d.resume(j, g, known, now)
		}
	})
	if err != nil {
		return fmt.Errorf("reading the replicas of job %d: %w", row.ID, err)
	}
	d.catchUpRest(j, newest, known, now)
	if !row.Started.IsZero() && j.spec.Deadline > 0 {
		d.wakeAt(row.Started.Add(j.spec.Deadline), j, -1)
	}
	return nil
}

// rejoin has a restored job take part again.
func (d *Dispatcher) rejoin(ctx context.Context, j *openJob, now time.Time) {
	if j.row.Version == 1 {
		d.admit(ctx, j, now)
		return
	}
	d.link(ctx, j, now)
	if !j.held && !j.row.State.Ended() {
		d.enqueue(j, now)
	}
}

// endAgain goes on to stop a job that was being stopped, or that is to be: what was decided first stands. Only a
// cancellation makes a job end as anything but Failed.
func (d *Dispatcher) endAgain(j *openJob, cancelled ending, asked bool, now time.Time) {
	switch {
	case j.row.State == job.Stopping && !(asked && j.row.Why == cancelled.why):
		d.stop(j, ending{job.Failed, job.ReasonCancelled, j.row.Why}, now)
	case asked:
		d.stop(j, cancelled, now)
	case j.spent():
		d.stop(j, ending{job.Failed, job.ReasonCancelled, j.failed()}, now)
	default:
		d.checkDeadline(j, now)
	}
}

// restoreChild folds the stored rows of a child into its job.
func (j *openJob) restoreChild(g *gang) {
	c, n := &j.children[g.child], &j.row.Counts
	n.Queued--
	switch {
	case g.ended():
		s, cause := g.verdict(j.spec)
		c.state = s
		if s == job.Succeeded {
			n.Succeeded++
		} else {
			n.Failed++
		}
		if cause != nil && j.first == nil {
			j.first = &failure{g.child, j.describe(cause)}
		}
	case g.waiting():
		n.Queued++
		c.state, c.gang = job.Queued, g
		g.notBefore = j.nextStart(g)
	default:
		n.Active++
		c.state, c.gang = job.Running, g
	}
}

// waiting reports whether the whole gang waits for its next attempt.
func (g *gang) waiting() bool {
	return !slices.ContainsFunc(g.members, func(m member) bool { return m.State != job.Queued })
}

// resume compares the processes of a gang that runs with what the engine knows of them.
func (d *Dispatcher) resume(j *openJob, g *gang, known listed, now time.Time) {
	if g.port = g.members[0].Port; g.port != 0 {
		d.ports[g.port] = true
	}
	for i := range g.members {
		m := &g.members[i]
		l := known.all[m.Proc]
		if l != nil && m.active() {
			l.claimed = true
			if l.report.Exit == nil {
				m.started = l.report.Started
			}
		}
		switch m.State {
		case job.Starting:
			if l == nil {
				d.orders.starts = append(d.orders.starts, d.startOf(j, g, m))
			}
		case job.Running:
			j.alive++
			if l == nil {
				d.HandleReports([]engine.Report{{Proc: m.Proc, Exit: &job.Exit{
					Reason: job.ReasonLost, Code: 1, Text: "the engine knows nothing of it any more", Ended: now,
				}}})
			} else if limit := j.spec.Timeout; limit > 0 {
				d.wakeAt(m.started.Add(limit+timeoutSlack), j, g.child)
			}
		case job.Stopping:
			g.stopping = true
			d.orders.cancels = append(d.orders.cancels, cancel{proc: m.Proc, reason: j.stopReason(g, m, now)})
		case job.Queued:
			m.restart = j.restartAt(m)
			d.wakeAt(m.restart, j, g.child)
		}
	}
}

// stopReason is why a member that is being stopped is: a fellow has ended the attempt, its time is over, or somebody
// asked.
func (j *openJob) stopReason(g *gang, m *member, now time.Time) job.Reason {
	limit := j.spec.Timeout
	late := j.overdue(now)
	s, cause := g.verdict(j.spec)
	switch {
	case s != job.Cancelled && !(late && cause != nil && cause.Exit.Reason == job.ReasonTimeout):
		return job.ReasonGang
	case j.asked:
		return job.ReasonCancelled
	case late, limit > 0 && !m.started.IsZero() && !m.started.Add(limit).After(now):
		return job.ReasonTimeout
	}
	return job.ReasonCancelled
}

// pageSize is how many replicas are read at a time.
const pageSize = 1000

// eachChild reads the rows of a job's children that were ever started, in order.
func (d *Dispatcher) eachChild(ctx context.Context, id job.ID, spec *job.Spec, yield func(*gang)) error {
	var g *gang
	f := store.ReplicaFilter{Job: id, Child: -1, After: [2]int32{-1, -1}, Limit: pageSize}
	for {
		rows, err := d.o.Store.Replicas(ctx, f)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if g == nil || g.child != r.Proc.Child {
				if g != nil {
					yield(g)
				}
				g = &gang{child: r.Proc.Child, members: make([]member, 0, spec.Replicas())}
			}
			g.members = append(g.members, member{Replica: r})
		}
		if len(rows) < pageSize {
			break
		}
		last := rows[len(rows)-1].Proc
		f.After = [2]int32{last.Child, last.Replica}
	}
	if g != nil {
		yield(g)
	}
	return nil
}
