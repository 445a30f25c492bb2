package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Run is one execution of a definition.
type Run struct {
	ID       int64             `json:"id"`
	Name     string            `json:"name"`
	Owner    string            `json:"owner"`
	Language string            `json:"language" doc:"the definition's language, such as asl"`
	Machine  string            `json:"machine,omitempty" doc:"the applied state machine that it runs; absent: a file"`
	Parent   int64             `json:"parent,omitempty" doc:"the run that started it"`
	Labels   map[string]string `json:"labels,omitempty"`
	Status   string            `json:"status" enum:"RUNNING,SUCCEEDED,FAILED,TIMED_OUT,ABORTED,QUARANTINED"`
	Started  time.Time         `json:"started"`
	Ended    time.Time         `json:"ended,omitzero"`
	Input    json.RawMessage   `json:"input,omitempty"`
	Output   json.RawMessage   `json:"output,omitempty"`
	Error    string            `json:"error,omitempty" doc:"name of the error that it failed with"`
	Cause    string            `json:"cause,omitempty"`
	Note     string            `json:"note,omitempty" doc:"why it stands still"`
	Redrives int               `json:"redrives,omitempty" doc:"how often it was redriven after it had ended"`
	Redriven time.Time         `json:"redriven,omitzero" doc:"when it was redriven last"`
}

// Done reports whether the run has ended.
func (r *Run) Done() bool { return r.Status != "RUNNING" && r.Status != "QUARANTINED" }

// StartRun asks for a run: of a definition's text, or of a state machine that was applied.
type StartRun struct {
	Name       string            `json:"name,omitempty" maxLength:"80" doc:"unique among the caller's runs of the machine; absent: one is made up"`
	Prefix     string            `json:"prefix,omitempty" maxLength:"60" doc:"of the name that is made up"`
	Definition string            `json:"definition,omitempty" doc:"text of the definition"`
	Machine    string            `json:"machine,omitempty" doc:"name of an applied state machine, in place of a definition"`
	Language   string            `json:"language,omitempty" doc:"of the definition; absent: asl"`
	Input      json.RawMessage   `json:"input,omitempty" doc:"absent: {}"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// StopRun says why a run is stopped.
type StopRun struct {
	Error string `json:"error,omitempty"`
	Cause string `json:"cause,omitempty"`
}

// Definition is the file that a run runs, as it was given.
type Definition struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// Event is one entry of a run's history, in the words of its language.
type Event struct {
	ID       int64           `json:"id" doc:"dense within the run, from 1"`
	Previous int64           `json:"previous,omitempty" doc:"the event that it follows from"`
	Time     time.Time       `json:"time"`
	Type     string          `json:"type" doc:"such as TaskStateEntered"`
	Details  json.RawMessage `json:"details,omitempty"`
}

// Job is work for a machine, of whatever origin.
type Job struct {
	ID        int64             `json:"id"`
	Name      string            `json:"name"`
	Namespace string            `json:"namespace,omitempty"`
	Owner     string            `json:"owner"`
	Origin    string            `json:"origin,omitempty" doc:"apiVersion and kind of the file that it came from"`
	Queue     string            `json:"queue,omitempty"`
	Priority  int32             `json:"priority,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Run       int64             `json:"run,omitempty" doc:"the run that ordered it"`
	Step      string            `json:"step,omitempty" doc:"the run's state that ordered it"`
	State     string            `json:"state" enum:"Held,Queued,Starting,Running,Stopping,Succeeded,Failed,Cancelled"`
	Why       string            `json:"why,omitempty" doc:"why it waits, or how it ended"`
	Children  int32             `json:"children,omitempty" doc:"size of the array; 0: no array job"`
	Replicas  int32             `json:"replicas,omitempty" doc:"replicas of each child"`
	Counts    Counts            `json:"counts"`
	Failures  int32             `json:"failures,omitempty" doc:"attempts that failed"`
	Submitted time.Time         `json:"submitted"`
	Started   time.Time         `json:"started,omitzero"`
	Ended     time.Time         `json:"ended,omitzero"`
	Spec      json.RawMessage   `json:"spec,omitempty" doc:"what is run; not in lists"`
}

// Done reports whether the job has ended.
func (j *Job) Done() bool {
	return j.State == "Succeeded" || j.State == "Failed" || j.State == "Cancelled"
}

// Counts says how many children of a job are in which state.
type Counts struct {
	Queued    int32 `json:"queued,omitempty"`
	Active    int32 `json:"active,omitempty"`
	Succeeded int32 `json:"succeeded,omitempty"`
	Failed    int32 `json:"failed,omitempty"`
}

// Replica is where one process of a job stands.
type Replica struct {
	Child   int32   `json:"child"`
	Replica int32   `json:"replica"`
	Group   string  `json:"group,omitempty"`
	Attempt int32   `json:"attempt"`
	State   string  `json:"state"`
	Node    string  `json:"node,omitempty"`
	GPUs    []int32 `json:"gpus,omitempty"`
	Exit    *Exit   `json:"exit,omitempty"`
}

// Exit is how a process ended.
type Exit struct {
	Reason  string    `json:"reason" doc:"Exited, Signalled, OutOfMemory, TimedOut, Cancelled, GangStopped, Lost or NotStarted"`
	Code    int32     `json:"code"`
	Signal  int32     `json:"signal,omitempty"`
	Text    string    `json:"text,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	MaxRSS  int64     `json:"maxRSS,omitempty" doc:"bytes; not there for a process that took little"`
	CPUTime float64   `json:"cpuTime,omitempty" doc:"seconds"`
}

// Line is one line of a process's output.
type Line struct {
	Job     int64     `json:"job"`
	Child   int32     `json:"child"`
	Replica int32     `json:"replica"`
	Attempt int32     `json:"attempt"`
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream" enum:"stdout,stderr"`
	Text    string    `json:"text"`
	// Continued says that the line goes on in the next of the same process and stream.
	Continued bool `json:"continued,omitempty" doc:"the line goes on in the next of the same process and stream: it is longer than 1 MiB, or is followed while it is written"`
}

// Object is a named, versioned thing of the catalogue.
type Object struct {
	Kind      string            `json:"kind"`
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	Owner     string            `json:"owner,omitempty"`
	Version   int64             `json:"version"`
	Created   time.Time         `json:"created,omitzero"` // as Updated, not there for what is built in
	Updated   time.Time         `json:"updated,omitzero"`
	Labels    map[string]string `json:"labels,omitempty"`
	Deleted   bool              `json:"deleted,omitempty"`
	Data      json.RawMessage   `json:"data,omitempty"`
}

// File is a text to apply or validate, and the name to call it by in messages.
type File struct {
	Name string `json:"name" doc:"file name, for messages and as the name of a state machine"`
	Text string `json:"text"`
}

// Applied says what became of one document of the files.
type Applied struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Version   int64  `json:"version,omitempty"`
	Job       int64  `json:"job,omitempty" doc:"the job that it was submitted as"`
	Action    string `json:"action" enum:"created,configured,unchanged,submitted"`
}

// Fault is one thing wrong with a file.
type Fault struct {
	File    string `json:"file,omitempty"`
	Pointer string `json:"pointer,omitempty" doc:"JSON pointer to the place"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Code    string `json:"code,omitempty"`
	Text    string `json:"text"`
	Warning bool   `json:"warning,omitempty" doc:"the file is valid all the same"`
}

func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ":")
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", f.Line, f.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if f.Pointer != "" {
		b.WriteString(f.Pointer + ": ")
	}
	if f.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// Validation is the verdict on a file.
type Validation struct {
	Valid  bool    `json:"valid"`
	Kind   string  `json:"kind" doc:"what the file was read as"`
	Faults []Fault `json:"faults"`
}

// Node is a machine that runs jobs.
type Node struct {
	Name     string            `json:"name"`
	Ready    bool              `json:"ready"`
	Why      string            `json:"why,omitempty"`
	MilliCPU int64             `json:"milliCPU"`
	Memory   int64             `json:"memory" doc:"bytes"`
	Used     Amount            `json:"used" doc:"what jobs hold of it"`
	GPUs     []GPU             `json:"gpus,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Declared bool              `json:"declared,omitempty" doc:"capacity comes from configuration"`
}

// GPU is one accelerator of a node.
type GPU struct {
	Index  int32  `json:"index"`
	Kind   string `json:"kind"`
	Memory int64  `json:"memory,omitempty" doc:"bytes"`
	Job    string `json:"job,omitempty" doc:"name of the job that has it; for admins"`
}

// Amount is resources of several kinds.
type Amount struct {
	MilliCPU int64 `json:"milliCPU"`
	Memory   int64 `json:"memory" doc:"bytes"`
	GPUs     int64 `json:"gpus,omitempty"`
}

// Queue is where jobs wait.
type Queue struct {
	Name     string `json:"name"`
	Priority int64  `json:"priority,omitempty"`
	Closed   string `json:"closed,omitempty" doc:"why nothing of it starts"`
	Waiting  int    `json:"waiting" doc:"jobs that have something to start"`
	Used     Amount `json:"used"`
	Max      Amount `json:"max" doc:"0: no bound"`
}

// Change is one entry of the stream of events: what changed, and its new shape. One of the pointers is set, or none in
// the first entry of a stream that was asked for without a place to begin: it says where that is.
type Change struct {
	Seq    int64      `json:"seq" doc:"resume with after= or Last-Event-ID"`
	Run    *RunChange `json:"run,omitempty"`
	Job    *Job       `json:"job,omitempty" doc:"without its spec"`
	Object *Object    `json:"object,omitempty" doc:"without its data"`
}

// RunChange is what one commit did to a run.
type RunChange struct {
	ID     int64   `json:"id"`
	Status string  `json:"status"`
	Events []Event `json:"events,omitempty"`
}

// Version says what a server is.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

// Check is one finding of the doctor.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

// Debug is everything that is stored of a run, decoded as far as it can be.
type Debug struct {
	Run     Run          `json:"run"`
	Frames  []DebugFrame `json:"frames"`
	Pending []DebugTask  `json:"pending" doc:"tasks under way, read off the folded state"`
	Inbox   []DebugInput `json:"inbox"`
	Timers  []DebugTimer `json:"timers"`
	Errors  []string     `json:"errors,omitempty" doc:"what could not be read"`
}

// DebugFrame is one commit of a run's log.
type DebugFrame struct {
	First    uint64   `json:"first" doc:"sequence number of its first event"`
	Count    int      `json:"count"`
	Position uint64   `json:"position"`
	Bytes    int      `json:"bytes"`
	Facts    []string `json:"facts"`
}

// DebugTask is a task that a run waits for.
type DebugTask struct {
	Task     uint64          `json:"task"`
	Label    string          `json:"label,omitempty"`
	Resource string          `json:"resource"`
	Deadline time.Time       `json:"deadline,omitzero"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// DebugInput is a row of a run's inbox.
type DebugInput struct {
	ID   int64  `json:"id"`
	Key  string `json:"key"`
	Kind string `json:"kind"`
	Task uint64 `json:"task,omitempty"`
	Ref  int64  `json:"ref,omitempty"`
}

// DebugTimer is a timer that a run has set.
type DebugTimer struct {
	Timer uint64    `json:"timer"`
	At    time.Time `json:"at"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T   `json:"items"`
	Next  int64 `json:"next,omitempty" doc:"give it as before= (runs, jobs) or after= (history) for the next page; absent: this was the last"`
}

// Problem is an error as the API words it (RFC 9457), with what to do about it.
type Problem struct {
	Type   string  `json:"type,omitempty" doc:"absent: about:blank"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty" doc:"what is wrong"`
	Remedy string  `json:"remedy,omitempty" doc:"what to do about it"`
	Faults []Fault `json:"faults,omitempty" doc:"every place that is wrong"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Detail == "" {
		b.WriteString(p.Title)
	}
	for _, f := range p.Faults {
		b.WriteString("\n  " + f.String())
	}
	return b.String()
}
