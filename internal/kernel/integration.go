package kernel

import (
	"context"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Task is a StartTask on its way to whatever does it.
type Task struct {
	Run   *store.Run // the run it belongs to; not to be changed
	Order run.StartTask
	// Key names the task for good: the same after a crash, different for every other task, retries included.
	Key string
	// Begun is for a Doer that waits for the end of what it began elsewhere: it tells what the beginning gave, once. Where
	// Order.Submitted is set, a server before this one was told; a Looker then finds it as Order.Submission.
	Begun func(value.Value)
}

// Class says what a crash between a task's effect and our commit means.
type Class uint8

// The classes of effect.
const (
	// Durable tasks are rows: a job or a child run, inserted in the transaction that orders them.
	Durable Class = iota + 1
	// Idempotent tasks may be repeated with their Key without harm.
	Idempotent
	// Queryable tasks are looked for before they are repeated.
	Queryable
	// AtMostOnce tasks are not repeated: after a crash they fail with run.ErrOutcomeUnknown.
	AtMostOnce
	// AtLeastOnce tasks are repeated, and their owner has said that this is fine.
	AtLeastOnce
)

func (c Class) String() string {
	return [...]string{"", "durable", "idempotent", "queryable", "at most once", "at least once"}[c]
}

// Integration does what the resource of a task means. A Durable one implements Ledger or Queue, all others Doer; a
// Queryable one Looker besides. Any may be a Checker.
//
// A task with run.StartTask.Callback is ended by whoever holds its token (Kernel.EndTask); what its Ledger or Doer gives
// is then the submission, and only a failure is its end.
type Integration interface{ Class() Class }

// Checker is an Integration that refuses some tasks before they are so much as scheduled.
type Checker interface {
	Integration
	// Check says why the task fails its state at once, without a trace of it in the history; nil: it is scheduled. It
	// reads, and changes nothing. An error is ours.
	Check(ctx context.Context, t Task) (*run.Failure, error)
}

// Queue is an Integration whose tasks wait for workers outside, who take them up with Kernel.TakeTask. Its methods are
// called under a lock: they return at once, and call nothing of the kernel's.
type Queue interface {
	Integration
	// Offer makes a task known that nobody has taken up yet. It is called when the order is durable, and again whenever
	// its run was loaded; a task is the same by its Key.
	Offer(t Task)
	// Withdraw forgets a task that is of no more interest, by its Key.
	Withdraw(key string)
}

// Ledger is an integration whose effect is rows.
type Ledger interface {
	Integration
	// Begin says which rows the task is. It reads, for instance the catalogue, and changes nothing. What cannot be
	// begun is an Outcome with a Failure; an error is ours, and the kernel tries again later.
	Begin(ctx context.Context, t Task) (Rows, error)
	// End turns the end of the row into the task's outcome.
	End(ctx context.Context, t Task, e Ended) (run.Outcome, error)
}

// Rows is what a durable task inserts, and what is known at once.
type Rows struct {
	Job *job.Job // Name and Spec; the kernel fills in the rest, with the task's Key
	Run *NewRun
	// Submitted describes the submission (TaskSubmitted); absent: the resource says nothing at that point. Ref stands
	// in for the id of the job or the run, which is not known yet.
	Submitted func(ref Ref) value.Value
	// Outcome, where set, ends the task at once: a failure, or a task that does not wait. Rows are inserted all the same
	// unless it failed.
	Outcome func(ref Ref) run.Outcome
	// Detached rows are on their own: their end is not awaited, and the end of the run does not stop them.
	Detached bool
}

// Ref is what Rows became.
type Ref struct {
	Job job.ID
	Run run.ID
	// RunName is the name of the new run.
	RunName string
}

// NewRun asks for a child run.
type NewRun struct {
	Name     string // empty: one is made up
	Machine  string
	Language string
	Source   []byte // of the definition
	Input    value.Value
	Labels   map[string]string
	// Attributes, where set, are the new run's: store.Run.Attributes.
	Attributes func(ref Ref) value.Value
}

// Ended is a row that ended.
type Ended struct {
	Job *job.Job // with Spec
	Run *store.Run
}

// Doer is an integration that acts.
type Doer interface {
	Integration
	// Do carries the task out and returns when it ended. beat says that it is alive. What it returns when ctx is done is
	// ignored: the cause of ctx is ErrGivenUp where the task is of no more interest, and what it began is to be stopped;
	// with another cause a later server goes on with it.
	Do(ctx context.Context, t Task, beat func()) run.Outcome
}

// Looker is a Doer that can find out what became of a task.
type Looker interface {
	Doer
	// Look finds the outcome of a task that may have been begun before a crash; found is false where it was not.
	Look(ctx context.Context, t Task) (o run.Outcome, found bool, err error)
}

// Integrations finds the integration of a resource by its name in the file; nil where there is none.
type Integrations func(resource string) Integration
