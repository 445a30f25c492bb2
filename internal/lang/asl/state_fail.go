package asl

import "github.com/tutti-ml/tutti/internal/run"

// fail is a Fail state: its machine fails.
type fail struct {
	err   text
	cause text
}

func (o *object) fail(*state) action {
	return &fail{err: o.text("Error"), cause: o.text("Cause")}
}

func (f *fail) enter(s *step) (run.Event, error) {
	if !s.b.state.data {
		s.see(StageInputPath, s.b.input) // it has no InputPath; TestState shows one all the same
	}
	name, err := f.err.of(s)
	if err != nil {
		return run.Event{}, err
	}
	cause, err := f.cause.of(s)
	if err != nil {
		return run.Event{}, err
	}
	return event(s.stateFailed(run.Failure{Error: name, Cause: cause})), nil
}
