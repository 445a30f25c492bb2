// Package sim runs the whole system on virtual time, in one goroutine, from one random seed: the kernel and the job layer
// over the memory store, and a scripted engine. What happens next is drawn at random among all that could; so one seed is
// one interleaving, the same every time. A server can be killed at any commit, before it is durable or after.
//
// The package is for tests. It holds no rule of its own: the laws are in its tests.
package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

// Crash says when a server dies.
type Crash struct {
	Commit  int  // at which commit of the world, from 1
	Durable bool // after the commit, before anybody is told; else before it
}

// Options say what a world is like.
type Options struct {
	Seed    uint64
	Crashes []Crash
	Budget  int // events in a commit of a run; 0: drawn anew for each server
	// Redrive has somebody redrive every run that fails, again and again.
	Redrive bool
}

// World is servers one after another, and what outlives them: the clock, the disk, the engine and its processes, and
// whatever tasks did outside.
type World struct {
	o      Options
	rng    *rand.Rand
	now    time.Time
	mem    *memory.Store
	engine *fake.Engine
	acts   *acts

	commits  int
	crashes  int
	refusals int                   // of orders, by the engine
	wanted   []kernel.StartRequest // runs that were asked for and are not known to be durable
	*server
}

// server is what dies in a crash.
type server struct {
	writer   *store.Writer
	kernel   *kernel.Kernel
	dispatch *dispatch.Dispatcher
	effects  []func()
	begun    []starting
	queue    *queue
	tellings []*telling
	redrives map[run.ID]<-chan error // asked for, and not answered
	tick     time.Time               // when the kernel's clock is to be called
}

type starting struct {
	request kernel.StartRequest
	done    <-chan error
}

// maxMoves bounds a world that does not come to rest.
const maxMoves = 200_000

// New makes a world with a server in it.
func New(ctx context.Context, o Options) (*World, error) {
	w := &World{
		o:    o,
		rng:  rand.New(rand.NewPCG(o.Seed, 1)),
		now:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		acts: newActs(),
	}
	w.mem = memory.New(memory.Options{Fault: w.fault, Secret: make([]byte, 32)})
	w.engine = fake.New(fake.Config{
		Now:   func() time.Time { return w.now },
		Nodes: []engine.Node{{Name: "node", Ready: true, MilliCPU: 4000, Memory: 8 << 30, Declared: true}},
		Faults: fake.Faults{
			Submit: func([]engine.Start) fake.SubmitFault { return fake.SubmitFault(max(0, w.rng.IntN(12)-9)) },
			Lag:    func(job.Proc) time.Duration { return time.Duration(w.rng.IntN(3)) * time.Second },
			Repeat: func(engine.Report) bool { return w.rng.IntN(8) == 0 },
			Break:  func() bool { return w.rng.IntN(16) == 0 },
		},
	})
	return w, w.boot(ctx)
}

// fault kills the server at the commits that the options name.
func (w *World) fault([]*store.Unit) memory.Fault {
	w.commits++
	for _, c := range w.o.Crashes {
		if c.Commit == w.commits {
			if c.Durable {
				return memory.Durable
			}
			return memory.Lost
		}
	}
	return memory.None
}

// boot starts a server on what is durable.
func (w *World) boot(ctx context.Context) error {
	w.server = &server{tick: w.now, queue: &queue{}, redrives: make(map[run.ID]<-chan error)}
	w.acts.crashed()
	var err error
	if w.writer, err = store.NewWriter(ctx, w.mem); err != nil {
		return err
	}
	budget := w.o.Budget
	if budget == 0 {
		budget = 1 + w.rng.IntN(20)
	}
	s := w.server
	w.kernel = kernel.New(kernel.Options{
		Store:        w.mem,
		Writer:       w.writer,
		Load:         w.load,
		Languages:    []run.Language{asl.Language{}},
		Integrations: s.integration(w.acts, w.mem.Runs),
		Now:          func() time.Time { return w.now },
		Go:           func(f func()) { s.effects = append(s.effects, f) },
		Rand:         func() uint64 { return 0 },
		BudgetEvents: budget,
		MaxResident:  1 + w.rng.IntN(4),
		IdleFor:      time.Duration(w.rng.IntN(5)) * time.Second,
	})
	w.dispatch = dispatch.New(dispatch.Options{
		Store:  w.mem,
		Writer: w.writer,
		Engine: w.engine,
		Log:    slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return w.now },
		Port:   func(string) (int32, error) { return 20_000 + w.rng.Int32N(1000), nil },
	})
	w.engine.Disconnect()
	if err := w.dispatch.Load(ctx, w.now); err != nil {
		return err
	}
	if err := w.dispatch.Step(ctx, w.now); err != nil {
		return err
	}
	return w.kernel.Open(ctx)
}

func (w *World) load(ctx context.Context, d value.Digest) (value.Value, error) {
	text, err := w.mem.Value(ctx, d)
	if err != nil {
		return value.Value{}, err
	}
	return value.Parse(text)
}

// Start has a run started, now and again after every crash until it is known to be durable, as a careful client does.
func (w *World) Start(name, source string, input value.Value) {
	w.wanted = append(w.wanted, kernel.StartRequest{
		Owner: "owner-" + name[:1], Name: name, Language: "asl", Source: []byte(source), Input: input,
	})
}

// Run makes moves until nothing is left to do, crashes included.
func (w *World) Run(ctx context.Context) error {
	for range maxMoves {
		moved, err := w.move(ctx)
		if errors.Is(err, memory.ErrFault) {
			w.crashes++
			w.mem = w.mem.Crash()
			for _, b := range w.begun {
				w.wanted = append(w.wanted, b.request)
			}
			if err := w.boot(ctx); err != nil {
				return fmt.Errorf("starting the server after a crash: %w", err)
			}
			continue
		}
		if err != nil {
			return err
		}
		if !moved {
			if more, err := w.pass(ctx); err != nil || !more {
				return err
			}
		}
	}
	return fmt.Errorf("no rest after %d moves", maxMoves)
}

// move makes one of the moves that are possible now, drawn at random; moved is false where none is.
func (w *World) move(ctx context.Context) (moved bool, err error) {
	if err := w.hear(); err != nil {
		return false, err
	}
	var moves []func() error
	if len(w.wanted) > 0 {
		moves = append(moves, w.start)
	}
	if failed, err := w.failed(ctx); err != nil {
		return false, err
	} else if failed != nil {
		moves = append(moves, func() (err error) { w.redrives[failed.ID], err = w.kernel.AskRedrive(failed.ID, ""); return err })
	}
	if w.kernel.Stats().Ready > 0 {
		work := func() error { _, err := w.kernel.Work(ctx); return err }
		moves = append(moves, work, work)
	}
	if w.writer.Waiting() > 0 {
		moves = append(moves, func() error { return w.writer.Flush(ctx) })
	}
	if len(w.effects) > 0 {
		moves = append(moves, w.effect)
	}
	if len(w.queue.tasks) > 0 {
		moves = append(moves, w.take)
	}
	if len(w.acts.open()) > 0 {
		moves = append(moves, w.keep)
	}
	moves = append(moves, w.jobMoves(ctx)...)
	if !w.due().After(w.now) {
		moves = append(moves, func() (err error) { w.tick, err = w.kernel.Tick(ctx); return err })
	}
	if len(moves) == 0 {
		return false, nil
	}
	return true, moves[w.rng.IntN(len(moves))]()
}

// jobMoves are the moves of the job layer and the engine.
func (w *World) jobMoves(ctx context.Context) (moves []func() error) {
	if at, ok := w.engine.Next(); ok && !at.After(w.now) {
		moves = append(moves, func() error { w.engine.Step(); return nil })
	}
	at := w.dispatch.NextDeadline()
	if !w.dispatch.Idle() || !at.IsZero() && !at.After(w.now) {
		moves = append(moves, func() error { return w.dispatch.Step(ctx, w.now) }, func() error {
			if w.dispatch.Perform(ctx) != nil {
				w.refusals++ // the engine takes no orders now; they are given again
			}
			return nil
		})
	}
	reports, err := w.engine.Poll()
	if err != nil || len(reports) > 0 { // a stream that broke off is taken up again
		w.dispatch.HandleReports(reports)
		moves = append(moves, func() error { return nil })
	}
	return moves
}

// start asks for the run that was wanted first. One that is durable already, as its name tells, is not asked for again.
func (w *World) start() error {
	q := w.wanted[0]
	w.wanted = w.wanted[1:]
	_, err := w.mem.RunByName(context.Background(), q.Owner, q.Machine, q.Name)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, begun, err := w.kernel.Begin(q)
	if err != nil {
		return fmt.Errorf("starting %s: %w", q.Name, err)
	}
	w.begun = append(w.begun, starting{q, begun})
	return nil
}

// effect carries out one of the tasks that wait for it.
func (w *World) effect() error {
	i := w.rng.IntN(len(w.effects))
	f := w.effects[i]
	w.effects = append(w.effects[:i], w.effects[i+1:]...)
	f()
	return nil
}

// due is when the kernel's clock has something to do.
func (w *World) due() time.Time {
	if at := w.kernel.Stats().Due; !at.IsZero() && at.Before(w.tick) {
		return at
	}
	return w.tick
}

// pass lets time pass until something is due; false where nothing ever will be.
func (w *World) pass(ctx context.Context) (more bool, err error) {
	next := w.due()
	if w.kernel.Stats().Resident == 0 {
		timers, err := w.mem.Timers(ctx, store.Timer{}, w.now.AddDate(200, 0, 0), 1)
		if err != nil {
			return false, err
		}
		more = len(timers) > 0
	} else {
		more = true
	}
	if at, ok := w.engine.Next(); ok {
		more = true
		next = earlier(next, at)
	}
	if at := w.dispatch.NextDeadline(); !at.IsZero() {
		more = true
		next = earlier(next, at)
	}
	w.now = next
	return more, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
