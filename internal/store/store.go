// Package store is the port to what remembers: runs as frames of events, jobs, timers, inboxes, named objects, and the
// change feed over all of it. One Writer makes everything durable, many runs' changes in one transaction; reads go
// beside it and see what was committed.
//
// The adapters are memory (for the simulation) and sqlite. storetest holds the suite that both pass.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Unit is what one actor changes in one step: all of it becomes durable, or none. Units are judged one by one: one that
// is stale does not harm its neighbours in the transaction.
//
// Every digest that a frame or snapshot of the unit refers to is in Values, or was in those of an earlier unit of the
// same run: a value is kept for as long as a run is that brought it or has it as Definition, or for good if a unit without a
// run brought it. Times are stored to the millisecond.
type Unit struct {
	Run   *RunChange
	Inbox []InboxRow // for any runs; a row whose run and Key exist already, or whose run has ended, is dropped
	Jobs  []JobChange
	// Requests for any jobs, from whoever may ask; one that exists already or whose job has ended is dropped.
	Requests []JobRequest
	Objects  []ObjectChange
	Values   []value.Blob

	// Done, where set, is called once with the verdict when the unit is durable or refused, from the goroutine that
	// commits and in the order of submission. It must not block, and must not call Writer.Commit.
	Done func(Verdict)
}

// Verdict is the answer to one unit.
type Verdict uint8

// The verdicts.
const (
	OK       Verdict = iota + 1 // durable
	Stale                       // the run or a job or object is not where the unit thought: nothing of the unit was done; read again
	Conflict                    // a new run's, job's or object's name or key is taken: nothing of the unit was done
)

func (v Verdict) String() string { return [...]string{"", "ok", "stale", "conflict"}[v] }

// RunChange appends a frame to a run's log and changes its rows.
type RunChange struct {
	ID run.ID
	// First is the sequence number, from 1, of the frame's first event. It must be one more than the last in the log:
	// that is the guard against a second writer. With Count 0 there is no frame and First is only compared,
	// unless it is 0.
	First uint64
	Count int
	// Position is run.State.Position before the first event of the frame.
	Position uint64
	Frame    []byte
	// Row, where set, replaces the run's row; for a new run (First 1) it must be set. Owner, Machine, Name, Parent,
	// Labels and Attributes stay what they were then.
	Row      *Run
	Snapshot *Snapshot
	Timers   []Timer     // set; one with a zero At is cleared
	Consumed []int64     // InboxRow.ID of the rows that the events answer
	Children []RunChange // new runs, with Row and, if they were begun, a frame
}

// Snapshot is a folded state, a cache: the log is the truth.
type Snapshot struct {
	Next    uint64 // sequence number of the first event that the snapshot does not include
	Version uint32 // of the encoding; one that the reader does not know is ignored
	Data    []byte
}

// Run is a run's row: what lists and descriptions show.
type Run struct {
	ID         run.ID
	Name       string // unique among runs of one Machine and Owner; may be empty, and is then not unique
	Owner      string
	Language   string       // run.Language.Name
	Machine    string       // name of the object that the definition came from; empty: a file
	Definition value.Digest // of the source text
	Part       string       // run.StartRun.Part
	Parent     run.ID       // 0: none
	ParentTask run.TaskID
	Labels     map[string]string
	Attributes value.Value // an object that whoever started the run keeps with it (run.Input.Attributes); absent: none
	Status     run.Status
	Started    time.Time
	Ended      time.Time
	// Redrives counts how often the run was taken up again after it had ended, Redriven is when that was last: a change
	// whose Row is not ended opens an ended run again.
	Redrives int
	Redriven time.Time
	// RecentRedrives are the latest of them whose callers gave a token to know them by, oldest first.
	RecentRedrives []Redrive
	Input          value.Value
	Output         value.Value
	Failure        *run.Failure
	// Resident says that a restart must load the run: it has tasks under way that only a live kernel can carry on.
	Resident bool
	// Note says in a sentence why the run stands still (quarantine); for people.
	Note string
}

// Redrive is one time that a run was taken up again.
type Redrive struct {
	Token string
	At    time.Time
}

// RedriveMemory is for how long a redrive is known by its token (RedriveExecution in the API reference of Step Functions).
const RedriveMemory = 15 * time.Minute

// Redrove reports whether the run was redriven with the token, lately.
func (r *Run) Redrove(token string, now time.Time) bool {
	for _, x := range r.RecentRedrives {
		if token != "" && x.Token == token && now.Sub(x.At) < RedriveMemory {
			return true
		}
	}
	return false
}

// Timer is a timer's row.
type Timer struct {
	Run   run.ID
	Timer run.TimerID
	At    time.Time
}

// InboxKind says what an InboxRow brings.
type InboxKind uint8

// The kinds of row.
const (
	InboxJob    InboxKind = iota + 1 // the job Ref of Task ended
	InboxRun                         // the child run Ref of Task ended
	InboxCancel                      // Data is the run.Failure to end with, encoded as JSON
	InboxSignal                      // Name and Data
	InboxTask                        // Data is an outcome for Task that arrived from outside
)

// InboxRow is something that a run has still to be told. It is deleted by the commit of the events that answer it.
type InboxRow struct {
	ID   int64 // given by the store in order of commit
	Run  run.ID
	Key  string // unique for the run: inserting twice is harmless
	Kind InboxKind
	Task run.TaskID
	Ref  int64
	Name string
	Data value.Value
}

// JobChange inserts or replaces a job's row and rows of its replicas.
type JobChange struct {
	// Job's Version is 1 for a new job, and one more than the stored one otherwise: the guard. Spec may be nil but in
	// a new job. Name, and Key where it is set, must be new in a new job: Name within Owner and Spec.Space, Key within
	// all.
	Job      *job.Job
	Replicas []job.Replica // upserted by (Job, Child, Replica)
	Answered []JobRequestKind
}

// JobRequest is something that is asked of a job and must not be forgotten. It is deleted by the JobChange that answers
// it, or by the commit of the job's end.
type JobRequest struct {
	Job  job.ID
	Kind JobRequestKind // one of each kind for a job
	Why  string
}

// JobRequestKind is what a JobRequest asks.
type JobRequestKind uint8

// The requests.
const (
	JobCancel  JobRequestKind = iota + 1 // stop it for good
	JobSuspend                           // start nothing more of it; takes the place of a JobResume
	JobResume                            // go on with it; takes the place of a JobSuspend
)

// Replaces is the kind of request that one of kind k takes the place of; 0: none.
func (k JobRequestKind) Replaces() JobRequestKind {
	switch k {
	case JobSuspend:
		return JobResume
	case JobResume:
		return JobSuspend
	}
	return 0
}

// Object is a named, versioned thing of the catalogue: a state machine, a config map, a queue, a job definition.
type Object struct {
	Kind    string // lower case and singular, such as configmap, statemachine, jobqueue
	Space   string // namespace; empty for kinds that have none
	Name    string
	Owner   string
	Version int64 // of this object, from 1
	Created time.Time
	Updated time.Time
	Labels  map[string]string
	Data    value.Value
	Deleted bool // a mark: names stay reserved to their versions, which runs may have pinned
}

// ObjectChange stores a version of an object. Object.Version must be one more than the latest stored (which may be
// Deleted), and 1 for a new one.
type ObjectChange struct{ Object *Object }

// Subject says whose log a frame belongs to, and what it is.
type Subject struct {
	Kind SubjectKind
	ID   int64 // run.ID, job.ID; for objects the store's number of the object
}

// SubjectKind is a kind of subject.
type SubjectKind uint8

// The subjects. Values are stored.
const (
	SubjectRun    SubjectKind = iota + 1 // frames of a run's events, as the kernel encodes them
	SubjectJob                           // JSON of the job.Job without its Spec and, under "replicas", of what changed
	SubjectObject                        // JSON {kind, namespace, name, version, deleted}
)

// Change is one entry of the feed. Run frames carry their data; the store writes the others itself, one for each
// JobChange and ObjectChange. A change of a run's row alone has Count 0 and no data.
type Change struct {
	Seq      int64 // dense, in commit order, from 1
	Subject  Subject
	First    uint64 // run: of the first event; job and object: the version
	Count    int
	Position uint64
	Data     []byte
}

// RunFilter selects runs; zero fields select all.
type RunFilter struct {
	Owner   string
	Machine string
	Name    string
	Parent  run.ID
	// Ungrouped leaves out runs of a group (run.StartRun.Group), whose machine is MACHINE/GROUP.
	Ungrouped bool
	Statuses  []run.Status
	Label     [2]string // name and value
	Before    run.ID    // only older than this one: the page's end
	Limit     int       // 0: 100
}

// JobFilter selects jobs; zero fields select all.
type JobFilter struct {
	Owner  string
	Queue  string
	Space  string
	Name   string
	Run    run.ID
	States []job.State
	Label  [2]string
	Before job.ID
	Limit  int // 0: 100
}

// ReplicaFilter selects replicas of one job, in order of child and replica.
type ReplicaFilter struct {
	Job    job.ID
	Child  int32    // -1: all
	After  [2]int32 // only beyond this child and replica; {-1, -1} for the first page
	States []job.State
	Limit  int // 0: 100
}

// Retention says how long what has ended is kept. A job's own Expires comes first.
type Retention struct{ Runs, Jobs time.Duration }

// Errors of a store, told apart with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	// ErrPruned answers a read of the feed that begins before what is kept.
	ErrPruned = errors.New("no longer kept")
	// ErrFenced means that another server has taken the data over. It is fatal.
	ErrFenced = errors.New("another server has taken over")
	// ErrLocked means that another server is using the data.
	ErrLocked = errors.New("in use by another server")
	// ErrNewer means that the data were written by a later release.
	ErrNewer = errors.New("written by a newer release")
	// ErrCorrupt means that the data cannot be what a server wrote.
	ErrCorrupt = errors.New("corrupt")
)

// Store is the port. All methods but Commit may be called from any goroutine.
type Store interface {
	// Commit makes units durable in one transaction and one sync, and answers each. It is called by one goroutine at a
	// time, the Writer's. An error is fatal: nothing is known of the units, and the process must stop and fold from
	// what is stored. It is never tried again.
	Commit(ctx context.Context, units []*Unit) ([]Verdict, error)

	// Epoch is the number that this opening of the store was given; every Commit is guarded by it.
	Epoch() int64
	// Secret is 32 bytes that were drawn at random with the data, for what only this store's servers can sign. They are
	// the same for as long as there are these data, in a backup of them too.
	Secret() []byte
	// Last gives the highest numbers in use.
	Last(ctx context.Context) (run.ID, job.ID, error)

	Run(ctx context.Context, id run.ID) (*Run, error)
	// RunByName finds a run by its name; with an empty machine, the latest of any Machine.
	RunByName(ctx context.Context, owner, machine, name string) (*Run, error)
	// Runs lists runs, latest first.
	Runs(ctx context.Context, f RunFilter) ([]*Run, error)
	// Snapshot is the latest of a run; ErrNotFound where there is none.
	Snapshot(ctx context.Context, id run.ID) (*Snapshot, error)
	// Frames yields the frames that hold events from sequence number from on, in order. Its cost is what it yields.
	Frames(ctx context.Context, id run.ID, from uint64, yield func(Change) bool) error
	// FrameAt is the last frame whose Position is at most position.
	FrameAt(ctx context.Context, id run.ID, position uint64) (Change, error)
	// Resident lists the runs that a restart must load: not ended, and Resident or with rows in the inbox.
	Resident(ctx context.Context) ([]run.ID, error)
	// Timers lists up to limit timers due at or before until, after the given one in order of (At, Run, Timer).
	Timers(ctx context.Context, after Timer, until time.Time, limit int) ([]Timer, error)
	// Inbox lists the rows of a run, in order.
	Inbox(ctx context.Context, id run.ID) ([]InboxRow, error)
	// Value is the compact JSON text that a digest names; empty where a Writer moved it to its Blobs (Load looks there).
	Value(ctx context.Context, d value.Digest) ([]byte, error)

	Job(ctx context.Context, id job.ID) (*job.Job, error) // with its Spec
	JobByKey(ctx context.Context, key string) (*job.Job, error)
	JobByName(ctx context.Context, owner, space, name string) (*job.Job, error)
	Jobs(ctx context.Context, f JobFilter) ([]*job.Job, error) // latest first, without Spec
	Replicas(ctx context.Context, f ReplicaFilter) ([]job.Replica, error)
	// OpenJobs yields every job that has not ended, with its Spec, oldest first.
	OpenJobs(ctx context.Context, yield func(*job.Job) bool) error

	// JobRequests lists all requests to jobs that have not ended.
	JobRequests(ctx context.Context) ([]JobRequest, error)

	// Object is the given version of an object; version 0 is the latest, ErrNotFound where that is deleted.
	Object(ctx context.Context, kind, space, name string, version int64) (*Object, error)
	// Objects lists the latest versions that are not deleted, by name; space "*" is all.
	Objects(ctx context.Context, kind, space string) ([]*Object, error)
	// Versions lists the versions of an object, latest first.
	Versions(ctx context.Context, kind, space, name string) ([]*Object, error)

	// Changes yields up to limit entries of the feed after seq.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// LastChange is the sequence number of the latest entry.
	LastChange(ctx context.Context) (int64, error)

	// Prune removes runs and jobs that at now need not be kept any more, with everything of theirs, and values that
	// nothing names; a few at a time, and says whether there is more to do. It keeps what a run that has not ended may
	// still ask about: its children and its jobs. forget is called for each job before it is removed; its error ends the
	// pruning. Prune may be called beside Commit, by one goroutine at a time.
	Prune(ctx context.Context, now time.Time, keep Retention, forget func(job.ID) error) (more bool, err error)
	// Backup writes a copy of the whole store, as of one moment, to a new file, while work goes on.
	Backup(ctx context.Context, path string) error
	// Size is the number of bytes that the store takes.
	Size(ctx context.Context) (int64, error)
	Close() error
}
