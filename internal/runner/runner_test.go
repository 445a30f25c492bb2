package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openRunner(t *testing.T, dir string) (*Runner, error) {
	t.Helper()
	return open(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
}

func TestOneRunnerForADirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "runner")
	r, err := openRunner(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if _, err := openRunner(t, dir); !errors.Is(err, ErrRunning) {
		t.Errorf("a second runner: %v, want ErrRunning", err)
	}
	go func() { _ = r.serve() }()
	c, err := Dial(context.Background(), dir) // the second has left the socket of the first alone
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestStrangersAreTurnedAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "runner")
	r, err := openRunner(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	go func() { _ = r.serve() }()
	for what, q := range map[string]Request{
		"no greeting":       {List: &struct{}{}},
		"a version too old": {Hello: &Hello{Version: MinVersion - 1}},
	} {
		c, err := dial(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		var a Response
		if err := errors.Join(writeFrame(c, &q), readFrame(c, &a)); err != nil {
			t.Fatal(err)
		}
		if a.Error == nil || a.Error.Code != CodeVersion {
			t.Errorf("%s is answered with %+v", what, a)
		}
		c.Close()
	}
	if info, err := os.Stat(socketPath(dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v: %v", info.Mode(), err)
	}
}

func TestLargeMessagesAreRefused(t *testing.T) {
	t.Parallel()
	us, them := net.Pipe()
	go func() { _, _ = them.Write([]byte{0, 0, 0, 255}) }()
	var q Request
	if err := readFrame(us, &q); err == nil || !strings.Contains(err.Error(), "bytes, more than") {
		t.Errorf("a message of 4 GiB: %v", err)
	}
}

func TestResolveStaysInRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"a/up": "../../..", "a/abs": "/a/b", "a/loop": "loop", "a/b/rel": "../b"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	top, err := unix.Open(root, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(top)
	for path, want := range map[string]string{
		"/a/b":           "/a/b|",
		"/a/b/c/d":       "/a/b|c/d",
		"/a/abs/x":       "/a/b|x",
		"/a/up/a/b/rel":  "/a/b|",
		"/../../a/up/zz": "|zz",
	} {
		at, rest, err := resolve(top, path)
		if err != nil {
			t.Fatalf("resolve(%q): %v", path, err)
		}
		real, err := os.Readlink(fdPath(at))
		unix.Close(at)
		if got := strings.TrimPrefix(real, root) + "|" + strings.Join(rest, "/"); err != nil || got != want {
			t.Errorf("resolve(%q) = %q, %v; want %q", path, got, err, want)
		}
	}
	if _, _, err := resolve(top, "/a/loop"); err == nil {
		t.Error("a link to itself was resolved")
	}
}

// What has ended and was acknowledged is a bit, in memory and in the journal; it is not started again, also not by the
// next runner, which still knows how it ended.
func TestEndsAreSettled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "runner")
	r, err := openRunner(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	const children = 5000
	start := func(from, to int32) StartBatch {
		b := StartBatch{Epoch: 7}
		for child := from; child < to; child++ {
			b.Starts = append(b.Starts, Start{Key: Key{Job: 3, Child: child, Attempt: 1}, Refused: fmt.Sprint("refused ", child)})
		}
		return b
	}
	b := start(0, children)
	if err := r.accept(&b); err != nil {
		t.Fatal(err)
	}
	last := awaitEnds(t, r, children)
	r.ack(last)
	sizes := func(inMemory, marked int) {
		t.Helper()
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.procs) != inMemory || len(r.settled.keys(3)) != marked {
			t.Errorf("%d processes are in memory and %d marked, want %d and %d", len(r.procs), len(r.settled.keys(3)), inMemory, marked)
		}
	}
	r.snapshot()
	sizes(0, children)
	r.close()

	if r, err = openRunner(t, dir); err != nil {
		t.Fatal(err)
	}
	defer func() { r.close() }()
	sizes(0, children)
	if info, err := os.Stat(filepath.Join(dir, "journal")); err != nil || info.Size() > 200 {
		t.Errorf("the journal has %v bytes, %v; want a line for the job", info.Size(), err)
	}
	if got := r.lastJob(); got != 3 {
		t.Errorf("the last job is %d, want 3", got)
	}
	if b := (StartBatch{Epoch: 6}); r.accept(&b) == nil {
		t.Error("a server before the latest is heard")
	}
	b = start(4711, 4712)
	if err := r.accept(&b); err != nil {
		t.Fatal(err)
	}
	awaitEnds(t, r, 1)
	again, _, _ := r.after(0)
	if len(again) != 1 || again[0].Key != b.Starts[0].Key || again[0].Exit.Text != "refused 4711" || again[0].Number <= last {
		t.Errorf("started again it is reported as %+v, want as it ended", again)
	}
	if err := r.forget(3); err != nil { // but for the one that is not acknowledged
		t.Fatal(err)
	}
	sizes(1, 0)
}

// awaitEnds waits until n reports can be delivered, and gives the number of the last.
func awaitEnds(t *testing.T, r *Runner, n int) (last uint64) {
	t.Helper()
	for {
		batch, last, changed := r.after(0)
		if len(batch) == n {
			return last
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("the ends are not reported")
		}
	}
}
