package kernel

import (
	"context"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// ahead is how far the heap reaches into the future. Timers beyond it are rows only, so that a hundred thousand runs that
// sleep until next week cost no memory.
const ahead = 10 * time.Minute

// timerPage is how many timer rows are read at a time.
const timerPage = 10_000

// maxNap is the longest sleep of the clock: wall clocks jump, and a jump is to be noticed.
const maxNap = time.Second

type timerKey struct {
	run   run.ID
	timer run.TimerID
}

// addTimer takes note of a durable setting. Clearing and replacing leave the old entry in the heap; it is void, because
// due says otherwise. The caller holds mu.
func (k *Kernel) addTimer(t store.Timer) {
	key := timerKey{t.Run, t.Timer}
	if k.refilling != nil {
		k.refilling[key] = true
	}
	if t.At.IsZero() || t.At.After(k.horizon) {
		delete(k.due, key)
		return
	}
	at := t.At.UnixMilli()
	k.due[key] = at
	k.timers.push(timer{at, t.Run, t.Timer})
	if k.timers[0].run == t.Run && k.timers[0].timer == t.Timer {
		select {
		case k.wakeTimers <- struct{}{}:
		default:
		}
	}
}

// refill moves the horizon on, and reads the rows between the old and the new.
func (k *Kernel) refill(ctx context.Context) error {
	k.mu.Lock()
	old := k.horizon
	until := k.now().Add(ahead)
	if !until.After(old) {
		k.mu.Unlock()
		return nil
	}
	// Raised first: a setting that is committed while the rows are read goes into the heap by itself, and counts against
	// a row that may have been read before it.
	k.horizon = until
	k.refilling = make(map[timerKey]bool)
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.refilling = nil
	}()
	after := store.Timer{At: old, Run: 1<<63 - 1}
	if old.IsZero() {
		after = store.Timer{}
	}
	for {
		page, err := k.o.Store.Timers(ctx, after, until, timerPage)
		if err != nil {
			return err
		}
		k.mu.Lock()
		for _, t := range page {
			key := timerKey{t.Run, t.Timer}
			if !k.refilling[key] {
				at := t.At.UnixMilli()
				k.due[key] = at
				k.timers.push(timer{at, t.Run, t.Timer})
			}
		}
		k.mu.Unlock()
		if len(page) < timerPage {
			return nil
		}
		after = page[len(page)-1]
	}
}

// Tick fires the timers that are due and evicts runs that have rested long enough. It says when to call it next. The
// simulation calls it; otherwise Run's clock does.
func (k *Kernel) Tick(ctx context.Context) (next time.Time, err error) {
	now := k.now()
	k.mu.Lock()
	low := k.horizon.Sub(now) < ahead/2
	k.mu.Unlock()
	if low {
		if err := k.refill(ctx); err != nil {
			return time.Time{}, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.timers) > 0 && k.timers[0].at <= now.UnixMilli() {
		t := k.timers.pop()
		key := timerKey{t.run, t.timer}
		if k.due[key] != t.at {
			continue // cleared, or set to another time
		}
		delete(k.due, key)
		k.deliver(t.run, run.Input{Kind: run.TimerFired, Timer: t.timer})
	}
	k.evict(now)
	next = now.Add(ahead / 2)
	if len(k.timers) > 0 {
		if at := time.UnixMilli(k.timers[0].at).UTC(); at.Before(next) {
			next = at
		}
	}
	if k.idle.head.next != &k.idle.head {
		if at := k.idle.head.next.idleAt.Add(k.o.IdleFor); at.Before(next) {
			next = at
		}
	}
	return next, nil
}

// clock calls Tick when it is due.
func (k *Kernel) clock(ctx context.Context) error {
	nap := time.NewTimer(0)
	defer nap.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-nap.C:
		case <-k.wakeTimers:
		}
		next, err := k.Tick(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		nap.Reset(min(max(next.Sub(k.o.Now()), time.Millisecond), maxNap))
	}
}
