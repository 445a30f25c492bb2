package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tutti-ml/tutti/client"
)

// smallDisk is a server whose data are on a file system of their own.
type smallDisk struct {
	*server
	fill string
}

// newSmallDisk needs root.
func newSmallDisk(t *testing.T, options, config string) smallDisk {
	t.Helper()
	dir, err := os.MkdirTemp("", "tutti-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, options); err != nil {
		_ = os.RemoveAll(dir)
		t.Skipf("NOT TESTED: mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { // after the server's own
		if err := unix.Unmount(data, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	return smallDisk{newServerIn(t, dir, config), filepath.Join(data, "fill")}
}

// leave fills the disk until no more than some bytes are free.
func (s smallDisk) leave(free int64) {
	s.t.Helper()
	f, err := os.OpenFile(s.fill, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for {
		var stat unix.Statfs_t
		if err := unix.Statfs(s.data, &stat); err != nil {
			s.t.Fatal(err)
		}
		room := int64(stat.Bavail)*stat.Bsize - free
		if room <= 0 {
			return
		}
		if _, err := f.Write(make([]byte, min(room, 1<<20))); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s smallDisk) free() {
	s.t.Helper()
	if err := os.Remove(s.fill); err != nil {
		s.t.Fatal(err)
	}
}

const passes = `{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}`

// TestDiskReserve: with less free space than the reserve new work is refused, what runs order waits and says why, over a
// restart too, and ends are recorded; with room again all goes on, and nothing ran twice.
func TestDiskReserve(t *testing.T) {
	t.Parallel()
	s := newSmallDisk(t, "size=96m", workImage+"diskReserve: 32Mi\n")
	s.tutti("apply", "-f", s.write("child.asl.json", passes))
	first, second := newWork(s.server, "first"), newWork(s.server, "second")
	second.open()
	task := `"Type": "Task", "Resource": "arn:tutti:states:::job:run.sync"`
	r := s.start(fmt.Sprintf(`{"StartAt": "First", "States": {
		"First": {%[1]s, "Parameters": {"Manifest": %[2]s}, "Next": "Both"},
		"Both": {"Type": "Parallel", "End": true, "Branches": [
			{"StartAt": "Second", "States": {"Second": {%[1]s, "Parameters": {"Manifest": %[3]s}, "End": true}}},
			{"StartAt": "Child", "States": {"Child": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
				"Parameters": {"StateMachineArn": "child"}, "End": true}}}]}}}`,
		task, job("first", first.script(), 0), job("second", second.script(), 0)), "{}")
	first.awaitStarts(1)

	s.leave(16 << 20)
	await(t, "a refusal of new work", func() bool {
		_, err := s.Start(testContext(t), client.StartRun{Definition: passes, Input: []byte("{}")})
		p := (*client.Problem)(nil)
		return errors.As(err, &p) && p.Status == http.StatusInsufficientStorage && p.Remedy != ""
	})
	first.open()
	held := func() bool {
		jobs := s.jobs(r.ID)
		children, err := s.Runs(testContext(t), client.RunQuery{Parent: r.ID})
		if err != nil {
			t.Fatal(err)
		}
		if len(jobs) != 2 || len(children.Items) != 1 {
			return false
		}
		if jobs[0].State != "Succeeded" || children.Items[0].Status != "RUNNING" || second.starts() != 0 {
			t.Fatalf("the first job is %s, the child run is %s, the second job started %d times", jobs[0].State, children.Items[0].Status, second.starts())
		}
		return strings.Contains(jobs[1].Why, "disk is nearly full")
	}
	await(t, "the work that is held", held)
	s.kill()
	s.up()
	await(t, "the work that is held after a restart", held)

	s.free()
	s.succeeded(r.ID)
	if first.starts() != 1 || second.starts() != 1 {
		t.Errorf("the jobs started %d and %d times", first.starts(), second.starts())
	}
}

// TestNoDisk: with nothing free at all the server stops rather than forget, and says so; with room again it goes on where it
// was, and what ended meanwhile is known.
func TestNoDisk(t *testing.T) {
	t.Parallel()
	s := newSmallDisk(t, "size=64m", workImage+"diskReserve: 0\n")
	first, second := newWork(s.server, "first"), newWork(s.server, "second")
	second.open()
	r := s.start(steps(job("first", first.script(), 0), job("second", second.script(), 0)), "{}")
	first.awaitStarts(1)
	s.leave(0)
	first.open()
	<-s.ended
	if !strings.Contains(s.log.String(), "full") {
		t.Errorf("the server does not say that the disk is full:\n%s", s.log.String())
	}
	s.free()
	s.up()
	s.succeeded(r.ID)
	if first.starts() != 1 || first.ends() != 1 || second.starts() != 1 {
		t.Errorf("the jobs started %d and %d times", first.starts(), second.starts())
	}
}
