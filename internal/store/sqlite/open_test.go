package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
)

// start is a unit that begins a run with one event.
func start(id run.ID) *store.Unit {
	return &store.Unit{Run: &store.RunChange{
		ID: id, First: 1, Count: 1, Frame: []byte("frame"), Row: &store.Run{ID: id, Status: run.Running},
	}}
}

func commit(t testing.TB, s store.Store, units ...*store.Unit) {
	t.Helper()
	verdicts, err := s.Commit(t.Context(), units)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v != store.OK {
			t.Fatalf("unit %d: %v", i, v)
		}
	}
}

// alter changes the database behind the store's back.
func alter(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// refused checks that dir cannot be opened, with what error and words, and that the database stays as it is.
func refused(t *testing.T, dir string, want error, words ...string) {
	t.Helper()
	path := filepath.Join(dir, sqlite.FileName)
	before, _ := os.ReadFile(path)
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err == nil {
		_ = s.Close()
		t.Fatal("the store was opened")
	}
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the database was changed")
	}
}

func TestOpenLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	refused(t, dir, store.ErrLocked, dir, fmt.Sprintf("process %d", os.Getpid()))
	commit(t, s, start(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestOpenNewer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	alter(t, dir, "PRAGMA user_version = 99")
	refused(t, dir, store.ErrNewer, "schema 99")
}

func TestOpenCorrupt(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"text":         strings.Repeat("not a database\n", 1000),
		"short":        "SQLite",
		"broken pages": "SQLite format 3\x00" + strings.Repeat("\xff", 8192),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, sqlite.FileName), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, store.ErrCorrupt, "restore a backup")
		})
	}
}

func TestOpenForeign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alter(t, dir, "CREATE TABLE theirs (x)")
	refused(t, dir, store.ErrCorrupt, "another program")
}

func TestOpenNowhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "missing")
	refused(t, dir, os.ErrNotExist, dir)
}

// A server that died before it wrote anything leaves an empty file behind.
func TestOpenEmptyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sqlite.FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, open(t, dir), start(1))
}

func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "size=4m")
	s := open(t, dir)
	commit(t, s, start(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, unix.MS_RDONLY, "")
	refused(t, dir, unix.EROFS, dir, "make it writable")
}

func TestFenced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, start(1))
	alter(t, dir, "UPDATE meta SET value = value + 1 WHERE name = 'epoch'")
	for range 2 {
		if _, err := s.Commit(t.Context(), []*store.Unit{start(2)}); !errors.Is(err, store.ErrFenced) {
			t.Fatalf("error %v, want ErrFenced", err)
		}
	}
	if _, err := s.Run(t.Context(), 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a fenced commit was stored: %v", err)
	}
}

// mountTmpfs mounts a file system of its own for the test.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("NOT TESTED: mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}
