package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/store/storetest"
)

func newWriter(t *testing.T, s store.Store) *store.Writer {
	t.Helper()
	w, err := store.NewWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func begin(id run.ID) *store.Unit {
	return &store.Unit{Run: &store.RunChange{ID: id, First: 1, Count: 1, Frame: []byte("f"), Row: &store.Run{Status: run.Running}}}
}

// Done is called in the order of submission, then the listeners with the whole batch, then the next batch's turn comes.
func TestWriterOrder(t *testing.T) {
	t.Parallel()
	w := newWriter(t, memory.New(memory.Options{}))
	type call struct {
		Unit    run.ID
		Verdict store.Verdict
		Batch   int
	}
	var calls []call
	w.Listen(func(units []*store.Unit, verdicts []store.Verdict) {
		calls = append(calls, call{Batch: len(units)})
	})
	submit := func(id run.ID) {
		u := begin(id)
		u.Done = func(v store.Verdict) { calls = append(calls, call{Unit: id, Verdict: v}) }
		w.Submit(u)
	}
	for range 2 {
		submit(1)
		submit(2)
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := []call{
		{1, store.OK, 0}, {2, store.OK, 0}, {Batch: 2},
		{1, store.Stale, 0}, {2, store.Stale, 0}, {Batch: 2},
	}
	if d := cmp.Diff(want, calls); d != "" {
		t.Error(d)
	}
}

func TestWriterBoundsBatches(t *testing.T) {
	t.Parallel()
	w := newWriter(t, memory.New(memory.Options{}))
	var batches []int
	w.Observe = func(s store.CommitStats) { batches = append(batches, s.Units) }
	for id := run.ID(1); id <= store.MaxUnits+3; id++ {
		w.Submit(begin(id))
	}
	for w.Waiting() > 0 {
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]int{store.MaxUnits, 3}, batches); d != "" {
		t.Error(d)
	}
}

// A writer that is told to stop commits what waits, and takes nothing more.
func TestWriterDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Options{})
		w := newWriter(t, s)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := w.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		if v, err := w.Commit(ctx, begin(1)); v != store.OK || err != nil {
			t.Fatal(v, err)
		}
		w.Submit(begin(2))
		stop()
		wg.Wait()
		if _, err := s.Run(t.Context(), 2); err != nil {
			t.Errorf("a change that waited was not stored: %v", err)
		}
		if _, err := w.Commit(t.Context(), begin(3)); !errors.Is(err, store.ErrStopped) {
			t.Errorf("error %v of a writer that stopped", err)
		}
		if _, err := s.Run(t.Context(), 3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a change after the stop was stored: %v", err)
		}
	})
}

// A commit that failed answers nobody; whoever waits hears that the writer is down, and why.
func TestWriterFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(t, &storetest.Faulty{Store: memory.New(memory.Options{}), FailAt: 1})
		failed := make(chan error, 1)
		go func() { failed <- w.Run(t.Context()) }()
		_, err := w.Commit(t.Context(), begin(1))
		if !errors.Is(err, store.ErrStopped) || !errors.Is(err, storetest.ErrFault) {
			t.Errorf("error %v, want ErrStopped and the fault", err)
		}
		if err := <-failed; !errors.Is(err, storetest.ErrFault) {
			t.Errorf("Run ended with %v, want the fault", err)
		}
		if err := w.Flush(t.Context()); !errors.Is(err, storetest.ErrFault) {
			t.Errorf("error %v of a later flush, want the fault", err)
		}
	})
}
