package sqlite_test

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
	"github.com/tutti-ml/tutti/internal/store/storetest"
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
