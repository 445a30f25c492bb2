// Package looptest runs, for tests, what runs for as long as a server does.
package looptest

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Run runs loops, such as a writer's and a kernel's, until the test ends: after all cleanups that are registered later. A
// loop that fails fails the test; it is no failure to end with context.Canceled.
func Run(t testing.TB, loops ...func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, len(loops))
	for _, loop := range loops {
		go func() { ended <- loop(ctx) }()
	}
	t.Cleanup(func() {
		stop()
		for range loops {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}

// Background runs functions, whose context is done when the test ends, and then waits for them.
func Background(t testing.TB) func(func(context.Context)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var going sync.WaitGroup
	t.Cleanup(func() {
		stop()
		going.Wait()
	})
	return func(f func(context.Context)) { going.Go(func() { f(ctx) }) }
}
