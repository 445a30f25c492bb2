package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func errStatus(r *store.Run) error {
	return fmt.Errorf("run %s ended as %v with %d elements: %+v", r.Name, r.Status, r.Output.Len(), r.Failure)
}

// sleep has 100,000 runs with 4 KiB of state each wait: what they cost while nothing happens, how soon a server is ready
// with them, and how fast it works off timers that come due together.
func sleep(b *bench) error {
	dir := filepath.Join(b.dir, "sleep")
	s, err := openSystem(b.ctx, dir, nil)
	if err != nil {
		return err
	}
	runs := b.n(100_000)
	before := heap()
	wake := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	if err := s.fallAsleep(runs, wake); err != nil {
		return err
	}
	for s.kernel.Stats().Resident > 0 { // until the last is evicted
		time.Sleep(50 * time.Millisecond)
	}
	b.add(row{Bench: "sleep", Metric: "memory of a sleeping run", Value: float64(max(0, int64(heap())-int64(before))) / float64(runs), Unit: "B", Target: 1024, Lower: true})
	if err := s.close(); err != nil {
		return err
	}

	began := time.Now()
	if s, err = openSystem(b.ctx, dir, nil); err != nil {
		return err
	}
	if err := s.finish(b.ctx, 1, 1, chainMachine(1), value.EmptyObject); err != nil { // ready: it does something
		return err
	}
	b.add(row{Bench: "sleep", Metric: "ready after a restart", Value: time.Since(began).Seconds(), Unit: "s", Target: 1, Lower: true, Bound: boundHash})
	if err := s.close(); err != nil {
		return err
	}
	return drain(b)
}

// drain measures 100,000 timers due in one second.
func drain(b *bench) error {
	s, err := openSystem(b.ctx, filepath.Join(b.dir, "drain"), nil)
	if err != nil {
		return err
	}
	runs := b.n(100_000)
	// Far enough away for all to have fallen asleep.
	wake := time.Now().Add(time.Duration(10+runs/4000) * time.Second).UTC().Truncate(time.Second)
	if err := s.fallAsleep(runs, wake); err != nil {
		return err
	}
	late := time.Since(wake)
	if late > 0 {
		return fmt.Errorf("falling asleep took %v too long for the bench", late)
	}
	time.Sleep(time.Until(wake))
	for {
		left, err := s.store.Runs(b.ctx, store.RunFilter{Statuses: []run.Status{run.Running}, Limit: 1})
		if err != nil {
			return err
		}
		if len(left) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.add(row{Bench: "sleep", Metric: "100,000 timers of one second drained", Value: time.Since(wake).Seconds(), Unit: "s", Target: 10, Lower: true, Bound: boundHash})
	return s.close()
}

func (s *system) fallAsleep(runs int, until time.Time) error {
	source := fmt.Sprintf(`{"StartAt":"W","States":{"W":{"Type":"Wait","Timestamp":%q,"End":true}}}`, until.Format(time.RFC3339))
	input := payload(4096)
	var begun []<-chan error
	for i := range runs {
		// Every run has a state of its own.
		_, b, err := s.start("bench", source, input.With("number", value.NewInt(int64(i))))
		if err != nil {
			return err
		}
		begun = append(begun, b)
		if len(begun) == 1000 || i == runs-1 {
			for _, b := range begun {
				if err := <-b; err != nil {
					return errors.Join(err, fmt.Errorf("run %d", i))
				}
			}
			begun = begun[:0]
		}
	}
	return nil
}
