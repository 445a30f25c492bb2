package dispatch

import (
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// The store may be older than what runs: a backup that was restored. The engine then knows attempts that no row speaks
// of. Where it is plain what they hold, they are adopted, as if the rows of their start had not been lost; else they are
// stopped as orphans, and the next attempt takes a number that the engine has not seen.

// newest is the latest attempt that the engine knows of each replica of a job, by its Proc without the attempt.
func (known listed) newest(id job.ID) map[job.Proc]int32 {
	newest := make(map[job.Proc]int32, len(known.of[id]))
	for _, l := range known.of[id] {
		p := l.report.Proc
		p.Attempt = 0
		newest[p] = max(newest[p], l.report.Proc.Attempt)
	}
	return newest
}

// catchUp brings the restored rows of a child that has not ended up to the attempts that the engine knows.
func (d *Dispatcher) catchUp(j *openJob, g *gang, newest map[job.Proc]int32) {
	if g.ended() {
		return
	}
	ahead := 0
	waiting := g.waiting()
	for i := range g.members {
		m := &g.members[i]
		p := m.Proc
		p.Attempt = 0
		if newest[p] <= m.Proc.Attempt {
			continue
		}
		ahead++
		m.Proc.Attempt = newest[p]
		if !waiting && m.State != job.Stopping {
			m.State = job.Starting
		}
		j.touchGang(g, m.Proc.Replica)
		d.touch(j)
	}
	if node, plain := d.plainNode(j); waiting && ahead == len(g.members) && plain {
		for i := range g.members {
			g.members[i].State, g.members[i].Node = job.Starting, node
		}
	}
}

// plainNode is where replicas of a job must be running; plain is false where that cannot be told, or which GPUs they have.
func (d *Dispatcher) plainNode(j *openJob) (node string, plain bool) {
	if len(d.nodes) != 1 || slices.ContainsFunc(j.spec.Groups, func(g job.Group) bool { return g.Process.Resources.GPUs > 0 }) {
		return "", false
	}
	return d.nodes[0].Name, true
}

// catchUpRest does the same for children that, as far as the rows tell, never started.
func (d *Dispatcher) catchUpRest(j *openJob, newest map[job.Proc]int32, known listed, now time.Time) {
	for _, l := range known.of[j.row.ID] {
		p := l.report.Proc
		if p.Child < 0 || int(p.Child) >= len(j.children) || p.Replica < 0 || p.Replica >= j.spec.Replicas() {
			continue
		}
		if c := &j.children[p.Child]; c.gang != nil || c.state.Ended() {
			continue
		}
		g := &gang{child: p.Child, members: make([]member, j.spec.Replicas())}
		for rank := range g.members {
			m := &g.members[rank]
			m.Proc = job.Proc{Job: p.Job, Child: p.Child, Replica: int32(rank)}
			m.State = job.Queued
		}
		d.catchUp(j, g, newest)
		j.restoreChild(g)
		if j.children[p.Child].state == job.Running {
			d.resume(j, g, known, now)
		}
	}
}
