package sched

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// Waits yields a reason for every job that waits, or whose other children do, by number.
func (s *State) Waits(now time.Time) iter.Seq[Wait] {
	return func(yield func(Wait) bool) {
		for _, id := range slices.Sorted(maps.Keys(s.jobs)) {
			if why := s.Why(id, now); why != "" && !yield(Wait{id, why}) {
				return
			}
		}
	}
}

// Why says what a job, or the next child of it, waits for; empty if nothing of it waits. It holds for a state in which
// the plan of now has been carried out.
func (s *State) Why(id job.ID, now time.Time) string {
	e := s.jobs[id]
	switch {
	case e == nil || e.closed || e.Next >= e.Size && len(e.again) == 0:
		return ""
	case e.paused:
		return "is suspended"
	case !e.waiting():
		return fmt.Sprintf("has as many children running as it allows: %d", e.MaxRunning)
	case !e.due(now):
		return "waits until " + clock(e.again[0].notBefore)
	}
	q := s.queue(e.Queue)
	if q.Closed != "" {
		return fmt.Sprintf("waits for queue %q: %s", q.Name, q.Closed)
	}
	p := planner{state: s, now: now}
	w := q.walk()
	if head := p.candidate(w); head != e {
		return fmt.Sprintf("waits behind %s, which %s", head.Name, s.lacks(head))
	}
	return s.lacks(e)
}

// lacks says what the first job of a queue waits for.
func (s *State) lacks(e *entry) string {
	q := s.queue(e.Queue)
	if why := s.lacksQuota(e, q); why != "" {
		return why
	}
	ready := slices.DeleteFunc(slices.Clone(s.nodes), func(n *node) bool { return !n.Ready })
	if len(ready) == 0 {
		return "waits for a node: " + s.noNode()
	}
	if slots, ok := s.place(e.ID, e.Shape); ok {
		s.release(e.Shape, slots)
		return "is about to start"
	}
	for _, need := range e.Shape {
		if why := s.lacksGPUs(ready, need); why != "" {
			return why
		}
	}
	for _, d := range dimensions[1:] {
		free, all := int64(0), int64(0)
		for _, n := range ready {
			has := d.of(Amount{MilliCPU: n.MilliCPU, Memory: n.Memory})
			all += has
			free += max(0, has-d.of(n.used))
		}
		if want := d.of(e.need); want > free {
			return fmt.Sprintf("waits for %s: %s of %s free%s", d.text(want), d.number(free), d.number(all), s.heldBy(func(o *entry) bool { return d.of(o.need) > 0 }))
		}
	}
	return "waits for enough room side by side: what is free is spread over nodes" + s.heldBy(func(*entry) bool { return true })
}

func (s *State) lacksQuota(e *entry, q *queue) string {
	if q.used.plus(e.need).within(q.Max) {
		return ""
	}
	for _, d := range dimensions {
		max := d.of(q.Max)
		if max == 0 || d.of(q.used)+d.of(e.need) <= max {
			continue
		}
		return fmt.Sprintf("waits for %s of queue %q: %s of %s free%s", d.text(d.of(e.need)), q.Name, d.number(max-d.of(q.used)), d.number(max),
			s.heldBy(func(o *entry) bool { return o.Queue == q.Name && d.of(o.need) > 0 }))
	}
	return ""
}

func (s *State) lacksGPUs(ready []*node, need Need) string {
	want := int64(need.Resources.GPUs) * int64(need.Replicas)
	if want == 0 {
		return ""
	}
	free, all := int64(0), int64(0)
	var holders []job.ID
	for _, n := range ready {
		for i, g := range n.GPUs {
			if !KindMatches(need.Resources.GPUKind, g.Kind) {
				continue
			}
			all++
			if n.holders[i] == 0 {
				free++
			} else {
				holders = append(holders, n.holders[i])
			}
		}
	}
	if want <= free {
		return ""
	}
	why := fmt.Sprintf("waits for %s: %d of %d free", gpus(want, need.Resources.GPUKind), free, all)
	if len(holders) > 0 {
		why += ", held by " + s.names(holders)
	}
	return why
}

// heldBy names the jobs that run and of which is says that they matter.
func (s *State) heldBy(is func(*entry) bool) string {
	var ids []job.ID
	for id, e := range s.jobs { // order: sorted by names
		if len(e.held) > 0 && is(e) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ", held by " + s.names(ids)
}

// noNode says why there is no node to place on.
func (s *State) noNode() string {
	for _, n := range s.nodes {
		if n.Why != "" {
			return fmt.Sprintf("%s is not ready: %s", n.Name, n.Why)
		}
	}
	return "there is none"
}
