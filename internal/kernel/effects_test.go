package kernel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
)

// watcher is an effect that goes on until its context ends, and tells why that was.
type watcher struct{ begun, ended chan error }

func (watcher) Class() kernel.Class { return kernel.Idempotent }

func (w watcher) Do(ctx context.Context, _ kernel.Task, _ func()) run.Outcome {
	w.begun <- nil
	<-ctx.Done()
	w.ended <- context.Cause(ctx)
	return run.Outcome{}
}

// TestEffectLearnsWhyItEnds: who is to stop what it began elsewhere can tell that from a server that goes down.
func TestEffectLearnsWhyItEnds(t *testing.T) {
	t.Parallel()
	w := watcher{make(chan error), make(chan error, 1)}
	s := newServer(t, func(o *kernel.Options) { o.Integrations = func(string) kernel.Integration { return w } })
	s.world.hold = true
	s.start("a", `[["task", "watched", "x"]]`)
	go s.effects[0]()
	<-w.begun
	s.stop("a", run.Failure{})
	if cause := <-w.ended; !errors.Is(cause, kernel.ErrGivenUp) {
		t.Errorf("a task of a run that was stopped ends with %v", cause)
	}

	ctx, shutDown := context.WithCancel(t.Context())
	s = newServer(t, func(o *kernel.Options) {
		o.Integrations, o.Drain = func(string) kernel.Integration { return w }, time.Nanosecond
	})
	s.world.hold = true
	s.start("a", `[["task", "watched", "x"]]`)
	go s.effects[0]()
	<-w.begun
	shutDown()
	if err := s.kernel.Run(ctx); err != nil {
		t.Error(err)
	}
	if cause := <-w.ended; !errors.Is(cause, kernel.ErrStopping) {
		t.Errorf("a task of a server that goes down ends with %v", cause)
	}
}
