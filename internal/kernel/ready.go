package kernel

import "github.com/tutti-ml/tutti/internal/run"

// readyQueue holds the runs that have something to do. Owners take turns, so one who starts a hundred thousand runs
// delays another's single run by one turn. Among an owner's runs the children of each run take turns with those of the
// others and with the runs that have no parent, so a run with a hundred thousand children delays no other much. Among
// those it is first come, first served.
type readyQueue struct {
	owners rotation
	size   int
}

// rotation is queues that take turns.
type rotation struct {
	turns []*turnQueue // that hold something, next first
	named map[turnName]*turnQueue
}

// turnName names a queue of a rotation: of owners, or of an owner's parents.
type turnName struct {
	owner  string
	parent run.ID
}

// turnQueue is a queue of runs, or of queues that take turns in theirs.
type turnQueue struct {
	name  turnName
	inner rotation
	runs  []*resident
	head  int
}

// queue is the queue of a name.
func (t *rotation) queue(name turnName) *turnQueue {
	q := t.named[name]
	if q == nil {
		if t.named == nil {
			t.named = make(map[turnName]*turnQueue)
		}
		q = &turnQueue{name: name}
		t.named[name] = q
		t.turns = append(t.turns, q)
	}
	return q
}

// turned has the first queue wait behind the others, or go where nothing is left in it.
func (t *rotation) turned() {
	q := t.turns[0]
	if empty := q.head == len(q.runs) && len(q.inner.turns) == 0; empty {
		delete(t.named, q.name)
		t.turns = append(t.turns[:0], t.turns[1:]...)
		return
	}
	if len(t.turns) > 1 {
		copy(t.turns, t.turns[1:])
		t.turns[len(t.turns)-1] = q
	}
}

func (q *readyQueue) push(r *resident) {
	owner := q.owners.queue(turnName{owner: r.owner})
	siblings := owner.inner.queue(turnName{parent: r.parent})
	siblings.runs = append(siblings.runs, r)
	q.size++
}

// pop takes the first run of the parent whose turn it is of the owner whose turn it is; nil when nothing is ready.
func (q *readyQueue) pop() *resident {
	if q.size == 0 {
		return nil
	}
	owner := q.owners.turns[0]
	siblings := owner.inner.turns[0]
	r := siblings.runs[siblings.head]
	siblings.runs[siblings.head] = nil
	siblings.head++
	if siblings.head > 1024 && siblings.head*2 > len(siblings.runs) {
		siblings.runs = append(siblings.runs[:0], siblings.runs[siblings.head:]...)
		siblings.head = 0
	}
	q.size--
	owner.inner.turned()
	q.owners.turned()
	return r
}

// timer is a wake-up. The rows in the store are what counts; these only say when to look.
type timer struct {
	at    int64 // Unix milliseconds
	run   run.ID
	timer run.TimerID
}

// timerHeap is a binary heap, earliest first.
type timerHeap []timer

func (h *timerHeap) push(t timer) {
	*h = append(*h, t)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !s[i].before(s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *timerHeap) pop() timer {
	s := *h
	top := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(s) && s[c].before(s[least]) {
				least = c
			}
		}
		if least == i {
			break
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
	*h = s
	return top
}

func (t timer) before(u timer) bool {
	if t.at != u.at {
		return t.at < u.at
	}
	if t.run != u.run {
		return t.run < u.run
	}
	return t.timer < u.timer
}
