package asl

import (
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// choice is a Choice state: the first rule that holds says where to go.
type choice struct {
	rules  []rule
	orElse *state // Default; nil: none
}

// rule is one element of Choices.
type rule struct {
	holds  condition
	when   *expression // Condition, of JSONata; nil: holds counts
	to     *state
	assign template
	shape  template // Output, of JSONata; nil: the input
}

func (o *object) choice(s *state) action {
	s.flow = o.flow(hasAssign)
	c := &choice{}
	rules := o.objects("Choices", required)
	c.rules = make([]rule, len(rules))
	for i, r := range rules {
		c.rules[i].read(r)
		r.target(s, "Next", required, &c.rules[i].to)
		c.rules[i].assign = r.assign()
		r.close()
	}
	o.target(s, "Default", optional, &c.orElse)
	return c
}

// read reads what the rule asks, and what it makes of the input.
func (r *rule) read(o *object) {
	o.string("Comment")
	if !o.data {
		o.other("Condition", "Output")
		r.holds = o.condition()
		return
	}
	o.other("And", "Or", "Not", "Variable")
	o.other(comparators...)
	o.required("Condition")
	if v := o.any("Condition"); v.Kind() == value.Bool {
		r.holds = constant(v.Bool())
	} else {
		r.when = o.mustQuery("Condition")
	}
	r.shape = o.template("Output")
}

// matches reports whether the rule holds.
func (r *rule) matches(s *step, input value.Value) (bool, error) {
	if r.when == nil {
		return r.holds.eval(s.scope(input))
	}
	v, err := r.when.eval(s, input)
	if err == nil && v.Kind() != value.Bool {
		err = r.when.unexpected("boolean", v)
	}
	return v.Bool(), err
}

func (c *choice) enter(s *step) (run.Event, error) {
	flow := &s.b.state.flow
	input, err := flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	to, assign, shape := c.orElse, flow.assign, flow.shape
	for i := range c.rules {
		ok, err := c.rules[i].matches(s, input)
		if err != nil {
			return run.Event{}, err
		}
		if ok {
			to, assign, shape = c.rules[i].to, c.rules[i].assign, c.rules[i].shape
			break
		}
	}
	if to == nil {
		return run.Event{}, runtimeError("Failed to transition out of the state. The state does not point to a next state.")
	}
	variables, err := evalAssign(s, assign, input)
	if err != nil {
		return run.Event{}, err
	}
	output := input
	if shape != nil {
		output, err = s.bounded(shape.eval(s, input))
	} else {
		output, err = flow.outputPath.of(s, input)
	}
	if err != nil {
		return run.Event{}, err
	}
	return s.move(moved{to: to, output: output, variables: variables}), nil
}
