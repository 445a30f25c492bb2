// Package enginetest is the suite that every engine passes: what the port promises, tried on the engine itself.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
)

// Harness is an engine under test.
type Harness struct {
	// Open gives a connection to the engine of this test; closing it and opening another is what a server's restart is.
	Open func(t *testing.T) engine.Engine
	// Process turns a script into a process of this engine.
	Process func(Script) job.Process
	// Started says how often a process was really started. Nil: the engine cannot tell.
	Started func(t *testing.T, p job.Proc) int
	Node    string
	Owner   string
}

// Script is what a process of the suite does, in this order.
type Script struct {
	Output     []string // lines on standard output
	File       string   // a file in its scratch directory that holds "kept"
	Forever    bool     // runs until it is stopped
	IgnoreTerm bool     // SIGTERM does not stop it
	Code       int      // exit code
	Signal     int      // the signal that it sends itself
}

// patience is how long the suite waits for what must happen; it is used up by failures only.
const patience = 20 * time.Second

// Run tries everything. newHarness makes an engine that has seen nothing.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"ExitCodes", testExitCodes},
		{"Signal", testSignal},
		{"StartsOnce", testStartsOnce},
		{"NotStarted", testNotStarted},
		{"Cancel", testCancel},
		{"CancelAfterGrace", testCancelAfterGrace},
		{"CancelUnknown", testCancelUnknown},
		{"CancelEnded", testCancelEnded},
		{"Timeout", testTimeout},
		{"Logs", testLogs},
		{"Follow", testFollow},
		{"Adopt", testAdopt},
		{"Acknowledge", testAcknowledge},
		{"Epoch", testEpoch},
		{"Files", testFiles},
		{"Usage", testUsage},
		{"Forget", testForget},
		{"Batch", testBatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			f := &fixture{T: t, Harness: h}
			f.reopen()
			c.test(f)
		})
	}
}

// fixture is one test's engine, with what it has reported.
type fixture struct {
	*testing.T
	Harness
	engine.Engine
	reports chan engine.Report
	stop    func()
	seen    map[job.Proc]engine.Report
}

// reopen closes the engine and opens it again, listening to its reports from the first that is not acknowledged.
func (f *fixture) reopen() {
	f.Helper()
	if f.Engine != nil {
		f.stop()
		f.Engine.Close()
	}
	f.Engine = f.Harness.Open(f.T)
	f.seen = map[job.Proc]engine.Report{}
	ctx, cancel := context.WithCancel(context.Background())
	reports, done, e := make(chan engine.Report, 1024), make(chan struct{}), f.Engine
	go func() {
		defer close(done)
		_ = e.Reports(ctx, func(batch []engine.Report) bool {
			for _, r := range batch {
				select {
				case reports <- r:
				case <-ctx.Done():
					return false
				}
			}
			return true
		})
	}()
	f.reports, f.stop = reports, func() { cancel(); <-done }
	f.Cleanup(func() { cancel(); <-done; e.Close() })
}

// proc is a process of job 1.
func proc(child int32) job.Proc { return job.Proc{Job: 1, Child: child, Attempt: 1} }

func (f *fixture) start(p job.Proc, s Script) engine.Start {
	return engine.Start{Proc: p, Epoch: 1, Node: f.Node, Owner: f.Owner, Name: "test", Process: f.Process(s)}
}

func (f *fixture) submit(starts ...engine.Start) {
	f.Helper()
	if err := f.Submit(f.Context(), starts); err != nil {
		f.Fatalf("Submit: %v", err)
	}
}

// until reads reports until one of p satisfies ok.
func (f *fixture) until(p job.Proc, what string, ok func(engine.Report) bool) engine.Report {
	f.Helper()
	if r, seen := f.seen[p]; seen && ok(r) {
		return r
	}
	late := time.After(patience)
	for {
		select {
		case r := <-f.reports:
			f.checkOrder(r)
			f.seen[r.Proc] = r
			if r.Proc == p && ok(r) {
				return r
			}
		case <-late:
			f.Fatalf("no report that %s %s; the last is %+v", p, what, f.seen[p])
		}
	}
}

// checkOrder fails where a process is said to have started after it was said to have ended.
func (f *fixture) checkOrder(r engine.Report) {
	f.Helper()
	if last, seen := f.seen[r.Proc]; seen && last.Exit != nil && r.Exit == nil {
		f.Errorf("%s was reported as started after its end", r.Proc)
	}
}

func (f *fixture) ended(p job.Proc) engine.Report {
	f.Helper()
	return f.until(p, "ended", func(r engine.Report) bool { return r.Exit != nil })
}

func (f *fixture) running(p job.Proc) engine.Report {
	f.Helper()
	return f.until(p, "started", func(r engine.Report) bool { return r.Exit == nil })
}

// wantExit compares what matters of an exit.
func (f *fixture) wantExit(p job.Proc, want job.Exit) engine.Report {
	f.Helper()
	r := f.ended(p)
	if got := *r.Exit; got.Reason != want.Reason || got.Code != want.Code || got.Signal != want.Signal {
		f.Errorf("%s ended as %+v, want %s with code %d and signal %d", p, got, want.Reason, want.Code, want.Signal)
	}
	return r
}

func (f *fixture) logs(r engine.LogRequest) []string {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	var lines []string
	if err := f.Logs(ctx, r, func(l engine.Line) bool {
		if l.Time.IsZero() || l.Stream != "stdout" {
			f.Errorf("line %q has time %v and stream %q", l.Text, l.Time, l.Stream)
		}
		lines = append(lines, l.Text)
		return true
	}); err != nil {
		f.Fatalf("Logs: %v", err)
	}
	return lines
}

// ignoring is up when a process of the suite that ignores SIGTERM has said so.
func (f *fixture) awaitLine(p job.Proc, text string) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	found := false
	_ = f.Logs(ctx, engine.LogRequest{Proc: p, Follow: true}, func(l engine.Line) bool {
		found = l.Text == text
		return !found
	})
	if !found {
		f.Fatalf("%s did not print %q", p, text)
	}
}

func testExitCodes(f *fixture) {
	f.submit(f.start(proc(0), Script{}), f.start(proc(1), Script{Code: 3}))
	r := f.wantExit(proc(0), job.Exit{Reason: job.ReasonExit})
	f.wantExit(proc(1), job.Exit{Reason: job.ReasonExit, Code: 3})
	if r.Started.IsZero() || r.Exit.Started.IsZero() || r.Exit.Ended.Before(r.Exit.Started) {
		f.Errorf("times of a process that ran: reported start %v, start %v, end %v", r.Started, r.Exit.Started, r.Exit.Ended)
	}
}

func testSignal(f *fixture) {
	f.submit(f.start(proc(0), Script{Signal: 9}), f.start(proc(1), Script{Forever: true}))
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonSignal, Code: 137, Signal: 9})
	f.running(proc(1))
	if err := f.Engine.Signal(f.Context(), proc(1), 15); err != nil {
		f.Fatalf("Signal: %v", err)
	}
	f.wantExit(proc(1), job.Exit{Reason: job.ReasonSignal, Code: 143, Signal: 15})
	if err := f.Engine.Signal(f.Context(), proc(1), 15); !errors.Is(err, engine.ErrUnknown) {
		f.Errorf("signalling what has ended: %v, want ErrUnknown", err)
	}
}

func testStartsOnce(f *fixture) {
	s := f.start(proc(0), Script{Output: []string{"once"}})
	f.submit(s, s)
	f.submit(s)
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonExit})
	f.submit(s)
	f.reopen()
	f.submit(s)
	first := f.wantExit(proc(0), job.Exit{Reason: job.ReasonExit})
	if err := f.Ack(f.Context(), first.Number); err != nil {
		f.Fatalf("Ack: %v", err)
	}
	f.submit(s)
	if got := f.logs(engine.LogRequest{Proc: proc(0)}); !slices.Equal(got, []string{"once"}) {
		f.Errorf("output is %q, want one line", got)
	}
	if f.Started != nil {
		if n := f.Started(f.T, proc(0)); n != 1 {
			f.Errorf("started %d times", n)
		}
	}
}

func testNotStarted(f *fixture) {
	s := f.start(proc(0), Script{})
	s.Process.Command = nil
	f.submit(s)
	r := f.ended(proc(0))
	if r.Exit.Reason != job.ReasonNoStart || r.Exit.Text == "" || !r.Exit.Started.IsZero() {
		f.Errorf("a process without a command ended as %+v, want %s with a text", *r.Exit, job.ReasonNoStart)
	}
}

func testCancel(f *fixture) {
	f.submit(f.start(proc(0), Script{Forever: true}))
	f.running(proc(0))
	if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonGang, 0); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonGang, Code: 143, Signal: 15})
}

func testCancelAfterGrace(f *fixture) {
	f.submit(f.start(proc(0), Script{Forever: true, IgnoreTerm: true, Output: []string{"ready"}}),
		f.start(proc(1), Script{Forever: true, IgnoreTerm: true, Output: []string{"ready"}}))
	f.awaitLine(proc(0), "ready")
	f.awaitLine(proc(1), "ready")
	asked := time.Now()
	const grace = 100 * time.Millisecond
	if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonCancelled, grace); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	if err := f.Engine.Cancel(f.Context(), proc(1), job.ReasonCancelled, -1); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonCancelled, Code: 137, Signal: 9})
	if took := time.Since(asked); took < grace {
		f.Errorf("killed after %s, before its grace of %s", took, grace)
	}
	f.wantExit(proc(1), job.Exit{Reason: job.ReasonCancelled, Code: 137, Signal: 9})
}

func testCancelUnknown(f *fixture) {
	if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonCancelled, 0); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	if r := f.ended(proc(0)); r.Exit.Reason != job.ReasonLost {
		f.Errorf("a process that was never started ended as %+v, want %s", *r.Exit, job.ReasonLost)
	}
	f.submit(f.start(proc(0), Script{Output: []string{"too late"}}))
	f.reopen()
	if r := f.ended(proc(0)); r.Exit.Reason != job.ReasonLost {
		f.Errorf("started after it was cancelled: %+v", *r.Exit)
	}
}

func testCancelEnded(f *fixture) {
	f.submit(f.start(proc(0), Script{Code: 4}))
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonExit, Code: 4})
	if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonCancelled, 0); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	f.reopen()
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonExit, Code: 4})
}

func testTimeout(f *fixture) {
	s := f.start(proc(0), Script{Forever: true})
	s.Timeout = 50 * time.Millisecond
	f.submit(s)
	r := f.wantExit(proc(0), job.Exit{Reason: job.ReasonTimeout, Code: 143, Signal: 15})
	if took := r.Exit.Ended.Sub(r.Exit.Started); took < s.Timeout {
		f.Errorf("ended after %s, before its timeout of %s", took, s.Timeout)
	}
}

func testLogs(f *fixture) {
	f.submit(f.start(proc(0), Script{Output: []string{"one", "two", "three"}}), f.start(proc(1), Script{}))
	r := f.ended(proc(0))
	if got := string(r.Tail); got != "one\ntwo\nthree\n" {
		f.Errorf("tail with the report is %q", got)
	}
	if got := f.logs(engine.LogRequest{Proc: proc(0)}); !slices.Equal(got, []string{"one", "two", "three"}) {
		f.Errorf("output is %q", got)
	}
	if got := f.logs(engine.LogRequest{Proc: proc(0), Tail: 2, Follow: true}); !slices.Equal(got, []string{"two", "three"}) {
		f.Errorf("the last two lines are %q", got)
	}
	f.ended(proc(1))
	if got := f.logs(engine.LogRequest{Proc: proc(1)}); len(got) != 0 {
		f.Errorf("output of a silent process is %q", got)
	}
	err := f.Logs(f.Context(), engine.LogRequest{Proc: proc(7)}, func(engine.Line) bool { return true })
	if !errors.Is(err, engine.ErrUnknown) {
		f.Errorf("output of a process that does not exist: %v, want ErrUnknown", err)
	}
}

func testFollow(f *fixture) {
	f.submit(f.start(proc(0), Script{Output: []string{"begun"}, Forever: true}))
	var lines []string
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	if err := f.Logs(ctx, engine.LogRequest{Proc: proc(0), Follow: true}, func(l engine.Line) bool {
		lines = append(lines, l.Text)
		if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonCancelled, 0); err != nil {
			f.Errorf("Cancel: %v", err)
		}
		return true
	}); err != nil {
		f.Fatalf("Logs: %v", err)
	}
	if !slices.Equal(lines, []string{"begun"}) {
		f.Errorf("followed %q", lines)
	}
	f.ended(proc(0))
}

func testAdopt(f *fixture) {
	f.submit(f.start(proc(0), Script{Forever: true}), f.start(proc(1), Script{Code: 5}))
	started := f.running(proc(0))
	f.ended(proc(1))
	f.reopen()
	list, err := f.List(f.Context())
	if err != nil {
		f.Fatalf("List: %v", err)
	}
	if len(list) != 2 {
		f.Fatalf("List gives %+v, want two processes", list)
	}
	for _, r := range list {
		switch {
		case r.Proc == proc(0) && (r.Exit != nil || !r.Started.Equal(started.Started)):
			f.Errorf("the running one is listed as %+v, want started at %v", r, started.Started)
		case r.Proc == proc(1) && (r.Exit == nil || r.Exit.Code != 5):
			f.Errorf("the ended one is listed as %+v", r)
		}
	}
	f.wantExit(proc(1), job.Exit{Reason: job.ReasonExit, Code: 5})
	if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonCancelled, 0); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	f.wantExit(proc(0), job.Exit{Reason: job.ReasonCancelled, Code: 143, Signal: 15})
}

func testAcknowledge(f *fixture) {
	f.submit(f.start(proc(0), Script{}))
	first := f.ended(proc(0))
	if last, err := f.LastJob(f.Context()); err != nil || last != proc(0).Job {
		f.Errorf("LastJob is %d (%v), want %d", last, err, proc(0).Job)
	}
	if err := f.Ack(f.Context(), first.Number); err != nil {
		f.Fatalf("Ack: %v", err)
	}
	f.submit(f.start(proc(1), Script{}))
	second := f.ended(proc(1))
	if second.Number <= first.Number {
		f.Errorf("report numbers %d, then %d", first.Number, second.Number)
	}
	f.reopen()
	list, err := f.List(f.Context())
	if err != nil || len(list) != 1 || list[0].Proc != proc(1) {
		f.Errorf("List after one of two was acknowledged: %+v, %v", list, err)
	}
	f.ended(proc(1))
	if _, again := f.seen[proc(0)]; again {
		f.Errorf("%s was reported after it was acknowledged", proc(0))
	}
}

func testEpoch(f *fixture) {
	late := f.start(proc(0), Script{})
	late.Epoch = 2
	f.submit(late)
	if err := f.Submit(f.Context(), []engine.Start{f.start(proc(1), Script{})}); !errors.Is(err, engine.ErrSuperseded) {
		f.Errorf("a start of an older server: %v, want ErrSuperseded", err)
	}
	f.ended(proc(0))
}

func testFiles(f *fixture) {
	f.submit(f.start(proc(0), Script{File: "out.txt"}))
	f.ended(proc(0))
	r, err := f.OpenFile(f.Context(), proc(0), "out.txt")
	if err != nil {
		f.Fatalf("OpenFile: %v", err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err != nil || strings.TrimSpace(string(text)) != "kept" {
		f.Errorf("the file holds %q, %v", text, err)
	}
	for _, name := range []string{"none", "../out.txt", "/etc/passwd"} {
		if r, err := f.OpenFile(f.Context(), proc(0), name); err == nil {
			r.Close()
			f.Errorf("OpenFile(%q) succeeded", name)
		}
	}
}

func testUsage(f *fixture) {
	f.submit(f.start(proc(0), Script{Forever: true}))
	f.running(proc(0))
	if u, err := f.Engine.Usage(f.Context(), proc(0)); err != nil || u.Memory <= 0 {
		f.Errorf("Usage gives %+v, %v", u, err)
	}
	if err := f.Engine.Cancel(f.Context(), proc(0), job.ReasonCancelled, -1); err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	f.ended(proc(0))
	if _, err := f.Engine.Usage(f.Context(), proc(0)); !errors.Is(err, engine.ErrUnknown) {
		f.Errorf("Usage of what has ended: %v, want ErrUnknown", err)
	}
}

func testForget(f *fixture) {
	f.submit(f.start(proc(0), Script{Output: []string{"gone soon"}, File: "out.txt"}))
	r := f.ended(proc(0))
	if err := f.Ack(f.Context(), r.Number); err != nil {
		f.Fatalf("Ack: %v", err)
	}
	if err := f.Engine.Forget(f.Context(), 1); err != nil {
		f.Fatalf("Forget: %v", err)
	}
	if _, err := f.OpenFile(f.Context(), proc(0), "out.txt"); err == nil {
		f.Error("a file is there after Forget")
	}
	err := f.Logs(f.Context(), engine.LogRequest{Proc: proc(0)}, func(engine.Line) bool { return true })
	if !errors.Is(err, engine.ErrUnknown) {
		f.Errorf("output after Forget: %v, want ErrUnknown", err)
	}
}

func testBatch(f *fixture) {
	const n = 50
	var starts []engine.Start
	for i := range int32(n) {
		starts = append(starts, f.start(proc(i), Script{Code: int(i % 3), Output: []string{fmt.Sprint("line ", i)}}))
	}
	f.submit(starts...)
	for i := range int32(n) {
		r := f.wantExit(proc(i), job.Exit{Reason: job.ReasonExit, Code: i % 3})
		if want := fmt.Sprintf("line %d\n", i); string(r.Tail) != want {
			f.Errorf("%s printed %q, want %q", proc(i), r.Tail, want)
		}
	}
}
