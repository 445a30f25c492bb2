package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// Step takes the mail and whatever is due at now, and submits what follows to the writer. While an earlier step's units
// are in the air it does nothing. An error is one of reading the store or the engine; Step may be called again.
func (d *Dispatcher) Step(ctx context.Context, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.land() {
		return nil
	}
	if err := d.reload(ctx, now); err != nil {
		return err
	}
	m := d.takeMail()
	if m.nodes != nil {
		d.setNodes(m.nodes)
	}
	if m.objects {
		d.refreshQueues(ctx)
	}
	for _, j := range m.jobs {
		d.accept(ctx, j, now)
	}
	for _, r := range m.requests {
		d.request(r, now)
	}
	for i := range m.reports {
		d.report(&m.reports[i], now)
	}
	d.fire(now)
	d.plan(now)
	d.takeOff(now)
	return nil
}

// NextDeadline is when Step should be called though nothing has happened; zero: never.
func (d *Dispatcher) NextDeadline() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flight != nil {
		return time.Time{} // its landing wakes us
	}
	at := d.next
	if len(d.timers) > 0 && (at.IsZero() || d.timers[0].at.Before(at)) {
		at = d.timers[0].at
	}
	return at
}

// Idle reports whether nothing waits for a Step or a Perform.
func (d *Dispatcher) Idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.post.mu.Lock()
	defer d.post.mu.Unlock()
	m := &d.post.mail
	return d.flight == nil && d.post.out.empty() &&
		len(m.jobs) == 0 && len(m.requests) == 0 && len(m.reports) == 0 && m.nodes == nil && !m.objects
}

// plan starts what there is room for.
func (d *Dispatcher) plan(now time.Time) {
	if len(d.orphans) > 0 {
		return
	}
	p := d.state.Plan(now)
	for _, s := range p.Starts {
		d.start(d.jobs[s.Job], s)
	}
	d.next = p.Next
}

// touch notes that a job is to be committed.
func (d *Dispatcher) touch(j *openJob) {
	if !j.dirty {
		j.dirty = true
		d.dirty = append(d.dirty, j)
	}
}

// flight is the units of one step on their way to the disk, with what they order of the engine.
type flight struct {
	orders orders
	open   int // units not answered; guarded by post.mu
	stale  []job.ID
}

// takeOff submits a unit for each job that changed.
func (d *Dispatcher) takeOff(now time.Time) {
	f := &flight{orders: d.orders, open: len(d.dirty)}
	d.orders = orders{}
	if f.open == 0 {
		d.release(f.orders)
		return
	}
	units := make([]*store.Unit, len(d.dirty))
	for i, j := range d.dirty {
		u := j.unit()
		u.Done = func(v store.Verdict) { d.answer(f, j.row.ID, v) }
		units[i] = u
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	d.flight = f
	d.o.Writer.Submit(units...)
}

func (d *Dispatcher) answer(f *flight, id job.ID, v store.Verdict) {
	d.post.mu.Lock()
	if v != store.OK {
		f.stale = append(f.stale, id)
	}
	f.open--
	landed := f.open == 0
	d.post.mu.Unlock()
	if landed {
		poke(d.post.wake)
	}
}

// land reports whether no flight is in the air. One that has landed is seen off: jobs that ended are forgotten, and its
// orders are released, but for those of jobs that were stale. Acknowledgements then wait for a later flight: a report
// about a stale job is not durable.
func (d *Dispatcher) land() bool {
	f := d.flight
	if f == nil {
		return true
	}
	d.post.mu.Lock()
	open := f.open
	d.post.mu.Unlock()
	if open > 0 {
		return false
	}
	d.flight = nil
	for _, id := range f.stale {
		d.o.Log.Error("a job was changed by somebody else, reading it again", "job", id)
		d.drop(id)
		d.stale = append(d.stale, id)
		f.orders.forget(id)
	}
	for _, id := range d.ended {
		delete(d.jobs, id)
	}
	d.ended = d.ended[:0]
	d.release(f.orders)
	return true
}

// forget takes out what concerns a stale job, and the acknowledgement.
func (o *orders) forget(id job.ID) {
	o.ack = 0
	starts := o.starts[:0]
	for _, s := range o.starts {
		if s.Proc.Job != id {
			starts = append(starts, s)
		}
	}
	o.starts = starts
	cancels := o.cancels[:0]
	for _, c := range o.cancels {
		if c.proc.Job != id {
			cancels = append(cancels, c)
		}
	}
	o.cancels = cancels
}

// release hands orders to Perform.
func (d *Dispatcher) release(o orders) {
	if o.empty() {
		return
	}
	d.post.mu.Lock()
	d.post.out.add(o)
	d.post.mu.Unlock()
	poke(d.post.sent)
}

// Perform tells the engine what is durable. Where the engine fails, the rest is kept, and Perform is to be called again
// later: asking an engine twice does no harm.
func (d *Dispatcher) Perform(ctx context.Context) error {
	d.post.mu.Lock()
	o := d.post.out
	d.post.out = orders{}
	d.post.mu.Unlock()
	err := d.perform(ctx, &o)
	if !o.empty() {
		d.post.mu.Lock()
		o.add(d.post.out)
		d.post.out = o
		d.post.mu.Unlock()
	}
	return err
}

// perform takes out of o what it has done.
func (d *Dispatcher) perform(ctx context.Context, o *orders) error {
	if len(o.starts) > 0 {
		if err := d.o.Engine.Submit(ctx, o.starts); err != nil {
			return fmt.Errorf("submitting %d processes: %w", len(o.starts), err)
		}
		o.starts = nil
	}
	for len(o.cancels) > 0 {
		c := o.cancels[0]
		if err := d.o.Engine.Cancel(ctx, c.proc, c.reason, c.grace); err != nil {
			return fmt.Errorf("cancelling process %s: %w", c.proc, err)
		}
		o.cancels = o.cancels[1:]
	}
	if o.ack > 0 {
		if err := d.o.Engine.Ack(ctx, o.ack); err != nil {
			return fmt.Errorf("acknowledging reports: %w", err)
		}
		o.ack = 0
	}
	return nil
}

// setNodes tells the policy what changed.
func (d *Dispatcher) setNodes(nodes []engine.Node) {
	names := map[string]bool{}
	for _, n := range nodes {
		names[n.Name] = true
		d.state.Apply(sched.NodeChanged{Node: placing(n)})
	}
	for _, n := range d.nodes {
		if !names[n.Name] {
			d.state.Apply(sched.NodeRemoved{Name: n.Name})
		}
	}
	d.nodes = nodes
}

// placing is what the policy needs to know of a node.
func placing(n engine.Node) sched.Node {
	p := sched.Node{Name: n.Name, Ready: n.Ready, Why: n.Why, MilliCPU: n.MilliCPU, Memory: n.Memory}
	for _, g := range n.GPUs {
		p.GPUs = append(p.GPUs, sched.GPU{Index: g.Index, Kind: g.Kind})
	}
	return p
}

// useQueue makes sure that the policy knows a queue, and gives it under its own name.
func (d *Dispatcher) useQueue(ctx context.Context, name string) (sched.Queue, error) {
	q, err := d.o.Queue(ctx, name)
	if err != nil {
		return q, err
	}
	d.queues[name] = q.Name
	d.state.Apply(sched.QueueChanged{Queue: q})
	return q, nil
}

// refreshQueues reads the queues in use again. One that is no more starts nothing, and keeps its jobs.
func (d *Dispatcher) refreshQueues(ctx context.Context) {
	for name, is := range d.queues {
		if _, err := d.useQueue(ctx, name); err != nil && ctx.Err() == nil {
			d.state.Apply(sched.QueueChanged{Queue: sched.Queue{Name: is, Closed: err.Error()}})
		}
	}
}
