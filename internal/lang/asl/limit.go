package asl

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Limits bound what an execution may use. What is zero is not bounded, but for Payload, which has the value of
// WideLimits. They hold for what is decided from now on: a log that was written under others folds all the same.
type Limits struct {
	// Payload is the size in bytes of JSON up to which an input, an output, a task's result or the variables of a state
	// may grow. Without a bound a loop that doubles its input would fill the disk in thirty rounds.
	Payload int
	// Events is how many history events an execution may have.
	Events uint64
	// Concurrency is how many iterations of an inline Map may be under way.
	Concurrency int
}

// WideLimits are those of Tutti: payloads of 64 MiB.
var WideLimits = Limits{Payload: 64 << 20}

// AWSLimits are those of Step Functions ("Service quotas" in its developer guide).
var AWSLimits = Limits{Payload: 256 << 10, Events: 25_000, Concurrency: 40}

func (l Limits) orWide() Limits {
	if l.Payload == 0 {
		l.Payload = WideLimits.Payload
	}
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

// withinHistory is ev, or the end of the execution where its history would grow too long with ev.
func (s *step) withinHistory(ev run.Event) run.Event {
	limit, next := s.x.def.limits.Events, s.x.position+ev.Fact.(fact).events()
	if limit == 0 || next < limit || next == limit && endsRun(ev) {
		return ev
	}
	f := &runFailed{stamp: s.stamp(), status: run.Failed, failure: run.Failure{
		Error: errRuntime,
		Cause: fmt.Sprintf("The execution reached the maximum number of history events (%d).", limit),
	}}
	f.prev = s.x.position
	return event(f, s.endOrders(f)...)
}

func endsRun(ev run.Event) bool {
	for _, o := range ev.Orders {
		if _, ends := o.(run.EndRun); ends {
			return true
		}
	}
	return false
}
