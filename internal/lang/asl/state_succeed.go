package asl

import "github.com/tutti-ml/tutti/internal/run"

// succeed is a Succeed state: its machine ends well.
type succeed struct{}

func (o *object) succeed(s *state) action {
	s.flow = o.flow(0)
	return succeed{}
}

func (succeed) enter(s *step) (run.Event, error) {
	input, err := s.b.state.flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	return s.leave(input)
}
