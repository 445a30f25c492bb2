package local_test

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
)

// slots is how many processes run at a time, as the queue of a small server would let them.
const slots = 16

func BenchmarkSpawn(b *testing.B) {
	for _, c := range []struct {
		name    string
		command []string
		memory  int64
	}{
		{"true", []string{"/bin/true"}, 0},
		{"true with limits", []string{"/bin/true"}, 1 << 30},
		{"a line of output", []string{"/bin/echo", "a line of output"}, 0},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkSpawn(b, c.command, c.memory) })
	}
}

// benchmarkSpawn goes the whole way of the engine: submitted, journaled, forked, ended, reported, acknowledged.
func benchmarkSpawn(b *testing.B, command []string, memory int64) {
	e := open(b, newConfig(b))
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	room, done := make(chan struct{}, slots), make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Reports(ctx, func(batch []engine.Report) bool {
			for _, r := range batch {
				if r.Exit != nil {
					<-room
				}
			}
			return e.Ack(ctx, batch[len(batch)-1].Number) == nil
		})
	}()
	b.ResetTimer()
	for child := int32(0); int(child) < b.N; {
		var starts []engine.Start
		for more := true; more && int(child)+len(starts) < b.N; {
			if len(starts) == 0 {
				room <- struct{}{}
			} else {
				select {
				case room <- struct{}{}:
				default:
					more = false
					continue
				}
			}
			starts = append(starts, engine.Start{
				Proc: job.Proc{Job: 1, Child: child + int32(len(starts)), Attempt: 1}, Epoch: 1, Owner: owner(),
				Process: job.Process{Command: command, Resources: job.Resources{MilliCPU: 1000, Memory: memory}},
			})
		}
		if err := e.Submit(ctx, starts); err != nil {
			b.Fatal(err)
		}
		child += int32(len(starts))
	}
	for range slots {
		room <- struct{}{}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "processes/s")
	cancel()
	<-done
}

// BenchmarkFork is fork and exec alone, as many at a time: what the machine can do.
func BenchmarkFork(b *testing.B) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{})
				if err == nil {
					_, err = syscall.Wait4(pid, nil, 0, nil)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "processes/s")
}

// BenchmarkLone is one process at a time, from its submission to its report.
func BenchmarkLone(b *testing.B) {
	e := open(b, newConfig(b))
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, done := make(chan uint64), make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Reports(ctx, func(batch []engine.Report) bool {
			for _, r := range batch {
				if r.Exit != nil {
					ended <- r.Number
				}
			}
			return true
		})
	}()
	b.ResetTimer()
	for i := range b.N {
		start := engine.Start{
			Proc: job.Proc{Job: 1, Child: int32(i), Attempt: 1}, Epoch: 1, Owner: owner(),
			Process: job.Process{Command: []string{"/bin/true"}},
		}
		if err := e.Submit(ctx, []engine.Start{start}); err != nil {
			b.Fatal(err)
		}
		if err := e.Ack(ctx, <-ended); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	<-done
}
