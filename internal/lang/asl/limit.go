package asl

import (
	"cmp"
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Limits bound what an execution may use. What is zero is not bounded, but for Payload and Literal, which have the
// values of WideLimits. They hold for what is decided from now on: a log that was written under others folds all the same.
type Limits struct {
	// Payload is the size in bytes of JSON up to which an input, an output, a task's result or the variables of a state
	// may grow. Without a bound a loop that doubles its input would fill the disk in thirty rounds.
	Payload int
	// Literal is the size in bytes of JSON up to which the Result of a Pass may be written down in a definition. What is
	// larger is data, and comes as input or from a task.
	Literal int
	// Events is how many history events an execution may have.
	Events uint64
	// Concurrency is how many iterations of an inline Map may be under way.
	Concurrency int
	// Children is how many child executions of a map run may be under way.
	Children int
}

// WideLimits are those of Tutti. A literal has Step Functions' limit here too.
var WideLimits = Limits{Payload: 64 << 20, Literal: 256 << 10}

// AWSLimits are those of Step Functions ("Service quotas" in its developer guide).
var AWSLimits = Limits{Payload: 256 << 10, Literal: 256 << 10, Events: 25_000, Concurrency: 40, Children: 10_000}

func (l Limits) orWide() Limits {
	l.Payload = cmp.Or(l.Payload, WideLimits.Payload)
	l.Literal = cmp.Or(l.Literal, WideLimits.Literal)
	return l
}

// tooLarge is the failure of a result that exceeds the limit; of is the state, or what kind of task it was.
func tooLarge(of string) run.Failure {
	return run.Failure{
		Error: errDataLimitExceeded,
		Cause: fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", of),
	}
}

// bounded passes what an evaluation gave on, unless it is too large.
func (s *step) bounded(v value.Value, err error) (value.Value, error) {
	if err == nil && v.Size() > s.x.def.limits.Payload {
		f := tooLarge(s.b.state.name)
		err = &stateError{f.Error, f.Cause}
	}
	return v, err
}
