package asl

import (
	"slices"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// fanout is what a Parallel or a Map has under way. The branches themselves are its branch's children.
type fanout struct {
	outputs []value.Value // by index; Absent for what has not ended, or failed
	started int           // branches or iterations
	ended   int
	failed  int // of those that ended

	// Of a Map alone; see mapStarted.
	items     value.Value
	input     value.Value
	batch     batching
	taken     int // items that were handed out
	limit     int // iterations at a time; 0: any number
	tolerance int // failures that the state survives; -1: it declares none
}

// canStart reports whether another iteration may be started now.
func (f *fanout) canStart() bool {
	return f.taken < f.items.Len() && (f.limit == 0 || f.started-f.ended < f.limit)
}

// done reports whether everything was started and has ended.
func (f *fanout) done() bool { return f.ended == f.started && f.taken == f.items.Len() }

func (f *fanout) succeeded(index int, output value.Value) {
	if index >= len(f.outputs) {
		f.outputs = append(f.outputs, make([]value.Value, index+1-len(f.outputs))...)
	}
	f.outputs[index] = output
}

// causeTolerated is the cause of errTolerated.
const causeTolerated = "The specified tolerated failure threshold was exceeded"

// verdict says whether a further failure of a branch fails the whole state, and how.
func (f *fanout) verdict(of run.Failure) (fatal bool, whole run.Failure) {
	switch {
	case f.tolerance < 0:
		return true, of
	case f.failed+1 > f.tolerance:
		return true, run.Failure{Error: errTolerated, Cause: causeTolerated}
	}
	return false, run.Failure{}
}

// result is the array of what the branches gave. Those that failed and were tolerated are left out.
func (f *fanout) result() value.Value {
	outputs := f.outputs
	if f.failed > 0 {
		outputs = slices.DeleteFunc(slices.Clone(outputs), value.Value.IsAbsent)
	}
	return value.NewArray(outputs...)
}

// childEnded goes on with p after one of its branches ended; last is the latest history event of that.
func (x *execution) childEnded(p *branch, last uint64) {
	p.fanout.ended++
	if p.fanout.done() {
		p.last, p.phase = last, phaseResult
	}
	x.settle(p)
}

// fansOut reports whether the state has branches of its own.
func (s *state) fansOut() bool { return s.kind == parallelState || s.kind == mapState }
