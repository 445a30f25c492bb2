package sqlite_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// BenchmarkCommit is one unit of a run in flight among 1,024: a frame of 300 bytes, and where the case says so a value
// of its own or one that all share.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct {
		batch, payload int
		shared         bool
	}{{1, 0, false}, {64, 0, false}, {500, 0, false}, {500, 4096, false}, {500, 4096, true}} {
		name := fmt.Sprintf("batch=%d/payload=%d", c.batch, c.payload)
		if c.shared {
			name += "/shared"
		}
		b.Run(name, func(b *testing.B) { benchmarkCommit(b, c.batch, c.payload, c.shared) })
	}
}

func benchmarkCommit(b *testing.B, batch, payload int, shared bool) {
	const runs = 1024
	s := open(b, b.TempDir())
	next := make([]uint64, runs+1)
	begin := make([]*store.Unit, runs)
	for i := range begin {
		id := run.ID(i + 1)
		next[id] = 2
		begin[i] = &store.Unit{Run: &store.RunChange{
			ID: id, First: 1, Count: 1, Frame: make([]byte, 300), Row: &store.Run{ID: id, Name: fmt.Sprint(i), Status: run.Running},
		}}
	}
	commit := func(units []*store.Unit) {
		verdicts, err := s.Commit(b.Context(), units)
		if err != nil || verdicts[0] != store.OK {
			b.Fatal(verdicts[0], err)
		}
	}
	commit(begin)
	n := 0
	made := func() *store.Unit {
		n++
		id := run.ID(1 + n*7919%runs)
		frame := make([]byte, 300)
		binary.LittleEndian.PutUint64(frame, uint64(n))
		u := &store.Unit{Run: &store.RunChange{ID: id, First: next[id], Count: 5, Frame: frame}}
		next[id] += 5
		if payload > 0 {
			text := make([]byte, payload)
			if !shared {
				binary.LittleEndian.PutUint64(text, uint64(n))
			}
			u.Values = []value.Blob{value.NewBlob(value.DigestOf(text), text)}
		}
		return u
	}
	before, err := s.Stats()
	if err != nil {
		b.Fatal(err)
	}
	units := make([]*store.Unit, batch)
	var used time.Duration
	for b.Loop() {
		b.StopTimer()
		for i := range units {
			units[i] = made()
		}
		began := cpuTime(b)
		b.StartTimer()
		commit(units)
		used += cpuTime(b) - began
	}
	after, err := s.Stats()
	if err != nil {
		b.Fatal(err)
	}
	total := float64(b.N * batch)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/total, "µs/unit")
	b.ReportMetric(float64(after.Bytes-before.Bytes)/total, "B/unit")
	b.ReportMetric(float64(used.Microseconds())/total, "cpu-µs/unit")
	b.ReportMetric(0, "ns/op")
}

// cpuTime is what the process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRead asks what a kernel and a page ask, of a run with 100,000 frames among others.
func BenchmarkRead(b *testing.B) {
	const frames = 100_000
	s := open(b, b.TempDir())
	commit(b, s, start(1), start(2))
	for n := uint64(2); n < frames; {
		var units []*store.Unit
		for range 1000 {
			c := &store.RunChange{ID: 1, First: n, Count: 1, Position: n - 1, Frame: make([]byte, 300)}
			units = append(units, &store.Unit{Run: c})
			n++
		}
		units = append(units, &store.Unit{Inbox: []store.InboxRow{{Run: 2, Key: fmt.Sprint(n), Kind: store.InboxJob}}})
		commit(b, s, units...)
	}
	frame := func(id run.ID, from uint64) func() error {
		return func() error {
			return s.Frames(b.Context(), id, from, func(store.Change) bool { return false })
		}
	}
	for _, c := range []struct {
		name string
		read func() error
	}{
		{"Run", func() error { _, err := s.Run(b.Context(), 1); return err }},
		{"Frames/first", frame(1, 1)},
		{"Frames/last", frame(1, frames-1)},
		{"Frames/short", frame(2, 1)},
		{"FrameAt", func() error { _, err := s.FrameAt(b.Context(), 1, frames/2); return err }},
		{"Inbox/empty", func() error { _, err := s.Inbox(b.Context(), 1); return err }},
		{"Inbox/100", func() error { _, err := s.Inbox(b.Context(), 2); return err }},
		{"Changes/1", func() error { _, err := s.Changes(b.Context(), frames/2, 1); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
