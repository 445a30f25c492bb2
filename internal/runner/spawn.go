package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// spawners is how many goroutines fork. More than a few gain nothing: the kernel copies one address space at a time.
const spawners = 4

// defaultPath is where programs are looked for when a process names no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// queue holds the processes to be forked, in order.
type queue struct {
	mu     sync.Mutex
	wake   sync.Cond
	procs  []*proc
	closed bool
}

func (q *queue) add(procs []*proc) {
	q.mu.Lock()
	q.procs = append(q.procs, procs...)
	q.mu.Unlock()
	if len(procs) == 1 {
		q.wake.Signal()
	} else {
		q.wake.Broadcast()
	}
}

// next waits for a process; nil: the queue is closed.
func (q *queue) next() *proc {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.procs) == 0 && !q.closed {
		q.wake.Wait()
	}
	if len(q.procs) == 0 {
		return nil
	}
	p := q.procs[0]
	q.procs = q.procs[1:]
	return p
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake.Broadcast()
}

func (r *Runner) spawner() {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		r.log.Error("opening "+os.DevNull, "error", err)
		return
	}
	defer unix.Close(null)
	for p := r.spawns.next(); p != nil; p = r.spawns.next() {
		r.spawn(p, null)
	}
}

// spawn starts one process, or reports why it cannot be.
func (r *Runner) spawn(p *proc, null int) {
	r.mu.Lock()
	stop, why := p.stop, p.why
	if stop == "" {
		r.spawning++
	}
	r.mu.Unlock()
	if stop != "" {
		r.notStarted(p, &Exit{Cause: stop, Why: why, Code: 1, Text: "stopped before it started"})
		return
	}
	at := time.Now().UTC()
	pid, err := r.fork(p, null)
	if err != nil {
		r.mu.Lock()
		r.forkDone()
		r.mu.Unlock()
		r.notStarted(p, &Exit{Cause: NotStarted, Code: 1, Text: err.Error()})
		return
	}
	r.began(p, pid, at)
}

func (r *Runner) notStarted(p *proc, exit *Exit) {
	exit.Ended = time.Now().UTC()
	r.removeIfEmpty(p.key)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended(p, exit)
}

// fork prepares what p needs and starts it.
func (r *Runner) fork(p *proc, null int) (pid int, err error) {
	s := p.start
	if s.Refused != "" {
		return 0, errors.New(s.Refused)
	}
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return 0, errors.New("no command is given")
	}
	scratch, err := r.makeScratch(s)
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Dir: s.Dir, Env: s.Env, Sys: &syscall.SysProcAttr{Setsid: true}}
	if attr.Dir == "" {
		attr.Dir = scratch
	}
	if _, given := lookup(s.Env, "HOME"); !given {
		attr.Env = append(attr.Env, "HOME="+scratch)
	}
	if _, given := lookup(s.Env, "PATH"); !given {
		attr.Env = append(attr.Env, "PATH="+defaultPath)
	}
	if p.cell, err = r.cells.get(limits{s.Memory, s.MilliCPU, s.MaxCPU}); err != nil {
		return 0, err
	}
	reads, writes, err := outputPipes()
	if err != nil {
		p.cell.release()
		return 0, err
	}
	attr.Files = append([]uintptr{uintptr(null), uintptr(writes[0]), uintptr(writes[1])}, attr.Files...)
	pid, err = r.launch(p, attr)
	for _, fd := range writes {
		unix.Close(fd)
	}
	if err != nil {
		for _, fd := range reads {
			unix.Close(fd)
		}
		r.discard(p)
		return 0, err
	}
	p.output = newOutput(r.archive.base(p.key), r.cfg.LogLimit, reads)
	if p.reader, err = r.collector.add(p.output); err != nil {
		r.log.Error("output of a process is read only when it has ended", "proc", p.key, "error", err)
	}
	return pid, nil
}

// discard gives back the cell of a process that failed to start; its helper may still be on its way out.
func (r *Runner) discard(p *proc) {
	if err := p.cell.clear(); err != nil {
		r.log.Error("clearing up after a failed start", "proc", p.key, "error", err)
		return
	}
	p.cell.release()
}

// outputPipes makes the pipes of standard output and standard error. We do not wait for what is read from them.
func outputPipes() (reads, writes [2]int, err error) {
	for i := range reads {
		var ends [2]int
		if err = unix.Pipe2(ends[:], unix.O_CLOEXEC); err == nil {
			err = unix.SetNonblock(ends[0], true)
		}
		if err != nil {
			for _, fd := range append(reads[:i], writes[:i]...) {
				unix.Close(fd)
			}
			return reads, writes, fmt.Errorf("making a pipe for output: %w", err)
		}
		reads[i], writes[i] = ends[0], ends[1]
	}
	return reads, writes, nil
}

// lookup finds a variable; the last that is set counts.
func lookup(env []string, name string) (value string, ok bool) {
	for _, v := range env {
		if text, found := strings.CutPrefix(v, name+"="); found {
			value, ok = text, true
		}
	}
	return value, ok
}

// findProgram is the path of a command, looked for as execvp(3) does.
func findProgram(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: no such program in PATH %s", name, path)
}

// makeScratch makes the scratch directory of a process, its owner's alone.
func (r *Runner) makeScratch(s *Start) (string, error) {
	dir := ScratchDir(r.cfg.Dir, s.Key)
	if err := r.makeJobDir(s.Key.Job); err != nil {
		return "", err
	}
	return dir, makeOwned(dir, s.User)
}

// makeJobDir makes the directory of a job, through which owners pass to their scratch directories.
func (r *Runner) makeJobDir(job int64) error {
	r.mu.Lock()
	made := r.jobDirs[job]
	r.mu.Unlock()
	if made {
		return nil
	}
	if err := os.MkdirAll(r.jobDir(job), 0o711); err != nil {
		return fmt.Errorf("making a scratch directory: %w", err)
	}
	r.mu.Lock()
	r.jobDirs[job] = true
	r.mu.Unlock()
	return nil
}

func (r *Runner) jobDir(job int64) string {
	return filepath.Join(r.cfg.Dir, "work", strconv.FormatInt(job, 10))
}

// makeOwned makes a directory that only user can enter.
func makeOwned(dir string, user *User) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a scratch directory: %w", err)
	}
	if user != nil {
		if err := os.Lchown(dir, int(user.UID), int(user.GID)); err != nil {
			return fmt.Errorf("giving a scratch directory to its owner: %w", err)
		}
	}
	return nil
}

// removeIfEmpty removes a scratch directory that was not used.
func (r *Runner) removeIfEmpty(k Key) {
	_ = unix.Rmdir(ScratchDir(r.cfg.Dir, k))
}

// forget drops what is kept of a job's ended processes.
func (r *Runner) forget(job int64) error {
	r.mu.Lock()
	acked, left := r.acked(), false
	var gone []Key
	for k, p := range r.procs {
		switch {
		case k.Job != job:
		case p.exit != nil && p.number <= acked:
			gone = append(gone, k)
			delete(r.procs, k)
		default:
			left = true
		}
	}
	delete(r.jobDirs, job)
	r.journal.add(&record{Forget: job}, false, nil)
	r.mu.Unlock()
	if !left {
		return errors.Join(os.RemoveAll(r.jobDir(job)), os.RemoveAll(r.archive.job(job)))
	}
	var errs []error
	for _, k := range gone {
		errs = append(errs, os.RemoveAll(ScratchDir(r.cfg.Dir, k)), r.archive.drop(k))
	}
	return errors.Join(errs...)
}
