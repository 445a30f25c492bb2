package fake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/enginetest"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/job"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func(t *testing.T) enginetest.Harness {
		e := fake.New(fake.Config{})
		return enginetest.Harness{
			Open:    func(*testing.T) engine.Engine { return e },
			Process: process,
			Started: func(_ *testing.T, p job.Proc) int { return e.Starts()[p] },
			Node:    "node",
		}
	})
}

// process writes a script of the suite in the fake's own words.
func process(s enginetest.Script) job.Process {
	p := job.Process{Command: []string{"script"}}
	set := func(name string, value any) {
		p.Env = append(p.Env, job.Env{Name: name, Value: fmt.Sprint(value)})
	}
	if len(s.Output) > 0 {
		set("OUTPUT", strings.Join(s.Output, "\n"))
	}
	if s.File != "" {
		set("FILE", s.File+"=kept")
	}
	if s.Forever {
		set("RUN_FOR", "forever")
	}
	if s.IgnoreTerm {
		set("IGNORE_TERM", 1)
	}
	set("EXIT_CODE", s.Code)
	if s.Signal > 0 {
		set("EXIT_SIGNAL", s.Signal)
	}
	return p
}

// world is a fake under a clock that stands until it is moved.
type world struct {
	*fake.Engine
	now time.Time
}

func newWorld(cfg fake.Config) *world {
	w := &world{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg.Now = func() time.Time { return w.now }
	w.Engine = fake.New(cfg)
	return w
}

// play moves the clock from one thing to the next and writes down what is reported, until nothing happens any more.
func (w *world) play(t *testing.T) string {
	t.Helper()
	began, b := w.now, &strings.Builder{}
	for {
		w.Step()
		batch, err := w.Poll()
		if err != nil {
			fmt.Fprintln(b, err)
			continue
		}
		for _, r := range batch {
			fmt.Fprintf(b, "%s %s ", w.now.Sub(began), r.Proc)
			if r.Exit == nil {
				fmt.Fprintln(b, "started")
			} else {
				fmt.Fprintln(b, r.Exit.Reason, r.Exit.Code)
			}
		}
		at, ok := w.Next()
		if !ok {
			return b.String()
		}
		w.now = at
	}
}

func start(child int32, command string, env ...string) engine.Start {
	s := engine.Start{
		Proc: job.Proc{Job: 1, Child: child, Attempt: 1}, Epoch: 1, Node: "node",
		Process: job.Process{Command: strings.Fields(command)},
	}
	for _, e := range env {
		name, text, _ := strings.Cut(e, "=")
		s.Process.Env = append(s.Process.Env, job.Env{Name: name, Value: text})
	}
	return s
}

func submit(t *testing.T, e *fake.Engine, starts ...engine.Start) {
	t.Helper()
	if err := e.Submit(context.Background(), starts); err != nil {
		t.Fatalf("Submit: %v", err)
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(fake.Config{})
	submit(t, w.Engine,
		start(0, "true"),
		start(1, "exit 3", "RUN_FOR=2s"),
		start(2, "signal 11", "RUN_FOR=1s"),
		start(3, "train", "RUN_FOR=1s", "EXIT_REASON=OutOfMemory"),
		start(4, "train", "FAIL_ATTEMPTS=1"),
		start(5, "train", "EXIT_REASON=NotStarted"),
		start(6, "sleep soon"),
	)
	want := strings.Join([]string{
		"0s 1.5.0#1 NotStarted 1",
		"0s 1.6.0#1 NotStarted 1",
		"0s 1.0.0#1 Exited 0",
		"0s 1.1.0#1 started",
		"0s 1.2.0#1 started",
		"0s 1.3.0#1 started",
		"0s 1.4.0#1 Exited 1",
		"1s 1.2.0#1 Signalled 139",
		"1s 1.3.0#1 OutOfMemory 137",
		"2s 1.1.0#1 Exited 3",
		"",
	}, "\n")
	if diff := cmp.Diff(want, w.play(t)); diff != "" {
		t.Error(diff)
	}
}

func TestCancelIsOverWithTheProcessItself(t *testing.T) {
	t.Parallel()
	w := newWorld(fake.Config{})
	s := start(0, "train", "RUN_FOR=3s", "IGNORE_TERM=1")
	submit(t, w.Engine, s)
	if err := w.Cancel(context.Background(), s.Proc, job.ReasonCancelled, time.Minute); err != nil {
		t.Fatal(err)
	}
	want := "0s 1.0.0#1 started\n3s 1.0.0#1 Cancelled 0\n"
	if diff := cmp.Diff(want, w.play(t)); diff != "" {
		t.Error(diff)
	}
}

func TestLostNode(t *testing.T) {
	t.Parallel()
	w := newWorld(fake.Config{})
	submit(t, w.Engine, start(0, "sleep forever"), start(1, "sleep forever"))
	w.play(t)
	w.LoseNode("node", "its power failed")
	submit(t, w.Engine, start(2, "true"))
	want := "0s 1.0.0#1 Lost 1\n0s 1.1.0#1 Lost 1\n0s 1.2.0#1 NotStarted 1\n"
	if diff := cmp.Diff(want, w.play(t)); diff != "" {
		t.Error(diff)
	}
	nodes, _ := w.Nodes(context.Background())
	if nodes[0].Ready || nodes[0].Why != "its power failed" {
		t.Errorf("node is %+v", nodes[0])
	}
	w.ReturnNode("node")
	submit(t, w.Engine, start(3, "true"))
	if diff := cmp.Diff("0s 1.3.0#1 Exited 0\n", w.play(t)); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	breaks, submits := 1, []fake.SubmitFault{fake.SubmitRefused, fake.SubmitUnknown, fake.SubmitOK}
	w := newWorld(fake.Config{Faults: fake.Faults{
		Submit: func([]engine.Start) (f fake.SubmitFault) {
			f, submits = submits[0], submits[1:]
			return f
		},
		Lag:    func(p job.Proc) time.Duration { return time.Duration(p.Child) * time.Second },
		Repeat: func(r engine.Report) bool { return r.Exit != nil },
		Break:  func() bool { breaks--; return breaks == 0 },
	}})
	starts := []engine.Start{start(0, "sleep 1s"), start(3, "true")}
	for i, wantErr := range []bool{true, true, false} {
		if err := w.Submit(context.Background(), starts); errors.Is(err, engine.ErrLost) != wantErr {
			t.Fatalf("submission %d: %v", i, err)
		}
	}
	if n := w.Starts()[starts[0].Proc]; n != 1 {
		t.Errorf("started %d times", n)
	}
	want := strings.Join([]string{
		"polling for reports: the engine is lost",
		"0s 1.0.0#1 started",
		"1s 1.0.0#1 Exited 0",
		"1s 1.0.0#1 Exited 0",
		"3s 1.3.0#1 Exited 0",
		"3s 1.3.0#1 Exited 0",
		"",
	}, "\n")
	if diff := cmp.Diff(want, w.play(t)); diff != "" {
		t.Error(diff)
	}
}

func TestServerCrash(t *testing.T) {
	t.Parallel()
	w := newWorld(fake.Config{})
	submit(t, w.Engine, start(0, "true"), start(1, "exit 2"))
	first := w.play(t)
	w.Disconnect()
	if diff := cmp.Diff(first, w.play(t)); diff != "" {
		t.Errorf("what was not acknowledged does not come again:\n%s", diff)
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	w := newWorld(fake.Config{Nodes: []engine.Node{{
		Name: "node", Ready: true, MilliCPU: 2000, Memory: 1 << 30, GPUs: []engine.GPU{{Index: 0}, {Index: 1}},
	}}})
	with := func(child int32, gpus ...int32) engine.Start {
		s := start(child, "sleep 1s")
		s.GPUs, s.Process.Resources.MilliCPU = gpus, 1000
		return s
	}
	submit(t, w.Engine, with(0, 0), with(1, 1))
	w.play(t)
	submit(t, w.Engine, with(2, 0), with(3, 1))
	if v := w.Violations(); len(v) > 0 {
		t.Errorf("a correct use is called %q", v)
	}
	lost := with(6)
	lost.Node = "elsewhere"
	submit(t, w.Engine, with(4, 1), with(5, 7), lost)
	want := []string{
		"1.4.0#1 was started on node node, which is full: 3000 of 2000 mCPU, 0 of 1073741824 bytes",
		"1.4.0#1 was given GPU 1 of node node, which 1.3.0#1 has",
		"1.5.0#1 was started on node node, which is full: 4000 of 2000 mCPU, 0 of 1073741824 bytes",
		"1.5.0#1 was given GPU 7 of node node, which does not exist",
		`1.6.0#1 was started on node "elsewhere", which does not exist`,
	}
	if diff := cmp.Diff(want, w.Violations()); diff != "" {
		t.Error(diff)
	}
}

func TestNull(t *testing.T) {
	t.Parallel()
	w := newWorld(fake.Config{Null: true})
	submit(t, w.Engine, start(0, "sleep 1h"), start(1, "false"))
	if diff := cmp.Diff("0s 1.0.0#1 Exited 0\n0s 1.1.0#1 Exited 0\n", w.play(t)); diff != "" {
		t.Error(diff)
	}
	if _, ok := w.Next(); ok {
		t.Error("the null executor has something left to do")
	}
}
