package dispatch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

// world is a dispatcher between a store in memory and a scripted engine, driven by one goroutine in virtual time.
type world struct {
	t      testing.TB
	ctx    context.Context
	now    time.Time
	engine *fake.Engine
	store  *memory.Store
	writer *store.Writer
	d      *Dispatcher
	queues map[string]sched.Queue
	last   int32 // port given out

	commits int                  // of the dispatcher's, so far
	faults  map[int]memory.Fault // by number of commit
	safe    bool                 // somebody else commits
}

var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

type worldOption func(*world, *fake.Config)

func withNodes(nodes ...engine.Node) worldOption {
	return func(_ *world, c *fake.Config) { c.Nodes = nodes }
}

func withQueue(q sched.Queue) worldOption {
	return func(w *world, _ *fake.Config) { w.queues[q.Name] = q }
}

// cpuNode is a node of some CPUs and GPUs.
func node(name string, cpus int64, gpus int) engine.Node {
	n := engine.Node{Name: name, Ready: true, MilliCPU: cpus * 1000, Memory: 64 << 30}
	for i := range gpus {
		n.GPUs = append(n.GPUs, engine.GPU{Index: int32(i), Kind: "NVIDIA H100 80GB HBM3"})
	}
	return n
}

func newWorld(t testing.TB, options ...worldOption) *world {
	w := &world{t: t, ctx: context.Background(), now: begin, queues: map[string]sched.Queue{"default": {Name: "default"}}}
	c := fake.Config{Now: func() time.Time { return w.now }, Nodes: []engine.Node{node("n1", 4, 0)}}
	for _, o := range options {
		o(w, &c)
	}
	w.engine = fake.New(c)
	w.open(memory.New(memory.Options{Fault: func([]*store.Unit) memory.Fault {
		if w.safe {
			return memory.None
		}
		w.commits++
		return w.faults[w.commits]
	}}))
	return w
}

// open starts a server on a store.
func (w *world) open(s *memory.Store) {
	w.t.Helper()
	w.store = s
	var err error
	if w.writer, err = store.NewWriter(w.ctx, s); err != nil {
		w.t.Fatal(err)
	}
	w.d = New(Options{
		Store: s, Writer: w.writer, Engine: w.engine, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return w.now },
		Queue: func(_ context.Context, name string) (sched.Queue, error) {
			if name == "" {
				name = "default"
			}
			q, ok := w.queues[name]
			if !ok {
				return q, fmt.Errorf("there is no queue %q", name)
			}
			return q, nil
		},
		Port: func(string) (int32, error) { w.last++; return 20000 + w.last, nil },
	})
	if err := w.d.Load(w.ctx, w.now); err != nil {
		w.t.Fatal(err)
	}
}

// crash kills the server and starts another on what was durable.
func (w *world) crash() {
	w.t.Helper()
	w.engine.Disconnect()
	w.open(w.store.Crash())
}

// settle lets everything happen that needs no time. A commit that fails kills the server, and another takes over.
func (w *world) settle() {
	w.t.Helper()
	for range 100_000 {
		w.engine.Step()
		reports, err := w.engine.Poll()
		if err == nil && len(reports) > 0 {
			w.d.HandleReports(reports)
		}
		if err := w.d.Step(w.ctx, w.now); err != nil {
			w.t.Fatal(err)
		}
		committed := w.writer.Waiting() > 0
		if err := w.writer.Flush(w.ctx); err != nil {
			w.crash()
			continue
		}
		idle := w.d.Idle()
		if performed := w.d.Perform(w.ctx); performed == nil && err == nil && len(reports) == 0 && !committed && idle {
			return
		}
	}
	w.t.Fatal("the world does not settle")
}

// tick goes on to the next moment at which something happens; false if nothing ever will.
func (w *world) tick() bool {
	at := w.d.NextDeadline()
	if next, ok := w.engine.Next(); ok && (at.IsZero() || next.Before(at)) {
		at = next
	}
	if at.IsZero() {
		return false
	}
	if at.After(w.now) {
		w.now = at
	}
	return true
}

// finish lets everything happen.
func (w *world) finish() {
	w.t.Helper()
	for w.settle(); w.tick(); w.settle() {
	}
	for _, v := range w.engine.Violations() {
		w.t.Error(v)
	}
}

// until lets time pass up to a moment after the beginning.
func (w *world) until(after time.Duration) {
	w.t.Helper()
	end := begin.Add(after)
	for w.settle(); ; w.settle() {
		if !w.tick() || w.now.After(end) {
			break
		}
	}
	w.now = end
	w.settle()
}

// submit inserts a job as a run's commit would.
func (w *world) submit(spec *job.Spec) job.ID {
	w.t.Helper()
	id := w.writer.NewJobID()
	j := &job.Job{ID: id, Name: Name(spec.Name, id), Owner: "u", Spec: spec, State: job.Queued, Submitted: w.now, Version: 1}
	verdict := store.Verdict(0)
	w.commit(&store.Unit{Jobs: []store.JobChange{{Job: j}}, Done: func(v store.Verdict) { verdict = v }})
	if verdict != store.OK {
		w.t.Fatalf("submitting %s: %s", j.Name, verdict)
	}
	return id
}

func (w *world) cancel(id job.ID, why string) {
	w.t.Helper()
	w.commit(&store.Unit{Requests: []store.JobRequest{{Job: id, Kind: store.JobCancel, Why: why}}})
}

// commit is a commit of somebody else's, which does not fail.
func (w *world) commit(u *store.Unit) {
	w.t.Helper()
	w.safe = true
	w.writer.Submit(u)
	if err := w.writer.Flush(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	w.safe = false
}

func (w *world) job(id job.ID) *job.Job {
	w.t.Helper()
	j, err := w.store.Job(w.ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// show prints jobs and their replicas as stored, in one line each.
func (w *world) show(ids ...job.ID) string {
	w.t.Helper()
	var b strings.Builder
	for _, id := range ids {
		j := w.job(id)
		fmt.Fprintf(&b, "%s %s", j.Name, j.State)
		if c := j.Counts; c != (job.Counts{}) {
			for _, part := range []struct {
				letter string
				n      int32
			}{{"q", c.Queued}, {"a", c.Active}, {"s", c.Succeeded}, {"f", c.Failed}} {
				if part.n > 0 {
					fmt.Fprintf(&b, " %s%d", part.letter, part.n)
				}
			}
		}
		if j.Failures > 0 {
			fmt.Fprintf(&b, " failures=%d", j.Failures)
		}
		if !j.Ended.IsZero() {
			fmt.Fprintf(&b, " at %s", j.Ended.Sub(begin))
		}
		if j.Why != "" {
			fmt.Fprintf(&b, ": %s", j.Why)
		}
		b.WriteString("\n")
		rows, err := w.store.Replicas(w.ctx, store.ReplicaFilter{Job: id, Child: -1, After: [2]int32{-1, -1}, Limit: 1000})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range rows {
			fmt.Fprintf(&b, "  %d.%d#%d %s %s", r.Proc.Child, r.Proc.Replica, r.Proc.Attempt, r.State, r.Node)
			if len(r.GPUs) > 0 {
				fmt.Fprintf(&b, "%v", r.GPUs)
			}
			if r.Exit != nil {
				fmt.Fprintf(&b, " %s %d", r.Exit.Reason, r.Exit.Code)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// one is a job of one process.
func one(name string, cpus int64, command string, env ...string) *job.Spec {
	return &job.Spec{Name: name, Groups: []job.Group{{Name: "main", Replicas: 1, Process: process(cpus, command, env...)}}}
}

func process(cpus int64, command string, env ...string) job.Process {
	p := job.Process{Command: strings.Fields(command), Resources: job.Resources{MilliCPU: cpus * 1000}}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		p.Env = append(p.Env, job.Env{Name: name, Value: value})
	}
	return p
}

// gangOf is a job of a master, which decides, and some workers.
func gangOf(name string, workers int32, restart job.Restart, master, worker job.Process) *job.Spec {
	return &job.Spec{Name: name, Groups: []job.Group{
		{Name: "master", Replicas: 1, Restart: restart, Decides: true, Process: master},
		{Name: "worker", Replicas: workers, Restart: restart, Process: worker},
	}}
}

func with(s *job.Spec, change func(*job.Spec)) *job.Spec {
	change(s)
	return s
}

func (w *world) submitAll(specs []*job.Spec) []job.ID {
	w.t.Helper()
	ids := make([]job.ID, len(specs))
	for i, s := range specs {
		ids[i] = w.submit(s)
	}
	return ids
}
