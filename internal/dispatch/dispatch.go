// Package dispatch carries jobs from their submission to their end: it accepts them, has package sched plan which
// children start where, has an engine start and stop their processes, and takes the engine's reports. It decides about
// retries, gangs, dependencies and deadlines; of runs it knows only which inbox to leave a job's end in.
//
// A Dispatcher is a machine of steps. Whatever happens outside (a job was committed, a report came, a commit was
// answered) is left in its mail; Step takes the mail, folds it into the jobs, plans, and submits one unit for each job
// that changed, all side by side so that they are one transaction: the ends of processes, and the starts they make room
// for. While that flight of units is in the air, mail gathers; so the batch grows with the load. When the flight has
// landed, Step releases what it orders of the engine, and Perform carries that out: nothing leaves before it is durable.
//
// The machine starts no goroutine and reads no clock, so a simulation can drive it: Load, then Step, Writer.Flush,
// Perform and HandleReports in turn. Run is the shell that does the same with goroutines.
//
// Dispatch must not know which engine it speaks to, and must not read or write the rows of runs.
package dispatch

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// Options is what a Dispatcher works with. Store, Writer, Engine, Log and Now are required.
type Options struct {
	Store  store.Store
	Writer *store.Writer
	Engine engine.Engine
	Log    *slog.Logger
	Now    func() time.Time

	// Queue finds a queue by what a job calls it, empty for the default queue, and gives it under its own name. Its error
	// says that there is none, and which there are. Nil: every name is a queue without bounds.
	Queue func(ctx context.Context, name string) (sched.Queue, error)
	// CheckProcess says why an owner may not run a process: no mapping for its image, a host path that was not granted.
	// Nil: everything may be run.
	CheckProcess func(owner string, p *job.Process) error
	// MayRead says whether an owner may wait for somebody's job. Nil: for their own.
	MayRead func(owner string, j *job.Job) bool

	// DefaultCPU is counted for a replica that names no CPU, in thousandths.
	DefaultCPU int64
	// MaxArray is the most children that an array may have. 0: 1,000,000.
	MaxArray int32
	// Address is where replicas on other nodes reach a node. Nil: all nodes are this machine.
	Address func(node string) string
	// Port chooses a free TCP port of a node for a gang to meet at. Nil: one that is free on this machine.
	Port func(node string) (int32, error)
}

// Dispatcher carries jobs. Its exported methods may be called from any goroutine.
type Dispatcher struct {
	o Options

	mu      sync.Mutex // guards all below but post
	state   *sched.State
	jobs    map[job.ID]*openJob
	queues  map[string]string // known to state: what jobs call them, and their own names
	nodes   []engine.Node
	needs   map[job.ID][]job.ID // jobs that wait for a job to end
	ports   map[int32]bool      // in use by gangs
	orphans map[job.Proc]bool   // processes that belong to no job and have not ended yet
	timers  timers
	next    time.Time  // when the latest plan wants to be made again
	dirty   []*openJob // changed since the last flight, in the order of change
	ended   []job.ID   // among them or in the air
	stale   []job.ID   // to be read again
	orders  orders     // of the step that is being made
	flight  *flight    // nil: none in the air

	post post
}

// New returns a Dispatcher of which nothing is running yet. It listens to the writer, so it must be made before the
// writer's first commit.
func New(o Options) *Dispatcher {
	if o.Queue == nil {
		o.Queue = func(_ context.Context, name string) (sched.Queue, error) {
			return sched.Queue{Name: cmp.Or(name, "default")}, nil
		}
	}
	if o.CheckProcess == nil {
		o.CheckProcess = func(string, *job.Process) error { return nil }
	}
	if o.MayRead == nil {
		o.MayRead = func(owner string, j *job.Job) bool { return j.Owner == owner }
	}
	if o.MaxArray == 0 {
		o.MaxArray = 1_000_000
	}
	if o.Address == nil {
		o.Address = func(string) string { return "127.0.0.1" }
	}
	if o.Port == nil {
		o.Port = freePort
	}
	d := &Dispatcher{
		o: o, state: sched.NewState(), jobs: map[job.ID]*openJob{}, queues: map[string]string{},
		needs: map[job.ID][]job.ID{}, ports: map[int32]bool{}, orphans: map[job.Proc]bool{},
	}
	d.post.wake, d.post.sent = make(chan struct{}, 1), make(chan struct{}, 1)
	o.Writer.Listen(d.committed)
	return d
}

// post is what passes between the machine and the world.
type post struct {
	mu   sync.Mutex // guards mail, out
	mail mail
	out  orders        // released: durable, and to be performed
	wake chan struct{} // holds a token while a Step has something to do
	sent chan struct{} // holds a token while a Perform has something to do
}

// mail is what has happened since the last step.
type mail struct {
	jobs     []*job.Job
	requests []store.JobRequest
	reports  []engine.Report
	nodes    []engine.Node // nil: nothing new
	objects  bool          // objects of the catalogue changed, so queues may have
}

// orders is what the engine is to be told, in this order.
type orders struct {
	starts  []engine.Start
	cancels []cancel
	ack     uint64 // reports up to this number are durable; 0: none
}

// cancel has a process end.
type cancel struct {
	proc   job.Proc
	reason job.Reason
	grace  time.Duration
}

func (o *orders) empty() bool { return len(o.starts) == 0 && len(o.cancels) == 0 && o.ack == 0 }

// add appends what comes after.
func (o *orders) add(after orders) {
	o.starts = append(o.starts, after.starts...)
	o.cancels = append(o.cancels, after.cancels...)
	o.ack = max(o.ack, after.ack)
}

// leave puts something into the mail.
func (d *Dispatcher) leave(f func(*mail)) {
	d.post.mu.Lock()
	f(&d.post.mail)
	d.post.mu.Unlock()
	poke(d.post.wake)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// HandleReports leaves reports of the engine for the next Step.
func (d *Dispatcher) HandleReports(reports []engine.Report) {
	d.leave(func(m *mail) { m.reports = append(m.reports, reports...) })
}

// HandleNodes leaves what the engine's nodes are now for the next Step.
func (d *Dispatcher) HandleNodes(nodes []engine.Node) {
	if nodes == nil {
		nodes = []engine.Node{}
	}
	d.leave(func(m *mail) { m.nodes = nodes })
}

// committed learns of new jobs and requests, whoever made them.
func (d *Dispatcher) committed(units []*store.Unit, verdicts []store.Verdict) {
	var m mail
	for i, u := range units {
		if verdicts[i] != store.OK {
			continue
		}
		for _, c := range u.Jobs {
			if c.Job.Version == 1 {
				m.jobs = append(m.jobs, c.Job)
			}
		}
		m.requests = append(m.requests, u.Requests...)
		m.objects = m.objects || len(u.Objects) > 0
	}
	if len(m.jobs) == 0 && len(m.requests) == 0 && !m.objects {
		return
	}
	d.leave(func(to *mail) {
		to.jobs = append(to.jobs, m.jobs...)
		to.requests = append(to.requests, m.requests...)
		to.objects = to.objects || m.objects
	})
}

// takeMail empties the mail.
func (d *Dispatcher) takeMail() mail {
	d.post.mu.Lock()
	defer d.post.mu.Unlock()
	m := d.post.mail
	d.post.mail = mail{}
	return m
}
