// Package engine is the port to what runs processes: the local machine, Kubernetes, Slurm. An engine starts and stops
// what it is told and reports what became of it; it decides nothing about queues, retries or runs.
//
// The adapters are local (through the runner) and fake (scripted, for tests and benchmarks). enginetest holds the suite
// that all pass.
package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// Placing says who chooses the node of a job.
type Placing uint8

// The ways of placing.
const (
	PlacesOurs   Placing = iota + 1 // we choose nodes and GPUs
	PlacesAdmit                     // we decide when, the engine where
	PlacesTheirs                    // we hand over and mirror
)

// Capabilities says what an engine can do.
type Capabilities struct {
	Places  Placing
	Signals bool
	Usage   bool
	// Grace is the time from SIGTERM to SIGKILL where a process names none.
	Grace time.Duration
}

// Start asks for one process tree to be run. It is keyed by Proc: asking twice starts it once, also across crashes of
// either side.
type Start struct {
	Proc  job.Proc
	Epoch int64 // of the server that asks; an engine that has seen a later one refuses
	Node  string
	GPUs  []int32 // indices on the node, for this process alone
	Owner string  // whose rights it is to have
	Name  string  // of the job, for people
	Space string
	// Process is complete: variables of the gang and the array are in Env.
	Process job.Process
	Timeout time.Duration // from its start; 0: none
	// Scratch names a directory that the replicas of one attempt of a gang share; made on first use, gone with the job.
	Scratch string
}

// Report says what became of a process. Reports come at least once, each Proc's in the order Started, Ended; a Started
// that was not delivered when the process ended is left out, as its end says when it started.
type Report struct {
	Proc    job.Proc
	Number  uint64 // to be acknowledged; grows
	Started time.Time
	Exit    *job.Exit // nil: it has started
	// Tail is the end of its output, where the engine has it at hand.
	Tail []byte
}

// Node is a machine that an engine has.
type Node struct {
	Name     string            `json:"name"`
	Ready    bool              `json:"ready"`
	Why      string            `json:"why,omitempty"` // why it is not ready
	MilliCPU int64             `json:"milliCPU"`      // what may be given out
	Memory   int64             `json:"memory"`
	GPUs     []GPU             `json:"gpus,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Declared bool              `json:"declared,omitempty"` // capacity comes from configuration, not from the hardware
}

// GPU is one accelerator of a node.
type GPU struct {
	Index  int32  `json:"index"`
	Kind   string `json:"kind"` // such as "NVIDIA H100 80GB HBM3"
	Memory int64  `json:"memory"`
	UUID   string `json:"uuid,omitempty"`
}

// Line is one line of a process's output, without its line end.
type Line struct {
	Time   time.Time
	Stream string // stdout or stderr
	Text   string
	// Continued says that the line goes on in the next of its stream: it is long, or is followed while it is written.
	Continued bool
}

// LogRequest selects output of a process.
type LogRequest struct {
	Proc   job.Proc
	Tail   int  // only the last lines; 0: all
	Follow bool // go on until the process has ended and all was read
}

// Usage is what a process takes now.
type Usage struct {
	Memory  int64   // bytes
	CPUTime float64 // seconds so far
}

// Errors of an engine, told apart with errors.Is.
var (
	// ErrSuperseded refuses a start whose Epoch is older than one seen before: another server has taken over.
	ErrSuperseded = errors.New("a later server has taken over")
	// ErrUnknown answers a question about a process, a job or a file that the engine does not have.
	ErrUnknown = errors.New("not known to the engine")
	// ErrLost means that the engine went away, for instance between two batches of reports: ask again.
	ErrLost = errors.New("the engine is lost")
)

// Engine is the port. All methods may be called from any goroutine.
type Engine interface {
	Name() string
	Capabilities() Capabilities
	Nodes(ctx context.Context) ([]Node, error)

	// Submit asks for processes to be started. Where it returns an error nothing is known, and asking again is right.
	// What cannot be started at all is reported as Ended with job.ReasonNoStart.
	Submit(ctx context.Context, starts []Start) error
	// Cancel has a process tree end: SIGTERM, after grace SIGKILL (grace 0: the process's own or the default; negative:
	// SIGKILL at once). Its end is reported as any other, with reason. An unknown Proc that can no longer start is
	// reported as ended and lost; one that ended already keeps its end.
	Cancel(ctx context.Context, p job.Proc, reason job.Reason, grace time.Duration) error
	Signal(ctx context.Context, p job.Proc, signal int) error
	// List gives the latest report of every process that the engine knows, running or not acknowledged. A server that
	// comes back adopts from it: a Proc that it submitted and does not find here has never started, and never will
	// unless it is submitted again.
	List(ctx context.Context) ([]Report, error)
	// LastJob is the highest number of a job of which the engine keeps anything, ended or not; 0 without one. A server
	// whose store was restored from a backup must not give such a number to another job.
	LastJob(ctx context.Context) (job.ID, error)
	// Reports yields batches of reports until ctx is done or the engine is lost; those not acknowledged come first.
	Reports(ctx context.Context, yield func([]Report) bool) error
	// Ack says that the reports up to and including number are durable with us.
	Ack(ctx context.Context, number uint64) error

	// Logs yields lines. Output of a process that ended is kept until Forget.
	Logs(ctx context.Context, r LogRequest, yield func(Line) bool) error
	// OpenFile opens a file that the process left in its scratch directory, for results.
	OpenFile(ctx context.Context, p job.Proc, name string) (io.ReadCloser, error)
	Usage(ctx context.Context, p job.Proc) (Usage, error)
	// Forget drops what is kept of ended processes of a job: logs, scratch directories.
	Forget(ctx context.Context, id job.ID) error
	Close() error
}
