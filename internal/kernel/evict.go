package kernel

import (
	"context"
	"time"

	"github.com/tutti-ml/tutti/internal/store"
)

// idleList holds the runs that rest in memory, longest first.
type idleList struct{ head resident }

func (l *idleList) init() { l.head.prev, l.head.next = &l.head, &l.head }

func (l *idleList) push(r *resident) {
	last := l.head.prev
	r.prev, r.next = last, &l.head
	last.next, l.head.prev = r, r
}

func (l *idleList) remove(r *resident) {
	if r.next == nil {
		return
	}
	r.prev.next, r.next.prev = r.next, r.prev
	r.prev, r.next = nil, nil
}

// rest puts a run that has nothing to do where eviction finds it. One with effects under way has something to do, though
// not here. The caller holds mu.
func (k *Kernel) rest(r *resident) {
	k.idle.remove(r)
	if len(k.effects[r.id]) == 0 {
		r.idleAt = k.o.Now()
		k.idle.push(r)
	}
}

// evict lets go of runs that only wait for rows and timers: those that rested long enough, and the longest resting ones
// where there are too many. The caller holds mu.
func (k *Kernel) evict(now time.Time) {
	over := len(k.runs) - k.o.MaxResident
	for r := k.idle.head.next; r != &k.idle.head; r = k.idle.head.next {
		if over <= 0 && now.Sub(r.idleAt) < k.o.IdleFor {
			return
		}
		over--
		k.idle.remove(r)
		if r.row.Resident && !k.offers(r) {
			k.release(r)
		} else {
			delete(k.runs, r.id)
		}
	}
}

// offers reports whether a task of an idle run waits in a Queue, which knows it from the run alone, or for a child that
// is to go on. The caller holds mu.
func (k *Kernel) offers(r *resident) bool {
	for _, t := range r.tasks {
		if t.Redrive != nil {
			return true
		}
		if t.Callback && !t.Submitted {
			if _, ok := k.o.Integrations(t.Resource).(Queue); ok {
				return true
			}
		}
	}
	return false
}

// release evicts a run whose row still says that a restart must load it. The caller holds mu.
func (k *Kernel) release(r *resident) {
	r.phase = phaseCommitting
	s := k.newStep(context.Background(), r)
	s.stepped = true
	s.newRow().Resident = false
	s.snapshot = r.logged > 4<<10
	unit := s.finish()
	unit.Done = func(v store.Verdict) {
		k.done(s, v)
		if v == store.OK {
			k.mu.Lock()
			defer k.mu.Unlock()
			if r.phase == phaseIdle {
				k.idle.remove(r)
				delete(k.runs, r.id)
			}
		}
	}
	k.o.Writer.Submit(unit)
}
