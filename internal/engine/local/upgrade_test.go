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

// otherBuild is how to start a runner of another program than this test, that does the same.
func otherBuild(t *testing.T, cfg local.Config) []string {
	t.Helper()
	last := len(cfg.Command) - 1
	program, err := os.ReadFile(cfg.Command[last])
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, append(program, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(cfg.Command[:last]), other)
}

// upgrade has the runner go on as what command starts.
func (m *machine) upgrade(command []string) error {
	m.t.Helper()
	c, err := runner.Dial(context.Background(), m.cfg.Dir)
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	return c.Upgrade(context.Background(), runner.Upgrade{Program: command[0], Args: command[1:]})
}

// facts are those of the runner that answers now.
func (m *machine) facts() runner.Facts {
	m.t.Helper()
	c, err := runner.Dial(context.Background(), m.cfg.Dir)
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	return c.Facts()
}

func (m *machine) scratch(s engine.Start) string {
	return runner.ScratchDir(m.cfg.Dir, runner.Key{Job: int64(s.Proc.Job), Child: s.Proc.Child, Attempt: s.Proc.Attempt})
}

// letGo makes the file that a script waits for.
func (m *machine) letGo(s engine.Start) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.scratch(s), "go"), nil, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// printer prints numbers, first more than is kept in memory, and half a line until it is let go.
func printer(child int32) engine.Start {
	return shell(child, "printf half >&2; seq 2000; i=2000; while [ ! -e go ]; do i=$((i+1)); echo $i; sleep 0.02; done; echo ' and half' >&2; exit 5")
}

// checkPrinted says whether a printer's output is whole.
func (m *machine) checkPrinted(s engine.Start) {
	m.t.Helper()
	n, halves := 0, 0
	for line := range strings.Lines(m.output(s)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "half and half":
			halves++
		case line == strconv.Itoa(n+1):
			n++
		default:
			m.t.Fatalf("after %d lines the printer's is %q", n, line)
		}
	}
	if halves != 1 || n == 0 {
		m.t.Errorf("%d lines, and %d times the one that was half printed", n, halves)
	}
}

// ends collects the reports of ends until each process has one; where a process has several they differ.
func (m *machine) ends(starts []engine.Start) map[job.Proc][]engine.Report {
	m.t.Helper()
	ends := map[job.Proc][]engine.Report{}
	for late := time.After(30 * time.Second); ; {
		missing := slices.IndexFunc(starts, func(s engine.Start) bool { return len(ends[s.Proc]) == 0 })
		if missing < 0 {
			return ends
		}
		select {
		case r := <-m.reports:
			again := func(o engine.Report) bool { return o.Number == r.Number }
			if r.Exit != nil && !slices.ContainsFunc(ends[r.Proc], again) {
				ends[r.Proc] = append(ends[r.Proc], r)
			}
		case <-late:
			m.t.Fatalf("%s does not end", starts[missing].Proc)
		}
	}
}

// Whatever a runner's processes are doing, it is no other for them when the runner becomes another program.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	contained(t, 50, func(t *testing.T, m *machine, mark string) {
		before := m.facts()
		if before.Contain == runner.ContainNamespace {
			t.Skip("see TestUpgradeIsUnsafe")
		}
		other := otherBuild(t, m.cfg)
		lines, ended, timed, hog, tree := printer(0), shell(1, "echo fin; exit 4"), shell(2, "exec sleep 1000"), shell(3, ""), shell(4, daemon(mark)+"sleep 1000")
		timed.Timeout = 1500 * time.Millisecond
		hog.Process.Command[2] = "until [ -e go ]; do sleep 0.01; done; head -c 200m /dev/zero | tail -c 200m >/dev/null; exit 9"
		hog.Process.Resources.Memory = 32 << 20
		all := []engine.Start{lines, ended, timed, hog, tree}
		m.submit(all...)
		m.end(ended)
		m.waitLine(lines, "2003")
		m.waitLine(tree, "up")
		var brief []engine.Start // some are forked, and some end, while the runner is replaced
		for i := range int32(40) {
			brief = append(brief, shell(100+i, "echo $$; exit 7"))
		}
		m.submit(brief...)

		if err := m.upgrade(other); err != nil {
			t.Fatalf("upgrading: %v", err)
		}
		if f := m.facts(); f.PID != before.PID || f.Build == before.Build || f.Contain != before.Contain {
			t.Errorf("the runner was %+v and is %+v", before, f)
		}
		open(t, m.cfg).Close() // a server of this build has the runner upgraded once more
		if f := m.facts(); f.PID != before.PID || f.Build != before.Build {
			t.Errorf("the runner was %+v and is %+v", before, f)
		}

		m.letGo(lines)
		m.letGo(hog)
		if err := m.Cancel(context.Background(), tree.Proc, job.ReasonCancelled, time.Minute); err != nil {
			t.Fatal(err)
		}
		ends := m.ends(append(all, brief...))
		for proc, reports := range ends {
			if len(reports) > 1 {
				t.Errorf("%s ended %d times: %+v", proc, len(reports), reports)
			}
		}
		exit := func(s engine.Start) job.Exit { return *ends[s.Proc][0].Exit }
		if x := exit(lines); x.Reason != job.ReasonExit || x.Code != 5 {
			t.Errorf("the printer ended as %+v", x)
		}
		m.checkPrinted(lines)
		if x := exit(ended); x.Code != 4 || m.output(ended) != "fin\n" || string(ends[ended.Proc][0].Tail) != "fin\n" {
			t.Errorf("what ended before: %+v, %q", x, ends[ended.Proc][0].Tail)
		}
		if x := exit(timed); x.Reason != job.ReasonTimeout || x.Ended.Sub(x.Started) < timed.Timeout {
			t.Errorf("ended as %+v, want %s", x, job.ReasonTimeout)
		}
		if x := exit(hog); before.Memory != "" && x.Reason != job.ReasonMemory {
			t.Errorf("ended as %+v, want %s", x, job.ReasonMemory)
		}
		if x := exit(tree); x.Reason != job.ReasonCancelled {
			t.Errorf("ended as %+v, want %s", x, job.ReasonCancelled)
		}
		if pids := sleepers(mark); len(pids) > 0 {
			t.Errorf("%v outlive the cancellation", pids)
		}
		for _, s := range brief {
			if x := exit(s); x.Reason != job.ReasonExit || x.Code != 7 {
				t.Errorf("%s ended as %+v", s.Proc, x)
			}
			if out := m.output(s); strings.Count(out, "\n") != 1 {
				t.Errorf("%s printed %q, want one line", s.Proc, out)
			}
		}
	})
}

// The successor of an upgraded runner finds what that left as well as any.
func TestUpgradedRunnerIsKilled(t *testing.T) {
	t.Parallel()
	contained(t, 60, func(t *testing.T, m *machine, mark string) {
		before := m.facts()
		if before.Contain == runner.ContainNamespace {
			t.Skip("see TestUpgradeIsUnsafe")
		}
		s, done := shell(0, daemon(mark)+"sleep 1000"), shell(1, "exit 4")
		m.submit(s, done)
		m.waitLine(s, "up")
		first := m.ends([]engine.Start{done})[done.Proc][0]
		if err := m.Ack(context.Background(), first.Number); err != nil {
			t.Fatal(err)
		}
		if err := m.upgrade(otherBuild(t, m.cfg)); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if exit := m.end(s); exit.Reason != job.ReasonLost {
			t.Errorf("ended as %+v, want %s", exit, job.ReasonLost)
		}
		if pids := sleepers(mark); len(pids) > 0 {
			t.Errorf("reported as lost while %v live on", pids)
		}
		list, err := m.List(context.Background())
		if err != nil || len(list) != 1 || list[0].Proc != s.Proc {
			t.Errorf("the list is %+v, want what is not acknowledged: %v", list, err)
		}
	})
}

// A runner that cannot become what it is asked to goes on as it was.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	contained(t, 70, func(t *testing.T, m *machine, _ string) {
		before := m.facts()
		if before.Contain == runner.ContainNamespace {
			t.Skip("see TestUpgradeIsUnsafe")
		}
		lines := printer(0)
		m.submit(lines)
		m.waitLine(lines, "2001")
		// It answers that it can take over, and is gone when it is to do so.
		gone := filepath.Join(t.TempDir(), "gone")
		script := fmt.Sprintf("#!/bin/sh\nrm $0\nexec '%s'\n", strings.Join(m.cfg.Command, "' '"))
		if err := os.WriteFile(gone, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ program, want string }{
			{"/no/such/program", "no such file"},
			{"/etc/passwd", "permission denied"},
			{"/bin/true", "does not answer as a runner does"},
			{"runner", "must be absolute"},
			{gone, "executing " + gone + ": no such file"},
		} {
			if err := m.upgrade([]string{c.program}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("upgrading to %s: %v, want %q", c.program, err, c.want)
			}
		}
		late := shell(1, "exit 6")
		m.submit(late)
		m.letGo(lines)
		ends := m.ends([]engine.Start{lines, late})
		if a, b := ends[lines.Proc][0].Exit, ends[late.Proc][0].Exit; a.Code != 5 || b.Code != 6 {
			t.Errorf("ended as %+v and %+v", a, b)
		}
		m.checkPrinted(lines)
		if f := m.facts(); f.PID != before.PID || f.Build != before.Build {
			t.Errorf("the runner was %+v and is %+v", before, f)
		}
	})
}

// Inits of pid namespaces would not live through it.
func TestUpgradeIsUnsafe(t *testing.T) {
	t.Parallel()
	m := newMachine(t, newConfig(t, containmentVariable+"="+runner.ContainNamespace))
	before := m.facts()
	if before.Contain != runner.ContainNamespace {
		t.Skipf("NOT TESTED: this machine gives no pid namespaces: %s", before.Notes)
	}
	lines, other := printer(0), otherBuild(t, m.cfg)
	m.submit(lines)
	m.waitLine(lines, "2001")
	var refused *runner.Error
	if err := m.upgrade(other); !errors.As(err, &refused) || refused.Code != runner.CodeUnsafe {
		t.Fatalf("upgrading: %v, want %s", err, runner.CodeUnsafe)
	}
	m.letGo(lines)
	if exit := m.end(lines); exit.Code != 5 {
		t.Errorf("ended as %+v", exit)
	}
	m.checkPrinted(lines)
	if err := m.upgrade(other); err != nil {
		t.Errorf("upgrading when nothing runs: %v", err)
	}
	if f := m.facts(); f.PID != before.PID || f.Build == before.Build {
		t.Errorf("the runner was %+v and is %+v", before, f)
	}
	next := shell(1, "exit 6")
	if exit, _ := m.run(next); exit.Code != 6 {
		t.Errorf("ended as %+v", exit)
	}
}

// A server goes on with a runner that will not be upgraded.
func TestOpenWithAnOlderRunner(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	m := newMachine(t, cfg)
	if err := m.upgrade(otherBuild(t, cfg)); err != nil {
		t.Fatal(err)
	}
	before := m.facts()
	cfg.Command = []string{"/bin/true"}
	again := newMachine(t, cfg)
	if f := again.facts(); f.PID != before.PID || f.Build != before.Build {
		t.Errorf("the runner was %+v and is %+v", before, f)
	}
	if exit, _ := again.run(shell(0, "exit 6")); exit.Code != 6 {
		t.Errorf("ended as %+v", exit)
	}
}
