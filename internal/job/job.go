// Package job holds the words of jobs: the one model that every origin (a PyTorchJob, a Batch submission, an sbatch
// script) is turned into. A job is groups of replicas that start together (a gang); an array job is many children, each
// such a gang. It holds types and the small rules that follow from them; what to do with jobs is dispatch's and sched's.
package job

import (
	"fmt"
	"time"
)

// ID is a job's number within its store, given in order of submission.
type ID int64

// Proc names one process tree that is to run once: a replica of a child of a job, in one attempt.
type Proc struct {
	Job     ID    `json:"job"`
	Child   int32 `json:"child"`   // index in the array; 0 without one
	Replica int32 `json:"replica"` // rank over all groups, in their order
	Attempt int32 `json:"attempt"` // from 1; counts every start of this replica
}

func (p Proc) String() string {
	return fmt.Sprintf("%d.%d.%d#%d", p.Job, p.Child, p.Replica, p.Attempt)
}

// State is where a job, a child or a replica stands.
type State uint8

// The states of a job. An array or gang is Running from its first start to its last end; one that waits for its next
// attempt is Queued again.
const (
	Held      State = iota + 1 // suspended, or waiting for other jobs to end
	Queued                     // may start when there is room
	Starting                   // handed to an engine
	Running                    // an engine said that it started
	Stopping                   // told to stop
	Succeeded                  // ended well
	Failed                     // ended, and not well
	Cancelled                  // ended because somebody asked
)

var stateNames = [...]string{"", "Held", "Queued", "Starting", "Running", "Stopping", "Succeeded", "Failed", "Cancelled"}

func (s State) String() string { return stateNames[s] }

// ParseState is the inverse of String.
func ParseState(name string) (s State, ok bool) {
	for i, n := range stateNames {
		if i > 0 && n == name {
			return State(i), true
		}
	}
	return 0, false
}

// MarshalText and UnmarshalText write a state as its name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *State) UnmarshalText(b []byte) error {
	v, ok := ParseState(string(b))
	if !ok && len(b) > 0 {
		return fmt.Errorf("unknown job state %q", b)
	}
	*s = v
	return nil
}

// Ended reports whether the state is final.
func (s State) Ended() bool { return s >= Succeeded }

// Spec is what is to run. It does not change after submission; it is stored as JSON, so names of fields stay.
type Spec struct {
	Name     string            `json:"name"`
	Origin   string            `json:"origin,omitempty"` // apiVersion and kind of the file, such as "kubeflow.org/v1 PyTorchJob"
	Space    string            `json:"namespace,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Queue    string            `json:"queue,omitempty"` // empty: the default queue
	Priority int32             `json:"priority,omitempty"`
	Groups   []Group           `json:"groups"`
	Array    *Array            `json:"array,omitempty"`
	Retry    Retry             `json:"retry,omitzero"`
	// Timeout ends an attempt, counted from its start; such an end is not retried. 0: none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Deadline ends the job whatever it is doing, counted from its first start. 0: none.
	Deadline time.Duration `json:"deadline,omitempty"`
	After    []Dependency  `json:"after,omitempty"`
	Suspend  bool          `json:"suspend,omitempty"`
	KeepFor  time.Duration `json:"keepFor,omitempty"` // remove the job this long after its end; 0: by configuration
	Indexed  string        `json:"indexed,omitempty"` // variable that holds a child's index, such as AWS_BATCH_JOB_ARRAY_INDEX
}

// Group is replicas that are alike. All groups of a job start together or not at all.
type Group struct {
	Name     string  `json:"name"` // lower case, such as master, worker, main
	Replicas int32   `json:"replicas"`
	Restart  Restart `json:"restart,omitempty"`
	// Decides makes the end of this group's first replica the end of the gang, the others being stopped. Where no group
	// decides, the gang ends when all replicas have.
	Decides bool    `json:"decides,omitempty"`
	Process Process `json:"process"`
}

// Restart says what the failure of a replica means for its gang, while Retry allows.
type Restart string

// The policies of restart.
const (
	RestartNever  Restart = ""       // the gang's attempt has failed; Retry decides whether there is another
	RestartGang   Restart = "gang"   // all replicas are stopped and start again together
	RestartMember Restart = "member" // this replica alone starts again
)

// Process is what one replica runs.
type Process struct {
	Image     string    `json:"image,omitempty"`
	Command   []string  `json:"command"` // program and arguments; $(NAME) in them was expanded by the reader
	Env       []Env     `json:"env,omitempty"`
	Dir       string    `json:"dir,omitempty"` // working directory; empty: a scratch directory of the attempt
	Resources Resources `json:"resources"`
	Mounts    []Mount   `json:"mounts,omitempty"`
	Grace     Seconds   `json:"grace,omitempty"` // from SIGTERM to SIGKILL; 0: the engine's default
}

// Seconds is a whole number of seconds.
type Seconds int32

// Env is one environment variable. Either Value, or a reference to a secret that is resolved when the process starts.
type Env struct {
	Name   string     `json:"name"`
	Value  string     `json:"value,omitempty"`
	Secret *SecretRef `json:"secret,omitempty"`
}

// SecretRef names a key of a secret. The secret's text is never stored with a job.
type SecretRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Resources is what one replica needs, all of it for itself.
type Resources struct {
	MilliCPU    int64  `json:"milliCPU,omitempty"` // it may use more while others are idle, up to MaxMilliCPU
	Memory      int64  `json:"memory,omitempty"`   // bytes
	GPUs        int32  `json:"gpus,omitempty"`
	GPUKind     string `json:"gpuKind,omitempty"`     // empty: any
	MaxMilliCPU int64  `json:"maxMilliCPU,omitempty"` // 0: no bound
}

// Mount puts files at a path that the process sees. Exactly one of the sources is set.
type Mount struct {
	Path      string            `json:"path"`
	ReadOnly  bool              `json:"readOnly,omitempty"`
	Files     map[string]string `json:"files,omitempty"`     // a config map: file names and contents, as they were at submission
	HostPath  string            `json:"hostPath,omitempty"`  // to be granted by configuration
	Empty     bool              `json:"empty,omitempty"`     // a directory of the gang's attempt, made empty
	SubPath   string            `json:"subPath,omitempty"`   // of HostPath or Files
	ConfigMap string            `json:"configMap,omitempty"` // where Files came from, for people
}

// Array makes a job many children that differ in their index.
type Array struct {
	Size       int32 `json:"size"`
	MaxRunning int32 `json:"maxRunning,omitempty"` // 0: as many as there is room for
}

// Retry says how often a child may be tried.
type Retry struct {
	Attempts int32         `json:"attempts,omitempty"` // attempts of each child in all; 0 and 1: one
	Budget   *int32        `json:"budget,omitempty"`   // failures that the whole job may have in addition; nil: no bound but Attempts
	Delay    time.Duration `json:"delay,omitempty"`    // before the second attempt; doubles from then on
	MaxDelay time.Duration `json:"maxDelay,omitempty"`
	When     []RetryRule   `json:"when,omitempty"` // the first that matches counts; none: retry (AWS Batch's evaluateOnExit)
}

// RetryRule matches a failed attempt. An empty field matches everything; texts may end in "*".
type RetryRule struct {
	ExitCode     string `json:"exitCode,omitempty"`
	Reason       string `json:"reason,omitempty"`
	StatusReason string `json:"statusReason,omitempty"`
	Exit         bool   `json:"exit,omitempty"` // give up; else retry
}

// Dependency holds a job back until another ended.
type Dependency struct {
	Job  ID     `json:"job"`
	Type string `json:"type,omitempty"` // "" all of it ended well; "any" ended; SEQUENTIAL and N_TO_N as AWS Batch has them
}

// Children is how many children the job has: the array's size, or one.
func (s *Spec) Children() int32 {
	if s.Array != nil {
		return s.Array.Size
	}
	return 1
}

// Replicas is how many replicas each child has, over all groups.
func (s *Spec) Replicas() int32 {
	n := int32(0)
	for i := range s.Groups {
		n += s.Groups[i].Replicas
	}
	return n
}

// GroupOf is the group that a replica belongs to, and its index within the group.
func (s *Spec) GroupOf(replica int32) (g *Group, index int32) {
	for i := range s.Groups {
		if replica < s.Groups[i].Replicas {
			return &s.Groups[i], replica
		}
		replica -= s.Groups[i].Replicas
	}
	return nil, 0
}

// Reason is why an attempt ended as it did, one word for programs.
type Reason string

// The reasons.
const (
	ReasonExit      Reason = "Exited"      // the process ended by itself: Code
	ReasonSignal    Reason = "Signalled"   // a signal that we did not send: Signal
	ReasonMemory    Reason = "OutOfMemory" // killed at its memory limit
	ReasonTimeout   Reason = "TimedOut"    // killed at its Timeout or Deadline
	ReasonCancelled Reason = "Cancelled"   // somebody asked
	ReasonGang      Reason = "GangStopped" // stopped because a fellow replica ended
	ReasonLost      Reason = "Lost"        // what ran it died; its processes are proved gone
	ReasonNoStart   Reason = "NotStarted"  // could not be started: Text says why
)

// Exit is how a process ended.
type Exit struct {
	Reason  Reason    `json:"reason"`
	Code    int32     `json:"code"`             // exit status; 128 plus the signal for a signal
	Signal  int32     `json:"signal,omitempty"` // 0: none
	Text    string    `json:"text,omitempty"`   // a sentence for people
	Started time.Time `json:"started"`          // zero: never
	Ended   time.Time `json:"ended"`
	MaxRSS  int64     `json:"maxRSS,omitempty"`  // bytes; 0: not known, as for a process that took little
	CPUTime float64   `json:"cpuTime,omitempty"` // seconds, user and system
}

// OK reports whether the process ended well.
func (e *Exit) OK() bool { return e.Reason == ReasonExit && e.Code == 0 }

// Replica is where one replica of one child stands.
type Replica struct {
	Proc  Proc    `json:"proc"` // of the latest attempt
	State State   `json:"state"`
	Node  string  `json:"node,omitempty"`
	GPUs  []int32 `json:"gpus,omitempty"` // indices on the node
	Exit  *Exit   `json:"exit,omitempty"` // of the latest ended attempt
	// Port is where the gang meets in this attempt: chosen when it starts, set on its first replica where its processes
	// ask for one.
	Port int32 `json:"port,omitempty"`
}

// Counts says how many children are in which state.
type Counts struct {
	Queued    int32 `json:"queued,omitempty"` // and Held
	Active    int32 `json:"active,omitempty"` // Starting, Running and Stopping
	Succeeded int32 `json:"succeeded,omitempty"`
	Failed    int32 `json:"failed,omitempty"` // and Cancelled
}

// Job is a submitted job as a whole. Its children's replicas are read apart.
type Job struct {
	ID        ID        `json:"id"`
	Name      string    `json:"name"`          // unique; the spec's name or, for a generated one, made so
	Key       string    `json:"key,omitempty"` // submitting a key twice gives the first job
	Owner     string    `json:"owner"`
	Run       int64     `json:"run,omitempty"`   // the run.ID that is waiting; 0: none
	Task      uint64    `json:"task,omitempty"`  // its run.TaskID
	Label     string    `json:"label,omitempty"` // the run's state or template that ordered it
	Spec      *Spec     `json:"spec,omitempty"`
	State     State     `json:"state"`
	Why       string    `json:"why,omitempty"` // a sentence: why it waits, or how it ended
	Counts    Counts    `json:"counts"`
	Failures  int32     `json:"failures,omitempty"` // attempts that failed, over all children
	Submitted time.Time `json:"submitted"`
	Started   time.Time `json:"started,omitzero"` // first start of any replica
	Ended     time.Time `json:"ended,omitzero"`
	Expires   time.Time `json:"expires,omitzero"` // set with the end where Spec.KeepFor is
	Version   int64     `json:"version"`          // grows by one with every change
	// Suspended is what was asked last: to be held back, or not. Nil: as Spec.Suspend.
	Suspended *bool `json:"suspended,omitempty"`
}

// Past reports whether a job has ended and need not be kept any more at now, where jobs that say nothing themselves are
// kept for keep.
func (j *Job) Past(now time.Time, keep time.Duration) bool {
	switch {
	case !j.State.Ended():
		return false
	case j.Expires.IsZero():
		return j.Ended.Before(now.Add(-keep))
	}
	return j.Expires.Before(now)
}

// Held reports whether a job is to be held back until somebody asks for its release.
func (j *Job) Held() bool {
	if j.Suspended != nil {
		return *j.Suspended
	}
	return j.Spec.Suspend
}
