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
	s.flow = o.flow(hasParameters | hasResultPath | hasAssign)
	if o.data {
		o.other("Result")
		return &pass{}
	}
	p := &pass{result: o.any("Result")}
	if looksDynamic(p.result) {
		o.c.warnAs(codeStaticResult, o.at.at("Result"), "The Result of a Pass state is static: a path or a call in it is text. Parameters evaluates them.")
	}
	return p
}

func (p *pass) enter(s *step) (run.Event, error) {
	if !p.result.IsAbsent() {
		if p.result.Size() > s.x.def.limits.Literal {
			f := tooLarge(s.b.state.name)
			return run.Event{}, &stateError{f.Error, f.Cause}
		}
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
