package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	r.gate.enter()
	defer r.gate.leave()
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
	b, err := r.fork(p, null)
	if err != nil {
		r.mu.Lock()
		r.forkDone()
		r.mu.Unlock()
		r.notStarted(p, &Exit{Cause: NotStarted, Code: 1, Text: err.Error()})
		return
	}
	r.began(p, b)
}

func (r *Runner) notStarted(p *proc, exit *Exit) {
	exit.Ended = time.Now().UTC()
	r.scratch.release(p.key, p.start.User)
	r.mu.Lock()
	defer r.mu.Unlock()
	p.ended(exit)
	r.report(p)
}

// birth is a process that was forked.
type birth struct {
	pid    int
	at     time.Time
	cell   cell
	output *output
	reader uint64 // of output, in the collector
}

// fork prepares what p needs and starts it.
func (r *Runner) fork(p *proc, null int) (*birth, error) {
	s := p.start
	if s.Refused != "" {
		return nil, errors.New(s.Refused)
	}
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return nil, errors.New("no command is given")
	}
	scratch, err := r.scratch.get(s.Key, s.User)
	if err != nil {
		return nil, err
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
	b := &birth{}
	if b.cell, err = r.cells.get(limits{s.Memory, s.MilliCPU, s.MaxCPU}); err != nil {
		return nil, err
	}
	reads, writes, err := outputPipes()
	if err != nil {
		b.cell.release()
		return nil, err
	}
	attr.Files = append([]uintptr{uintptr(null), uintptr(writes[0]), uintptr(writes[1])}, attr.Files...)
	b.at = time.Now().UTC()
	b.pid, err = r.launch(s, b.cell, attr)
	for _, fd := range writes {
		unix.Close(fd)
	}
	if err != nil {
		for _, fd := range reads {
			unix.Close(fd)
		}
		r.discard(p.key, b.cell)
		return nil, err
	}
	b.output = newOutput(r.archive.base(p.key), r.cfg.LogLimit, reads)
	b.reader = r.collector.add(b.output)
	return b, nil
}

// discard gives back the cell of a process that failed to start; its helper may still be on its way out.
func (r *Runner) discard(k Key, c cell) {
	if err := c.clear(); err != nil {
		r.log.Error("clearing up after a failed start", "proc", k, "error", err)
		return
	}
	c.release()
}

// outputPipes makes the pipes of standard output and standard error. We do not wait for what is read from them.
func outputPipes() (reads, writes [2]int, err error) {
	for i := range reads {
		var ends [2]int
		if err = unix.Pipe2(ends[:], unix.O_CLOEXEC); err == nil {
			_, err = unix.FcntlInt(uintptr(ends[0]), unix.F_SETFL, unix.O_NONBLOCK)
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
