package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A process that needs more than fork and exec (mounts of its own, an init in its pid namespace) is started through a
// helper: this same program with its same arguments, told by its environment to do what a plan says and to become, or
// to be the parent of, the process.

const helperVariable = "TUTTI_RUNNER_HELPER"

// The descriptors that a helper gets after the standard three.
const (
	planFD   = 3 + iota // the plan
	errorFD             // the helper says here why it failed; closed: the process has started
	statusFD            // an init says here how its process ended
)

// plan is what a helper is to do.
type plan struct {
	Start  Start
	Dir    string
	Env    []string
	Shared string // directory of the Empty mounts
	Stage  string // an empty directory on which the new root is put together
	Init   bool   // stay as the parent, with everything else gone when the process ends
}

// initStatus is what an init says of its process.
type initStatus struct {
	Status syscall.WaitStatus
	Usage  syscall.Rusage
}

func isHelper() bool { return os.Getenv(helperVariable) != "" }

// launch forks a process into a cell, through a helper where it needs one.
func (r *Runner) launch(s *Start, c cell, attr *syscall.ProcAttr) (int, error) {
	asInit := c.needsInit()
	if len(s.Mounts) == 0 && !asInit {
		path, _ := lookup(attr.Env, "PATH")
		program, err := findProgram(s.Argv[0], path)
		if err != nil {
			return 0, err
		}
		if s.User != nil {
			attr.Sys.Credential = &syscall.Credential{Uid: s.User.UID, Gid: s.User.GID, Groups: s.User.Groups}
		}
		pid, err := c.start(program, s.Argv, attr)
		if err != nil {
			return 0, fmt.Errorf("starting %s in %s: %w", program, attr.Dir, err)
		}
		return pid, nil
	}
	pl := plan{Start: *s, Dir: attr.Dir, Env: attr.Env, Init: asInit}
	if len(s.Mounts) > 0 {
		if !r.facts.Mounts {
			return 0, errors.New("mounts need root or user namespaces, and this machine gives the runner neither")
		}
		var err error
		if pl.Shared, pl.Stage, err = r.makeMountDirs(s); err != nil {
			return 0, err
		}
		attr.Sys.Cloneflags |= syscall.CLONE_NEWNS
	}
	return launchHelper(c, pl, attr)
}

// launchHelper starts the helper and waits until it has started the process.
func launchHelper(c cell, pl plan, attr *syscall.ProcAttr) (int, error) {
	if os.Geteuid() != 0 && attr.Sys.Cloneflags != 0 {
		ownUserNamespace(attr.Sys)
	}
	planFile, err := memoryFile("plan", pl)
	if err != nil {
		return 0, err
	}
	defer planFile.Close()
	said, say, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("making a pipe: %w", err)
	}
	defer said.Close()
	helper := *attr
	helper.Dir, helper.Env = "/", append(os.Environ(), helperVariable+"=1")
	helper.Files = append(helper.Files, planFile.Fd(), say.Fd())
	pid, err := c.start("/proc/self/exe", os.Args, &helper)
	say.Close()
	if err != nil {
		return 0, fmt.Errorf("starting a helper: %w", err)
	}
	why, err := io.ReadAll(said)
	if err == nil && len(why) > 0 {
		err = errors.New(string(why))
	}
	return pid, err
}

// ownUserNamespace lets a process that is not root make namespaces: in a user namespace in which it is itself.
func ownUserNamespace(sys *syscall.SysProcAttr) {
	sys.Cloneflags |= syscall.CLONE_NEWUSER
	sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	sys.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN} // or the helper would lose it when it is executed
}

// memoryFile is a file that holds v and has no name.
func memoryFile(name string, v any) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := json.NewEncoder(f).Encode(v); err != nil {
		f.Close()
		return nil, fmt.Errorf("writing a %s: %w", name, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("writing a %s: %w", name, err)
	}
	return f, nil
}

// help is the life of a helper. It returns only if it fails.
func help() error {
	runtime.LockOSThread()
	for fd := planFD; fd <= statusFD; fd++ {
		unix.CloseOnExec(fd)
	}
	say := os.NewFile(errorFD, "errors")
	err := carryOut(say)
	fmt.Fprint(say, err)
	os.Exit(127)
	return err
}

func carryOut(say *os.File) error {
	var pl plan
	if err := json.NewDecoder(os.NewFile(planFD, "plan")).Decode(&pl); err != nil {
		return fmt.Errorf("reading the helper's plan: %w", err)
	}
	if len(pl.Start.Mounts) > 0 {
		if err := enterRoot(&pl); err != nil {
			return err
		}
		// The mounts are of the owner's choice, and what they cover, such as /etc/pam.d, is what setuid programs trust.
		if u := pl.Start.User; u != nil && u.UID != 0 {
			if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
				return fmt.Errorf("giving up setuid programs: %w", err)
			}
		}
	}
	path, _ := lookup(pl.Env, "PATH")
	if pl.Init {
		return beInit(&pl, path, say)
	}
	if u := pl.Start.User; u != nil {
		if err := errors.Join(syscall.Setgroups(ints(u.Groups)), syscall.Setgid(int(u.GID)), syscall.Setuid(int(u.UID))); err != nil {
			return fmt.Errorf("becoming user %d: %w", u.UID, err)
		}
	}
	if err := os.Chdir(pl.Dir); err != nil {
		return err
	}
	program, err := findProgram(pl.Start.Argv[0], path)
	if err != nil {
		return err
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // unknown before Linux 4.3
	return fmt.Errorf("starting %s in %s: %w", program, pl.Dir, syscall.Exec(program, pl.Start.Argv, pl.Env))
}

func ints(ids []uint32) []int {
	out := make([]int, len(ids))
	for i, id := range ids {
		out[i] = int(id)
	}
	return out
}

// beInit starts the process and reaps whatever is orphaned, until the process ends. The kernel then ends everything
// else in the namespace. Signals are handed on: an init is deaf to most.
func beInit(pl *plan, path string, say *os.File) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals)
	program, err := findProgram(pl.Start.Argv[0], path)
	if err != nil {
		return err
	}
	attr := &syscall.ProcAttr{Dir: pl.Dir, Env: pl.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
	if u := pl.Start.User; u != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	child, err := syscall.ForkExec(program, pl.Start.Argv, attr)
	if err != nil {
		return fmt.Errorf("starting %s in %s: %w", program, pl.Dir, err)
	}
	say.Close()
	go func() {
		for s := range signals {
			if n, ok := s.(syscall.Signal); ok && n != syscall.SIGCHLD && n != syscall.SIGURG {
				_ = syscall.Kill(-child, n)
			}
		}
	}()
	for {
		var s initStatus
		pid, err := syscall.Wait4(-1, &s.Status, 0, &s.Usage)
		switch {
		case err == nil && pid == child:
			if err := json.NewEncoder(os.NewFile(statusFD, "status")).Encode(s); err != nil {
				os.Exit(127)
			}
			os.Exit(0)
		case err != nil && err != syscall.EINTR:
			os.Exit(127)
		}
	}
}

// readStatus replaces what the kernel says of an init by what the init said of its process. An init that said nothing
// was killed itself, and its process with it.
func readStatus(fd int, e ending) ending {
	buf := make([]byte, 4<<10)
	n, err := unix.Read(fd, buf)
	var s initStatus
	if err != nil || n <= 0 || json.Unmarshal(buf[:n], &s) != nil {
		return e
	}
	return ending{At: e.At.Truncate(time.Nanosecond), Status: s.Status, Usage: s.Usage}
}
