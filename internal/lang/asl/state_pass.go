package asl

import (
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// pass is a Pass state: its input, or a fixed Result, is its result.
type pass struct {
	result value.Value // Absent: the effective input
}

func (o *object) pass(s *state) action {
	if o.data {
		s.flow = o.flow(hasAssign)
		return &pass{}
	}
	s.flow = o.flow(hasParameters | hasResultPath | hasAssign)
	return &pass{result: o.any("Result")}
}

func (p *pass) enter(s *step) (run.Event, error) {
	if !p.result.IsAbsent() {
		s.see(StageResult, p.result)
		return s.leave(p.result) // whatever the input is
	}
	flow := &s.b.state.flow
	result, err := flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	if result, err = flow.arguments(s, result); err != nil {
		return run.Event{}, err
	}
	return s.leave(result)
}
