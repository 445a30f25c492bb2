package app

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tutti-ml/tutti/client"
)

// reserve keeps some of the disk for recording how what runs ends. Below it, new work from outside is refused; what runs
// and jobs order themselves waits: child runs do not begin, and the node takes no more processes.
type reserve struct {
	low  atomic.Bool
	free atomic.Int64
}

const diskPeriod = 2 * time.Second

// watchDisk looks at the free space from time to time.
func (a *App) watchDisk(ctx context.Context) error {
	tick := time.NewTicker(diskPeriod)
	defer tick.Stop()
	for {
		a.lookAtDisk(ctx)
		a.watchdog.beat("disk")
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// lookAtDisk tells those who start things when what they may do has changed.
func (a *App) lookAtDisk(ctx context.Context) {
	if !a.disk.look(a) {
		return
	}
	a.kernel.Hold(a.disk.low.Load())
	if nodes, err := a.engine.Nodes(ctx); err == nil { // otherwise dispatch hears of it when it asks
		a.dispatch.HandleNodes(nodes)
	}
}

// look reports whether the disk has become full, or is no longer.
func (r *reserve) look(a *App) (changed bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(a.conf.Data, &s); err != nil {
		a.log.Error("the free space of the disk is not known", "error", err)
		return false
	}
	free := int64(s.Bavail) * s.Bsize
	r.free.Store(free)
	low := free < int64(a.live.Load().DiskReserve)
	changed = r.low.Swap(low) != low
	switch {
	case changed && low:
		a.log.Error("the disk is nearly full: new runs and jobs are refused, those that runs order wait, and ends are still recorded", "free", free)
	case changed:
		a.log.Info("there is room on the disk again", "free", free)
	}
	return changed
}

// pressure is why the node takes no more processes.
func (r *reserve) pressure() string {
	if !r.low.Load() {
		return ""
	}
	return fmt.Sprintf("its disk is nearly full: %d MiB are free", r.free.Load()>>20)
}

// refuse says why no new work is taken.
func (r *reserve) refuse() *client.Problem {
	if !r.low.Load() {
		return nil
	}
	return &client.Problem{
		Title:  http.StatusText(http.StatusInsufficientStorage),
		Status: http.StatusInsufficientStorage,
		Detail: fmt.Sprintf("the server's disk is nearly full: %d MiB are free", r.free.Load()>>20),
		Remedy: "Free some space, or lower diskReserve in the server's configuration.",
	}
}
