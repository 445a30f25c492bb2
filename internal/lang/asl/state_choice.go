package asl

import (
	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/run"
)

// choice is a Choice state: the first rule that holds says where to go.
type choice struct {
	rules  []rule
	orElse *state // Default; nil: none
}

// rule is one element of Choices.
type rule struct {
	holds  condition
	to     *state
	assign *expr.Template
}

func (o *object) choice(s *state) action {
	s.flow = o.flow(hasAssign)
	c := &choice{}
	rules := o.objects("Choices", required)
	c.rules = make([]rule, len(rules))
	for i, r := range rules {
		c.rules[i].holds = r.condition()
		r.target(s, "Next", required, &c.rules[i].to)
		c.rules[i].assign = r.assign()
		r.close()
	}
	o.target(s, "Default", optional, &c.orElse)
	return c
}

func (c *choice) enter(s *step) (run.Event, error) {
	flow := &s.b.state.flow
	input, err := flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	to, assign := c.orElse, flow.assign
	for i := range c.rules {
		ok, err := c.rules[i].holds.eval(s.scope(input))
		if err != nil {
			return run.Event{}, err
		}
		if ok {
			to, assign = c.rules[i].to, c.rules[i].assign
			break
		}
	}
	if to == nil {
		return run.Event{}, &stateError{errNoChoiceMatched, "Failed to transition out of the state. The state does not point to a next state."}
	}
	variables, err := evalAssign(s, assign, input)
	if err != nil {
		return run.Event{}, err
	}
	output, err := flow.outputPath.of(s, input)
	if err != nil {
		return run.Event{}, err
	}
	return s.move(moved{to: to, output: output, variables: variables}), nil
}
