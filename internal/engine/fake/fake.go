// Package fake is an engine whose processes are scripts: what each does, for how long and how it ends is read from its
// command and environment. It runs nothing, starts no goroutine, and under an injected clock is a pure function of the
// calls made, so a simulation can drive it; it outlives the crashes of the servers that use it, can be told to lose
// nodes and answers, and keeps count of what a correct server never does.
package fake

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
)

// Config says what an Engine is like. The zero Config is one node of 64 CPUs that lives in real time.
type Config struct {
	Name  string // default: fake
	Nodes []engine.Node
	// Now is the clock; the owner then calls Step when Next is due. Nil: the engine steps itself by the real clock.
	Now func() time.Time
	// Null has every process end well the moment it is submitted, whatever its script: the executor of benchmarks.
	Null   bool
	Grace  time.Duration // default: 10 s
	Faults Faults
}

// Faults are what may go wrong, within what the port allows. Nil functions are faults that do not happen.
type Faults struct {
	// Submit is asked for each batch of starts.
	Submit func([]engine.Start) SubmitFault
	// Lag is the time from a process's start or end to the report of it.
	Lag func(job.Proc) time.Duration
	// Repeat has a report delivered a second time.
	Repeat func(engine.Report) bool
	// Break ends a stream of reports with engine.ErrLost in place of a batch; whatever is not acknowledged comes again.
	Break func() bool
}

// SubmitFault is what goes wrong with one call of Submit.
type SubmitFault uint8

// The faults of Submit.
const (
	SubmitOK      SubmitFault = iota
	SubmitRefused             // an error, and nothing was accepted
	SubmitUnknown             // an error, and all was accepted
)

// Engine is a scripted engine.Engine.
type Engine struct {
	cfg Config

	mu         sync.Mutex // guards all below
	epoch      int64
	procs      map[job.Proc]*proc
	agenda     agenda
	planned    uint64            // entries of the agenda so far
	outbox     []engine.Report   // not acknowledged, by number
	number     uint64            // of the latest report
	polled     subscription      // of Poll
	down       map[string]string // why a node is not ready
	loads      map[string]*load  // by node
	violations []string
	changed    chan struct{} // closed and replaced when there is something new to read
	alarm      *time.Timer   // real time only
}

var _ engine.Engine = (*Engine)(nil)

// proc is one process, from its submission to Forget.
type proc struct {
	start  engine.Start
	script script
	begun  time.Time // zero: has not started
	starts int       // effects: times that it was started
	exit   *job.Exit
	number uint64     // of its latest report; 0: none yet
	stop   job.Reason // why it was told to stop
	lines  []engine.Line
	ending entry // the entry of the agenda that ends it; any other is void
}

// New makes an engine.
func New(cfg Config) *Engine {
	cfg.Name = cmp.Or(cfg.Name, "fake")
	cfg.Grace = cmp.Or(cfg.Grace, 10*time.Second)
	if len(cfg.Nodes) == 0 {
		cfg.Nodes = []engine.Node{{Name: "node", Ready: true, MilliCPU: 64_000, Memory: 256 << 30, Declared: true}}
	}
	return &Engine{
		cfg: cfg, procs: map[job.Proc]*proc{}, down: map[string]string{}, loads: map[string]*load{}, changed: make(chan struct{}),
	}
}

// Name implements engine.Engine.
func (e *Engine) Name() string { return e.cfg.Name }

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Places: engine.PlacesOurs, Signals: true, Usage: true, Grace: e.cfg.Grace}
}

// Nodes implements engine.Engine.
func (e *Engine) Nodes(context.Context) ([]engine.Node, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	nodes := slices.Clone(e.cfg.Nodes)
	for i := range nodes {
		if why, down := e.down[nodes[i].Name]; down {
			nodes[i].Ready, nodes[i].Why = false, why
		}
	}
	return nodes, nil
}

// Submit implements engine.Engine.
func (e *Engine) Submit(_ context.Context, starts []engine.Start) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	fault := SubmitOK
	if e.cfg.Faults.Submit != nil {
		fault = e.cfg.Faults.Submit(starts)
	}
	if fault == SubmitRefused {
		return fmt.Errorf("submitting %d processes: %w", len(starts), engine.ErrLost)
	}
	for i := range starts {
		if starts[i].Epoch < e.epoch {
			return fmt.Errorf("submitting %s with epoch %d after %d: %w", starts[i].Proc, starts[i].Epoch, e.epoch, engine.ErrSuperseded)
		}
		e.epoch = starts[i].Epoch
	}
	for i := range starts {
		e.accept(&starts[i])
	}
	e.settle()
	if fault == SubmitUnknown {
		return fmt.Errorf("waiting for the answer to %d starts: %w", len(starts), engine.ErrLost)
	}
	return nil
}

// accept starts a process, or says again what is known of it.
func (e *Engine) accept(s *engine.Start) {
	if p, known := e.procs[s.Proc]; known {
		if p.number > 0 {
			e.report(p)
		}
		return
	}
	p := &proc{start: *s, script: parse(s.Process, s.Proc.Attempt)}
	e.procs[s.Proc] = p
	switch why, down := e.down[s.Node]; {
	case down:
		e.end(p, job.Exit{Reason: job.ReasonNoStart, Code: 1, Text: "node " + s.Node + ": " + why})
		return
	case p.script.noStart != "":
		e.end(p, job.Exit{Reason: job.ReasonNoStart, Code: 1, Text: p.script.noStart})
		return
	}
	p.begun = e.now()
	p.starts++
	e.occupy(p)
	for _, text := range p.script.output {
		p.lines = append(p.lines, engine.Line{Time: p.begun, Stream: "stdout", Text: text})
	}
	if e.cfg.Null {
		e.end(p, job.Exit{Reason: job.ReasonExit})
		return
	}
	e.later(p, reportIt, e.lag(p), nil)
	if !p.script.forever {
		e.later(p, endIt, p.script.runFor, &p.script.exit)
	}
	if s.Timeout > 0 {
		e.later(p, endIt, s.Timeout, killed(job.ReasonTimeout, 15, fmt.Sprintf("ran longer than its timeout of %s", s.Timeout)))
	}
}

// Cancel implements engine.Engine.
func (e *Engine) Cancel(_ context.Context, id job.Proc, reason job.Reason, grace time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.settle()
	p, known := e.procs[id]
	switch {
	case !known:
		p = &proc{start: engine.Start{Proc: id}}
		e.procs[id] = p
		e.end(p, job.Exit{Reason: job.ReasonLost, Code: 1, Text: "never started, and cannot be started any more"})
	case p.exit != nil:
		if p.number > 0 {
			e.report(p)
		}
	default:
		p.stop = reason
		e.terminate(p, grace)
	}
	return nil
}

// terminate plans the end of a process that is sent SIGTERM and, after grace, SIGKILL.
func (e *Engine) terminate(p *proc, grace time.Duration) {
	if grace == 0 {
		grace = cmp.Or(time.Duration(p.start.Process.Grace)*time.Second, e.cfg.Grace)
	}
	switch {
	case grace < 0:
		e.later(p, endIt, 0, killed(p.stop, 9, ""))
	case p.script.ignoreTerm:
		e.later(p, endIt, grace, killed(p.stop, 9, ""))
	default:
		e.later(p, endIt, 0, killed(p.stop, 15, ""))
	}
}

// Signal implements engine.Engine. Every signal but those that a process ignores ends it.
func (e *Engine) Signal(_ context.Context, id job.Proc, signal int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.settle()
	p, known := e.procs[id]
	if !known || p.exit != nil {
		return fmt.Errorf("signalling %s: %w", id, engine.ErrUnknown)
	}
	if !(p.script.ignoreTerm && signal == 15) {
		e.later(p, endIt, 0, killed(job.ReasonSignal, int32(signal), ""))
	}
	return nil
}

// List implements engine.Engine.
func (e *Engine) List(context.Context) ([]engine.Report, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	acked := e.acked()
	var list []engine.Report
	for _, p := range e.procs {
		if p.exit == nil || p.number == 0 || p.number > acked {
			list = append(list, p.report(p.number))
		}
	}
	slices.SortFunc(list, func(a, b engine.Report) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), compareProcs(a.Proc, b.Proc))
	})
	return list, nil
}

// LastJob implements engine.Engine.
func (e *Engine) LastJob(context.Context) (last job.ID, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for p := range e.procs {
		last = max(last, p.Job)
	}
	return last, nil
}

func compareProcs(a, b job.Proc) int {
	return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Child, b.Child), cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Attempt, b.Attempt))
}

// Logs implements engine.Engine.
func (e *Engine) Logs(ctx context.Context, r engine.LogRequest, yield func(engine.Line) bool) error {
	for next := -1; ; {
		e.mu.Lock()
		p, known := e.procs[r.Proc]
		if !known {
			e.mu.Unlock()
			return fmt.Errorf("reading the output of %s: %w", r.Proc, engine.ErrUnknown)
		}
		if next < 0 {
			next = 0
			if r.Tail > 0 {
				next = max(0, len(p.lines)-r.Tail)
			}
		}
		lines, ended, changed := p.lines[next:], p.exit != nil, e.changed
		next = len(p.lines)
		e.mu.Unlock()
		for _, l := range lines {
			if !yield(l) {
				return nil
			}
		}
		if ended || !r.Follow {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// OpenFile implements engine.Engine.
func (e *Engine) OpenFile(_ context.Context, id job.Proc, name string) (io.ReadCloser, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p, known := e.procs[id]; known {
		if text, ok := p.script.files[path.Clean(name)]; ok {
			return io.NopCloser(bytes.NewReader([]byte(text))), nil
		}
	}
	return nil, fmt.Errorf("opening %q of %s: %w", name, id, engine.ErrUnknown)
}

// Usage implements engine.Engine.
func (e *Engine) Usage(_ context.Context, id job.Proc) (engine.Usage, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, known := e.procs[id]
	if !known || p.exit != nil {
		return engine.Usage{}, fmt.Errorf("measuring %s: %w", id, engine.ErrUnknown)
	}
	return engine.Usage{Memory: 1 << 20, CPUTime: e.now().Sub(p.begun).Seconds()}, nil
}

// Forget implements engine.Engine.
func (e *Engine) Forget(_ context.Context, id job.ID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for k, p := range e.procs {
		if k.Job == id && p.exit != nil && p.number <= e.acked() {
			delete(e.procs, k)
		}
	}
	return nil
}

// Close implements engine.Engine. It ends no process.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alarm != nil {
		e.alarm.Stop()
	}
	return nil
}

// later puts an entry on the agenda. A new end of a process takes the place of the one that was planned, unless it
// would come later.
func (e *Engine) later(p *proc, what action, after time.Duration, exit *job.Exit) {
	e.planned++
	n := entry{at: e.now().Add(after), seq: e.planned, what: what, proc: p, exit: exit}
	if what == endIt {
		if p.ending.seq > 0 && !n.at.Before(p.ending.at) {
			return
		}
		p.ending = n
	}
	heap.Push(&e.agenda, n)
}

func (e *Engine) now() time.Time {
	if e.cfg.Now != nil {
		return e.cfg.Now()
	}
	return time.Now()
}

func (e *Engine) lag(p *proc) time.Duration {
	if e.cfg.Faults.Lag == nil {
		return 0
	}
	return e.cfg.Faults.Lag(p.start.Proc)
}

// killed is an end by a signal that we sent.
func killed(reason job.Reason, signal int32, text string) *job.Exit {
	return &job.Exit{Reason: reason, Code: 128 + signal, Signal: signal, Text: text}
}
