package runner

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reap waits for all children, in one goroutine, until the process ends. A child is looked at before it is reaped and
// reaped under mu, so that no signal is ever sent to a number that has become another process's.
func (r *Runner) reap() {
	for {
		pid, err := nextDead()
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // no children
			<-r.forked
			continue
		}
		e := ending{At: time.Now().UTC()}
		r.mu.Lock()
		if _, err := syscall.Wait4(pid, &e.Status, 0, &e.Usage); err != nil {
			r.mu.Unlock()
			continue
		}
		switch p, known := r.byPID[pid]; {
		case known:
			delete(r.byPID, pid)
			r.exited(p, e)
		case r.spawning > 0:
			r.early[pid] = e
		}
		r.mu.Unlock()
	}
}

// nextDead waits for a child to end, and leaves it to be reaped.
func nextDead() (pid int, err error) {
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		return 0, err
	}
	// The union of siginfo_t begins at its pointers' alignment, and with si_pid for SIGCHLD: see sigaction(2).
	const head = 3 * unsafe.Sizeof(int32(0))
	const align = unsafe.Alignof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), (head+align-1)&^(align-1)))), nil
}
