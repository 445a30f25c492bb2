package app

import (
	"context"
	"sync"
)

// background is what goes on after the requests that began it. It ends with its room.
type background struct {
	ctx   context.Context
	stop  context.CancelFunc
	going sync.WaitGroup
}

func newBackground() *background {
	b := &background{}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// Go runs f, whose context is done when the room is stopped.
func (b *background) Go(f func(context.Context)) { b.going.Go(func() { f(b.ctx) }) }

// Run waits until ctx is done, then stops all that goes on and waits for it. No more may be begun then.
func (b *background) Run(ctx context.Context) error {
	<-ctx.Done()
	b.stop()
	b.going.Wait()
	return ctx.Err()
}
