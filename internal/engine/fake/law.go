package fake

import (
	"fmt"
	"slices"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
)

// Starts says how often each process was started: the effects that a correct server causes once.
func (e *Engine) Starts() map[job.Proc]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	starts := make(map[job.Proc]int, len(e.procs))
	for id, p := range e.procs {
		if p.starts > 0 {
			starts[id] = p.starts
		}
	}
	return starts
}

// Violations says what a correct server never asks for and was asked for: a GPU for two processes at once, a GPU that
// the node does not have, more than a node holds.
func (e *Engine) Violations() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.violations)
}

// load is what the processes of a node take.
type load struct {
	milliCPU, memory int64
	gpus             map[int32]job.Proc
}

// occupy adds p to the load of its node, noting what is wrong about starting it there.
func (e *Engine) occupy(p *proc) {
	id, want := p.start.Proc, p.start.Process.Resources
	i := slices.IndexFunc(e.cfg.Nodes, func(n engine.Node) bool { return n.Name == p.start.Node })
	if i < 0 {
		e.violate("%s was started on node %q, which does not exist", id, p.start.Node)
		return
	}
	node, l := &e.cfg.Nodes[i], e.loads[p.start.Node]
	if l == nil {
		l = &load{gpus: map[int32]job.Proc{}}
		e.loads[node.Name] = l
	}
	l.milliCPU += want.MilliCPU
	l.memory += want.Memory
	if l.milliCPU > node.MilliCPU || l.memory > node.Memory {
		e.violate("%s was started on node %s, which is full: %d of %d mCPU, %d of %d bytes", id, node.Name, l.milliCPU, node.MilliCPU, l.memory, node.Memory)
	}
	for _, gpu := range p.start.GPUs {
		if !slices.ContainsFunc(node.GPUs, func(g engine.GPU) bool { return g.Index == gpu }) {
			e.violate("%s was given GPU %d of node %s, which does not exist", id, gpu, node.Name)
		}
		if holder, held := l.gpus[gpu]; held {
			e.violate("%s was given GPU %d of node %s, which %s has", id, gpu, node.Name, holder)
		}
		l.gpus[gpu] = id
	}
}

// vacate takes p off the load of its node.
func (e *Engine) vacate(p *proc) {
	l := e.loads[p.start.Node]
	if l == nil || p.begun.IsZero() {
		return
	}
	l.milliCPU -= p.start.Process.Resources.MilliCPU
	l.memory -= p.start.Process.Resources.Memory
	for _, gpu := range p.start.GPUs {
		if l.gpus[gpu] == p.start.Proc {
			delete(l.gpus, gpu)
		}
	}
}

func (e *Engine) violate(format string, args ...any) {
	e.violations = append(e.violations, fmt.Sprintf(format, args...))
}
