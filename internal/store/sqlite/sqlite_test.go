package sqlite_test

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
	"github.com/tutti-ml/tutti/internal/store/storetest"
	"github.com/tutti-ml/tutti/internal/value"
)

func open(t testing.TB, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (store.Store, func() store.Store) {
		dir := t.TempDir()
		s := open(t, dir)
		return s, func() store.Store {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			return open(t, dir)
		}
	})
}

// fakeBlobs keep blobs in a map.
type fakeBlobs map[value.Digest][]byte

func (b fakeBlobs) Put(d value.Digest, data []byte) error {
	b[d] = data
	return nil
}

func (b fakeBlobs) Get(d value.Digest) ([]byte, error) {
	data, ok := b[d]
	if !ok {
		return nil, store.ErrNotFound
	}
	return data, nil
}

// A row that names a value that the writer moved away finds it there; one that is in the store keeps it there.
func TestRowsWithLargeValues(t *testing.T) {
	t.Parallel()
	blobs := fakeBlobs{}
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Blobs: blobs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, err := store.NewWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	w.Blobs = blobs
	large := value.NewString(string(make([]byte, store.BlobAbove)))
	first, last := start(1), start(1)
	first.Values = []value.Blob{value.NewBlob(large.Digest(), []byte(large.JSON()))}
	last.Run.First = 2
	last.Run.Row = &store.Run{ID: 1, Status: run.Succeeded, Output: large}
	other := start(2)
	other.Run.Row.Input = value.NewString(large.JSON())
	w.Submit(first, last, other)
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(blobs) != 1 {
		t.Errorf("%d blobs, want the one value of the unit", len(blobs))
	}
	for id, want := range map[run.ID]value.Value{1: large, 2: other.Run.Row.Input} {
		got, err := s.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !value.Equal(got.Input, want) && !value.Equal(got.Output, want) {
			t.Errorf("run %d came back without its large value", id)
		}
	}
}
