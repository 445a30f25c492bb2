package runner

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Version is the protocol that this runner speaks. It answers every version from MinVersion on.
const (
	Version    = 1
	MinVersion = 1
)

// The protocol: frames on a Unix stream socket, each a length (4 bytes, little endian) and that much JSON, a Request
// one way and Responses with its ID the other. The first request is Hello. Subscribe and Logs take their connection
// over: their responses go on until Done. Fields are added, never removed or given another meaning.

// maxFrame bounds what either side reads: the largest batch of starts that a client sends.
const maxFrame = 64 << 20

// Key names a process tree. It is started at most once.
type Key struct {
	Job     int64 `json:"j"`
	Child   int32 `json:"c,omitempty"`
	Replica int32 `json:"r,omitempty"`
	Attempt int32 `json:"a,omitempty"`
}

func (k Key) String() string { return fmt.Sprintf("%d.%s", k.Job, k.file()) }

// file is the part of a file name that tells processes of one job apart.
func (k Key) file() string { return fmt.Sprintf("%d.%d.%d", k.Child, k.Replica, k.Attempt) }

// Request is one of its pointers.
type Request struct {
	ID        uint64      `json:"id"`
	Hello     *Hello      `json:"hello,omitempty"`
	Start     *StartBatch `json:"start,omitempty"`
	Cancel    *Cancel     `json:"cancel,omitempty"`
	Signal    *Signal     `json:"signal,omitempty"`
	List      *struct{}   `json:"list,omitempty"`
	LastJob   *struct{}   `json:"lastJob,omitempty"`
	Subscribe *struct{}   `json:"subscribe,omitempty"`
	Ack       *Ack        `json:"ack,omitempty"`
	Logs      *LogRequest `json:"logs,omitempty"`
	Usage     *Key        `json:"usage,omitempty"`
	Forget    *Forget     `json:"forget,omitempty"`
	Shutdown  *struct{}   `json:"shutdown,omitempty"`
	Upgrade   *Upgrade    `json:"upgrade,omitempty"`
}

// Response answers the request of its ID.
type Response struct {
	ID      uint64   `json:"id"`
	Error   *Error   `json:"error,omitempty"`
	Facts   *Facts   `json:"facts,omitempty"`
	Reports []Report `json:"reports,omitempty"`
	Log     []byte   `json:"log,omitempty"` // whole lines as the log file has them
	Usage   *Usage   `json:"usage,omitempty"`
	LastJob int64    `json:"lastJob,omitempty"`
	Done    bool     `json:"done,omitempty"` // the last response of a stream
}

// Hello opens a connection.
type Hello struct {
	Version int `json:"version"`
}

// StartBatch asks for processes to be started. Its answer says that the runner will start each of them once.
type StartBatch struct {
	Epoch  int64   `json:"epoch"` // of the server; an older one than the latest seen is refused
	Starts []Start `json:"starts"`
}

// Start is one process. What cannot be started is reported as ended, with NotStarted.
type Start struct {
	Key      Key           `json:"key"`
	Argv     []string      `json:"argv"`
	Env      []string      `json:"env"`           // all of it; HOME is the scratch directory where it is not given
	Dir      string        `json:"dir,omitempty"` // working directory; empty: the scratch directory
	User     *User         `json:"user,omitempty"`
	Memory   int64         `json:"memory,omitempty"`   // limit in bytes; 0: none
	MilliCPU int64         `json:"milliCPU,omitempty"` // share, in thousandths of a processor, when all are busy
	MaxCPU   int64         `json:"maxCPU,omitempty"`   // limit, in the same; 0: none
	Timeout  time.Duration `json:"timeout,omitempty"`
	Grace    time.Duration `json:"grace,omitempty"`
	Shared   string        `json:"shared,omitempty"` // name of the directory, in the job's own, that holds Empty mounts
	Mounts   []Mount       `json:"mounts,omitempty"`
	// Refused says why the process may not be started; it is then reported as NotStarted like any other.
	Refused string `json:"refused,omitempty"`
}

// User is whose rights a process has. Nil: the runner's own.
type User struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"`
}

// Mount binds files at a path of the process's own mount namespace. Exactly one of Files, Source and Empty is set.
type Mount struct {
	Path     string            `json:"path"`
	ReadOnly bool              `json:"readOnly,omitempty"`
	Files    map[string]string `json:"files,omitempty"`
	Source   string            `json:"source,omitempty"` // on the host
	Within   string            `json:"within,omitempty"` // Source must lie in this directory, wherever links lead
	Empty    bool              `json:"empty,omitempty"`  // a directory shared by all with the same Shared
	SubPath  string            `json:"subPath,omitempty"`
}

// Cancel has a process end: SIGTERM, after Grace SIGKILL for the whole tree. Grace 0 is the process's own; a negative
// one is none.
type Cancel struct {
	Key   Key           `json:"key"`
	Why   string        `json:"why"` // comes back in Exit.Why
	Grace time.Duration `json:"grace,omitempty"`
}

// Signal sends a signal to the process group of a process.
type Signal struct {
	Key    Key `json:"key"`
	Signal int `json:"signal"`
}

// Ack says that reports up to Number need not be kept.
type Ack struct {
	Number uint64 `json:"number"`
}

// LogRequest asks for output. Tail: only that many last lines; Follow: go on until the process has ended.
type LogRequest struct {
	Key    Key  `json:"key"`
	Tail   int  `json:"tail,omitempty"`
	Follow bool `json:"follow,omitempty"`
}

// Usage is what a process tree takes now.
type Usage struct {
	Memory  int64   `json:"memory"`
	CPUTime float64 `json:"cpuTime"`
}

// Forget drops the logs and files of a job's ended processes whose end was acknowledged.
type Forget struct {
	Job int64 `json:"job"`
}

// Upgrade has the runner go on as another program, which is executed in its place: processes run on. It succeeded if the
// connection ends; otherwise the runner is as it was.
type Upgrade struct {
	Program string   `json:"program"` // an absolute path
	Args    []string `json:"args,omitempty"`
}

// Report says where a process stands. Numbers grow, also over the runner's restarts.
type Report struct {
	Key     Key       `json:"key"`
	Number  uint64    `json:"n"`
	Started time.Time `json:"s,omitzero"`
	Exit    *Exit     `json:"x,omitempty"` // nil: it runs, or is about to
	Tail    []byte    `json:"t,omitempty"` // the end of its output
}

// Cause is how a process came to its end.
type Cause string

// The causes.
const (
	Exited     Cause = "exited"
	Signalled  Cause = "signalled"
	Memory     Cause = "memory"     // killed at its limit
	TimedOut   Cause = "timeout"    // stopped at its Timeout
	Cancelled  Cause = "cancelled"  // stopped by Cancel
	Lost       Cause = "lost"       // the runner died; the tree is proved gone
	NotStarted Cause = "notStarted" // Text says why
)

// Exit is how a process ended; its whole tree is gone.
type Exit struct {
	Cause   Cause     `json:"c"`
	Why     string    `json:"w,omitempty"` // Cancel.Why
	Code    int32     `json:"e,omitempty"` // exit status; 128 plus the signal
	Signal  int32     `json:"g,omitempty"`
	Text    string    `json:"x,omitempty"`
	Ended   time.Time `json:"t"`
	MaxRSS  int64     `json:"m,omitempty"` // bytes; 0: less than the runner's own, and not known
	CPUTime float64   `json:"u,omitempty"` // seconds
}

// Facts say what a runner is and what its machine lets it do.
type Facts struct {
	Version int      `json:"version"`
	Build   string   `json:"build,omitempty"` // names the contents of its program; empty: a runner too old to say
	PID     int      `json:"pid"`
	Root    bool     `json:"root"`
	Contain string   `json:"contain"`         // how trees are held together: one of the Contain constants
	Memory  string   `json:"memory"`          // what limits memory: cgroup v1, cgroup v2; empty: nothing
	CPU     string   `json:"cpu"`             // likewise
	Mounts  bool     `json:"mounts"`          // private mount namespaces can be made
	Notes   []string `json:"notes,omitempty"` // why something is missing
}

// Code tells errors of the protocol apart.
type Code string

// The codes.
const (
	CodeUnknown    Code = "unknown"    // no such process, or no longer
	CodeSuperseded Code = "superseded" // Epoch is older than one seen before
	CodeVersion    Code = "version"    // no common version
	CodeRefused    Code = "refused"    // the request makes no sense
	CodeUnsafe     Code = "unsafe"     // it cannot be done now without losing something; nothing was changed
	CodeFailed     Code = "failed"     // the machine failed the runner
)

// Error is an answer that is no success.
type Error struct {
	Code Code   `json:"code"`
	Text string `json:"text"`
}

func (e *Error) Error() string { return e.Text }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// asError turns any error into one that can be sent.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeFailed, Text: err.Error()}
}

func writeFrame(w io.Writer, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data)))
	if _, err = w.Write(append(frame, data...)); err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	return nil
}

func readFrame(r io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxFrame {
		return fmt.Errorf("a message of %d bytes, more than %d", n, maxFrame)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return fmt.Errorf("reading a message: %w", err)
	}
	if err := json.Unmarshal(data, message); err != nil {
		return fmt.Errorf("decoding a message: %w", err)
	}
	return nil
}
