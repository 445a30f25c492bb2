// Package run holds the words of runs: what a run is, what can happen to it, and what it can order. A run is one
// execution of a definition (a Step Functions "execution", an Argo "workflow", a KFP "run").
//
// It holds types only. Languages (lang/...) decide with them, the kernel carries their orders out.
package run

import (
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

// ID is a run's number within its store, given in order of creation.
type ID int64

// TaskID numbers the tasks of one run in the order they were started, from 1.
type TaskID uint64

// TimerID numbers the timers of one run as its language sees fit.
type TimerID uint64

// Status is where a run stands.
type Status uint8

// A run is Running until it ends one of the other ways. Quarantined is a run whose decider panicked: it stands still,
// keeps everything, and goes on when a server that can decide it loads it, or is aborted.
const (
	Running Status = iota + 1
	Succeeded
	Failed
	TimedOut
	Aborted
	Quarantined
)

var statusNames = [...]string{"", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "QUARANTINED"}

func (s Status) String() string { return statusNames[s] }

// ParseStatus is the inverse of String; ok is false for an unknown name.
func ParseStatus(name string) (s Status, ok bool) {
	for i, n := range statusNames {
		if i > 0 && n == name {
			return Status(i), true
		}
	}
	return 0, false
}

// Ended reports whether nothing more can happen to the run.
func (s Status) Ended() bool { return s != Running && s != Quarantined }

// Failure is how a task or a run fails: a name that Retry and Catch match, and a text for people.
type Failure struct {
	Error string
	Cause string
}

// Outcome is how a task ended: well with Output, or with Failure.
type Outcome struct {
	Output  value.Value
	Failure *Failure
}

// Fail is the outcome of a task that failed.
func Fail(name, cause string) Outcome { return Outcome{Failure: &Failure{Error: name, Cause: cause}} }

// Done is the outcome of a task that gave output.
func Done(output value.Value) Outcome { return Outcome{Output: output} }

// Errors of our own, beside the language's. Retry and Catch can name them.
const (
	// ErrOutcomeUnknown fails an at-most-once task of which a crash left unknown whether it was done.
	ErrOutcomeUnknown = "Tutti.OutcomeUnknown"
	// ErrInternal fails a task whose integration broke; it says so in its cause.
	ErrInternal = "Tutti.Internal"
)

// InputKind says what an Input tells a run.
type InputKind uint8

// The kinds of Input, with the fields each fills beside Now and Entropy.
const (
	Start         InputKind = iota + 1 // the run begins: Value is its input, Attributes what it was started with
	Step                               // go on: the next small step that can be taken without waiting
	TaskSubmitted                      // Task was accepted by what carries it out: Value describes it
	TaskEnded                          // Task ended: Outcome
	TaskBeat                           // Task is alive
	Refused                            // the StartTask that the last Step gave is refused, and its events with it: Outcome says why
	TimerFired                         // Timer is due
	Cancel                             // stop everything and end as Aborted: Outcome.Failure holds the caller's error and cause
	Signal                             // Name and Value from outside
	Redrive                            // the run ended, but not well, and is to go on: what did not come to its end is done again
)

// Input is one thing that happens to a run. The kernel may deliver an input twice after a crash, and one that is no
// longer of interest (the end of a task that was cancelled): a language ignores both.
type Input struct {
	Kind    InputKind
	Now     time.Time // UTC, whole milliseconds, never before that of an earlier input of the run
	Entropy uint64    // differs for every event sequence number of every run; the same when decided again
	Task    TaskID
	Timer   TimerID
	Outcome Outcome
	Status  Status // TaskEnded of a StartRun: how the child ended; otherwise 0
	Name    string
	Value   value.Value
	// Token gives a task of the run the word with which whoever holds it ends the task from outside: the same whenever it is
	// asked, another for each task, and not to be guessed. Nil where nobody could use one.
	Token func(TaskID) string
	// Attributes are what the front door that started the run keeps with it, such as the role it acts under: an object, or
	// absent. A language may know some of them.
	Attributes value.Value
}

// EventKind numbers a language's kinds of fact. Kinds are never removed or given another meaning: logs hold them.
type EventKind uint8

// Fact is what happened, in a language's own words. It carries everything Apply needs.
type Fact interface {
	Kind() EventKind
	Encode(*value.Encoder)
}

// Event is one step of a run: the fact, and what follows for the world. Orders are not stored: what is still to be
// done can be read off the folded state (State.Pending), timers and children have rows of their own.
type Event struct {
	Fact   Fact
	Orders []Order
}

// Order is one thing the kernel is to carry out once the event is durable: StartTask, CancelTask, SetTimer, StartRun,
// RedriveRun, StopRun or EndRun.
type Order interface{ order() }

// StartTask has a resource do something. Its end comes back as TaskEnded.
type StartTask struct {
	Task        TaskID
	Resource    string // as the file names it, such as arn:aws:states:::batch:submitJob.sync
	Payload     value.Value
	Credentials value.Value // as the file gives them; absent if none
	Deadline    time.Time   // the latest moment the run is interested; zero if none
	Label       string      // the state or template it belongs to, for people
	// Callback says that the task is ended from outside, by whoever holds its token: what carries it out only submits it,
	// and what that gave is TaskSubmitted. Only a failure to submit it ends the task.
	Callback bool
	// Submitted says, of a task in State.Pending, that it has been TaskSubmitted. Submission is what described it then; it
	// is absent with a Callback.
	Submitted  bool
	Submission value.Value
	// Redrive is, of a task in State.Pending that a RedriveRun began, that order; nil of any other.
	Redrive *RedriveRun
}

// CancelTask says that the end of Task is of no more interest; what it started is stopped.
type CancelTask struct{ Task TaskID }

// SetTimer has Timer fire at At, replacing an earlier setting; the zero At clears it.
type SetTimer struct {
	Timer TimerID
	At    time.Time
}

// StartRun makes a child run in the transaction of the event; its end comes back as TaskEnded of Task, with the child's
// output or failure.
type StartRun struct {
	Task       TaskID
	Definition value.Digest // zero: the parent's own
	Part       string       // which part of the definition; empty: the whole
	Name       string
	// Group, where set, has the child listed apart from the runs of its machine: under MACHINE/GROUP.
	Group      string
	Input      value.Value
	Attributes value.Value // absent: the parent's own
}

// RedriveRun takes a child run up again that ended, or is about to, as Redrive does: the child that the run started under
// Name and Group (see StartRun). Its end comes back as TaskEnded of Task; where it cannot be taken up, the end that it
// had does.
type RedriveRun struct {
	Task  TaskID
	Name  string
	Group string
}

// StopRun cancels the child run of Task.
type StopRun struct{ Task TaskID }

// EndRun ends the run.
type EndRun struct {
	Status Status
	Outcome
}

func (StartTask) order()  {}
func (CancelTask) order() {}
func (SetTimer) order()   {}
func (StartRun) order()   {}
func (RedriveRun) order() {}
func (StopRun) order()    {}
func (EndRun) order()     {}

// State is where one run of a definition stands. The kernel owns it alone: no method is called from two goroutines, and
// none reads a clock, draws a random number, does I/O or depends on a map's order.
type State interface {
	// Decide says what follows from in, as few events as make one step. No event means that nothing follows; after Redrive,
	// that the run cannot be taken up again. The kernel
	// applies the events before it decides again, and gives Step until nothing follows. An error means that the state
	// makes no sense; it quarantines the run. A run that fails is an EndRun, not an error.
	Decide(in Input) ([]Event, error)
	// Apply folds a fact into the state. It cannot fail, and never evaluates an expression.
	Apply(Fact)
	// Pending yields the tasks that were started and have not ended, in order; those of StartRun without a Resource.
	Pending(yield func(StartTask) bool)
	// Position counts what the run's history shows so far; paging searches by it.
	Position() uint64
	// Encode writes a snapshot that Definition.DecodeState reads.
	Encode(*value.Encoder)
}

// Definition is a parsed, valid file. It is immutable and shared by all runs of it.
type Definition interface {
	// NewState is the state before Start.
	NewState() State
	// DecodeState reads what State.Encode wrote, now or in an earlier release. It checks the decoder's Err itself.
	DecodeState(*value.Decoder) (State, error)
	// DecodeFact reads what Fact.Encode wrote, now or in an earlier release.
	DecodeFact(EventKind, *value.Decoder) (Fact, error)
}

// Parted is a Definition with parts that runs of their own can execute, such as the item processor of a distributed Map.
type Parted interface {
	// Part is the definition of the part that StartRun.Part names.
	Part(name string) (Definition, error)
}

// Language turns a file into a Definition.
type Language interface {
	// Name is a short lower-case word, such as asl. Stored runs refer to it.
	Name() string
	// Compile parses and checks a file. Its error is a Problems with every fault.
	Compile(source []byte) (Definition, error)
}

// Problem is one fault of a file.
type Problem struct {
	Pointer string // JSON pointer to the place, such as /States/Train/Retry/0/ErrorEquals; empty: the whole file
	Line    int    // from 1; 0 if not known
	Column  int
	Code    string // such as MISSING_TRANSITION_TARGET
	Text    string // what is wrong, in the words of the system that the file is for where it has some
	Hint    string // what would be right, where Text leaves that open
	Warning bool   // the file is valid all the same
	// Location is the place as that system names it, such as /States/Train/Retry[0]; empty where it names none.
	Location string
}

// Message is what is wrong, and what would be right.
func (p Problem) Message() string {
	switch {
	case p.Hint == "":
		return p.Text
	case strings.HasSuffix(p.Text, "."):
		return p.Text + " " + p.Hint
	}
	return p.Text + ". " + p.Hint
}

func (p Problem) String() string {
	s := p.Pointer
	if s == "" {
		s = "/"
	}
	if p.Warning {
		return s + ": warning: " + p.Message()
	}
	return s + ": " + p.Message()
}

// Problems are all faults of a file, in the order of their places.
type Problems []Problem

func (ps Problems) Error() string {
	s := ""
	for i, p := range ps {
		if i > 0 {
			s += "\n"
		}
		s += p.String()
	}
	return s
}
