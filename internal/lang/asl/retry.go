package asl

import (
	"math"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// errorMatcher is the ErrorEquals of a retrier or a catcher.
type errorMatcher []string

// matches follows the developer guide's "Error names": States.Runtime can be dealt with by nobody, States.ALL is all
// else but States.DataLimitExceeded, States.TaskFailed all of that but timeouts, and a missed heartbeat is a timeout too.
func (m errorMatcher) matches(name string) bool {
	if name == errRuntime {
		return false
	}
	timeout := name == errTimeout || name == errHeartbeatTimeout
	return slices.ContainsFunc(m, func(want string) bool {
		switch want {
		case name:
			return true
		case errAll:
			return name != errDataLimitExceeded
		case errTaskFailed:
			return name != errDataLimitExceeded && !timeout
		case errTimeout:
			return timeout
		}
		return false
	})
}

// retrier is one element of Retry.
type retrier struct {
	errors      errorMatcher
	interval    int64 // seconds
	maxAttempts int
	backoff     float64
	maxDelay    int64 // seconds; 0: no bound
	jitter      bool  // JitterStrategy FULL
}

// The bounds that the developer guide gives.
const (
	maxSeconds    = 99999999
	maxMaxDelay   = 31622400
	maxAttempts   = 99999999
	defaultTries  = 3
	defaultFactor = 2.0
)

// delay is how long to wait after the retrier was used n times before. With FULL jitter it is drawn between nothing and
// the longest, to the millisecond.
func (r *retrier) delay(n int, entropy uint64) time.Duration {
	longest := r.longest(n)
	if !r.jitter {
		return longest
	}
	return time.Duration(entropy%uint64(longest.Milliseconds()+1)) * time.Millisecond
}

// longest is delay without jitter.
func (r *retrier) longest(n int) time.Duration {
	seconds := float64(r.interval) * math.Pow(r.backoff, float64(n))
	if r.maxDelay > 0 {
		seconds = min(seconds, float64(r.maxDelay))
	}
	return time.Duration(min(seconds, maxSeconds)*1000) * time.Millisecond
}

// catcher is one element of Catch.
type catcher struct {
	errors     errorMatcher
	to         *state
	resultPath referenceOrNull
	assign     template
	shape      template // Output, of JSONata; nil: the error output
}

// recover deals with the failure of the branch's state: by Retry, by Catch, or by failing the branch.
func (s *step) recover() (run.Event, error) {
	f, state := s.b.failure, s.b.state
	if i := state.retrierFor(f.Error); i >= 0 {
		r := &state.retry[i]
		if used := s.b.used(i); used < r.maxAttempts {
			return s.planRetry(i, r.delay(used, s.in.Entropy)), nil
		}
	}
	if i := state.catcherFor(f.Error); i >= 0 {
		return s.caught(&state.catch[i], f)
	}
	return s.fail(f), nil
}

// retrierFor is the index of the retrier that deals with an error, used up or not: the first that matches; -1: none.
func (s *state) retrierFor(name string) int {
	return slices.IndexFunc(s.retry, func(r retrier) bool { return r.errors.matches(name) })
}

// catcherFor is the index of the catcher that deals with an error that is not retried; -1: none.
func (s *state) catcherFor(name string) int {
	return slices.IndexFunc(s.catch, func(c catcher) bool { return c.errors.matches(name) })
}

// caught goes on at c's state.
func (s *step) caught(c *catcher, f run.Failure) (run.Event, error) {
	out := errorOutput(f)
	s.caughtError = out
	variables, err := evalAssign(s, c.assign, out)
	if err != nil {
		return run.Event{}, err
	}
	if c.shape != nil {
		output, err := s.bounded(c.shape.eval(s, out))
		if err != nil {
			return run.Event{}, err
		}
		return s.move(moved{to: c.to, caught: true, output: output, variables: variables}), nil
	}
	output, err := c.resultPath.of(s, out)
	if err != nil {
		return run.Event{}, err
	}
	return s.move(moved{to: c.to, caught: true, output: output, variables: variables}), nil
}

// used is how often retrier i was used since the state was entered.
func (b *branch) used(i int) int {
	if b.attempts == nil {
		return 0
	}
	return b.attempts[i]
}

// retryPlanned is the fact that the state is to be carried out again, when a timer has fired.
type retryPlanned struct {
	stamp
	retrier int
	timer   run.TimerID
}

func (s *step) planRetry(i int, delay time.Duration) run.Event {
	f := &retryPlanned{stamp: s.stamp(), retrier: i, timer: s.x.lastTimer + 1}
	return event(f, run.SetTimer{Timer: f.timer, At: s.in.Now.Add(delay)})
}

func (f *retryPlanned) Kind() run.EventKind { return kindRetryPlanned }

func (f *retryPlanned) events() uint64 { return 0 }

func (f *retryPlanned) apply(x *execution, b *branch) {
	if b.attempts == nil {
		b.attempts = make([]int, len(b.state.retry))
	}
	b.attempts[f.retrier]++
	b.retries++
	x.drop(b)
	b.result, b.mapRun = value.Value{}, nil
	b.phase = phaseBackoff
	x.openTimer(b, f.timer)
}

func (f *retryPlanned) history(*historian) {}

func (f *retryPlanned) Encode(e *value.Encoder) {
	f.encode(e)
	e.Uint(uint64(f.retrier))
	e.Uint(uint64(f.timer))
}

func (f *retryPlanned) decode(_ *Definition, d *value.Decoder) {
	f.stamp.decode(d)
	f.retrier = int(d.Uint())
	f.timer = run.TimerID(d.Uint())
}

// retried is the fact that a retrier's delay is over.
type retried struct{ stamp }

func (f *retried) Kind() run.EventKind { return kindRetried }

func (f *retried) events() uint64 { return 0 }

func (f *retried) apply(x *execution, b *branch) {
	x.closeOpen(b)
	b.phase = phaseEntered
}

func (f *retried) history(*historian) {}

func (f *retried) Encode(e *value.Encoder) { f.encode(e) }

func (f *retried) decode(_ *Definition, d *value.Decoder) { f.stamp.decode(d) }
