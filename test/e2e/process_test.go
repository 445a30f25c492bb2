package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asSelf lets jobs run as root where the tests do.
const asSelf = "allowRoot: true\n"

// work is a job's program under a test's control: each start leaves a line, and ends when the test says so.
type work struct {
	t    *testing.T
	dir  string
	name string
}

func newWork(s *server, name string) work {
	return work{t: s.t, dir: s.dir, name: name}
}

func (w work) path(suffix string) string { return filepath.Join(w.dir, w.name+suffix) }

// script is the program, for sh -c. Its text carries the path of the gate, by which processes find it.
func (w work) script() string {
	return fmt.Sprintf("echo start >>%[1]s.starts; until test -e %[1]s.gate; do sleep 0.02; done; echo end >>%[1]s.ends", w.path(""))
}

// open lets the work end.
func (w work) open() {
	w.t.Helper()
	if err := os.WriteFile(w.path(".gate"), nil, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w work) count(suffix string) int {
	w.t.Helper()
	text, err := os.ReadFile(w.path(suffix))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

func (w work) starts() int { return w.count(".starts") }
func (w work) ends() int   { return w.count(".ends") }

// awaitStarts waits for the nth start.
func (w work) awaitStarts(n int) {
	w.t.Helper()
	await(w.t, fmt.Sprintf("start %d of %s", n, w.name), func() bool { return w.starts() >= n })
}

// processes are the pids whose command line holds marker, but for tutti's own.
func processes(t *testing.T, marker string) []int {
	t.Helper()
	var pids []int
	for pid, args := range commandLines(t) {
		if strings.Contains(args, marker) && !isTutti(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w work) processes() []int { return processes(w.t, w.path(".gate")) }

func isTutti(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && exe == binary
}

// commandLines are the arguments of all live processes that we may look at.
func commandLines(t *testing.T) map[int]string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]string{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(text) > 0 {
			all[pid] = strings.ReplaceAll(string(text), "\x00", " ")
		}
	}
	return all
}

// runner is the pid of the runner of the server's data.
func (s *server) runner() int {
	s.t.Helper()
	for pid, args := range commandLines(s.t) {
		if isTutti(pid) && pid != s.cmd.Process.Pid && strings.Contains(args, "runner") && strings.Contains(args, s.data) {
			return pid
		}
	}
	s.t.Fatal("the server has no runner")
	return 0
}

// kill9 is kill -9.
func kill9(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill -9 %d: %v", pid, err)
	}
}

// await waits for something outside of the server, which nothing tells of.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx := testContext(t)
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// wipe removes all that the server remembers, but not what the runner does: it is another process, and goes on.
func (s *server) wipe() {
	s.t.Helper()
	for _, name := range []string{"store", "blobs"} {
		dir := filepath.Join(s.data, name)
		if _, err := os.Stat(dir); err != nil {
			s.t.Fatalf("found nothing to wipe: %v", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			s.t.Fatal(err)
		}
	}
}

// cleanUp ends what the server left: itself, the runner, and with it all jobs.
func (s *server) cleanUp() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	for pid, args := range commandLines(s.t) {
		if isTutti(pid) && strings.Contains(args, s.data) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, pid := range processes(s.t, s.dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = os.RemoveAll(s.dir)
}
