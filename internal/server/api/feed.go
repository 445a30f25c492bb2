package api

import (
	"context"
	"sync"

	"github.com/tutti-ml/tutti/internal/store"
)

// Feed wakes those who follow the store's change feed. It holds no changes: followers read them from the store, each at
// its own pace, so a slow one costs nothing.
type Feed struct {
	mu   sync.Mutex // guards next
	next chan struct{}
	done context.Context
	end  context.CancelFunc
}

// NewFeed returns a feed; its Committed is to be given to Writer.Listen.
func NewFeed() *Feed {
	f := &Feed{next: make(chan struct{})}
	f.done, f.end = context.WithCancel(context.Background())
	return f
}

// Committed wakes all who wait.
func (f *Feed) Committed([]*store.Unit, []store.Verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.next)
	f.next = make(chan struct{})
}

// Next is closed by the first commit from now on. Who follows the feed takes it before reading the store.
func (f *Feed) Next() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// Close ends all streams: a server that shuts down waits for its requests.
func (f *Feed) Close() { f.end() }

// Stream returns a context that is done when ctx is, or the feed is closed.
func (f *Feed) Stream(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(f.done, cancel)
	return ctx, func() { stop(); cancel() }
}
