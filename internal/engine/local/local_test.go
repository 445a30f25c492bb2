package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/enginetest"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/runner"
)

// runnerVariable has the test binary be a runner, and containmentVariable says which Containment it is to use.
const (
	runnerVariable      = "TUTTI_TEST_RUNNER"
	containmentVariable = "TUTTI_TEST_CONTAINMENT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(runnerVariable); dir != "" {
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		cfg := runner.Config{Dir: dir, Log: log, LogLimit: 1 << 20, Containment: os.Getenv(containmentVariable)}
		if err := runner.Main(context.Background(), cfg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// newConfig is that of an engine whose runner is this test's and ends with it. Its directory can be passed through by
// other users, as that of a server must.
func newConfig(t testing.TB, env ...string) local.Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "tutti-runner-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := local.Config{Dir: filepath.Join(dir, "runner"), AllowRoot: true}
	cfg.Command = append(append([]string{"/usr/bin/env", runnerVariable + "=" + cfg.Dir}, env...), exe)
	t.Cleanup(func() {
		shutDown(t, cfg.Dir)
		log, _ := os.ReadFile(filepath.Join(cfg.Dir, "runner.log"))
		if t.Failed() || strings.Contains(string(log), "DATA RACE") || strings.Contains(string(log), "level=WARN") {
			t.Errorf("the runner's log:\n%s", log)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return cfg
}

// shutDown ends the runner of dir, if there is one, and waits until it has gone.
func shutDown(t testing.TB, dir string) {
	c, err := runner.Dial(context.Background(), dir)
	if err != nil {
		return
	}
	defer c.Close()
	if err := c.Shutdown(context.Background()); err != nil {
		t.Errorf("shutting the runner down: %v", err)
	}
}

func open(t testing.TB, cfg local.Config) *local.Engine {
	t.Helper()
	e, err := local.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return e
}

// owner is somebody whose jobs the tests can run.
func owner() string { return fmt.Sprintf("uid:%d", os.Geteuid()) }

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, c := range containments {
		t.Run(c, func(t *testing.T) {
			t.Parallel()
			conformance(t, c)
		})
	}
}

// containments are the ways of holding trees together.
var containments = []string{runner.ContainCgroup, runner.ContainNamespace, runner.ContainSession}

func conformance(t *testing.T, containment string) {
	enginetest.Run(t, func(t *testing.T) enginetest.Harness {
		cfg := newConfig(t, containmentVariable+"="+containment)
		return enginetest.Harness{
			Open:    func(t *testing.T) engine.Engine { return open(t, cfg) },
			Process: process,
			Owner:   owner(),
		}
	})
}

// process writes a script of the suite as a shell script.
func process(s enginetest.Script) job.Process {
	var b strings.Builder
	if s.IgnoreTerm {
		b.WriteString("trap '' TERM\n")
	}
	for _, line := range s.Output {
		fmt.Fprintf(&b, "echo '%s'\n", line)
	}
	if s.File != "" {
		fmt.Fprintf(&b, "echo kept > %s\n", s.File)
	}
	if s.Signal > 0 {
		fmt.Fprintf(&b, "kill -%d $$\n", s.Signal)
	}
	switch {
	case s.IgnoreTerm:
		b.WriteString("while :; do sleep 1; done\n")
	case s.Forever:
		b.WriteString("exec sleep 1000\n")
	}
	fmt.Fprintf(&b, "exit %d\n", s.Code)
	return job.Process{Command: []string{"sh", "-c", b.String()}}
}
