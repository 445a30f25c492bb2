package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/blob"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

func open(t *testing.T, dir string) *blob.FS {
	t.Helper()
	b, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, b *blob.FS, text string) value.Digest {
	t.Helper()
	d := value.DigestOf([]byte(text))
	if err := b.Put(d, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return d
}

func file(dir string, d value.Digest) string { return filepath.Join(dir, d.String()[:2], d.String()) }

func TestPutGetDelete(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "blobs")
	b := open(t, dir)
	d := put(t, b, "text")
	put(t, b, "text")
	if err := b.Put(d, []byte("other")); err == nil {
		t.Error("other data were taken under the digest")
	}
	got, err := open(t, dir).Get(d)
	if err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	for range 2 {
		if err := b.Delete(d); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Get(d); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error %v of a deleted blob", err)
	}
}

func TestChangedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	d := put(t, b, "text")
	if err := os.WriteFile(file(dir, d), []byte("tex"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(d); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error %v of a changed file", err)
	}
}

func TestOpenRemovesHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	half := filepath.Join(dir, "tmp", "123")
	if err := os.WriteFile(half, []byte("ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file is still there: %v", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	wanted, old, again := put(t, b, "wanted"), put(t, b, "old"), put(t, b, "again")
	long := time.Now().Add(-time.Hour)
	for _, d := range []value.Digest{wanted, old, again} {
		if err := os.Chtimes(file(dir, d), long, long); err != nil {
			t.Fatal(err)
		}
	}
	put(t, b, "again")
	put(t, b, "new")
	removed, err := b.Sweep(time.Now().Add(-time.Minute), func(d value.Digest) (bool, error) { return d == wanted, nil })
	if err != nil || removed != 1 {
		t.Fatalf("removed %d, %v; want 1", removed, err)
	}
	if _, err := b.Get(old); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error %v of what was swept", err)
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	d := put(t, b, "text")
	copies := filepath.Join(t.TempDir(), "copies")
	if err := b.Backup(copies); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(d); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, copies).Get(d); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := b.Backup(copies); err == nil {
		t.Error("a second backup went into the first")
	}
}

// A value over the limit goes through the writer into a file, and is loaded from there.
func TestLargeValues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	s := memory.New(memory.Options{})
	w, err := store.NewWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	w.Blobs = b
	large := value.NewString(string(make([]byte, store.BlobAbove)))
	small := value.NewString("small")
	u := &store.Unit{
		Run: &store.RunChange{ID: 1, First: 1, Count: 1, Frame: []byte("f"), Row: &store.Run{Status: run.Running}},
	}
	for _, v := range []value.Value{large, small} {
		u.Values = append(u.Values, value.NewBlob(v.Digest(), []byte(v.JSON())))
	}
	verdict := store.Verdict(0)
	u.Done = func(v store.Verdict) { verdict = v }
	w.Submit(u)
	if err := w.Flush(t.Context()); err != nil || verdict != store.OK {
		t.Fatalf("verdict %v, %v", verdict, err)
	}
	for _, v := range []value.Value{large, small} {
		got, err := store.Load(t.Context(), s, b, v.Digest())
		if err != nil || !value.Equal(got, v) {
			t.Errorf("loading a value of %d bytes: %v", v.Size(), err)
		}
	}
	if text, err := s.Value(t.Context(), large.Digest()); err != nil || len(text) > 0 {
		t.Errorf("the store holds %d bytes of the large value, %v", len(text), err)
	}
	if err := b.Delete(large.Digest()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context(), s, b, large.Digest()); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error %v of a value that is gone", err)
	}
}
