package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

// tasks runs 10,000 runs of 5 no-op tasks through the whole path: order, commit, effect, inbox, commit.
func tasks(b *bench) error {
	source := taskMachine(5)
	for _, v := range []struct {
		size   int
		target float64
	}{{64, 28_000}, {4096, 10_000}} {
		name := fmt.Sprintf("tasks %d B", v.size)
		s, err := openSystem(b.ctx, filepath.Join(b.dir, name), nil)
		if err != nil {
			return err
		}
		runs := b.n(10_000)
		began := time.Now()
		if err := s.finish(b.ctx, runs, 1024, source, payload(v.size)); err != nil {
			return err
		}
		took := time.Since(began).Seconds()
		b.add(row{Bench: name, Metric: "tasks", Value: float64(runs*5) / took, Unit: "/s", Target: v.target, Bound: boundHash})
		s.counts(b, name, float64(runs*5), "task")
		if err := s.close(); err != nil {
			return err
		}
	}
	return lone(b)
}

// lone is one run by itself: nothing shares its commits.
func lone(b *bench) error {
	s, err := openSystem(b.ctx, filepath.Join(b.dir, "lone"), nil)
	if err != nil {
		return err
	}
	source := taskMachine(5)
	var took []time.Duration
	runs := b.n(400)
	for range runs {
		began := time.Now()
		if err := s.finish(b.ctx, 1, 1, source, payload(64)); err != nil {
			return err
		}
		took = append(took, time.Since(began)/5)
	}
	b.add(row{Bench: "tasks alone", Metric: "p50 of a task", Value: percentile(took, 50), Unit: "ms", Target: 0.4, Lower: true, Bound: boundSync})
	b.add(row{Bench: "tasks alone", Metric: "commits", Value: float64(s.commits.Load()) / float64(runs*5), Unit: "/task", Target: 1.21, Lower: true})
	return s.close()
}

func taskMachine(n int) string {
	var m strings.Builder
	m.WriteString(`{"StartAt":"T0","States":{`)
	for i := range n {
		next := fmt.Sprintf(`"Next":"T%d"},`, i+1)
		if i == n-1 {
			next = `"End":true}`
		}
		fmt.Fprintf(&m, `"T%d":{"Type":"Task","Resource":%q,%s`, i, noopResource, next)
	}
	return m.String() + `}}`
}

// payload is an object of about size bytes of JSON, as real ones are: nested, numbers and texts.
func payload(size int) value.Value {
	v := value.Of(map[string]any{"id": 12345, "name": "experiment-001"})
	for i := 0; v.Size() < size-40; i++ {
		v = v.With(fmt.Sprintf("field%d", i), value.Of(map[string]any{"loss": 0.25 + float64(i), "label": "value of the field"}))
	}
	if pad := size - v.Size() - 9; pad > 0 {
		v = v.With("pad", value.NewString(strings.Repeat("x", pad)))
	}
	return v
}
