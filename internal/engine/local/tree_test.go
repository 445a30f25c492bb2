package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/runner"
)

// machine is an engine under test with what it reports.
type machine struct {
	*local.Engine
	t       *testing.T
	cfg     local.Config
	reports chan engine.Report
}

func newMachine(t *testing.T, cfg local.Config) *machine {
	t.Helper()
	m := &machine{Engine: open(t, cfg), t: t, cfg: cfg, reports: make(chan engine.Report, 1024)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for err := engine.ErrLost; errors.Is(err, engine.ErrLost) && ctx.Err() == nil; { // the runner died: on to the next
			err = m.Reports(ctx, func(batch []engine.Report) bool {
				for _, r := range batch {
					m.reports <- r
				}
				return true
			})
		}
	}()
	t.Cleanup(func() { cancel(); <-done; m.Close() })
	return m
}

// shell is a start of a shell script by whoever runs the test.
func shell(child int32, script string) engine.Start {
	return engine.Start{
		Proc: job.Proc{Job: 1, Child: child, Attempt: 1}, Epoch: 1, Owner: owner(), Name: "test",
		Process: job.Process{Command: []string{"sh", "-c", script}},
	}
}

func (m *machine) submit(starts ...engine.Start) {
	m.t.Helper()
	if err := m.Submit(context.Background(), starts); err != nil {
		m.t.Fatalf("Submit: %v", err)
	}
}

// end waits for the end of a process; those of others are lost to later calls.
func (m *machine) end(s engine.Start) *job.Exit {
	m.t.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case r := <-m.reports:
			if r.Proc == s.Proc && r.Exit != nil {
				return r.Exit
			}
		case <-late:
			m.t.Fatalf("%s does not end", s.Proc)
		}
	}
}

// run runs a script to its end and gives what it printed.
func (m *machine) run(s engine.Start) (*job.Exit, string) {
	m.t.Helper()
	m.submit(s)
	exit := m.end(s)
	return exit, m.output(s)
}

func (m *machine) output(s engine.Start) string {
	m.t.Helper()
	var b strings.Builder
	err := m.Logs(context.Background(), engine.LogRequest{Proc: s.Proc}, func(l engine.Line) bool {
		fmt.Fprintln(&b, l.Text)
		return true
	})
	if err != nil {
		m.t.Errorf("output of %s: %v", s.Proc, err)
	}
	return b.String()
}

// waitLine follows the output of a process until a line is there.
func (m *machine) waitLine(s engine.Start, text string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	found := false
	err := m.Logs(ctx, engine.LogRequest{Proc: s.Proc, Follow: true}, func(l engine.Line) bool {
		found = strings.Contains(l.Text, text)
		return !found
	})
	if !found {
		m.t.Fatalf("%s does not print %q: %v", s.Proc, text, err)
	}
}

// sleepers are the processes of the machine that sleep for a time that names a test. They are found by their command
// line, as their number in a namespace says nothing.
func sleepers(mark string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		line, _ := os.ReadFile(f)
		if string(line) == "sleep\x00"+mark+"\x00" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// mark is an argument of sleep that no other test uses.
func mark(n int) string { return fmt.Sprintf("1000.%d%d", os.Getpid(), n) }

// daemon is a script that leaves a process behind in a session of its own, whose parent is gone.
func daemon(mark string) string {
	return fmt.Sprintf("setsid sh -c 'sleep %s & exit 0' </dev/null; until pgrep -fx 'sleep %s' >/dev/null; do :; done; echo up; ", mark, mark)
}

// contained runs a test for each containment that the machine allows.
func contained(t *testing.T, n int, test func(t *testing.T, m *machine, mark string)) {
	for i, name := range containments {
		mark := mark(n + i)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, newConfig(t, containmentVariable+"="+name))
			facts, err := m.Facts(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if facts.Contain != name {
				t.Skipf("NOT TESTED: this machine gives no %s: %s", name, facts.Notes)
			}
			test(t, m, mark)
		})
	}
}

func TestDaemonEndsWithItsJob(t *testing.T) {
	t.Parallel()
	contained(t, 10, func(t *testing.T, m *machine, mark string) {
		exit, out := m.run(shell(0, daemon(mark)+"exit 3"))
		if exit.Reason != job.ReasonExit || exit.Code != 3 || !strings.Contains(out, "up") {
			t.Errorf("ended as %+v and printed %q", exit, out)
		}
		if pids := sleepers(mark); len(pids) > 0 {
			t.Errorf("%v outlive their job", pids)
		}
	})
}

func TestDaemonIsCancelled(t *testing.T) {
	t.Parallel()
	contained(t, 20, func(t *testing.T, m *machine, mark string) {
		s := shell(0, daemon(mark)+"sleep 1000")
		m.submit(s)
		m.waitLine(s, "up")
		if err := m.Cancel(context.Background(), s.Proc, job.ReasonCancelled, time.Minute); err != nil {
			t.Fatal(err)
		}
		if exit := m.end(s); exit.Reason != job.ReasonCancelled || exit.Signal != 15 {
			t.Errorf("ended as %+v", exit)
		}
		if pids := sleepers(mark); len(pids) > 0 {
			t.Errorf("%v outlive the cancellation", pids)
		}
	})
}

func TestRunnerIsKilled(t *testing.T) {
	t.Parallel()
	contained(t, 30, func(t *testing.T, m *machine, mark string) {
		s, done := shell(0, daemon(mark)+"sleep 1000"), shell(1, "exit 4")
		m.submit(s, done)
		m.waitLine(s, "up")
		m.end(done)
		facts, err := m.Facts(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(facts.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if exit := m.end(s); exit.Reason != job.ReasonLost {
			t.Errorf("ended as %+v, want %s", exit, job.ReasonLost)
		}
		if pids := sleepers(mark); len(pids) > 0 {
			t.Errorf("reported as lost while %v live on", pids)
		}
		m.submit(s) // the server asks again: it has been started once, and that was that
		list, err := m.List(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		ended := map[int32]job.Exit{}
		for _, r := range list {
			if r.Exit != nil {
				ended[r.Proc.Child] = *r.Exit
			}
		}
		if ended[0].Reason != job.ReasonLost || ended[1].Code != 4 {
			t.Errorf("after the runner's death the list is %+v", list)
		}
		if out := m.output(done); out != "" {
			t.Errorf("output of a silent process is %q", out)
		}
	})
}

func TestRunnerOutlivesTheServer(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	s := shell(0, "echo up; while [ ! -e go ]; do sleep 0.01; done; exit 5")
	m.submit(s)
	m.waitLine(s, "up")
	before, err := m.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	m.Close()

	again := newMachine(t, m.cfg)
	after, err := again.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if before.PID != after.PID {
		t.Errorf("the runner was %d and is %d", before.PID, after.PID)
	}
	if err := os.WriteFile(filepath.Join(m.cfg.Dir, "work", "1", "0.0.1", "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if exit := again.end(s); exit.Code != 5 {
		t.Errorf("ended as %+v", exit)
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	facts, err := m.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if facts.Memory == "" {
		t.Skipf("NOT TESTED: memory cannot be limited here: %s", facts.Notes)
	}
	hog := shell(0, "head -c 200m /dev/zero | tail -c 200m >/dev/null; exit 9")
	hog.Process.Resources.Memory = 32 << 20
	if exit, out := m.run(hog); exit.Reason != job.ReasonMemory || !strings.Contains(exit.Text, "32 MiB") {
		t.Errorf("ended as %+v and printed %q, want %s", exit, out, job.ReasonMemory)
	}
	modest := shell(1, "exit 9")
	modest.Process.Resources.Memory = 32 << 20 // the same cgroup again, with a kill in its count
	if exit, _ := m.run(modest); exit.Reason != job.ReasonExit || exit.Code != 9 {
		t.Errorf("ended as %+v", exit)
	}
	if exit, _ := m.run(shell(2, "head -c 64m /dev/zero | tail -c 64m >/dev/null")); !exit.OK() {
		t.Errorf("without a limit: %+v", exit)
	}
}

// What the runner itself takes is not told of processes that it starts.
func TestPeakIsTheProcessesOwn(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	if exit, _ := m.run(shell(0, "exit 0")); exit.MaxRSS != 0 {
		t.Errorf("a shell that does nothing had at most %d KiB", exit.MaxRSS>>10)
	}
	if exit, _ := m.run(shell(1, "head -c 200m /dev/zero | tail -c 200m >/dev/null")); exit.MaxRSS < 150<<20 || exit.MaxRSS > 500<<20 {
		t.Errorf("what holds 200 MiB had at most %d KiB", exit.MaxRSS>>10)
	}
}

func TestProcessorLimit(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	facts, err := m.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if facts.CPU == "" {
		t.Skipf("NOT TESTED: processors cannot be limited here: %s", facts.Notes)
	}
	s := shell(0, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	s.Process.Resources.MaxMilliCPU = 100
	exit, _ := m.run(s)
	if wall := exit.Ended.Sub(exit.Started).Seconds(); exit.CPUTime <= 0 || exit.CPUTime > 0.3*wall {
		t.Errorf("took %.3f s of processor in %.3f s with a tenth of one", exit.CPUTime, wall)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	s := shell(0, "env; pwd; id -u; tty; ls -l /proc/self/fd | grep -c pipe")
	s.GPUs = []int32{1, 3}
	s.Process.Env = []job.Env{{Name: "GREETING", Value: "hello world"}, {Name: "LANG", Value: "de_DE.UTF-8"}}
	exit, out := m.run(s)
	lines := strings.Split(out, "\n")
	for _, want := range []string{
		"CUDA_VISIBLE_DEVICES=1,3", "CUDA_DEVICE_ORDER=PCI_BUS_ID", "NVIDIA_VISIBLE_DEVICES=1,3", "GREETING=hello world", "LANG=de_DE.UTF-8",
		filepath.Join(m.cfg.Dir, "work/1/0.0.1"), strconv.Itoa(os.Geteuid()), "not a tty",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing from %q (%+v)", want, out, exit)
		}
	}
	for _, v := range []string{runnerVariable, "GOPATH", "GOCOVERDIR"} {
		if strings.Contains(out, v+"=") {
			t.Errorf("%s leaks into the process", v)
		}
	}
	if _, out := m.run(shell(1, "echo [$CUDA_VISIBLE_DEVICES] $HOME")); !strings.HasPrefix(out, "[] /") {
		t.Errorf("without GPUs: %q", out)
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	for i, c := range []struct {
		change func(*engine.Start)
		want   string
	}{
		{func(s *engine.Start) { s.Process.Command = []string{"no-such-program"} }, "no such program"},
		{func(s *engine.Start) { s.Process.Command = []string{"/etc/passwd"} }, "permission denied"},
		{func(s *engine.Start) { s.Process.Dir = "/no/such/dir" }, "no such file or directory"},
		{func(s *engine.Start) { s.Process.Image = "ghcr.io/acme/train:1" }, `images: {"ghcr.io/acme/train:1": host}`},
		{func(s *engine.Start) { s.Process.Mounts = []job.Mount{{Path: "/x", HostPath: "/etc"}} }, "hostPaths: [/etc]"},
		{func(s *engine.Start) { s.Process.Env = []job.Env{{Name: "TOKEN", Secret: &job.SecretRef{Name: "t"}}} }, "was not resolved"},
	} {
		s := shell(int32(i), "exit 0")
		c.change(&s)
		m.submit(s)
		if exit := m.end(s); exit.Reason != job.ReasonNoStart || !strings.Contains(exit.Text, c.want) {
			t.Errorf("ended as %+v, want %s with %q", exit, job.ReasonNoStart, c.want)
		}
	}
}

func TestLongOutput(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t)) // its limit is 1 MiB
	exit, out := m.run(shell(0, "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo line $i; done; echo fin >&2"))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if !exit.OK() || lines[0] != "line 1" || !slices.Contains(lines[len(lines)-2:], "line 40000") {
		t.Errorf("ended as %+v; %d lines, from %q to %q", exit, len(lines), lines[0], lines[len(lines)-1])
	}
	if !strings.Contains(out, "are missing here") || len(lines) > 35000 {
		t.Errorf("of 40,000 lines %d were kept, and it is not said that some were dropped", len(lines))
	}
	var tail []string
	err := m.Logs(context.Background(), engine.LogRequest{Proc: shell(0, "").Proc, Tail: 3000}, func(l engine.Line) bool {
		tail = append(tail, l.Text)
		return true
	})
	if err != nil || len(tail) != 3000 || !slices.Equal(tail, lines[len(lines)-3000:]) {
		t.Errorf("the last 3000 lines are %d: %v", len(tail), err)
	}
	files, _ := filepath.Glob(filepath.Join(m.cfg.Dir, "logs", "1", "*"))
	size := int64(0)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	if size > 1<<20+128<<10 {
		t.Errorf("the log takes %d bytes with a limit of 1 MiB", size)
	}

	s := shell(1, "head -c 40000 /dev/zero | tr '\\0' x; echo; printf end")
	_, out = m.run(s)
	parts := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(parts) != 2 || len(parts[0]) != 40000 || parts[1] != "end" {
		t.Errorf("a line of 40,000 bytes and one without its end came in %d parts", len(parts))
	}
}

func TestOpenFileStaysInside(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t))
	s := shell(0, "ln -s /etc/passwd link; mkfifo pipe; mkdir dir; echo kept > dir/file; ln -s dir/file good")
	if exit, out := m.run(s); !exit.OK() {
		t.Fatalf("ended as %+v: %s", exit, out)
	}
	for _, name := range []string{"link", "pipe", "dir", "../0.0.1/dir/file", "/etc/passwd"} {
		if f, err := m.OpenFile(context.Background(), s.Proc, name); err == nil {
			f.Close()
			t.Errorf("OpenFile(%q) succeeded", name)
		}
	}
	f, err := m.OpenFile(context.Background(), s.Proc, "good")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := m.OpenFile(context.Background(), s.Proc, "none"); !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("a file that is not there: %v, want ErrUnknown", err)
	}
}

// Who kills a runner and removes its directory leaves cgroups that no successor knows of; any other runner removes them.
func TestAbandonedCgroups(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	e := open(t, cfg)
	defer e.Close()
	facts, err := e.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if facts.Contain != runner.ContainCgroup {
		t.Skipf("NOT TESTED: no cgroups here: %s", facts.Notes)
	}
	record, err := os.ReadFile(filepath.Join(cfg.Dir, "cgroups"))
	if err != nil {
		t.Fatal(err)
	}
	bases := strings.Fields(string(record))
	c, err := runner.Dial(context.Background(), cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	open(t, newConfig(t)).Close() // a live runner's are left alone
	for _, base := range bases {
		if _, err := os.Stat(base); err != nil {
			t.Errorf("in use: %v", err)
		}
	}
	if err := syscall.Kill(facts.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for err == nil { // until it is gone
		_, err = c.List(context.Background())
	}
	if err := os.RemoveAll(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	open(t, newConfig(t)).Close()
	for _, base := range bases {
		if _, err := os.Stat(base); err == nil {
			t.Errorf("%s is still there", base)
		}
	}
}
