package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// watchdog knows when each loop was last seen alive.
type watchdog struct {
	mu    sync.Mutex // guards beats
	beats map[string]time.Time
}

func newWatchdog() *watchdog { return &watchdog{beats: map[string]time.Time{}} }

// Times of the watchdog. The limit is far beyond the slowest commit of a busy disk.
const (
	watchPeriod = 5 * time.Second
	stallAfter  = 60 * time.Second
)

func (w *watchdog) beat(name string) { w.beatAt(name, time.Now()) }

func (w *watchdog) beatAt(name string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beats[name] = at
}

// stalled names the loops that have not been seen for too long; empty: none.
func (w *watchdog) stalled() string { return w.stalledAt(time.Now()) }

func (w *watchdog) stalledAt(now time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for name, at := range w.beats {
		if d := now.Sub(at); d > stallAfter {
			names = append(names, fmt.Sprintf("%s has stood still for %s", name, d.Round(time.Second)))
		}
	}
	slices.Sort(names)
	return strings.Join(names, "; ")
}

// watch asks each room from time to time for something that only a loop that runs can give, and says in the log which
// does not.
func (a *App) watch(ctx context.Context) error {
	var probes sync.WaitGroup
	defer probes.Wait()
	for name, ask := range map[string]func(context.Context) error{
		"commits": func(context.Context) error {
			if n := a.writer.Waiting(); n > 0 { // each commit beats by itself
				return fmt.Errorf("%d changes wait", n)
			}
			return nil
		},
		"kernel": func(context.Context) error {
			if s := a.kernel.Stats(); s.Stalled > stallAfter {
				return fmt.Errorf("%d runs wait for a worker", s.Ready)
			}
			return nil
		},
		"dispatch": func(context.Context) error {
			a.dispatch.Nodes() // waits for the step that is being made
			return nil
		},
	} {
		a.watchdog.beat(name)
		probes.Go(func() { a.probe(ctx, name, ask) })
	}
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-tick.C:
			if now := a.watchdog.stalled(); now != "" && said == "" {
				a.log.Error("a loop stands still; send what /debug/pprof/goroutine?debug=2 on the local socket says with a report", "stalled", now)
				said = now
			} else if now == "" && said != "" {
				a.log.Warn("all loops go on again", "stood", said)
				said = ""
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) probe(ctx context.Context, name string, ask func(context.Context) error) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if ask(ctx) == nil {
			a.watchdog.beat(name)
		}
	}
}
