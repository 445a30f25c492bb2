package runner

import (
	"sync"
	"time"
)

// gate is passed by whoever changes more of the runner than mu guards: requests, forks, ends. An upgrade shuts it and
// finds nothing half done.
type gate struct {
	mu     sync.Mutex // guards inside, closed
	moved  sync.Cond  // inside or closed changed
	inside int
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.moved.L = &g.mu
	return g
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.moved.Wait()
	}
	g.inside++
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.moved.Broadcast()
}

// shut lets nobody in and waits until all are out. Where that takes longer than patience, or somebody else has shut it,
// it reports false and the gate is as it was.
func (g *gate) shut(patience time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.closed = true
	late := false
	defer time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		late = true
		g.moved.Broadcast()
	}).Stop()
	for g.inside > 0 && !late {
		g.moved.Wait()
	}
	if g.inside > 0 {
		g.closed = false
		g.moved.Broadcast()
	}
	return g.closed
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
	g.moved.Broadcast()
}
