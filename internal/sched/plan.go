package sched

import (
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// Plan decides what starts at now. It changes nothing that can be seen: what it gives out while it decides, it takes back.
//
//  1. Each queue's candidate is its first job that has a child whose time has come.
//  2. The queue of the highest priority goes first; among equals the one whose candidate was submitted first.
//  3. The candidate's children start one by one while the queue's bound and the nodes have room.
//  4. A candidate that lacks room ends its queue's turn: nobody goes past it.
func (s *State) Plan(now time.Time) Plan {
	p := planner{state: s, now: now}
	defer p.undo()
	walks := p.walks()
	for {
		w := p.turn(walks)
		if w == nil {
			return p.plan
		}
		if p.fill(w) {
			w.next()
		} else {
			w.ahead = nil
		}
	}
}

// planner is a plan in the making.
type planner struct {
	state *State
	now   time.Time
	plan  Plan
}

// walks begins a walk through every queue in which jobs wait.
func (p *planner) walks() []*walk {
	var walks []*walk
	for _, q := range p.state.queues {
		if len(q.line) > 0 && q.Closed == "" {
			walks = append(walks, q.walk())
		}
	}
	return walks
}

// turn moves each walk to its queue's candidate and says whose turn it is; nil when all are done.
func (p *planner) turn(walks []*walk) *walk {
	var best *walk
	for _, w := range walks {
		head := p.candidate(w)
		if head == nil {
			continue
		}
		if best == nil || w.queue.Priority > best.queue.Priority ||
			w.queue.Priority == best.queue.Priority && head.ID < best.head().ID {
			best = w
		}
	}
	return best
}

// candidate goes past jobs whose waiting children are all delayed.
func (p *planner) candidate(w *walk) *entry {
	for e := w.head(); e != nil; e = w.head() {
		if e.due(p.now) {
			return e
		}
		p.wake(e.again[0].notBefore)
		w.next()
	}
	return nil
}

// due reports whether a child that waits may start at now.
func (e *entry) due(now time.Time) bool {
	return e.Next < e.Size || len(e.again) > 0 && !e.again[0].notBefore.After(now)
}

func (p *planner) wake(at time.Time) {
	if p.plan.Next.IsZero() || at.Before(p.plan.Next) {
		p.plan.Next = at
	}
}

// fill starts children of the walk's job, those that wait for themselves before the rest, and reports whether all that
// may start now did.
func (p *planner) fill(w *walk) bool {
	e := w.head()
	running, next := len(e.held), e.Next
	start := func(child int32) bool {
		if !w.used.plus(e.need).within(w.queue.Max) {
			return false
		}
		slots, ok := p.state.place(e.ID, e.Shape)
		if ok {
			w.used = w.used.plus(e.need)
			running++
			p.plan.Starts = append(p.plan.Starts, Start{e.ID, child, slots})
		}
		return ok
	}
	full := func() bool { return e.MaxRunning > 0 && running >= int(e.MaxRunning) }
	for _, a := range e.again {
		if full() {
			return true
		}
		if a.notBefore.After(p.now) {
			p.wake(a.notBefore)
			break
		}
		if !start(a.child) {
			return false
		}
	}
	for ; next < e.Size && !full(); next++ {
		if !start(next) {
			return false
		}
	}
	return true
}

// undo gives back what the plan took from the nodes.
func (p *planner) undo() {
	for _, st := range slices.Backward(p.plan.Starts) {
		p.state.release(p.state.jobs[st.Job].Shape, st.Slots)
	}
}

// Holds are the slots of a child that has started, by rank; nil if it has not.
func (s *State) Holds(id job.ID, child int32) []Slot {
	if e := s.jobs[id]; e != nil {
		return e.held[child]
	}
	return nil
}
