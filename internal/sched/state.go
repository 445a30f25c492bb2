package sched

import (
	"cmp"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// State is what the policy knows: nodes, queues, jobs, and who holds what. It belongs to one goroutine.
type State struct {
	nodes  []*node  // by name
	queues []*queue // by name
	jobs   map[job.ID]*entry
}

// entry is a job in its queue.
type entry struct {
	Job
	need   Amount           // of each child
	again  []again          // children that wait beside those from Next on, by time and index
	held   map[int32][]Slot // children that have started and not ended
	closed bool             // starts no more children
	paused bool             // starts none for now
	at     int              // in its queue's heap; -1: not in it
}

// again is a child that waits for itself, such as for its next attempt.
type again struct {
	child     int32
	notBefore time.Time
}

func (a again) compare(b again) int {
	return cmp.Or(a.notBefore.Compare(b.notBefore), cmp.Compare(a.child, b.child))
}

// waiting reports whether a child may start when its time has come and there is room.
func (e *entry) waiting() bool {
	return !e.closed && !e.paused && (e.Next < e.Size || len(e.again) > 0) && (e.MaxRunning == 0 || len(e.held) < int(e.MaxRunning))
}

// NewState returns the state in which there is nothing.
func NewState() *State { return &State{jobs: map[job.ID]*entry{}} }

// Event is something that happened to queues, nodes or jobs.
type Event interface{ apply(*State) }

// The events. Those of a job that the state does not know do nothing.
type (
	// NodeChanged says what a node is now, also a new one.
	NodeChanged struct{ Node Node }
	// NodeRemoved says that a node is no more. What is held on it stays held.
	NodeRemoved struct{ Name string }
	// QueueChanged says what a queue is now, also a new one.
	QueueChanged struct{ Queue Queue }
	// JobAccepted adds a job.
	JobAccepted struct{ Job Job }
	// ChildQueued lets a child that neither waits nor runs wait, until NotBefore in any case.
	ChildQueued struct {
		Job       job.ID
		Child     int32
		NotBefore time.Time
	}
	// ChildStarted says that a waiting child holds slots.
	ChildStarted Start
	// ChildEnded says that a child holds nothing any more.
	ChildEnded struct {
		Job   job.ID
		Child int32
	}
	// JobSuspended says that no children of a job start for now, or that they may again.
	JobSuspended struct {
		Job       job.ID
		Suspended bool
	}
	// JobClosed says that no more children of a job will start.
	JobClosed struct{ Job job.ID }
	// JobEnded removes a job, with all that it holds.
	JobEnded struct{ Job job.ID }
)

// Apply folds an event into the state.
func (s *State) Apply(e Event) { e.apply(s) }

func (e NodeChanged) apply(s *State) {
	n := s.node(e.Node.Name)
	n.gone = false
	n.set(e.Node)
}

func (e NodeRemoved) apply(s *State) {
	n := s.node(e.Name)
	n.gone, n.Ready, n.Why = true, false, "it is not there"
	s.sweep()
}

func (e QueueChanged) apply(s *State) { s.queue(e.Queue.Name).Queue = e.Queue }

func (e JobAccepted) apply(s *State) {
	if s.jobs[e.Job.ID] != nil {
		return
	}
	j := &entry{Job: e.Job, need: total(e.Job.Shape), held: map[int32][]Slot{}, at: -1}
	s.jobs[j.ID] = j
	s.settle(j)
}

func (e ChildQueued) apply(s *State) {
	j := s.jobs[e.Job]
	if j == nil {
		return
	}
	a := again{e.Child, e.NotBefore}
	i, _ := slices.BinarySearchFunc(j.again, a, again.compare)
	j.again = slices.Insert(j.again, i, a)
	s.settle(j)
}

func (e ChildStarted) apply(s *State) {
	j := s.jobs[e.Job]
	if j == nil || j.held[e.Child] != nil {
		return
	}
	if e.Child == j.Next {
		j.Next++
	} else if i := slices.IndexFunc(j.again, func(a again) bool { return a.child == e.Child }); i >= 0 {
		j.again = slices.Delete(j.again, i, i+1)
	}
	j.held[e.Child] = e.Slots
	s.hold(j.ID, j.Shape, e.Slots)
	q := s.queue(j.Queue)
	q.used = q.used.plus(j.need)
	s.settle(j)
}

func (e ChildEnded) apply(s *State) {
	j := s.jobs[e.Job]
	if j == nil || j.held[e.Child] == nil {
		return
	}
	s.free(j, e.Child)
	s.settle(j)
	s.sweep()
}

func (e JobSuspended) apply(s *State) {
	if j := s.jobs[e.Job]; j != nil {
		j.paused = e.Suspended
		s.settle(j)
	}
}

func (e JobClosed) apply(s *State) {
	if j := s.jobs[e.Job]; j != nil {
		j.closed = true
		s.settle(j)
	}
}

func (e JobEnded) apply(s *State) {
	j := s.jobs[e.Job]
	if j == nil {
		return
	}
	for child := range j.held { // order: giving back commutes
		s.free(j, child)
	}
	j.closed = true
	s.settle(j)
	delete(s.jobs, j.ID)
	s.sweep()
}

// free gives back what a child holds.
func (s *State) free(j *entry, child int32) {
	s.release(j.Shape, j.held[child])
	delete(j.held, child)
	q := s.queue(j.Queue)
	q.used = q.used.minus(j.need)
}

// settle puts a job into its queue's line, or takes it out.
func (s *State) settle(j *entry) {
	q := s.queue(j.Queue)
	if in := j.at >= 0; in != j.waiting() {
		if in {
			q.remove(j)
		} else {
			q.add(j)
		}
	}
}

// sweep forgets nodes that are gone once nobody holds anything of them.
func (s *State) sweep() {
	if slices.ContainsFunc(s.nodes, func(n *node) bool { return n.gone && n.idle() }) {
		s.nodes = slices.DeleteFunc(s.nodes, func(n *node) bool { return n.gone && n.idle() })
	}
}
