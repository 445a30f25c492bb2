package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
)

// TestBackup takes a copy while commits go on. The copy is the store of one moment, and takes commits itself.
func TestBackup(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	n := 0
	commitSome := func() {
		var units []*store.Unit
		for range 50 {
			n++
			units = append(units, numbered(n))
		}
		commit(t, s, units...)
	}
	for range 20 {
		commitSome()
	}
	before := n
	copied := make(chan error)
	path := filepath.Join(t.TempDir(), "copy.db")
	go func() { copied <- s.Backup(t.Context(), path) }()
	for done := false; !done; {
		select {
		case err := <-copied:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
			commitSome()
		}
	}
	if err := s.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v of a second backup to the same file", err)
	}

	dir := t.TempDir()
	if err := sqlite.Restore(t.Context(), path, dir); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Restore(t.Context(), path, dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v of restoring over a store", err)
	}
	restored := open(t, dir)
	checkNumbered(t, restored, before)
	if !bytes.Equal(restored.Secret(), s.Secret()) {
		t.Error("the copy has another secret: tokens that its origin gave are worth nothing there")
	}
	if restored.Epoch() <= s.Epoch() {
		t.Errorf("epoch %d of the copy, %d of its origin", restored.Epoch(), s.Epoch())
	}
	last, err := restored.LastChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, restored, numbered(int(last)+1))
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := sqlite.Restore(t.Context(), filepath.Join(dir, "missing"), dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v of a missing backup", err)
	}
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("this is no database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Restore(t.Context(), junk, dir); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error %v of a backup that is none", err)
	}
	if _, err := os.Stat(filepath.Join(dir, sqlite.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was restored: %v", err)
	}
	dir = t.TempDir()
	s := open(t, dir)
	if err := sqlite.Restore(t.Context(), junk, dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("error %v of restoring under a server", err)
	}
	commit(t, s, start(1))
}
