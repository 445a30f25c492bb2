package runner

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limits are what a tree may take; 0: no limit.
type limits struct {
	memory int64
	share  int64 // Start.MilliCPU
	cpu    int64 // Start.MaxCPU
}

// cells make what process trees live in: cgroups, or where the machine lets us write none pid namespaces, or sessions.
type cells interface {
	// get gives an empty cell with limits, as far as they can be had.
	get(limits) (cell, error)
	// handOver says what adopt needs in the program that takes this one's place.
	handOver() cellsState
	// adopt goes on with a cell that was handed over.
	adopt(cellState) (cell, error)
	// close removes what get made; all cells were released.
	close()
}

// cell holds one process tree: whatever its first process starts, daemons too.
type cell interface {
	// needsInit says that the first process must be a helper that starts the real one and tells statusFD how it ended.
	needsInit() bool
	// start forks a process into the cell.
	start(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error)
	// kill sends SIGKILL to all of the tree.
	kill() error
	// empty says that the tree is empty, where that can be told at once; otherwise clear is to see to it.
	empty() bool
	// clear kills until the tree is proved empty.
	clear() error
	// ending is how the process ended, where the kernel's word e is about an init.
	ending(e ending) ending
	// pids lists the tree.
	pids() []int
	// outOfMemory says whether the limit killed something since get.
	outOfMemory() bool
	// handOver says what adopt needs; an error: the tree would not live to see it.
	handOver() (cellState, error)
	// release gives a cleared cell back.
	release()
}

// The ways of holding trees together, from the best to the last resort.
const (
	ContainCgroup    = "cgroup"
	ContainNamespace = "pid namespace"
	ContainSession   = "session"
)

// openCells finds the best way that the machine has of holding trees together. Whatever an earlier runner of dir left is
// ended first, whichever way that held it.
func openCells(cfg *Config, f *Facts) (cells, error) {
	dir, log := cfg.Dir, cfg.Log
	if err := errors.Join(sweepCgroups(dir, log), sweepNamespaces(dir, log)); err != nil {
		return nil, err
	}
	sweepSessions(dir)
	switch f.Mounts = canClone(syscall.CLONE_NEWNS); {
	case !f.Mounts:
		f.Notes = append(f.Notes, "no mounts: the runner is not root, and user namespaces are not allowed")
	case !isMountPoint("/"):
		f.Mounts = false
		f.Notes = append(f.Notes, "no mounts: the root directory is no mount point, as in a plain chroot; bind it on itself before entering it (mount --rbind DIR DIR)")
	}
	switch {
	case cfg.Containment != "" && cfg.Containment != ContainCgroup:
		f.Notes = append(f.Notes, "no cgroups, so no limits: they are switched off")
	default:
		groups, err := openCgroups(dir, log)
		if err == nil {
			groups.facts(f)
			return groups, nil
		}
		f.Notes = append(f.Notes, "no cgroups, so no limits: "+err.Error())
	}
	if cfg.Containment != ContainSession && canClone(syscall.CLONE_NEWPID) {
		f.Contain = ContainNamespace
		return openNamespaces(dir, log)
	}
	f.Contain = ContainSession
	f.Notes = append(f.Notes, "no pid namespaces, as the runner is not root and user namespaces are not allowed, or it was asked not to use them: a process that hides on purpose can outlive its job")
	return openSessions(dir, log), nil
}

// Probe says what a runner could do on this machine, and leaves nothing behind.
func Probe() (Facts, error) {
	f := Facts{Version: Version, Root: os.Geteuid() == 0}
	dir, err := os.MkdirTemp("", "tutti-probe-")
	if err != nil {
		return f, fmt.Errorf("probing the machine: %w", err)
	}
	defer os.RemoveAll(dir)
	c, err := openCells(&Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}, &f)
	if err == nil {
		c.close()
	}
	return f, err
}

// canClone tries whether a process can be started in new namespaces.
func canClone(flags uintptr) bool {
	sys := &syscall.SysProcAttr{Cloneflags: flags}
	if os.Geteuid() != 0 {
		ownUserNamespace(sys)
	}
	_, err := syscall.ForkExec("/nonexistent", []string{"nonexistent"}, &syscall.ProcAttr{Sys: sys})
	return errors.Is(err, syscall.ENOENT)
}

// isMountPoint says whether something is mounted at path, as far as the kernel tells (since Linux 5.8).
func isMountPoint(path string) bool {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, 0, &s)
	return err != nil || s.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 || s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// clearPause is how long a tree has to fall apart before it is looked at again.
const clearPause = 10 * time.Millisecond

// usageOf adds up what processes take: resident memory, and processor time with that of children they waited for.
func usageOf(pids []int) Usage {
	var u Usage
	for _, pid := range pids {
		statm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
		if err != nil {
			continue
		}
		if f := bytes.Fields(statm); len(f) > 1 {
			pages, _ := strconv.ParseInt(string(f[1]), 10, 64)
			u.Memory += pages * int64(os.Getpagesize())
		}
		stat, err := readStat(pid)
		if err != nil {
			continue
		}
		for _, ticks := range stat[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.ParseInt(ticks, 10, 64)
			u.CPUTime += float64(n) / 100 // USER_HZ
		}
	}
	return u
}

// readStat gives the fields of /proc/PID/stat from the third, the state, on: see proc_pid_stat(5).
func readStat(pid int) ([]string, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	return fields, nil
}
