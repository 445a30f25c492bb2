package fake

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
)

// action is what is due at an entry of the agenda.
type action uint8

const (
	reportIt action = iota + 1 // say what is known of the process
	endIt                      // end the process
)

type entry struct {
	at   time.Time
	seq  uint64 // breaks ties in the order of planning
	what action
	proc *proc
	exit *job.Exit // endIt: how; reportIt: the end to report, nil for the start
}

// agenda is a heap of what is to happen, earliest first.
type agenda []entry

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(entry)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// Next is the time of the next thing that will happen by itself; ok is false where nothing will.
func (e *Engine) Next() (at time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropVoid()
	if len(e.agenda) == 0 {
		return time.Time{}, false
	}
	return e.agenda[0].at, true
}

// Step lets happen whatever is due by now.
func (e *Engine) Step() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settle()
}

// settle carries out what is due and, in real time, sets the alarm for the rest.
func (e *Engine) settle() {
	now := e.now()
	for e.dropVoid(); len(e.agenda) > 0 && !e.agenda[0].at.After(now); e.dropVoid() {
		n := heap.Pop(&e.agenda).(entry)
		switch n.what {
		case reportIt:
			if n.exit == n.proc.exit { // else its end has come, and will report itself
				e.report(n.proc)
			}
		case endIt:
			e.end(n.proc, *n.exit)
		}
	}
	close(e.changed)
	e.changed = make(chan struct{})
	if e.cfg.Now != nil || len(e.agenda) == 0 {
		return
	}
	if e.alarm != nil {
		e.alarm.Stop()
	}
	e.alarm = time.AfterFunc(e.agenda[0].at.Sub(now), e.Step)
}

// dropVoid takes ends that were replaced off the head of the agenda.
func (e *Engine) dropVoid() {
	for len(e.agenda) > 0 {
		n := e.agenda[0]
		if n.what != endIt || n.seq == n.proc.ending.seq && n.proc.exit == nil {
			return
		}
		heap.Pop(&e.agenda)
	}
}

// end ends a process now; its report follows at once or after its lag.
func (e *Engine) end(p *proc, exit job.Exit) {
	exit.Started, exit.Ended = p.begun, e.now()
	if p.stop != "" && exit.Reason != job.ReasonLost {
		exit.Reason = p.stop
	}
	if !p.begun.IsZero() {
		exit.CPUTime, exit.MaxRSS = exit.Ended.Sub(p.begun).Seconds(), 1<<20
	}
	e.vacate(p)
	p.exit = &exit
	p.number = 0 // of its end there is no report yet, whatever was said of its start
	if lag := e.lag(p); lag > 0 {
		e.later(p, reportIt, lag, p.exit)
		return
	}
	e.report(p)
}

// report gives the latest report of p the next number and puts it in the outbox.
func (e *Engine) report(p *proc) {
	e.number++
	p.number = e.number
	e.outbox = append(e.outbox, p.report(p.number))
}

func (p *proc) report(number uint64) engine.Report {
	r := engine.Report{Proc: p.start.Proc, Number: number, Started: p.begun}
	if p.exit != nil {
		exit := *p.exit
		r.Exit = &exit
		for _, l := range p.lines[max(0, len(p.lines)-10):] {
			r.Tail = append(append(r.Tail, l.Text...), '\n')
		}
	}
	return r
}

// Ack implements engine.Engine.
func (e *Engine) Ack(_ context.Context, number uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := sort.Search(len(e.outbox), func(i int) bool { return e.outbox[i].Number > number })
	e.outbox = slices.Delete(e.outbox, 0, n)
	return nil
}

// acked is the number up to which all reports are acknowledged.
func (e *Engine) acked() uint64 {
	if len(e.outbox) == 0 {
		return e.number
	}
	return e.outbox[0].Number - 1
}

// subscription is one reader's place in the stream of reports.
type subscription struct{ last uint64 }

// take gives the reports that s has not seen. lost is true where the connection breaks instead.
func (e *Engine) take(s *subscription) (batch []engine.Report, lost bool) {
	n := sort.Search(len(e.outbox), func(i int) bool { return e.outbox[i].Number > s.last })
	if n == len(e.outbox) {
		return nil, false
	}
	if e.cfg.Faults.Break != nil && e.cfg.Faults.Break() {
		return nil, true
	}
	for _, r := range e.outbox[n:] {
		s.last = r.Number
		if p := e.procs[r.Proc]; p != nil && r.Number < p.number && r.Exit == nil {
			continue // what came after says it all
		}
		batch = append(batch, r)
		if e.cfg.Faults.Repeat != nil && e.cfg.Faults.Repeat(r) {
			batch = append(batch, r)
		}
	}
	return batch, false
}

// Poll is Reports for a caller that has one thread: it gives what is there. The error is engine.ErrLost where the
// connection broke; the next Poll begins with what is not acknowledged.
func (e *Engine) Poll() ([]engine.Report, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	batch, lost := e.take(&e.polled)
	if lost {
		e.polled = subscription{}
		return nil, fmt.Errorf("polling for reports: %w", engine.ErrLost)
	}
	return batch, nil
}

// Disconnect has the next Poll begin with what is not acknowledged, as the server that comes after a crash would.
func (e *Engine) Disconnect() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.polled = subscription{}
}

// Reports implements engine.Engine.
func (e *Engine) Reports(ctx context.Context, yield func([]engine.Report) bool) error {
	for s := (subscription{}); ; {
		e.mu.Lock()
		batch, lost := e.take(&s)
		changed := e.changed
		e.mu.Unlock()
		if lost {
			return fmt.Errorf("waiting for reports: %w", engine.ErrLost)
		}
		if len(batch) > 0 {
			if !yield(batch) {
				return nil
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// LoseNode takes a node away with all that runs on it.
func (e *Engine) LoseNode(name, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down[name] = why
	var lost []*proc
	for _, p := range e.procs {
		if p.start.Node == name && p.exit == nil {
			lost = append(lost, p)
		}
	}
	slices.SortFunc(lost, func(a, b *proc) int { return compareProcs(a.start.Proc, b.start.Proc) })
	for _, p := range lost {
		e.end(p, job.Exit{Reason: job.ReasonLost, Code: 1, Text: "node " + name + ": " + why})
	}
	e.settle()
}

// ReturnNode brings a lost node back, empty.
func (e *Engine) ReturnNode(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.down, name)
}
