package dispatch

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
)

// Explain says in a clause what a job that has not ended waits for, such as "waits for 2 GPUs: 1 of 8 free, held by
// train-7"; empty where nothing of it waits or the job is not open.
func (d *Dispatcher) Explain(id job.ID) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	j := d.jobs[id]
	switch {
	case j == nil || j.row.State.Ended():
		return ""
	case j.ending != nil:
		return "is being stopped: " + j.ending.why
	case j.held:
		return d.heldFor(j)
	case j.row.Held() && j.row.Counts.Queued > 0:
		return suspended
	}
	why := d.state.Why(id, d.o.Now())
	if why != "" && len(d.orphans) > 0 {
		return fmt.Sprintf("waits for the end of %d processes that were found at the start and belong to no job", len(d.orphans))
	}
	return why
}

// suspended is why a job waits that somebody holds back.
const suspended = "is suspended: 'tutti resume' lets it go on"

// heldFor says why a job takes no part in planning.
func (d *Dispatcher) heldFor(j *openJob) string {
	if len(j.waitsFor) == 0 {
		return suspended
	}
	names := make([]string, len(j.waitsFor))
	for i, id := range j.waitsFor {
		if names[i] = fmt.Sprint(id); d.jobs[id] != nil {
			names[i] = d.jobs[id].row.Name
		}
	}
	return "waits for the end of " + strings.Join(names, ", ")
}

// NodeUse is a node of the engine, with what jobs hold of it.
type NodeUse struct {
	engine.Node
	Used    sched.Amount
	Holders []string // names of jobs, beside GPUs; empty: free
}

// Nodes lists the engine's nodes.
func (d *Dispatcher) Nodes() []NodeUse {
	d.mu.Lock()
	defer d.mu.Unlock()
	used := map[string]sched.NodeUse{}
	for _, u := range d.state.Nodes() {
		used[u.Name] = u
	}
	list := make([]NodeUse, len(d.nodes))
	for i, n := range d.nodes {
		u := used[n.Name]
		list[i] = NodeUse{Node: n, Used: u.Used, Holders: make([]string, len(n.GPUs))}
		for k, g := range n.GPUs {
			list[i].Holders[k] = d.holder(u, g.Index)
		}
	}
	return list
}

// holder names the job that has a GPU.
func (d *Dispatcher) holder(u sched.NodeUse, index int32) string {
	for i, g := range u.GPUs {
		if j := d.jobs[u.Holders[i]]; g.Index == index && j != nil {
			return j.row.Name
		}
	}
	return ""
}

// Queues lists the queues that jobs have used, with what their jobs hold.
func (d *Dispatcher) Queues() []sched.QueueUse {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.Queues()
}

// placingAll is what the policy needs to know of all nodes.
func (d *Dispatcher) placingAll() []sched.Node {
	nodes := make([]sched.Node, len(d.nodes))
	for i, n := range d.nodes {
		nodes[i] = placing(n)
	}
	return nodes
}
