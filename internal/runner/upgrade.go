package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A runner is upgraded by executing the new program in its place: the process, and with it the parent of all children,
// stays the same, so that they run on and their ends are reaped as ever. What the journal does not say goes with it as
// a handover, in a file in memory; pipes, locks and the socket go with it as they are. Clients are cut off and connect
// again.

const (
	// upgradePatience is how long an upgrade waits for what is under way.
	upgradePatience = 10 * time.Second
	// checkPatience is how long a program has to say that it can take over.
	checkPatience = 10 * time.Second
)

// Build names the contents of the program that this process runs.
var Build = sync.OnceValues(func() (string, error) {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", fmt.Errorf("looking which program this is: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("looking which program this is: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})

// upgrade executes another program in place of this one. It returns only where it did not, and all is as it was.
func (r *Runner) upgrade(u *Upgrade) error {
	if !filepath.IsAbs(u.Program) {
		return refuse(CodeRefused, "upgrading to %q: the path must be absolute", u.Program)
	}
	argv := append([]string{u.Program}, u.Args...)
	if err := r.checkProgram(argv); err != nil {
		return refuse(CodeRefused, "upgrading to %s: %v", u.Program, err)
	}
	if !r.gate.shut(upgradePatience) {
		return refuse(CodeUnsafe, "upgrading to %s: the runner is busy; try again", u.Program)
	}
	defer r.gate.open()
	if err := r.journal.settle(); err != nil {
		return refuse(CodeUnsafe, "upgrading to %s: %v", u.Program, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h, release, err := r.handOver()
	defer release()
	if err != nil {
		return refuse(CodeUnsafe, "upgrading to %s: %v", u.Program, err)
	}
	select {
	case <-r.stop:
		return refuse(CodeRefused, "upgrading to %s: the runner is shutting down", u.Program)
	default:
	}
	r.log.Info("the runner goes on as another program", "program", u.Program, "processes", len(h.Procs))
	if err := execute(argv, h); err != nil {
		r.log.Error("the runner goes on as it was", "error", err)
		return err
	}
	return nil
}

// formats are the handovers that a program can take.
type formats struct {
	Oldest int `json:"oldest"`
	Newest int `json:"newest"`
}

// checkProgram asks a program whether it can take over: once it is executed, there is no way back.
func (r *Runner) checkProgram(argv []string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	said, say, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer said.Close()
	process := -1
	_, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Dir: "/", Env: append(os.Environ(), handoverVariable+"="+handoverCheck),
		Files: []uintptr{null.Fd(), say.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &process},
	})
	say.Close()
	if err != nil {
		return fmt.Errorf("it cannot be started: %w", err)
	}
	r.expectChild()
	if process >= 0 {
		defer unix.Close(process)
		defer unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0) //nolint:errcheck // it should have gone by then
	}
	var can formats
	err = said.SetReadDeadline(time.Now().Add(checkPatience))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(said, 1<<10)).Decode(&can)
	}
	switch {
	case err != nil:
		return fmt.Errorf("it does not answer as a runner does: %w", err)
	case handoverFormat < can.Oldest || handoverFormat > can.Newest:
		return fmt.Errorf("it takes over from runners of format %d to %d, and this one is of %d", can.Oldest, can.Newest, handoverFormat)
	}
	return nil
}

// execute becomes another program, with what the handover names left open for it.
func execute(argv []string, h *handover) error {
	f, err := memoryFile("handover", h)
	if err != nil {
		return err
	}
	defer f.Close()
	fds := append(h.descriptors(), int(f.Fd()))
	defer closeOnExec(fds)
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("leaving descriptor %d open: %w", fd, err)
		}
	}
	env := append(os.Environ(), handoverVariable+"="+strconv.Itoa(int(f.Fd())))
	return fmt.Errorf("executing %s: %w", argv[0], syscall.Exec(argv[0], argv, env))
}

func closeOnExec(fds []int) {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
}

// settle waits until all that was added is on the disk.
func (j *journal) settle() error {
	settled := make(chan error, 1)
	j.add(true, func(err error) { settled <- err })
	return <-settled
}

// handOver says all that a successor in this process must know. Whatever could change it stands still until release:
// the gate is shut, mu is held, and so are the outputs.
func (r *Runner) handOver() (h *handover, release func(), err error) {
	h = &handover{
		Format: handoverFormat, Dir: r.cfg.Dir, Facts: r.facts, Lock: int(r.lock.Fd()), Cells: r.cells.handOver(),
		Epoch: r.epoch, Number: r.number, Outbox: r.outbox,
	}
	var held []*output
	release = func() {
		for _, o := range held {
			o.mu.Unlock()
		}
	}
	raw, err := r.listener.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { h.Listener = int(fd) })
	}
	if err != nil {
		return nil, release, fmt.Errorf("handing the socket over: %w", err)
	}
	for _, p := range r.procs {
		if p.exit != nil {
			continue
		}
		s := procState{
			Key: p.key, Start: *p.start, PID: p.pid, Began: p.began, Number: p.number,
			Stop: p.stop, Why: p.why, KillAt: p.killAt,
		}
		if p.pid > 0 {
			p.output.mu.Lock()
			held = append(held, p.output)
			s.Output = p.output.handOver()
			var cellErr error
			s.Cell, cellErr = p.cell.handOver()
			err = errors.Join(err, cellErr)
		}
		if p.exited {
			s.Ending = &p.ending
		}
		h.Procs = append(h.Procs, s)
	}
	return h, release, err
}
