package memory_test

import (
	"errors"
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) (store.Store, func() store.Store) {
		s := memory.New(memory.Options{})
		return s, func() store.Store { return s.Crash() }
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	begin := func(id run.ID) []*store.Unit {
		return []*store.Unit{{Run: &store.RunChange{ID: id, First: 1, Count: 1, Frame: []byte("f"), Row: &store.Run{Status: run.Running}}}}
	}
	for _, c := range []struct {
		fault memory.Fault
		found bool
	}{{memory.Lost, false}, {memory.Durable, true}} {
		fault := memory.None
		s := memory.New(memory.Options{Fault: func([]*store.Unit) memory.Fault { return fault }})
		if _, err := s.Commit(t.Context(), begin(1)); err != nil {
			t.Fatal(err)
		}
		fault = c.fault
		if _, err := s.Commit(t.Context(), begin(2)); !errors.Is(err, memory.ErrFault) {
			t.Fatalf("error %v, want the fault", err)
		}
		fault = memory.None
		if _, err := s.Commit(t.Context(), begin(3)); !errors.Is(err, memory.ErrFault) {
			t.Fatalf("error %v after the fault, want it again", err)
		}
		after := s.Crash()
		if _, err := s.Commit(t.Context(), begin(4)); !errors.Is(err, store.ErrFenced) {
			t.Fatalf("error %v of the store that died, want ErrFenced", err)
		}
		for id, want := range []bool{1: true, 2: c.found, 3: false, 4: false} {
			if _, err := after.Run(t.Context(), run.ID(id)); id > 0 && (err == nil) != want {
				t.Errorf("fault %d: run %d: %v", c.fault, id, err)
			}
		}
	}
}
