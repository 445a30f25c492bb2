package runner

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Between the look at a path and the making of a file there its owner may have put a link to somebody else's.
func TestMakeFileFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	if err := os.WriteFile(victim, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := makeFile(fd, "link"); !os.IsExist(err) {
		t.Errorf("making a file where a link is: %v, want that it exists", err)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("behind the link is %q (%v), want it untouched", text, err)
	}
}

func TestIsMountPoint(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/proc": true, t.TempDir(): false} {
		if got := isMountPoint(path); got != want {
			t.Errorf("isMountPoint(%s) is %t", path, got)
		}
	}
}

// However often an owner puts a link in the place of a directory, what is resolved lies in the root.
func TestResolveWhileNamesChange(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	root, outside := filepath.Join(base, "root"), filepath.Join(base, "outside")
	for _, dir := range []string{filepath.Join(root, "a", "sub"), filepath.Join(outside, "sub")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	top, err := unix.Open(root, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(top)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if err := unix.Renameat2(top, "a", top, "b", unix.RENAME_EXCHANGE); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	for range 3000 {
		fd, _, err := resolve(top, "/a/sub/new")
		if err != nil {
			t.Fatal(err)
		}
		real, err := os.Readlink(fdPath(fd))
		unix.Close(fd)
		if err != nil || !isWithin(real, root) {
			t.Fatalf("resolved to %s (%v), which is outside of %s", real, err, root)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}
