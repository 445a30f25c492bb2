package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/tutti-ml/tutti/internal/blob"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
	"github.com/tutti-ml/tutti/internal/value"
)

// system is the kernel over SQLite, as a server has it, without HTTP and jobs.
type system struct {
	store  *sqlite.Store
	writer *store.Writer
	kernel *kernel.Kernel

	commits, events, bytes atomic.Int64

	stop    context.CancelFunc
	stopped chan error
}

func openSystem(ctx context.Context, dir string, change func(*kernel.Options)) (*system, error) {
	s, err := prepare(ctx, dir, change)
	if err == nil {
		s.run(ctx)
	}
	return s, err
}

// prepare opens everything; nothing runs until run.
func prepare(ctx context.Context, dir string, change func(*kernel.Options)) (*system, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &system{stopped: make(chan error, 2)}
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	if s.store, err = sqlite.Open(ctx, dir, sqlite.Options{Blobs: blobs}); err != nil {
		return nil, err
	}
	if s.writer, err = store.NewWriter(ctx, s.store); err != nil {
		return nil, err
	}
	s.writer.Blobs = blobs
	s.writer.Observe = func(c store.CommitStats) {
		s.commits.Add(1)
		s.events.Add(int64(c.Events))
		s.bytes.Add(int64(c.Bytes))
	}
	o := kernel.Options{
		Store:        s.store,
		Writer:       s.writer,
		Load:         s.store.Load,
		Languages:    []run.Language{asl.Language{}},
		Integrations: noops,
	}
	if change != nil {
		change(&o)
	}
	s.kernel = kernel.New(o)
	return s, nil
}

func (s *system) run(ctx context.Context) {
	running, stop := context.WithCancel(ctx)
	s.stop = stop
	go func() { s.stopped <- s.writer.Run(context.WithoutCancel(ctx)) }()
	go func() { s.stopped <- s.kernel.Run(running) }()
}

// close ends the kernel; the writer goes with the store.
func (s *system) close() error {
	s.stop()
	if err := <-s.stopped; err != nil {
		return err
	}
	return s.store.Close()
}

// noops is arn:tutti:states:::noop alone.
func noops(resource string) kernel.Integration {
	if resource == noopResource {
		return noop{}
	}
	return nil
}

const noopResource = "arn:tutti:states:::noop"

type noop struct{}

func (noop) Class() kernel.Class { return kernel.Idempotent }

func (noop) Do(_ context.Context, t kernel.Task, _ func()) run.Outcome {
	return run.Done(t.Order.Payload)
}

// start begins a run; the returned channel tells when it is durable.
func (s *system) start(owner, source string, input value.Value) (run.ID, <-chan error, error) {
	row, begun, err := s.kernel.Begin(kernel.StartRequest{Owner: owner, Language: "asl", Source: []byte(source), Input: input})
	if err != nil {
		return 0, nil, err
	}
	return row.ID, begun, nil
}

// finish starts count runs with at most inFlight under way at once, and waits for all. Each has an input of its own, so
// that no two share what is stored by digest.
func (s *system) finish(ctx context.Context, count, inFlight int, source string, input value.Value) error {
	slots := make(chan struct{}, inFlight)
	failed := make(chan error, count)
	for i := range count {
		slots <- struct{}{}
		id, begun, err := s.start("bench", source, input.With("run", value.NewInt(int64(i))))
		if err != nil {
			return err
		}
		go func() {
			defer func() { <-slots }()
			if err := <-begun; err != nil {
				failed <- err
				return
			}
			r, err := s.kernel.Wait(ctx, id)
			if err != nil {
				failed <- err
			} else if r.Status != run.Succeeded {
				failed <- fmt.Errorf("run %s ended as %v: %+v", r.Name, r.Status, r.Failure)
			}
		}()
	}
	for range inFlight {
		slots <- struct{}{}
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// counts adds what the commits since the system was opened took.
func (s *system) counts(b *bench, name string, units float64, unit string) {
	b.add(row{Bench: name, Metric: "commits", Value: float64(s.commits.Load()), Unit: "commits (a transaction and an fsync each)"})
	b.add(row{Bench: name, Metric: "events", Value: float64(s.events.Load()), Unit: "events"})
	b.add(row{Bench: name, Metric: "log bytes", Value: float64(s.bytes.Load()) / units, Unit: "B/" + unit})
}
