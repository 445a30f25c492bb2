package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withNodes(node("n1", 4, 2)))
	w.d.o.CheckProcess = func(_ string, p *job.Process) error {
		if p.Image != "" {
			return errors.New("no mapping for image " + p.Image)
		}
		return nil
	}
	mine := w.submit(array(one("mine", 1, "sleep 1"), 2, 0))
	group := func(s *job.Spec) *job.Group { return &s.Groups[0] }
	tests := []struct {
		name   string
		change func(*job.Spec)
		want   string // empty: accepted
	}{
		{"good", func(*job.Spec) {}, ""},
		{"name", func(s *job.Spec) { s.Name = "-x" }, `name: "-x" is not a name: up to 128 letters, digits, '-', '_' and '.', the first a letter or digit`},
		{"no groups", func(s *job.Spec) { s.Groups = nil }, "groups: a job has at least one group of replicas"},
		{"groups alike", func(s *job.Spec) { s.Groups = append(s.Groups, s.Groups[0]) }, `groups[1].name: two groups are called "main"`},
		{"replicas", func(s *job.Spec) { group(s).Replicas = -1 }, "groups[0].replicas: -1 is not between 1 and 10000"},
		{"restart", func(s *job.Spec) { group(s).Restart = "always" }, `groups[0].restart: "always" is none of gang, member and nothing`},
		{"command", func(s *job.Spec) { group(s).Process.Command = nil },
			"groups[0].process.command: it names no program; the command of an image is not read, so give it here"},
		{"image", func(s *job.Spec) { group(s).Process.Image = "x" }, "groups[0].process: no mapping for image x"},
		{"variable", func(s *job.Spec) { group(s).Process.Env = []job.Env{{Name: "A=B"}} }, `groups[0].process.env[0].name: "A=B" cannot be the name of a variable`},
		{"array", func(s *job.Spec) { s.Array = &job.Array{Size: 1_000_001} }, "array.size: 1000001 is not between 0 and 1000000"},
		{"memory", func(s *job.Spec) { group(s).Process.Resources.Memory = -1 }, "groups[0].process.resources.memory: -1 is not between 0 and 1125899906842624"},
		{"too large", func(s *job.Spec) { group(s).Process.Resources.GPUs = 3 }, `groups: a replica of group "main" asks for 3 GPUs; the most that a node has is 2`},
		{"queue", func(s *job.Spec) { s.Queue = "none" }, `queue: there is no queue "none"`},
		{"mount", func(s *job.Spec) {
			group(s).Process.Mounts = []job.Mount{{Path: "/a", Empty: true}, {Path: "b", Empty: true, HostPath: "/c", SubPath: "x/../.."}}
		}, `groups[0].process.mounts[1].path: "b" is not an absolute path
groups[0].process.mounts[1]: a mount has one of files, hostPath and empty
groups[0].process.mounts[1].subPath: "x/../.." leads out of the volume`},
		{"unknown job", func(s *job.Spec) { s.After = []job.Dependency{{Job: 99}} }, "after[0].job: there is no job 99"},
		{"pairs of other sizes", func(s *job.Spec) { array(after(s, job.Dependency{Job: mine, Type: "N_TO_N"}), 3, 0) },
			"after[0]: N_TO_N pairs arrays of one size: this job has 3 children, job 1 has 2"},
		{"sequence of one", func(s *job.Spec) { after(s, job.Dependency{Type: "SEQUENTIAL"}) }, "after[0]: SEQUENTIAL orders the children of an array, and the job is none"},
		{"retries", func(s *job.Spec) { s.Retry = job.Retry{Attempts: -1, Budget: ptr(int32(-2))} },
			"retry.attempts: -1 is not between 0 and 2147483647\nretry.budget: -2 is not between 0 and 2147483647"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := w.d.Check(w.ctx, "u", with(one("a", 1, "true"), test.change)); err != nil {
				if refusal := (*Refusal)(nil); !errors.As(err, &refusal) {
					t.Errorf("the error is a %T", err)
				}
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
	t.Run("somebody else's job", func(t *testing.T) {
		t.Parallel()
		if err := w.d.Check(w.ctx, "v", after(one("a", 1, "true"), job.Dependency{Job: mine})); err == nil {
			t.Error("another owner may wait for it")
		}
	})
}

// starts records what an engine is asked to start.
type starts struct {
	*fake.Engine
	all []engine.Start
}

func (s *starts) Submit(ctx context.Context, batch []engine.Start) error {
	s.all = append(s.all, batch...)
	return s.Engine.Submit(ctx, batch)
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withNodes(node("n1", 4, 0)))
	recorded := &starts{Engine: w.engine}
	w.d.o.Engine = recorded
	env := []string{"RANK=${tutti:rank}", "I=${tutti:replica}", "N=${tutti:world}", "AT=${tutti:master.addr}:${tutti:master.port}",
		"JOB=${tutti:job.name}/${tutti:job.id}#${tutti:attempt}", "ODD=${tutti:nothing} ${tutti:rank $(RANK)"}
	spec := gangOf("a", 1, job.RestartNever, process(1, "echo ${tutti:index}", env...), process(1, "true", env...))
	spec.Groups[1].Process.Mounts = []job.Mount{{Path: "/x", HostPath: "/data/${tutti:rank}"}}
	spec.Indexed = "INDEX"
	w.submit(array(spec, 2, 0))
	w.finish()

	worker := recorded.all[3]
	want := []job.Env{{Name: "RANK", Value: "1"}, {Name: "I", Value: "0"}, {Name: "N", Value: "2"}, {Name: "AT", Value: "127.0.0.1:20002"},
		{Name: "JOB", Value: "a/1#1"}, {Name: "ODD", Value: "${tutti:nothing} ${tutti:rank $(RANK)"}, {Name: "INDEX", Value: "1"}}
	if diff := cmp.Diff(want, worker.Process.Env); diff != "" {
		t.Errorf("environment (-want +got)\n%s", diff)
	}
	if got := worker.Process.Mounts[0].HostPath; got != "/data/1" {
		t.Errorf("host path %s", got)
	}
	if got := recorded.all[2].Process.Command[1]; got != "1" {
		t.Errorf("index in the command: %s", got)
	}
	if a, b := recorded.all[0].Process.Env[3], recorded.all[1].Process.Env[3]; a != b || a.Value != "127.0.0.1:20001" {
		t.Errorf("the first gang meets at %v and %v", a, b)
	}
	if spec.Groups[0].Process.Env[0].Value != "${tutti:rank}" {
		t.Error("the spec was changed")
	}
}

// A gang whose server died between the starts of its members meets where it was to.
func TestPortSurvivesACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.faults = map[int]memory.Fault{1: memory.Durable}
	id := w.submit(gangOf("a", 1, job.RestartNever, process(1, "sleep 1", "P=${tutti:master.port}"), process(1, "sleep 1")))
	w.until(0)
	rows, err := w.store.Replicas(w.ctx, store.ReplicaFilter{Job: id, Child: -1, After: [2]int32{-1, -1}})
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	if rows[0].Port != 20001 || w.last != 1 {
		t.Errorf("port %d, the %dth one chosen", rows[0].Port, w.last)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withNodes(node("n1", 4, 2)))
	gpus := func(s *job.Spec) { s.Groups[0].Process.Resources.GPUs = 2 }
	w.submitAll([]*job.Spec{
		with(one("a", 1, "sleep 9"), gpus), with(one("b", 1, "true"), gpus), one("c", 1, "true"),
		after(one("d", 1, "true"), job.Dependency{Job: 2}, job.Dependency{Job: 3}), with(one("e", 1, "true"), func(s *job.Spec) { s.Suspend = true }),
	})
	w.settle()
	for id, want := range []string{1: "", 2: "waits for 2 GPUs: 0 of 2 free, held by a", 3: "waits behind b, which waits for 2 GPUs: 0 of 2 free, held by a",
		4: "waits for the end of b, c", 5: suspended, 6: ""} {
		if got := w.d.Explain(job.ID(id)); got != want {
			t.Errorf("job %d: got %q, want %q", id, got, want)
		}
	}
	n := w.d.Nodes()[0]
	if n.Used != (sched.Amount{MilliCPU: 1000, GPUs: 2}) || n.Holders[0] != "a" || n.Holders[1] != "a" {
		t.Errorf("node %+v", n)
	}
	if q := w.d.Queues()[0]; q.Name != "default" || q.Waiting != 2 || q.Used != (sched.Amount{MilliCPU: 1000, GPUs: 2}) {
		t.Errorf("queue %+v", q)
	}
}

// The end of a job that a run waits for is in the run's inbox, in the transaction that ends the job.
func TestEndIsToldToTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var told []store.InboxRow
	w.writer.Listen(func(units []*store.Unit, _ []store.Verdict) {
		for _, u := range units {
			if len(u.Inbox) > 0 && !u.Jobs[0].Job.State.Ended() {
				t.Error("the run was told of an end that is not one")
			}
			told = append(told, u.Inbox...)
		}
	})
	for _, task := range []uint64{7, 0} {
		id := w.writer.NewJobID()
		w.commit(&store.Unit{Jobs: []store.JobChange{{Job: &job.Job{
			ID: id, Name: Name("", id), Owner: "u", Run: 3, Task: task, Spec: one("", 1, "true"), State: job.Queued, Version: 1,
		}}}})
	}
	w.finish()
	if want := (store.InboxRow{Run: 3, Key: "task/7", Kind: store.InboxJob, Task: 7, Ref: 1}); len(told) != 1 || told[0] != want {
		t.Errorf("got %+v, want %+v alone", told, want)
	}
}

// A job that somebody else changed is read again, and goes on from there.
func TestStaleJobIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.submit(one("a", 1, "sleep 5"))
	other := w.submit(one("b", 1, "sleep 5"))
	w.until(time.Second)
	row := *w.job(id)
	row.Version++
	row.Spec, row.Label = nil, "changed"
	w.commit(&store.Unit{Jobs: []store.JobChange{{Job: &row}}})
	w.finish()
	if j := w.job(id); j.State != job.Succeeded || j.Label != "changed" {
		t.Errorf("%s, label %q", j.State, j.Label)
	}
	if j := w.job(other); j.State != job.Succeeded {
		t.Error("its neighbour came to harm")
	}
}

// A process of a job that is no more is stopped; a process that the engine has lost is retried.
func TestLoadComparesWithTheEngine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.submit(retry(one("a", 1, "sleep 5"), job.Retry{Attempts: 2}))
	w.until(time.Second)
	old := w.engine
	w.engine = fake.New(fake.Config{Now: func() time.Time { return w.now }, Nodes: []engine.Node{node("n1", 4, 0)}})
	orphan := job.Proc{Job: 99, Attempt: 1}
	if err := w.engine.Submit(w.ctx, []engine.Start{{Proc: orphan, Node: "n1", Process: process(1, "sleep forever")}}); err != nil {
		t.Fatal(err)
	}
	w.crash()
	w.finish()
	want := "a Succeeded s1 failures=1 at 6s\n  0.0#2 Succeeded n1 Exited 0\n"
	if got := w.show(id); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if list, err := w.engine.List(w.ctx); err != nil || len(list) > 0 {
		t.Errorf("still there: %v, %v", list, err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnreliableEngine(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			faults := func(_ *world, c *fake.Config) {
				c.Faults.Submit = func([]engine.Start) fake.SubmitFault {
					n++
					return []fake.SubmitFault{fake.SubmitRefused, fake.SubmitUnknown, fake.SubmitOK}[n%3]
				}
				c.Faults.Repeat = func(engine.Report) bool { return true }
				c.Faults.Break = func() bool { n++; return n%4 == 0 }
			}
			w := newWorld(t, append([]worldOption{faults}, s.options...)...)
			ids := w.submitAll(s.jobs)
			for at, id := range s.cancel {
				w.until(at)
				w.cancel(id, "enough")
			}
			w.finish()
			if diff := cmp.Diff(strings.TrimPrefix(s.want, "\n")+"\n", w.show(ids...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestRun holds the shell: the same machine with goroutines, in real time.
func TestRun(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := memory.New(memory.Options{})
	w, err := store.NewWriter(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan *job.Job, 10)
	d := New(Options{Store: s, Writer: w, Engine: fake.New(fake.Config{}), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	w.Listen(func(units []*store.Unit, _ []store.Verdict) {
		for _, u := range units {
			for _, c := range u.Jobs {
				if c.Job.State.Ended() {
					ended <- c.Job
				}
			}
		}
	})
	if err := d.Load(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	results := make(chan error, 2)
	go func() { results <- w.Run(ctx) }()
	go func() { results <- d.Run(running) }()

	first, err := d.Submit(ctx, "u", array(one("a-", 1, "true"), 100, 0), "key")
	if err != nil || first.Name != "a-1" {
		t.Fatal(first, err)
	}
	if again, err := d.Submit(ctx, "u", one("b", 1, "true"), "key"); err != nil || again.ID != first.ID {
		t.Errorf("the key gives %v, %v", again, err)
	}
	if _, err := d.Submit(ctx, "v", one("b", 1, "true"), "key"); err == nil {
		t.Error("another owner's key is taken")
	}
	if j := <-ended; j.ID != first.ID || j.State != job.Succeeded {
		t.Errorf("ended: %+v", j)
	}
	second, err := d.Submit(ctx, "u", one("c", 1, "sleep forever"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Submit(ctx, "u", one("c", 1, "true"), ""); !errors.Is(err, ErrName) {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := d.Cancel(ctx, second.ID, "enough"); err != nil {
		t.Fatal(err)
	}
	if j := <-ended; j.ID != second.ID || j.State != job.Cancelled || j.Why != "cancelled: enough" {
		t.Errorf("ended: %+v", j)
	}
	if err := d.Cancel(ctx, 99, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("cancelling what is not there: %v", err)
	}
	stop()
	if err := <-results; err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-results; err != nil {
		t.Error(err)
	}
}

// A queue that changes in the catalogue, and a node that goes and comes back, change what waits at once.
func TestQueuesAndNodesChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withQueue(sched.Queue{Name: "q", Max: sched.Amount{MilliCPU: 1000}}))
	version := int64(0)
	change := func(q *sched.Queue) {
		delete(w.queues, "q")
		if q != nil {
			w.queues["q"] = *q
		}
		version++
		w.commit(&store.Unit{Objects: []store.ObjectChange{{Object: &store.Object{Kind: "jobqueue", Name: "q", Version: version}}}})
		w.settle()
	}
	id := w.submit(with(array(one("a", 1, "sleep 60"), 3, 0), func(s *job.Spec) { s.Queue = "q" }))
	w.settle()
	steps := []struct {
		name   string
		do     func()
		active int32
		why    string
	}{
		{"bound", func() {}, 1, `waits for 1 CPU of queue "q": 0 of 1 free, held by a`},
		{"wider", func() { change(&sched.Queue{Name: "q", Max: sched.Amount{MilliCPU: 2000}}) }, 2, `waits for 1 CPU of queue "q": 0 of 2 free, held by a`},
		{"gone", func() { change(nil) }, 2, `waits for queue "q": there is no queue "q"`},
		{"no node", func() { w.d.HandleNodes(nil); change(&sched.Queue{Name: "q"}) }, 2, "waits for a node: n1 is not ready: it is not there"},
		{"a node", func() { w.d.HandleNodes([]engine.Node{node("n1", 4, 0)}); w.settle() }, 3, ""},
	}
	for _, s := range steps {
		s.do()
		if got := w.job(id).Counts.Active; got != s.active {
			t.Errorf("%s: %d children run, want %d", s.name, got, s.active)
		}
		if got := w.d.Explain(id); got != s.why {
			t.Errorf("%s: %s\nwant %s", s.name, got, s.why)
		}
	}
}

// A suspended job starts nothing more, on the next server too; what of it runs goes on.
func TestSuspend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withNodes(node("n1", 4, 0)))
	ask := func(id job.ID, kind store.JobRequestKind) {
		w.commit(&store.Unit{Requests: []store.JobRequest{{Job: id, Kind: kind}}})
		w.settle()
	}
	id := w.submit(array(one("a", 1, "sleep 10"), 3, 1))
	born := w.submit(with(one("b", 1, "sleep 1"), func(s *job.Spec) { s.Suspend, s.KeepFor = true, time.Minute }))
	w.until(time.Second)
	ask(id, store.JobSuspend)
	w.until(30 * time.Second)
	check := func(id job.ID, state job.State, counts job.Counts, why string) {
		t.Helper()
		j := w.job(id)
		if j.State != state || j.Counts != counts || w.d.Explain(id) != why {
			t.Errorf("job %s is %s %+v, and %q; want %s %+v, and %q", j.Name, j.State, j.Counts, w.d.Explain(id), state, counts, why)
		}
	}
	half := job.Counts{Queued: 2, Succeeded: 1}
	check(id, job.Held, half, suspended)
	check(born, job.Held, job.Counts{Queued: 1}, suspended)
	w.crash()
	w.settle()
	check(id, job.Held, half, suspended)
	if left, err := w.store.JobRequests(w.ctx); err != nil || len(left) > 0 {
		t.Errorf("requests that are not answered: %v, %v", left, err)
	}
	ask(id, store.JobResume)
	ask(born, store.JobResume)
	check(id, job.Running, job.Counts{Queued: 1, Active: 1, Succeeded: 1}, "has as many children running as it allows: 1")
	ask(id, store.JobSuspend)
	check(id, job.Running, job.Counts{Queued: 1, Active: 1, Succeeded: 1}, suspended)
	w.crash()
	ask(id, store.JobResume)
	w.finish()
	check(id, job.Succeeded, job.Counts{Succeeded: 3}, "")
	check(born, job.Succeeded, job.Counts{Succeeded: 1}, "")
	if b := w.job(born); !b.Expires.Equal(b.Ended.Add(time.Minute)) {
		t.Errorf("the job ended at %s and expires at %s, want a minute later", b.Ended, b.Expires)
	}
}
