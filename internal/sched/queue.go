package sched

import (
	"cmp"
	"container/heap"
	"slices"
)

// queue is a Queue with its jobs that wait, as a heap: who goes first is on top, and any job can leave.
type queue struct {
	Queue
	used Amount
	line line
}

// line orders jobs by priority, then by when they were submitted.
type line []*entry

func before(a, b *entry) bool {
	return a.Priority > b.Priority || a.Priority == b.Priority && a.ID < b.ID
}

func (l line) Len() int           { return len(l) }
func (l line) Less(i, j int) bool { return before(l[i], l[j]) }
func (l line) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

// Push and Pop are container/heap's.
func (l *line) Push(x any) {
	e := x.(*entry)
	e.at = len(*l)
	*l = append(*l, e)
}

// Pop is the inverse of Push.
func (l *line) Pop() any {
	last := len(*l) - 1
	e := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	e.at = -1
	return e
}

func (q *queue) add(e *entry)    { heap.Push(&q.line, e) }
func (q *queue) remove(e *entry) { heap.Remove(&q.line, e.at) }

// queue finds a queue by name. One that was never heard of is made up, with no bounds.
func (s *State) queue(name string) *queue {
	i, found := slices.BinarySearchFunc(s.queues, name, func(q *queue, name string) int { return cmp.Compare(q.Name, name) })
	if !found {
		s.queues = slices.Insert(s.queues, i, &queue{Queue: Queue{Name: name}})
	}
	return s.queues[i]
}

// walk goes through a queue's line in order and leaves it as it is. Its cost grows with the steps taken, not with the
// line: ahead is itself a heap, of places in the line whose parents were passed.
type walk struct {
	queue *queue
	used  Amount // of the queue, with what the plan adds
	ahead []int
}

func (q *queue) walk() *walk {
	w := &walk{queue: q, used: q.used}
	if len(q.line) > 0 {
		w.ahead = []int{0}
	}
	return w
}

// head is the job the walk stands at; nil at the end.
func (w *walk) head() *entry {
	if len(w.ahead) == 0 {
		return nil
	}
	return w.queue.line[w.ahead[0]]
}

// next goes on to the job after head.
func (w *walk) next() {
	at := heap.Pop((*places)(w)).(int)
	for child := 2*at + 1; child <= 2*at+2 && child < len(w.queue.line); child++ {
		heap.Push((*places)(w), child)
	}
}

// places is a walk as the heap of what lies ahead.
type places walk

func (p *places) Len() int           { return len(p.ahead) }
func (p *places) Less(i, j int) bool { return p.queue.line.Less(p.ahead[i], p.ahead[j]) }
func (p *places) Swap(i, j int)      { p.ahead[i], p.ahead[j] = p.ahead[j], p.ahead[i] }
func (p *places) Push(x any)         { p.ahead = append(p.ahead, x.(int)) }
func (p *places) Pop() any {
	last := len(p.ahead) - 1
	at := p.ahead[last]
	p.ahead = p.ahead[:last]
	return at
}
