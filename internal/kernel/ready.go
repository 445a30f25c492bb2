package kernel

import "github.com/tutti-ml/tutti/internal/run"

// readyQueue holds the runs that have something to do. Owners take turns, so one who starts a hundred thousand runs
// delays another's single run by one turn; among an owner's runs it is first come, first served.
type readyQueue struct {
	turns  []*ownerQueue // owners with runs that are ready, next first
	owners map[string]*ownerQueue
	size   int
}

type ownerQueue struct {
	owner string
	runs  []*resident
	head  int
}

func (q *readyQueue) push(r *resident) {
	if q.owners == nil {
		q.owners = make(map[string]*ownerQueue)
	}
	o := q.owners[r.owner]
	if o == nil {
		o = &ownerQueue{owner: r.owner}
		q.owners[r.owner] = o
		q.turns = append(q.turns, o)
	}
	o.runs = append(o.runs, r)
	q.size++
}

// pop takes the first run of the owner whose turn it is; nil when nothing is ready.
func (q *readyQueue) pop() *resident {
	if len(q.turns) == 0 {
		return nil
	}
	o := q.turns[0]
	r := o.runs[o.head]
	o.runs[o.head] = nil
	o.head++
	q.size--
	if o.head == len(o.runs) {
		delete(q.owners, o.owner)
		q.turns = append(q.turns[:0], q.turns[1:]...)
		return r
	}
	if o.head > 1024 && o.head*2 > len(o.runs) {
		o.runs = append(o.runs[:0], o.runs[o.head:]...)
		o.head = 0
	}
	if len(q.turns) > 1 {
		copy(q.turns, q.turns[1:])
		q.turns[len(q.turns)-1] = o
	}
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
