package main

import (
	"context"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

const mapMachine = `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{
	"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}`

// mapState runs a Map over 100,000 Pass items beside a bystander that does one task after another.
func mapState(b *bench) error {
	dir := filepath.Join(b.dir, "map")
	s, err := openSystem(b.ctx, dir, nil)
	if err != nil {
		return err
	}
	items := make([]value.Value, b.n(100_000))
	for i := range items {
		items[i] = value.NewInt(int64(i))
	}
	input := value.NewObject(value.Member{Name: "items", Value: value.NewArray(items...)})

	bystander, stop := context.WithCancel(b.ctx)
	defer stop()
	waits := make(chan []time.Duration, 1)
	go func() { waits <- bystand(bystander, s) }()
	peak := watchMemory(bystander)

	before := heap()
	began := time.Now()
	id, begun, err := s.start("bench", mapMachine, input)
	if err != nil {
		return err
	}
	if err := <-begun; err != nil {
		return err
	}
	r, err := s.kernel.Wait(b.ctx, id)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	stop()
	if r.Status != run.Succeeded || r.Output.Len() != len(items) {
		return errStatus(r)
	}
	b.add(row{Bench: "map", Metric: "100,000 items", Value: took, Unit: "s", Target: 1.5, Lower: true, Bound: boundHash})
	b.add(row{Bench: "map", Metric: "memory above the start", Value: float64(max(0, int64(<-peak)-int64(before))) / (1 << 20), Unit: "MiB", Target: 200, Lower: true})
	b.add(row{Bench: "map", Metric: "p99 of a bystander's task", Value: percentile(<-waits, 99), Unit: "ms", Target: 50, Lower: true, Bound: boundSync})
	s.counts(b, "map", float64(len(items)), "item")
	if err := s.close(); err != nil {
		return err
	}
	return reload(b, dir, input)
}

// reload stops a server in the middle of such a run, and measures how long the next takes to fold it.
func reload(b *bench, dir string, input value.Value) error {
	const waiting = `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{
		"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"Next":"W"},"W":{"Type":"Wait","Seconds":86400,"End":true}}}`
	s, err := openSystem(b.ctx, dir, nil)
	if err != nil {
		return err
	}
	id, begun, err := s.start("bench", waiting, input)
	if err != nil {
		return err
	}
	if err := <-begun; err != nil {
		return err
	}
	for {
		timers, err := s.store.Timers(b.ctx, store.Timer{}, time.Now().Add(48*time.Hour), 1)
		if err != nil {
			return err
		}
		if len(timers) == 1 {
			break
		}
	}
	if err := s.close(); err != nil {
		return err
	}
	if s, err = openSystem(b.ctx, dir, nil); err != nil {
		return err
	}
	began := time.Now()
	if err := s.kernel.Stop(b.ctx, id, run.Failure{Error: "bench"}); err != nil {
		return err
	}
	if _, err := s.kernel.Wait(b.ctx, id); err != nil {
		return err
	}
	b.add(row{Bench: "map", Metric: "reload, stop and end", Value: time.Since(began).Seconds(), Unit: "s", Target: 0.3, Lower: true, Bound: boundHash})
	return s.close()
}

// bystand runs one small run after another, and times each task.
func bystand(ctx context.Context, s *system) []time.Duration {
	var took []time.Duration
	for ctx.Err() == nil {
		began := time.Now()
		if err := s.finish(ctx, 1, 1, taskMachine(1), payload(64)); err != nil {
			break
		}
		took = append(took, time.Since(began))
	}
	return took
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watchMemory tells, once ctx is done, the most memory that was in use.
func watchMemory(ctx context.Context) <-chan uint64 {
	peak := make(chan uint64, 1)
	go func() {
		var most uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				peak <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return peak
}
