// Package activity brings tasks and workers together: tasks of activities that runs offer, and workers outside who wait
// for some. It knows neither runs nor workers, and remembers nothing beyond the process.
package activity

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"github.com/tutti-ml/tutti/internal/run"
)

// ErrClosed answers workers who wait while the server shuts down, ErrFull those who find as many waiting as there may be.
var (
	ErrClosed = errors.New("the server is shutting down")
	ErrFull   = errors.New("too many workers wait for the activity")
)

// Pool is the tasks that wait for workers, those of each activity in the order in which they came, and the workers who
// wait for tasks, likewise. A task is with one worker at a time: Next hands it out, and it stays handed out until
// Done, or Return, which puts it in front. It is a kernel's memory of what is in the runs: lost with it, offered anew.
type Pool struct {
	mu      sync.Mutex // guards all below
	queues  map[string]*queue
	waiting map[string]*list.Element // of its queue's tasks, by key
	out     map[string]bool          // keys of tasks that are handed out; false: withdrawn meanwhile
	closed  bool
}

// queue is what waits for one activity: tasks or workers, never both.
type queue struct {
	tasks   list.List // of Task
	workers list.List // of chan Task, which take one without waiting
}

// Task is a task that waits for a worker.
type Task struct {
	Activity string
	Run      run.ID
	ID       run.TaskID
	Key      string // of all tasks
}

// New returns an empty pool.
func New() *Pool {
	return &Pool{queues: make(map[string]*queue), waiting: make(map[string]*list.Element), out: make(map[string]bool)}
}

// Next waits until there is a task of the activity, or ctx is done. At most most workers wait; 0: as many as come.
func (p *Pool) Next(ctx context.Context, activity string, most int) (Task, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Task{}, ErrClosed
	}
	q := p.of(activity)
	if first := q.tasks.Front(); first != nil {
		t := p.remove(q, first)
		p.out[t.Key] = true
		p.mu.Unlock()
		return t, nil
	}
	if most > 0 && q.workers.Len() >= most {
		p.mu.Unlock()
		return Task{}, ErrFull
	}
	hand := make(chan Task, 1)
	place := q.workers.PushBack(hand)
	p.mu.Unlock()
	select {
	case t, ok := <-hand:
		if !ok {
			return Task{}, ErrClosed
		}
		return t, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		q.workers.Remove(place)
		p.tidy(activity)
	}
	select {
	case t, ok := <-hand: // it came in the same moment
		if ok {
			p.putBack(t)
		}
	default:
	}
	return Task{}, ctx.Err()
}

// Done forgets a task that a worker has.
func (p *Pool) Done(t Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.out, t.Key)
}

// Return takes back a task that its worker did not get. It is the next to be handed out.
func (p *Pool) Return(t Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.putBack(t)
}

// Close sends all workers away.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, q := range p.queues {
		for e := q.workers.Front(); e != nil; e = e.Next() {
			close(e.Value.(chan Task))
		}
		q.workers.Init()
	}
}

// Offer makes a task known. One that waits or is handed out is known already.
func (p *Pool) Offer(t Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, out := p.out[t.Key]
	if p.waiting[t.Key] == nil && !out {
		p.give(t, false)
	}
}

// Withdraw forgets a task.
func (p *Pool) Withdraw(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.waiting[key]; e != nil {
		t := e.Value.(Task)
		p.remove(p.of(t.Activity), e)
		p.tidy(t.Activity)
	}
	if p.out[key] {
		p.out[key] = false
	}
}

// of is the queue of an activity. The caller of this and what follows holds mu.
func (p *Pool) of(activity string) *queue {
	q := p.queues[activity]
	if q == nil {
		q = &queue{}
		p.queues[activity] = q
	}
	return q
}

// tidy forgets a queue in which nothing waits.
func (p *Pool) tidy(activity string) {
	if q := p.queues[activity]; q != nil && q.tasks.Len() == 0 && q.workers.Len() == 0 {
		delete(p.queues, activity)
	}
}

// give hands a task to the worker who waits longest, or lets it wait: at the end or in front.
func (p *Pool) give(t Task, front bool) {
	q := p.of(t.Activity)
	if worker := q.workers.Front(); worker != nil && !p.closed {
		q.workers.Remove(worker)
		p.tidy(t.Activity)
		p.out[t.Key] = true
		worker.Value.(chan Task) <- t
		return
	}
	if front {
		p.waiting[t.Key] = q.tasks.PushFront(t)
	} else {
		p.waiting[t.Key] = q.tasks.PushBack(t)
	}
}

func (p *Pool) remove(q *queue, e *list.Element) Task {
	t := q.tasks.Remove(e).(Task)
	delete(p.waiting, t.Key)
	p.tidy(t.Activity)
	return t
}

func (p *Pool) putBack(t Task) {
	wanted := p.out[t.Key]
	delete(p.out, t.Key)
	if wanted {
		p.give(t, true)
	}
}
