package kernel

import (
	"context"
	"maps"
	"slices"

	"github.com/tutti-ml/tutti/internal/run"
)

// Hold has runs that other runs order wait before they begin, until Hold(false): for when there is too little room on the
// disk for new work. Their rows are durable, and one that is stopped meanwhile ends. What has begun goes on, and so do
// runs from outside, which whoever takes them in can refuse.
func (k *Kernel) Hold(hold bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hold = hold
	if hold {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(k.parked)) {
		k.wake(id)
	}
	clear(k.parked)
}

// park puts a run that was loaded aside if it has not begun and is to wait, and nobody has anything to tell it.
func (k *Kernel) park(ctx context.Context, r *resident, w waiting) (parked bool, err error) {
	if r.seq > 1 || r.row.Parent == 0 || len(w.inputs)+len(w.asks) > 0 || !k.holds() {
		return false, nil
	}
	if rows, err := k.o.Store.Inbox(ctx, r.id); err != nil || len(rows) > 0 {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.hold || r.look || len(r.asks) > 0 { // something came meanwhile
		return false, nil
	}
	if k.parked == nil {
		k.parked = map[run.ID]bool{}
	}
	k.parked[r.id] = true
	delete(k.runs, r.id)
	return true, nil
}

func (k *Kernel) holds() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hold
}
