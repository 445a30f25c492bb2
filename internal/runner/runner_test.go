package runner

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	for path, want := range map[string]string{
		"/a/b":           "/a/b|",
		"/a/b/c/d":       "/a/b|c/d",
		"/a/abs/x":       "/a/b|x",
		"/a/up/a/b/rel":  "/a/b|",
		"/../../a/up/zz": "|zz",
	} {
		at, rest, err := resolve(root, path)
		if got := strings.TrimPrefix(at, root) + "|" + strings.Join(rest, "/"); err != nil || got != want {
			t.Errorf("resolve(%q) = %q, %v; want %q", path, got, err, want)
		}
	}
	if _, _, err := resolve(root, "/a/loop"); err == nil {
		t.Error("a link to itself was resolved")
	}
}
