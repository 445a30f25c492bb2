package dispatch

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
)

// BenchmarkArray runs an array of 10,000 whose processes end the moment they start, 16 at a time: what dispatch and the
// store cost for each child.
func BenchmarkArray(b *testing.B) {
	stores := map[string]func(b *testing.B) store.Store{
		"memory": func(*testing.B) store.Store { return memory.New(memory.Options{}) },
		"sqlite": func(b *testing.B) store.Store {
			s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			return s
		},
	}
	for name, open := range stores {
		for _, slots := range []int64{16, 10_000} {
			b.Run(name+"/"+map[int64]string{16: "16", 10_000: "all"}[slots], func(b *testing.B) { benchArray(b, open(b), slots) })
		}
	}
}

func benchArray(b *testing.B, s store.Store, slots int64) {
	const size = 10_000
	ctx, cancel := context.WithCancel(context.Background())
	w, err := store.NewWriter(ctx, s)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan *job.Job, 1)
	commits := 0
	w.Observe = func(store.CommitStats) { commits++ }
	e := fake.New(fake.Config{Null: true, Nodes: []engine.Node{node("n", slots, 0)}})
	d := New(Options{Store: s, Writer: w, Engine: e, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	w.Listen(func(units []*store.Unit, _ []store.Verdict) {
		for _, u := range units {
			for _, c := range u.Jobs {
				if c.Job.State.Ended() {
					ended <- c.Job
				}
			}
		}
	})
	if err := d.Load(ctx, time.Now()); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 2)
	go func() { done <- w.Run(ctx) }()
	go func() { done <- d.Run(ctx) }()
	n := 0
	for b.Loop() {
		if _, err := d.Submit(ctx, "u", array(one("", 1, "true"), size, 0), ""); err != nil {
			b.Fatal(err)
		}
		if j := <-ended; j.State != job.Succeeded {
			b.Fatal(j.State, j.Why)
		}
		n += size
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/child")
	b.ReportMetric(float64(commits)/float64(n), "commits/child")
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
