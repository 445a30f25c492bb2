package runner

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// namespaces are the cells of a machine that lets us write no cgroup: a tree lives in a pid namespace, whose init is a
// helper. With the init the kernel ends everything in it. There are no limits.
type namespaces struct {
	dir string // one file for each live init, named as its pid and holding when it started
	log *slog.Logger
}

func namespaceDir(dir string) string { return filepath.Join(dir, "inits") }

func openNamespaces(dir string, log *slog.Logger) (*namespaces, error) {
	n := &namespaces{dir: namespaceDir(dir), log: log}
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory for pid namespaces: %w", err)
	}
	return n, nil
}

// sweepNamespaces ends the inits that an earlier runner left. The kernel has killed them with it (Pdeathsig); what is
// left to do is to wait until the last of each namespace is gone.
func sweepNamespaces(dir string, log *slog.Logger) error {
	entries, err := os.ReadDir(namespaceDir(dir))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("looking for old pid namespaces: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		path := filepath.Join(namespaceDir(dir), e.Name())
		born, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("looking for old pid namespaces: %w", err)
		}
		if err := clearInit(pid, strings.TrimSpace(string(born)), log); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("forgetting an old pid namespace: %w", err)
		}
	}
	return nil
}

// bornAt is the start time of a process in ticks since boot, which with its number names it for good; empty if there is
// none, or nothing but its exit status.
func bornAt(pid int) string {
	stat, err := readStat(pid)
	if err != nil || stat[0] == "Z" || stat[0] == "X" {
		return ""
	}
	return stat[19]
}

// clearInit kills an init and waits until it is a zombie or gone: it becomes one only when its namespace is empty.
func clearInit(pid int, born string, log *slog.Logger) error {
	for began, warned := time.Now(), false; bornAt(pid) == born && born != ""; {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("killing the init %d of a pid namespace: %w", pid, err)
		}
		if !warned && time.Since(began) > 10*time.Second {
			warned = true
			log.Warn("processes do not end although they were killed; waiting for them", "init", pid)
		}
		time.Sleep(clearPause)
	}
	return nil
}

func (n *namespaces) get(limits) (cell, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	return &namespace{all: n, status: ends[0], tell: ends[1]}, nil
}

func (n *namespaces) close() {}

// namespace is one cell.
type namespace struct {
	all    *namespaces
	pid    int // of the init
	born   string
	status int // read end of the pipe on which the init says how its process ended
	tell   int // its write end, until the init has it
}

func (n *namespace) needsInit() bool { return true }

// start forks the init. The kernel kills it if we die, or rather if the thread that forked it ends: it must be its
// goroutine's for good.
func (n *namespace) start(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	runtime.LockOSThread()
	attr.Sys.Cloneflags |= syscall.CLONE_NEWPID
	attr.Sys.Pdeathsig = syscall.SIGKILL
	attr.Files = append(attr.Files, uintptr(n.tell))
	if os.Geteuid() != 0 {
		ownUserNamespace(attr.Sys)
	}
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, err
	}
	unix.Close(n.tell)
	n.pid, n.tell, n.born = pid, -1, bornAt(pid)
	return pid, os.WriteFile(n.record(), []byte(n.born+"\n"), 0o600)
}

func (n *namespace) record() string { return filepath.Join(n.all.dir, strconv.Itoa(n.pid)) }

func (n *namespace) ending(e ending) ending { return readStatus(n.status, e) }

func (n *namespace) kill() error { return syscall.Kill(n.pid, syscall.SIGKILL) }

func (n *namespace) empty() bool { return bornAt(n.pid) != n.born }

func (n *namespace) clear() error { return clearInit(n.pid, n.born, n.all.log) }

// pids are the processes whose namespace is that of the init.
func (n *namespace) pids() []int {
	space := func(pid string) string {
		link, err := os.Readlink("/proc/" + pid + "/ns/pid")
		if err != nil {
			return ""
		}
		return link
	}
	ours := space(strconv.Itoa(n.pid))
	entries, err := os.ReadDir("/proc")
	if err != nil || ours == "" {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && space(e.Name()) == ours {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (n *namespace) outOfMemory() bool { return false }

func (n *namespace) release() {
	for _, fd := range []int{n.status, n.tell} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if n.pid > 0 {
		os.Remove(n.record())
	}
}
