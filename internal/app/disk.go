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

// reserve keeps some of the disk for recording how what runs ends: below it, new work is refused.
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
		a.disk.look(a)
		a.watchdog.beat("disk")
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *reserve) look(a *App) {
	var s unix.Statfs_t
	if err := unix.Statfs(a.conf.Data, &s); err != nil {
		a.log.Error("the free space of the disk is not known", "error", err)
		return
	}
	free := int64(s.Bavail) * s.Bsize
	r.free.Store(free)
	low := free < int64(a.live.Load().DiskReserve)
	if r.low.Swap(low) != low {
		if low {
			a.log.Error("the disk is nearly full: new runs and jobs are refused, and ends still recorded", "free", free)
		} else {
			a.log.Info("there is room on the disk again", "free", free)
		}
	}
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
