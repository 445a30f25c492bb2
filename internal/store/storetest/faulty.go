package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/tutti-ml/tutti/internal/store"
)

// ErrFault is what a Faulty store answers where it was told to fail.
var ErrFault = errors.New("injected fault")

// Faulty is a store of which a commit fails, and every one from then on.
type Faulty struct {
	store.Store
	// FailAt is the commit that fails, counted from 1. 0: none.
	FailAt int
	// After has it fail when its units are durable already; otherwise they never become so.
	After bool

	mu      sync.Mutex // guards commits
	commits int
}

// Commit implements store.Store.
func (f *Faulty) Commit(ctx context.Context, units []*store.Unit) ([]store.Verdict, error) {
	f.mu.Lock()
	f.commits++
	n := f.commits
	f.mu.Unlock()
	if f.FailAt == 0 || n < f.FailAt {
		return f.Store.Commit(ctx, units)
	}
	if n == f.FailAt && f.After {
		if _, err := f.Store.Commit(ctx, units); err != nil {
			return nil, err
		}
	}
	return nil, ErrFault
}
