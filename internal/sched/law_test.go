package sched

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tutti-ml/tutti/internal/job"
)

// history is a State beside a plain account of all that was told to it, from which another can be rebuilt.
type history struct {
	state  *State
	now    time.Time
	nodes  map[string]Node
	queues map[string]Queue
	jobs   map[job.ID]*account
	last   job.ID
}

// account is what a job has been through.
type account struct {
	Job
	waits map[int32]time.Time // children that wait for themselves, and until when
	holds map[int32][]Slot
	next  int32
	pause bool
}

var kinds = []string{"NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB"}

func newHistory(t *rapid.T) *history {
	h := &history{
		state: NewState(), now: time.Unix(1e9, 0),
		nodes: map[string]Node{}, queues: map[string]Queue{}, jobs: map[job.ID]*account{},
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "nodes") {
		h.setNode(t, fmt.Sprintf("n%d", i))
	}
	for i := range 2 {
		q := Queue{Name: fmt.Sprintf("q%d", i), Priority: rapid.Int32Range(0, 1).Draw(t, "queue priority")}
		if rapid.Bool().Draw(t, "bounded") {
			q.Max = Amount{MilliCPU: rapid.Int64Range(1, 8).Draw(t, "max cpu"), GPUs: rapid.Int64Range(0, 3).Draw(t, "max gpus")}
		}
		h.queues[q.Name] = q
		h.state.Apply(QueueChanged{q})
	}
	return h
}

func (h *history) setNode(t *rapid.T, name string) {
	n := Node{
		Name: name, Ready: rapid.IntRange(0, 4).Draw(t, "ready") > 0,
		MilliCPU: rapid.Int64Range(0, 8).Draw(t, "cpu"), Memory: rapid.Int64Range(0, 8).Draw(t, "memory"),
	}
	for i := range rapid.Int32Range(0, 4).Draw(t, "gpus") {
		n.GPUs = append(n.GPUs, GPU{i, rapid.SampledFrom(kinds).Draw(t, "kind")})
	}
	h.nodes[name] = n
	h.state.Apply(NodeChanged{n})
}

func (h *history) submit(t *rapid.T) {
	h.last++
	j := Job{
		ID: h.last, Name: fmt.Sprintf("j%d", h.last), Queue: rapid.SampledFrom([]string{"q0", "q1"}).Draw(t, "queue"),
		Priority: rapid.Int32Range(0, 2).Draw(t, "priority"), Size: rapid.Int32Range(0, 4).Draw(t, "size"),
		MaxRunning: rapid.Int32Range(0, 2).Draw(t, "max running"),
	}
	for range rapid.IntRange(1, 2).Draw(t, "groups") {
		n := Need{Replicas: rapid.Int32Range(1, 3).Draw(t, "replicas"), Resources: job.Resources{
			MilliCPU: rapid.Int64Range(0, 4).Draw(t, "cpu"), Memory: rapid.Int64Range(0, 4).Draw(t, "memory"),
		}}
		if n.Resources.GPUs = rapid.Int32Range(0, 2).Draw(t, "gpus"); n.Resources.GPUs > 0 {
			n.Resources.GPUKind = rapid.SampledFrom([]string{"", "h100", "nvidia-a100"}).Draw(t, "kind")
		}
		j.Shape = append(j.Shape, n)
	}
	h.jobs[j.ID] = &account{Job: j, waits: map[int32]time.Time{}, holds: map[int32][]Slot{}}
	h.state.Apply(JobAccepted{j})
}

// pick draws one of the jobs; nil if there is none.
func (h *history) pick(t *rapid.T) *account {
	var ids []job.ID
	for id := job.ID(1); id <= h.last; id++ {
		if h.jobs[id] != nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		t.Skip("no jobs")
	}
	return h.jobs[rapid.SampledFrom(ids).Draw(t, "job")]
}

// endChild ends a child that runs; some wait again.
func (h *history) endChild(t *rapid.T) {
	a := h.pick(t)
	for child := range a.Size {
		if a.holds[child] == nil || !rapid.Bool().Draw(t, "this one") {
			continue
		}
		delete(a.holds, child)
		h.state.Apply(ChildEnded{a.ID, child})
		if rapid.Bool().Draw(t, "again") {
			until := h.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "delay")) * time.Second)
			a.waits[child] = until
			h.state.Apply(ChildQueued{a.ID, child, until})
		}
	}
}

func (h *history) pause(t *rapid.T) {
	a := h.pick(t)
	a.pause = !a.pause
	h.state.Apply(JobSuspended{a.ID, a.pause})
}

func (h *history) remove(t *rapid.T) {
	a := h.pick(t)
	delete(h.jobs, a.ID)
	h.state.Apply(JobEnded{a.ID})
}

// plan checks a plan and carries it out.
func (h *history) plan(t *rapid.T) {
	p := h.state.Plan(h.now)
	if again := h.state.Plan(h.now); !cmp.Equal(p, again) {
		t.Fatalf("a plan made twice differs:\n%s", cmp.Diff(p, again))
	}
	if rebuilt := h.rebuild().Plan(h.now); !cmp.Equal(p, rebuilt) {
		t.Fatalf("a state that was rebuilt plans otherwise (-folded +rebuilt):\n%s", cmp.Diff(p, rebuilt))
	}
	for _, s := range p.Starts {
		a := h.jobs[s.Job]
		if a.pause {
			t.Fatalf("child %d of job %d starts though the job is suspended", s.Child, s.Job)
		}
		if until, waits := a.waits[s.Child]; waits && until.After(h.now) {
			t.Fatalf("child %d of job %d starts before its time", s.Child, s.Job)
		} else if !waits && s.Child != a.next {
			t.Fatalf("child %d of job %d starts, and it is child %d's turn", s.Child, s.Job, a.next)
		} else if !waits {
			a.next++
		}
		delete(a.waits, s.Child)
		a.holds[s.Child] = s.Slots
		h.state.Apply(ChildStarted(s))
	}
	h.checkRoom(t, p)
	h.checkOrder(t, p)
	h.checkWaits(t)
}

// due reports whether a child of a job could start, room aside.
func (h *history) due(a *account) bool {
	if a.pause || a.MaxRunning > 0 && len(a.holds) >= int(a.MaxRunning) {
		return false
	}
	for _, until := range a.waits {
		if !until.After(h.now) {
			return true
		}
	}
	return a.next < a.Size
}

// rebuild makes a state of the account alone.
func (h *history) rebuild() *State {
	s := NewState()
	for id := h.last; id > 0; id-- { // another order than that in which they came
		a := h.jobs[id]
		if a == nil {
			continue
		}
		j := a.Job
		j.Next = a.next
		s.Apply(JobAccepted{j})
		if a.pause {
			s.Apply(JobSuspended{id, true})
		}
		for child := range a.Size {
			if slots := a.holds[child]; slots != nil {
				s.Apply(ChildStarted{id, child, slots})
			}
			if until, waits := a.waits[child]; waits {
				s.Apply(ChildQueued{id, child, until})
			}
		}
	}
	for _, name := range []string{"q1", "q0"} {
		s.Apply(QueueChanged{h.queues[name]})
	}
	for _, name := range []string{"n2", "n1", "n0"} {
		if n, ok := h.nodes[name]; ok {
			s.Apply(NodeChanged{n})
		}
	}
	return s
}

// checkRoom holds that no GPU has two holders, that each slot is what was asked for, that a gang is whole, and that what
// started fits into nodes and queues together with what ran.
func (h *history) checkRoom(t *rapid.T, p Plan) {
	type gpu struct {
		node  string
		index int32
	}
	holder := map[gpu]job.ID{}
	used, queued := map[string]Amount{}, map[string]Amount{}
	for id, a := range h.jobs {
		for child, slots := range a.holds {
			queued[a.Queue] = queued[a.Queue].plus(total(a.Shape))
			rank := 0
			for _, need := range a.Shape {
				for range need.Replicas {
					slot := slots[rank]
					rank++
					used[slot.Node] = used[slot.Node].plus(Amount{need.Resources.MilliCPU, need.Resources.Memory, int64(need.Resources.GPUs)})
					if len(slot.GPUs) != int(need.Resources.GPUs) {
						t.Fatalf("job %d was given GPUs %v, and asked for %d", id, slot.GPUs, need.Resources.GPUs)
					}
					for _, index := range slot.GPUs {
						if other := holder[gpu{slot.Node, index}]; other != 0 {
							t.Fatalf("GPU %d of %s was given to jobs %d and %d", index, slot.Node, other, id)
						}
						holder[gpu{slot.Node, index}] = id
					}
				}
			}
			if rank != len(slots) {
				t.Fatalf("child %d of job %d has %d slots for %d replicas", child, id, len(slots), rank)
			}
		}
	}
	for _, s := range p.Starts {
		a := h.jobs[s.Job]
		if !queued[a.Queue].within(h.queues[a.Queue].Max) {
			t.Fatalf("job %d started over the bound of queue %s", s.Job, a.Queue)
		}
		if a.MaxRunning > 0 && len(a.holds) > int(a.MaxRunning) {
			t.Fatalf("job %d has %d children running, and allows %d", s.Job, len(a.holds), a.MaxRunning)
		}
		rank := 0
		for _, need := range a.Shape {
			for range need.Replicas {
				slot := s.Slots[rank]
				rank++
				n := h.nodes[slot.Node]
				if u := used[slot.Node]; !n.Ready || u.MilliCPU > n.MilliCPU || u.Memory > n.Memory {
					t.Fatalf("job %d started on %+v, of which %+v is used", s.Job, n, u)
				}
				for _, index := range slot.GPUs {
					if i := slices.IndexFunc(n.GPUs, func(g GPU) bool { return g.Index == index }); i < 0 || !KindMatches(need.Resources.GPUKind, n.GPUs[i].Kind) {
						t.Fatalf("job %d was given GPU %d of %+v, and wants kind %q", s.Job, index, n, need.Resources.GPUKind)
					}
				}
			}
		}
	}
}

// checkOrder holds that nothing started past a job of its queue that comes before it and still has a child to start.
func (h *history) checkOrder(t *rapid.T, p Plan) {
	for _, s := range p.Starts {
		late := h.jobs[s.Job]
		for id, a := range h.jobs {
			if a.Queue == late.Queue && h.due(a) && (a.Priority > late.Priority || a.Priority == late.Priority && id < late.ID) {
				t.Fatalf("job %d started past job %d", late.ID, id)
			}
		}
	}
}

// checkWaits holds that every job with a child to start has a reason, that no other has, and that the first of each
// queue really lacks room.
func (h *history) checkWaits(t *rapid.T) {
	reasons := map[job.ID]string{}
	for w := range h.state.Waits(h.now) {
		reasons[w.Job] = w.Reason
	}
	for id, a := range h.jobs {
		waits := a.next < a.Size || len(a.waits) > 0
		if (reasons[id] != "") != waits {
			t.Fatalf("job %d waits: %t, and the reason is %q", id, waits, reasons[id])
		}
		if reasons[id] == "is about to start" {
			t.Fatalf("job %d was not planned, and is about to start", id)
		}
	}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		t.Repeat(map[string]func(*rapid.T){
			"submit": h.submit,
			"plan":   h.plan,
			"end":    h.endChild,
			"remove": h.remove,
			"pause":  h.pause,
			"node":   func(t *rapid.T) { h.setNode(t, rapid.SampledFrom([]string{"n0", "n1", "n2"}).Draw(t, "node")) },
			"later":  func(*rapid.T) { h.now = h.now.Add(time.Second) },
		})
		h.plan(t)
	})
}

// TestFitsIsPlanned holds that what Fits accepts starts when nothing else is there, and what it refuses does not.
func TestFitsIsPlanned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		var nodes []Node
		for _, name := range []string{"n0", "n1", "n2"} {
			if n, ok := h.nodes[name]; ok {
				n.Ready = true
				h.nodes[name] = n
				h.state.Apply(NodeChanged{n})
				nodes = append(nodes, n)
			}
		}
		h.submit(t)
		a := h.jobs[1]
		a.Size = max(1, a.Size)
		h.state.Apply(JobEnded{1})
		h.state.Apply(JobAccepted{a.Job})
		groups := []string{"a", "b"}[:len(a.Shape)]
		err := Fits(a.Shape, groups, nodes, h.queues[a.Queue])
		if started := len(h.state.Plan(h.now).Starts) > 0; started != (err == nil) {
			t.Fatalf("started: %t, and Fits says %v", started, err)
		}
	})
}
