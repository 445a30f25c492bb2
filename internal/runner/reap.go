package runner

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reapPause is the time between two looks for children that ended, so that one look serves many: what a look wakes, here
// and in the server, costs as much as a start does. The first that ends is not kept waiting.
const reapPause = 2 * time.Millisecond

// reap waits for all children, in one goroutine, until the process ends. A child is looked at before it is reaped and
// reaped under mu, so that no signal is ever sent to a number that has become another process's.
func (r *Runner) reap() {
	for {
		switch err := awaitDead(); {
		case err == unix.EINTR:
			continue
		case err != nil: // no children
			<-r.forked
			continue
		}
		if gone := r.reapAll(); len(gone) > 0 {
			go r.finish(gone...)
		}
		time.Sleep(reapPause)
	}
}

// reapAll reaps the children that have ended, and gives the processes that they were.
func (r *Runner) reapAll() (gone []*proc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now().UTC()
	for {
		e := ending{At: now}
		pid, err := syscall.Wait4(-1, &e.Status, syscall.WNOHANG, &e.Usage)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil || pid <= 0:
			return gone
		}
		switch p, known := r.byPID[pid]; {
		case known:
			delete(r.byPID, pid)
			r.exited(p, e)
			gone = append(gone, p)
		case r.spawning > 0:
			r.early[pid] = e
		}
	}
}

// awaitDead waits for a child to end, and leaves it to be reaped.
func awaitDead() error {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
}
