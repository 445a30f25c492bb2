package asl

import (
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// The kinds of fact. Logs hold them: a kind is never removed or given another meaning.
const (
	kindStarted run.EventKind = iota + 1
	kindMoved
	kindStateFailed
	kindRunFailed
	kindBranchFailed
	kindRetryPlanned
	kindRetried
	kindTaskScheduled
	kindTaskSubmitted
	kindTaskBeat
	kindTaskSucceeded
	kindTaskFailed
	kindWaitStarted
	kindParallelStarted
	kindMapStarted
	kindIterationStarted
	kindBegun           // started with attributes
	kindTaskScheduledIn // taskScheduled in a region
	kindStateFailedAt
	kindBranchFailedAt
	kindMapOpened
	kindMapRunStarted
	kindMapRunEnded
	kindHistoryFull
	kindRedriven
	kindMapRunRedriven
)

// fact is a run.Fact that can be read back, folded and shown.
type fact interface {
	run.Fact
	decode(*Definition, *value.Decoder)
	// base is the common part.
	base() *stamp
	// events is how many history events the fact is.
	events() uint64
	// apply folds the fact; b is the branch that it is about, nil where it begins with the fact.
	apply(x *execution, b *branch)
	// history adds the fact's history events.
	history(*historian)
}

func newFact(kind run.EventKind) fact {
	switch kind {
	case kindStarted, kindBegun:
		return &started{kind: kind}
	case kindMoved:
		return new(moved)
	case kindStateFailed:
		return &stateFailed{old: true}
	case kindStateFailedAt:
		return new(stateFailed)
	case kindRunFailed:
		return new(runFailed)
	case kindBranchFailed:
		return &branchFailed{old: true}
	case kindBranchFailedAt:
		return new(branchFailed)
	case kindRetryPlanned:
		return new(retryPlanned)
	case kindRetried:
		return new(retried)
	case kindTaskScheduled, kindTaskScheduledIn:
		return &taskScheduled{kind: kind}
	case kindTaskSubmitted:
		return new(taskSubmitted)
	case kindTaskBeat:
		return new(taskBeat)
	case kindTaskSucceeded:
		return new(taskSucceeded)
	case kindTaskFailed:
		return new(taskFailed)
	case kindWaitStarted:
		return new(waitStarted)
	case kindParallelStarted:
		return new(parallelStarted)
	case kindMapStarted:
		return new(mapStarted)
	case kindIterationStarted:
		return new(iterationStarted)
	case kindMapOpened:
		return new(mapOpened)
	case kindMapRunStarted:
		return new(mapRunStarted)
	case kindMapRunEnded:
		return new(mapRunEnded)
	case kindHistoryFull:
		return new(historyFull)
	case kindRedriven:
		return new(redriven)
	case kindMapRunRedriven:
		return new(mapRunRedriven)
	}
	return nil
}

// stamp is what every fact says: when it happened, to which branch, and where its events stand in the history.
type stamp struct {
	at     time.Time
	branch branchID
	first  uint64 // id of the fact's first history event, or of the next to come
	prev   uint64 // the branch's latest history event before it
}

func (s *stamp) base() *stamp { return s }

func (s *stamp) encode(e *value.Encoder) {
	e.Time(s.at)
	e.Uint(uint64(s.branch))
	e.Uint(s.first)
	e.Uint(s.first - s.prev)
}

func (s *stamp) decode(d *value.Decoder) {
	s.at = d.Time()
	s.branch = branchID(d.Uint())
	s.first = d.Uint()
	s.prev = s.first - d.Uint()
}

func encodeFailure(e *value.Encoder, f run.Failure) {
	e.Text(f.Error)
	e.Text(f.Cause)
}

func decodeFailure(d *value.Decoder) run.Failure {
	return run.Failure{Error: d.Text(), Cause: d.Text()}
}
