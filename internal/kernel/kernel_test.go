package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

// server is a kernel over the memory store, driven by hand on virtual time.
type server struct {
	t       *testing.T
	mem     *memory.Store
	writer  *store.Writer
	kernel  *kernel.Kernel
	world   *world
	effects []func()
	options kernel.Options
	queue   *queue
}

// world is what outlives a server.
type world struct {
	now    time.Time
	done   []string // keys of the tasks that were carried out
	tokens []string // that tasks were handed
	hold   bool     // effects are started, but do not come to their end
}

func newServer(t *testing.T, change func(*kernel.Options)) *server {
	t.Helper()
	s := &server{t: t, mem: memory.New(memory.Options{}), world: &world{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	if change != nil {
		change(&s.options)
	}
	s.boot()
	return s
}

func (s *server) boot() {
	s.t.Helper()
	var err error
	s.queue = &queue{}
	if s.writer, err = store.NewWriter(s.t.Context(), s.mem); err != nil {
		s.t.Fatal(err)
	}
	o := s.options
	o.Store, o.Writer, o.Languages = s.mem, s.writer, []run.Language{toy{}}
	o.Load = func(ctx context.Context, d value.Digest) (value.Value, error) {
		text, err := s.mem.Value(ctx, d)
		if err != nil {
			return value.Value{}, err
		}
		return value.Parse(text)
	}
	o.Now = func() time.Time { return s.world.now }
	o.Go = func(f func()) { s.effects = append(s.effects, f) }
	o.Rand = func() uint64 { return 7 }
	if o.Integrations == nil {
		o.Integrations = s.integrations
	}
	s.kernel = kernel.New(o)
	if err := s.kernel.Open(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// crash kills the server and starts the next one.
func (s *server) crash() {
	s.mem, s.effects = s.mem.Crash(), nil
	s.boot()
}

func (s *server) integrations(resource string) kernel.Integration {
	switch resource {
	case "echo":
		return echo{s.world, kernel.Idempotent}
	case "broken":
		return broken{}
	case "once":
		return echo{s.world, kernel.AtMostOnce}
	case "look":
		return lookup{echo{s.world, kernel.Queryable}}
	case "job":
		return ledger{}
	case "submit":
		return ledger{done: true}
	case "queue":
		return s.queue
	}
	return nil
}

// settle lets the server work until nothing is left to do now.
func (s *server) settle() {
	s.t.Helper()
	for busy := true; busy; {
		worked, err := s.kernel.Work(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		busy = worked || s.writer.Waiting() > 0 || len(s.effects) > 0 && !s.world.hold
		if err := s.writer.Flush(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		if len(s.effects) > 0 && !s.world.hold {
			f := s.effects[0]
			s.effects = s.effects[1:]
			f()
		}
	}
}

// pass lets time pass.
func (s *server) pass(d time.Duration) {
	s.t.Helper()
	s.world.now = s.world.now.Add(d)
	if _, err := s.kernel.Tick(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.settle()
}

// begin starts a run without waiting for it to be durable.
func (s *server) begin(owner, name, source string) <-chan error {
	s.t.Helper()
	_, begun, err := s.kernel.Begin(kernel.StartRequest{Owner: owner, Name: name, Language: "toy", Source: []byte(source)})
	if err != nil {
		s.t.Fatal(err)
	}
	return begun
}

func (s *server) start(name, source string) {
	s.t.Helper()
	s.ask(func() error { return s.startErr(name, source) })
}

func (s *server) startErr(name, source string) error {
	_, err := s.kernel.Start(context.Background(), kernel.StartRequest{Owner: "ann", Name: name, Language: "toy", Source: []byte(source)})
	return err
}

// refused checks that a start is refused for a reason.
func (s *server) refused(name, source string, want error) {
	s.t.Helper()
	s.ask(func() error {
		if err := s.startErr(name, source); !errors.Is(err, want) {
			return fmt.Errorf("starting %s: %v, want %v", name, err, want)
		}
		return nil
	})
}

func (s *server) run(name string) *store.Run {
	s.t.Helper()
	r, err := s.mem.RunByName(s.t.Context(), "ann", "", name)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *server) want(name string, status run.Status, output string) {
	s.t.Helper()
	r := s.run(name)
	if r.Status != status || r.Output.JSON() != output {
		s.t.Errorf("run %s is %v with %s (failure %+v), want %v with %s", name, r.Status, r.Output, r.Failure, status, output)
	}
}

type echo struct {
	world *world
	class kernel.Class
}

func (e echo) Class() kernel.Class { return e.class }

func (e echo) Do(_ context.Context, t kernel.Task, _ func()) run.Outcome {
	e.world.done = append(e.world.done, t.Key)
	if t.Order.Callback {
		e.world.tokens = append(e.world.tokens, t.Order.Payload.Text())
	}
	if t.Order.Payload.Text() == "panic" {
		panic("integration")
	}
	return run.Done(t.Order.Payload)
}

// broken fails whatever it is to do.
type broken struct{}

func (broken) Class() kernel.Class { return kernel.Idempotent }

func (broken) Do(context.Context, kernel.Task, func()) run.Outcome { return run.Fail("Broken", "") }

type lookup struct{ echo }

func (l lookup) Look(_ context.Context, t kernel.Task) (run.Outcome, bool, error) {
	for _, k := range l.world.done {
		if k == t.Key {
			return run.Done(value.NewString("found")), true, nil
		}
	}
	return run.Outcome{}, false, nil
}

// ledger makes jobs: it waits for their end, or is done when they are submitted.
type ledger struct{ done bool }

func (ledger) Class() kernel.Class { return kernel.Durable }

func (l ledger) Begin(_ context.Context, t kernel.Task) (kernel.Rows, error) {
	if l.done {
		accepted := func(kernel.Ref) run.Outcome { return run.Done(value.NewString("accepted")) }
		return kernel.Rows{Job: &job.Job{Name: "job-", Spec: &job.Spec{}}, Outcome: accepted}, nil
	}
	return kernel.Rows{Job: &job.Job{Name: t.Order.Payload.Text(), Spec: &job.Spec{}}}, nil
}

func (ledger) End(_ context.Context, _ kernel.Task, e kernel.Ended) (run.Outcome, error) {
	return run.Done(value.NewString(e.Job.Why)), nil
}

// endJob ends a job as dispatch does: the row and the inbox of its run in one unit.
func (s *server) endJob(name, why string) {
	s.t.Helper()
	j, err := s.mem.JobByName(s.t.Context(), "ann", "", name)
	if err != nil {
		s.t.Fatal(err)
	}
	j.State, j.Why, j.Version = job.Succeeded, why, j.Version+1
	s.writer.Submit(&store.Unit{
		Jobs: []store.JobChange{{Job: j}},
		Inbox: []store.InboxRow{{
			Run: run.ID(j.Run), Key: fmt.Sprintf("task/%d", j.Task), Kind: store.InboxJob, Task: run.TaskID(j.Task), Ref: int64(j.ID),
		}},
	})
	s.settle()
}

func TestRunToItsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["pass", 3], ["task", "echo", {"x": 1}], ["wait", 60]]`)
	s.want("a", run.Running, "")
	s.pass(59 * time.Second)
	s.want("a", run.Running, "")
	s.pass(time.Second)
	s.want("a", run.Succeeded, `[3,{"x":1},"woke"]`)
}

func TestBudgetDoesNotChangeTheOutcome(t *testing.T) {
	t.Parallel()
	var outputs []string
	for _, budget := range []int{1, 2, 7, 1000} {
		s := newServer(t, func(o *kernel.Options) { o.BudgetEvents = budget })
		s.start("a", `[["pass", 20], ["uuid"], ["task", "echo", [1]], ["uuid"]]`)
		outputs = append(outputs, s.run("a").Output.JSON())
	}
	for _, o := range outputs {
		if o != outputs[0] {
			t.Errorf("outputs differ with the budget: %s and %s", outputs[0], o)
		}
	}
}

func TestOwnersTakeTurns(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *kernel.Options) { o.BudgetEvents = 1 })
	var results []<-chan error
	for i := range 20 {
		results = append(results, s.begin("bob", fmt.Sprint("b", i), `[["pass", 100]]`))
	}
	results = append(results, s.begin("ann", "a", `[["pass", 2]]`))
	// Ann's run takes five turns (it begins, two rounds, the step's end, the run's end); between two of hers Bob has one.
	for range 12 {
		if _, err := s.kernel.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.writer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.want("a", run.Succeeded, "[2]")
	s.settle()
	for _, r := range results {
		if err := <-r; err != nil {
			t.Error(err)
		}
	}
}

func TestCrashRepeatsByClass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ resource, output string }{
		{"echo", `["again"]`},
		{"look", `["again"]`},
		{"once", `["Tutti.OutcomeUnknown"]`},
	} {
		s := newServer(t, nil)
		s.world.hold = true
		s.start("a", `[["task", "`+tt.resource+`", "again"]]`)
		s.crash()
		s.world.hold = false
		s.settle()
		s.want("a", run.Succeeded, tt.output)
	}
}

func TestCrashAfterTheEffectLooksFirst(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.world.hold = true
	s.start("a", `[["task", "look", "x"]]`)
	s.effects[0]() // done, but its outcome dies with the server
	s.crash()
	s.world.hold = false
	s.settle()
	s.want("a", run.Succeeded, `["found"]`)
	if len(s.world.done) != 1 {
		t.Errorf("a queryable task was carried out %d times", len(s.world.done))
	}
}

func TestJobsAreRows(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["task", "job", "train"], ["task", "job", "x-"]]`)
	s.crash()
	s.settle()
	s.endJob("train", "it went well")
	if rows, err := s.mem.Inbox(t.Context(), s.run("a").ID); err != nil || len(rows) != 0 {
		t.Errorf("answered rows are left in the inbox: %v, %v", rows, err)
	}
	s.crash()
	s.settle()
	s.endJob("x-2", "so did this")
	s.want("a", run.Succeeded, `["it went well","so did this"]`)
}

func TestNameOfJobIsTaken(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["task", "job", "train"]]`)
	s.refused("b", `[["task", "job", "train"]]`, kernel.ErrNameTaken)
	s.start("c", `[["wait", 1], ["task", "job", "train"]]`)
	s.pass(time.Second)
	s.want("c", run.Quarantined, "")
}

func TestStopCancelsEverything(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["task", "job", "train"]]`)
	s.stop("a", run.Failure{Error: "Me", Cause: "enough"})
	r := s.run("a")
	if r.Status != run.Aborted || r.Failure == nil || *r.Failure != (run.Failure{Error: "Me", Cause: "enough"}) {
		t.Errorf("stopped run: %v %+v", r.Status, r.Failure)
	}
	requests, err := s.mem.JobRequests(t.Context())
	if err != nil || len(requests) != 1 || requests[0].Kind != store.JobCancel {
		t.Errorf("requests to jobs: %v, %v; want one cancellation", requests, err)
	}
}

// ask makes a call that returns when something is durable, and lets the server work meanwhile.
func (s *server) ask(call func() error) {
	s.t.Helper()
	result := make(chan error, 1)
	go func() { result <- call() }()
	for {
		select {
		case err := <-result:
			if err != nil {
				s.t.Fatal(err)
			}
			s.settle()
			return
		default:
			s.settle()
		}
	}
}

func (s *server) stop(name string, f run.Failure) {
	s.t.Helper()
	id := s.run(name).ID
	s.ask(func() error { return s.kernel.Stop(s.t.Context(), id, f) })
}

func TestChildRun(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["child", "inner", [["wait", 5], ["task", "echo", 7]]], ["pass", 1]]`)
	s.crash()
	s.settle()
	s.want("a", run.Running, "")
	s.pass(5 * time.Second)
	s.want("a", run.Succeeded, `[["woke",7],1]`)
}

func TestStopReachesChildren(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["child", "inner", [["wait", 5]]]]`)
	s.stop("a", run.Failure{})
	runs, err := s.mem.Runs(t.Context(), store.RunFilter{Statuses: []run.Status{run.Aborted}})
	if err != nil || len(runs) != 2 {
		t.Errorf("%d runs were aborted (%v), want parent and child", len(runs), err)
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["signal", "go"]]`)
	for range 2 { // saying it twice is harmless
		id := s.run("a").ID
		s.ask(func() error { return s.kernel.Signal(t.Context(), id, "1", "go", value.NewInt(5)) })
	}
	s.want("a", run.Succeeded, "[5]")
}

func TestPanicQuarantinesOneRun(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("bad", `[["wait", 1], ["panic"]]`)
	s.start("good", `[["wait", 2]]`)
	s.pass(time.Second)
	if r := s.run("bad"); r.Status != run.Quarantined || !strings.Contains(r.Note, "toy: panic") {
		t.Errorf("status %v, note %q", r.Status, r.Note)
	}
	s.pass(time.Second)
	s.want("good", run.Succeeded, `["woke"]`)

	s.crash() // a release that still cannot decide it
	s.pass(time.Second)
	s.want("bad", run.Quarantined, "")
	s.stop("bad", run.Failure{Error: "Me"})
	s.want("bad", run.Aborted, "")
}

func TestPanicOnCancelStillEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["panicOn", "cancel"]]`)
	s.stop("a", run.Failure{Error: "Me"})
	if r := s.run("a"); r.Status != run.Aborted || r.Failure.Error != "Me" {
		t.Errorf("status %v, failure %+v", r.Status, r.Failure)
	}
}

func TestIntegrationPanics(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["task", "echo", "panic"], ["task", "nowhere", 1]]`)
	s.want("a", run.Succeeded, `["Tutti.Internal","States.Runtime"]`)
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["wait", 10]]`)
	s.start("a", `[["wait", 10]]`) // the same again is the same run
	runs, err := s.mem.Runs(t.Context(), store.RunFilter{})
	if err != nil || len(runs) != 1 {
		t.Errorf("%d runs (%v), want 1", len(runs), err)
	}
	s.refused("a", `[["wait", 11]]`, kernel.ErrExists) // another definition under the same name
}

func TestEviction(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for i := range 10 {
		s.start(fmt.Sprint(i), `[["task", "echo", 1], ["wait", 3600]]`)
	}
	s.pass(3 * time.Second)
	if got := s.kernel.Stats(); got.Resident != 0 || got.Timers != 0 {
		t.Errorf("%d runs and %d timers in memory while all sleep for an hour", got.Resident, got.Timers)
	}
	ids, err := s.mem.Resident(t.Context())
	if err != nil || len(ids) != 0 {
		t.Errorf("a restart would load %v (%v)", ids, err)
	}
	for range 20 {
		s.pass(3 * time.Minute)
	}
	for i := range 10 {
		s.want(fmt.Sprint(i), run.Succeeded, `[1,"woke"]`)
	}
}

func TestClockSetBack(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["wait", 100], ["wait", 100]]`)
	s.pass(-time.Hour)
	s.pass(50 * time.Second)
	s.want("a", run.Running, "")
	s.pass(time.Hour + 50*time.Second)
	s.pass(2 * time.Hour) // a jump forwards
	s.want("a", run.Succeeded, `["woke","woke"]`)
}

func TestEventsReadBack(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *kernel.Options) { o.BudgetEvents = 3 })
	s.start("a", `[["pass", 8], ["task", "echo", "`+strings.Repeat("long ", 1000)+`"]]`)
	var kinds []run.EventKind
	err := s.kernel.Events(t.Context(), s.run("a").ID, 2, func(seq uint64, f run.Fact) bool {
		kinds = append(kinds, f.Kind())
		return seq < 12
	})
	want := []run.EventKind{2, 2, 2, 2, 2, 2, 2, 2, 4, 3, 4}
	if diff := cmp.Diff(want, kinds); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
}

func TestTimerSetAgain(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		s := newServer(t, func(o *kernel.Options) { o.BudgetEvents = 1 }) // each setting is a commit of its own
		s.start("a", `[["rewait", 10, 30]]`)
		if crash {
			s.crash()
		}
		s.pass(20 * time.Second)
		s.want("a", run.Running, "")
		s.pass(10 * time.Second)
		s.want("a", run.Succeeded, `["woke"]`)
	}
}

// While new work is held, a run that another ordered does not begin, also not on the next server; one that is stopped
// ends, and the rest begin when there is room.
func TestHold(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.kernel.Hold(true)
	const parent = `[["child", "inner", [["task", "echo", 7]]], ["pass", 1]]`
	s.start("a", parent)
	s.start("b", parent)
	s.settle()
	held := func(want int) {
		t.Helper()
		if got := s.kernel.Stats().Held; got != want {
			t.Errorf("%d runs are held, want %d", got, want)
		}
	}
	held(2)
	s.crash()
	s.kernel.Hold(true)
	s.settle()
	held(2)
	s.stop("b", run.Failure{})
	s.want("b", run.Aborted, "")
	s.want("a", run.Running, "")
	s.kernel.Hold(false)
	s.settle()
	s.want("a", run.Succeeded, `[[7],1]`)
	held(0)
}
