// Package sched is the queue's policy: which children of which jobs start now, and where. A State is folded from events
// and keeps its indexes; State.Plan reads it and decides. Nobody acts here: package dispatch makes a plan come true and
// tells the State what happened.
//
// The package is pure: no clock, no randomness, no I/O, no goroutine, nothing that depends on a map's order, and whole
// numbers in all that decides. So any moment can be replayed.
//
// The policy is first come first served: within a queue the job of higher priority goes first, then the one submitted
// first, and one that has no room holds up all behind it. Queues share the nodes in the order of their own priority.
package sched

import (
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// Node is a machine that jobs can be placed on.
type Node struct {
	Name     string
	Ready    bool
	Why      string // why it is not ready
	MilliCPU int64
	Memory   int64 // bytes
	GPUs     []GPU
}

// GPU is one accelerator of a node. It is given to one replica at a time.
type GPU struct {
	Index int32
	Kind  string
}

// Amount is so much of everything that is shared out.
type Amount struct {
	MilliCPU int64
	Memory   int64 // bytes
	GPUs     int64
}

// Queue is a line of jobs.
type Queue struct {
	Name     string
	Priority int32 // higher goes first
	// Max is how much the queue's jobs may hold at once; a zero field is no bound.
	Max Amount
	// Closed says why the queue starts nothing; empty: it does.
	Closed string
}

// Need is what each of some replicas takes for itself.
type Need struct {
	Replicas  int32
	Resources job.Resources
}

// Job is one entry of a queue: a job, or an array with all its children.
type Job struct {
	ID       job.ID
	Name     string
	Queue    string
	Priority int32
	Shape    []Need // of each child, group by group
	// Next is the first child that was never queued by ChildQueued nor started; those from Next up to Size wait.
	Next, Size int32
	MaxRunning int32 // children at once; 0: as many as there is room for
}

// Slot is the place of one replica.
type Slot struct {
	Node string
	GPUs []int32 // indices on the node
}

// Start says that a child is to start now, with a slot for each replica by rank.
type Start struct {
	Job   job.ID
	Child int32
	Slots []Slot
}

// Plan is what should be done now.
type Plan struct {
	Starts []Start
	// Next is when the plan may be different without anything having happened: the earliest delayed child. Zero: never.
	Next time.Time
}

// Wait says why a job is not running, or not with all its children.
type Wait struct {
	Job    job.ID
	Reason string // a clause without a subject, such as "waits for 2 GPUs: 1 of 8 free, held by train-7"
}

// Shape is what each child of spec needs. A replica that names no CPU is counted with defaultCPU.
func Shape(spec *job.Spec, defaultCPU int64) []Need {
	shape := make([]Need, 0, len(spec.Groups))
	for i := range spec.Groups {
		g := &spec.Groups[i]
		r := g.Process.Resources
		if r.MilliCPU == 0 {
			r.MilliCPU = defaultCPU
		}
		shape = append(shape, Need{g.Replicas, r})
	}
	return shape
}

// total is what a whole gang takes.
func total(shape []Need) Amount {
	var a Amount
	for _, n := range shape {
		k := int64(n.Replicas)
		a.MilliCPU += k * n.Resources.MilliCPU
		a.Memory += k * n.Resources.Memory
		a.GPUs += k * int64(n.Resources.GPUs)
	}
	return a
}

func (a Amount) plus(b Amount) Amount {
	return Amount{a.MilliCPU + b.MilliCPU, a.Memory + b.Memory, a.GPUs + b.GPUs}
}

func (a Amount) minus(b Amount) Amount {
	return Amount{a.MilliCPU - b.MilliCPU, a.Memory - b.Memory, a.GPUs - b.GPUs}
}

// within reports whether a exceeds none of max's bounds.
func (a Amount) within(max Amount) bool {
	return (max.MilliCPU == 0 || a.MilliCPU <= max.MilliCPU) &&
		(max.Memory == 0 || a.Memory <= max.Memory) &&
		(max.GPUs == 0 || a.GPUs <= max.GPUs)
}

// KindMatches reports whether a GPU of kind have is what somebody who asks for want means: want's words stand in have
// side by side, in any case and however they are joined, so that "nvidia-h100" and "H100" mean "NVIDIA H100 80GB HBM3".
// An empty want matches every kind.
func KindMatches(want, have string) bool {
	return want == "" || want == have || strings.Contains(words(have), words(want))
}

func words(kind string) string {
	fields := strings.FieldsFunc(strings.ToLower(kind), func(r rune) bool { return r == ' ' || r == '-' || r == '_' || r == '/' })
	return " " + strings.Join(fields, " ") + " "
}
