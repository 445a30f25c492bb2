package runner

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ending is what the kernel says of a child that ended.
type ending struct {
	At     time.Time
	Status syscall.WaitStatus
	Usage  syscall.Rusage
}

// accept promises to start those of a batch that are new, and says again what is known of the others. It returns when
// the promise is durable; the processes are forked after that.
func (r *Runner) accept(b *StartBatch) error {
	r.mu.Lock()
	if b.Epoch < r.epoch {
		defer r.mu.Unlock()
		return refuse(CodeSuperseded, "epoch %d is older than %d: a later server has taken over", b.Epoch, r.epoch)
	}
	r.epoch = b.Epoch
	var fresh []*proc
	r.recall(b.keys()...)
	for i := range b.Starts {
		s := &b.Starts[i]
		if p, known := r.procs[s.Key]; known {
			if p.number > 0 {
				r.report(p)
			}
			continue
		}
		p := &proc{key: s.Key, start: s}
		r.procs[s.Key] = p
		fresh = append(fresh, p)
	}
	durable := make(chan error, 1)
	intents := make([]record, len(fresh))
	for i, p := range fresh {
		intents[i].Intent = &intent{p.key, b.Epoch}
	}
	r.journal.add(len(fresh) > 0, func(err error) { durable <- err }, intents...)
	r.mu.Unlock()

	if err := <-durable; err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range fresh {
			delete(r.procs, p.key)
		}
		return err
	}
	r.spawns.add(fresh)
	return nil
}

// report gives what is known of each of procs the next number; it is delivered when the journal has it. mu is held.
func (r *Runner) report(procs ...*proc) {
	settled := r.written == r.number // the journal has nothing of ours to write
	var ends []record
	for _, p := range procs {
		r.number++
		p.number = r.number
		rep := Report{Key: p.key, Number: p.number, Started: p.began, Exit: p.exit, Tail: p.tail}
		r.outbox = append(r.outbox, rep)
		if p.exit != nil {
			rep.Tail = nil // it is in the archive
			ends = append(ends, record{Exit: &rep})
		}
	}
	number := r.number
	if settled && len(ends) == 0 {
		r.announce(number)
		return
	}
	r.journal.add(false, func(error) { r.deliver(number) }, ends...)
}

// deliver lets subscribers see reports up to number. One that the journal would not take is delivered all the same:
// the journal matters only if we die.
func (r *Runner) deliver(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.announce(number)
}

// announce is deliver with mu held.
func (r *Runner) announce(number uint64) {
	r.written = number
	close(r.changed)
	r.changed = make(chan struct{})
}

// after gives the reports that are beyond number, without starts of which the end is known.
func (r *Runner) after(number uint64) (batch []Report, last uint64, changed chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := sort.Search(len(r.outbox), func(i int) bool { return r.outbox[i].Number > number })
	to := sort.Search(len(r.outbox), func(i int) bool { return r.outbox[i].Number > r.written })
	for _, rep := range r.outbox[from:max(from, to)] {
		number = rep.Number
		if p := r.procs[rep.Key]; rep.Exit == nil && p != nil && p.exit != nil {
			continue
		}
		batch = append(batch, rep)
	}
	return batch, number, r.changed
}

// acked is the number up to which all reports are acknowledged. mu is held.
func (r *Runner) acked() uint64 {
	if len(r.outbox) == 0 {
		return r.number
	}
	return r.outbox[0].Number - 1
}

func (r *Runner) ack(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := sort.Search(len(r.outbox), func(i int) bool { return r.outbox[i].Number > number })
	if n == 0 {
		return
	}
	for _, rep := range r.outbox[:n] {
		if p := r.procs[rep.Key]; p != nil && p.number <= number {
			p.tail = nil
		}
	}
	r.outbox = slices.Delete(r.outbox, 0, n)
	r.journal.add(false, nil, record{Ack: r.acked()})
}

// list gives the latest report of each process that runs or whose end is not acknowledged.
func (r *Runner) list() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	acked, list := r.acked(), []Report{}
	for _, p := range r.procs {
		if p.exit == nil || p.number > acked {
			list = append(list, Report{Key: p.key, Number: p.number, Started: p.began, Exit: p.exit, Tail: p.tail})
		}
	}
	slices.SortFunc(list, func(a, b Report) int { return int(min(max(int64(a.Number)-int64(b.Number), -1), 1)) })
	return list
}

// lastJob is the highest number of a job of which anything is kept.
func (r *Runner) lastJob() (last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.procs {
		last = max(last, k.Job)
	}
	for id := range r.settled.jobs {
		last = max(last, id)
	}
	return last
}

// began notes that p was forked. A child that ended meanwhile is ended now.
func (r *Runner) began(p *proc, b *birth) {
	r.mu.Lock()
	p.pid, p.began, p.cell, p.output, p.reader = b.pid, b.at, b.cell, b.output, b.reader
	r.report(p)
	e, gone := r.early[p.pid]
	if gone {
		delete(r.early, p.pid)
		r.exited(p, e)
		go r.finish(p)
	} else {
		r.byPID[p.pid] = p
	}
	r.forkDone()
	if p.exited {
		r.mu.Unlock()
		return
	}
	if p.stop != "" { // told to stop while it was being forked
		r.terminate(p, p.stop, p.why, time.Until(p.killAt))
	}
	r.setTimeout(p)
	r.mu.Unlock()
	r.expectChild()
}

// expectChild tells the reaper that there is a child to wait for.
func (r *Runner) expectChild() {
	select {
	case r.forked <- struct{}{}:
	default:
	}
}

// setTimeout has p stopped at its Timeout. mu is held.
func (r *Runner) setTimeout(p *proc) {
	if limit := p.start.Timeout; limit > 0 {
		p.timeout = time.AfterFunc(time.Until(p.began.Add(limit)), func() { r.timeOut(p, limit) })
	}
}

// forkDone ends a fork. With none under way, nobody will ask for the children in early. mu is held.
func (r *Runner) forkDone() {
	if r.spawning--; r.spawning == 0 {
		clear(r.early)
	}
}

func (r *Runner) timeOut(p *proc, limit time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !p.exited && p.stop == "" {
		r.terminate(p, TimedOut, fmt.Sprintf("ran longer than its timeout of %s", limit), 0)
	}
}

// cancel stops a process, or makes sure that it never starts.
func (r *Runner) cancel(c *Cancel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recall(c.Key)
	p, known := r.procs[c.Key]
	switch {
	case !known:
		p = &proc{key: c.Key, exit: &Exit{Cause: Lost, Code: 1, Ended: time.Now().UTC(), Text: "never started, and cannot be started any more"}}
		r.procs[c.Key] = p
		r.journal.add(true, nil, record{Intent: &intent{p.key, r.epoch}})
		r.report(p)
	case p.exit != nil:
		r.report(p)
	default:
		r.terminate(p, Cancelled, c.Why, c.Grace)
	}
}

// terminate sends SIGTERM now and SIGKILL after grace (0: the process's own; negative: at once). The first reason
// stays; a later call can only bring the kill forward. mu is held.
func (r *Runner) terminate(p *proc, cause Cause, why string, grace time.Duration) {
	if p.exited {
		return
	}
	if p.stop == "" {
		p.stop, p.why = cause, why
	}
	if grace == 0 {
		grace = r.cfg.Grace
		if p.start.Grace > 0 {
			grace = p.start.Grace
		}
	}
	at := time.Now().Add(grace)
	if p.killAt.IsZero() || at.Before(p.killAt) {
		p.killAt = at
	}
	if p.pid == 0 {
		return // its spawner looks at stop
	}
	if grace > 0 {
		_ = syscall.Kill(-p.pid, syscall.SIGTERM)
	}
	if p.kill != nil {
		p.kill.Stop()
	}
	p.kill = time.AfterFunc(time.Until(p.killAt), func() { r.killNow(p) })
}

func (r *Runner) killNow(p *proc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.exited {
		return
	}
	if err := p.cell.kill(); err != nil {
		r.log.Error("killing a process tree", "proc", p.key, "error", err)
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

func (r *Runner) signal(s *Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.procs[s.Key]
	if !known || p.exit != nil || p.exited || p.pid == 0 {
		return refuse(CodeUnknown, "%s is not running", s.Key)
	}
	if err := syscall.Kill(-p.pid, syscall.Signal(s.Signal)); err != nil {
		return refuse(CodeRefused, "sending signal %d to %s: %v", s.Signal, s.Key, err)
	}
	return nil
}

func (r *Runner) usage(k Key) (*Usage, error) {
	r.mu.Lock()
	p, known := r.procs[k]
	if !known || p.exit != nil || p.pid == 0 {
		r.mu.Unlock()
		return nil, refuse(CodeUnknown, "%s is not running", k)
	}
	c := p.cell
	r.mu.Unlock()
	u := usageOf(c.pids())
	return &u, nil
}

// exited notes that the process itself ended; what it left is ended and its end reported by finish, which the caller
// starts. mu is held.
func (r *Runner) exited(p *proc, e ending) {
	p.exited, p.ending = true, e
	for _, t := range []*time.Timer{p.timeout, p.kill} {
		if t != nil {
			t.Stop()
		}
	}
}

// finish ends the rest of the trees of processes that ended, takes the rest of their output, and reports. One of which
// something is left does not keep the others waiting.
func (r *Runner) finish(procs ...*proc) {
	gone := make([]*proc, 0, len(procs))
	for _, p := range procs {
		if p.cell.empty() {
			gone = append(gone, p)
		} else {
			go r.finishTree(p)
		}
	}
	r.finished(gone)
}

// finishTree is finish for one of which something is left.
func (r *Runner) finishTree(p *proc) {
	for {
		err := p.cell.clear()
		if err == nil {
			break
		}
		r.log.Error("a process tree cannot be proved gone; its end is not reported until it is", "proc", p.key, "error", err)
		time.Sleep(time.Second)
	}
	r.finished([]*proc{p})
}

// finished takes the rest of the output of processes of which the trees are gone, and reports their ends together.
func (r *Runner) finished(procs []*proc) {
	if len(procs) == 0 {
		return
	}
	r.gate.enter()
	defer r.gate.leave()
	var buf [4 << 10]byte
	small := make([]packed, 0, len(procs))
	exits, tails := make([]*Exit, len(procs)), make([][]byte, len(procs))
	for i, p := range procs {
		var text []byte
		tails[i], text = p.output.close(buf[:])
		if len(text) > 0 {
			small = append(small, packed{Key: p.key, Size: len(text), text: text})
		}
		r.collector.remove(p.reader)
		exits[i] = describe(p, p.cell.ending(p.ending))
		exits[i].lose(p.output.lost, p.output.why)
		p.cell.release()
		r.scratch.release(p.key, p.start.User)
	}
	lost := r.archive.keep(small)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range procs {
		if why := lost[p.key]; why != nil {
			exits[i].lose(int64(len(tails[i])), why)
		}
		p.tail = tails[i]
		p.ended(exits[i])
	}
	r.report(procs...)
}

// ended drops what only a live process needs. The runner's mu is held.
func (p *proc) ended(exit *Exit) {
	p.exit = exit
	p.start, p.cell, p.output, p.timeout, p.kill = nil, nil, nil, nil, nil
}

// describe says how a process ended. Its cell is still its own.
func describe(p *proc, e ending) *Exit {
	x := &Exit{
		Cause: Exited, Code: int32(e.Status.ExitStatus()), Ended: e.At,
		MaxRSS: ownPeak(&e.Usage), CPUTime: seconds(e.Usage.Utime) + seconds(e.Usage.Stime),
	}
	if e.Status.Signaled() {
		x.Cause, x.Signal = Signalled, int32(e.Status.Signal())
		x.Code = 128 + x.Signal
		x.Text = fmt.Sprintf("killed by signal %d (%s)", x.Signal, unix.SignalName(e.Status.Signal()))
	}
	switch {
	case p.stop != "":
		x.Cause = p.stop
		if x.Cause == Cancelled {
			x.Why = p.why
		} else {
			x.Text = p.why
		}
	case x.Code != 0 && p.cell.outOfMemory():
		x.Cause = Memory
		x.Text = fmt.Sprintf("used more memory than its limit of %d MiB", p.start.Memory>>20)
	}
	return x
}

// lose adds that n bytes of the output could not be written.
func (x *Exit) lose(n int64, why error) {
	if n == 0 {
		return
	}
	if errno := syscall.Errno(0); errors.As(why, &errno) {
		why = errno // without the file, which is ours
	}
	text := fmt.Sprintf("%d bytes of its output are lost: %v", n, why)
	if x.Text != "" {
		text = x.Text + "; " + text
	}
	x.Text = text
}

// ownPeak is the most memory that a process had, in bytes. The kernel counts for a process what whoever forked it had
// until it was executed: one that stayed below that has no peak that could be told, and gets 0.
func ownPeak(u *syscall.Rusage) int64 {
	var ours syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ours); err != nil || u.Maxrss <= ours.Maxrss {
		return 0
	}
	return u.Maxrss << 10
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// forget drops what is kept of a job's ended processes.
func (r *Runner) forget(job int64) error {
	r.settled.files.Lock()
	defer r.settled.files.Unlock()
	r.mu.Lock()
	acked, left := r.acked(), false
	gone := r.settled.keys(job)
	delete(r.settled.jobs, job)
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
	r.journal.add(false, nil, record{Forget: job})
	r.mu.Unlock()
	if !left {
		return errors.Join(r.scratch.forget(job), r.archive.remove(job))
	}
	errs := []error{os.RemoveAll(r.settled.path(job))}
	for _, k := range gone {
		errs = append(errs, os.RemoveAll(r.scratch.path(k)), r.archive.drop(k))
	}
	return errors.Join(errs...)
}
