// Package runner is the parent of all local processes of a Tutti: a program of its own that outlives the server. It
// starts what it is told to, once; holds each process tree in a cell of its own; keeps its output; and keeps the report
// of its end until that is acknowledged. It knows nothing of jobs, queues or retries, and imports no other room: what
// talks to it speaks the protocol in wire.go, through Client or otherwise.
//
// It is upgraded by executing another program in its place, on request: see upgrade.go. No process ends for that.
//
// If it dies, its successor kills what it left, proves that nothing is left, and reports those processes as lost.
package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Config says what a runner works with.
type Config struct {
	// Dir holds the socket, the journal, logs and scratch directories. Where the runner is root, the owners of jobs
	// must be able to pass through it and the directories above it.
	Dir      string
	Log      *slog.Logger  // nil: text on standard error
	LogLimit int64         // bytes of output kept of one process; 0: 64 MiB
	Grace    time.Duration // from SIGTERM to SIGKILL where a process names none; 0: 10 s
	// Containment is the best way of holding process trees together that may be used, one of the Contain constants;
	// empty: the best that there is.
	Containment string
}

// The places in Config.Dir.
func socketPath(dir string) string { return filepath.Join(dir, "runner.sock") }

// ScratchDir is the scratch directory of a process of the runner in dir.
func ScratchDir(dir string, k Key) string {
	return filepath.Join(dir, "work", fmt.Sprint(k.Job), k.file())
}

// ErrRunning means that another runner has the directory.
var ErrRunning = errors.New("another runner is at work in this directory")

// Main runs a runner until it is told to shut down, by ctx, by SIGTERM or by a client. Processes that still run then
// are killed. It becomes a helper process instead where its environment says so: see helper.go.
func Main(ctx context.Context, cfg Config) error {
	if isHelper() {
		return help()
	}
	if isCheck() {
		return answerCheck()
	}
	h, err := takeHandover()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT) // not ignored: that would be inherited
	syscall.Umask(0o022)
	var r *Runner
	if h != nil {
		r, err = resume(cfg, h)
	} else {
		r, err = open(cfg)
	}
	if err != nil {
		return err
	}
	defer r.close()
	if err := calmMonitor(); err != nil {
		r.log.Warn("starting processes takes more processor time than it must", "error", err)
	}
	r.log.Info("the runner is ready", "dir", cfg.Dir, "pid", os.Getpid(), "contain", r.facts.Contain)
	go func() {
		select {
		case <-ctx.Done():
		case <-r.stop:
		}
		r.shutDown()
		r.gate.enter() // for good: it is too late for an upgrade
		r.listener.Close()
	}()
	return r.serve()
}

func (r *Runner) shutDown() { r.stopOnce.Do(func() { close(r.stop) }) }

// Runner is a running runner.
type Runner struct {
	cfg       Config
	log       *slog.Logger
	facts     Facts
	lock      *os.File // held while the directory is ours
	listener  *net.UnixListener
	cells     cells
	journal   *journal
	collector *collector
	archive   *archive
	scratch   *scratch
	settled   settled       // but for its files guarded by mu
	stop      chan struct{} // closed by Shutdown
	stopOnce  sync.Once
	gate      *gate
	spawns    queue
	forked    chan struct{} // holds a token when the reaper may have children to wait for

	mu         sync.Mutex // guards all below and the fields of every proc
	generation uint64
	epoch      int64
	procs      map[Key]*proc
	byPID      map[int]*proc
	early      map[int]ending // children that ended before their spawner could say whose they are
	spawning   int            // forks under way
	outbox     []Report       // not acknowledged, by number
	number     uint64         // of the latest report
	written    uint64         // reports up to this one are in the journal
	changed    chan struct{}  // closed and replaced when written grows
}

// proc is one process, from its start to Forget.
type proc struct {
	key     Key
	start   *Start // nil once it ended
	pid     int    // 0: not forked
	exited  bool   // the process ended, as ending says; its tree may not have
	ending  ending
	began   time.Time
	exit    *Exit // nil until the tree is gone
	number  uint64
	tail    []byte
	cell    cell
	output  *output
	reader  uint64 // of output, in the collector
	stop    Cause  // why it was told to stop
	why     string
	timeout *time.Timer
	kill    *time.Timer
	killAt  time.Time
}

func newRunner(cfg Config) *Runner {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if cfg.LogLimit == 0 {
		cfg.LogLimit = 64 << 20
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	r := &Runner{
		cfg: cfg, log: cfg.Log,
		stop: make(chan struct{}), gate: newGate(), forked: make(chan struct{}, 1), changed: make(chan struct{}),
		procs: map[Key]*proc{}, byPID: map[int]*proc{}, early: map[int]ending{},
		archive: &archive{dir: filepath.Join(cfg.Dir, "logs")},
	}
	r.spawns.wake.L = &r.spawns.mu
	r.settled = settled{archive: r.archive, jobs: map[int64]map[lane]bits{}}
	return r
}

func open(cfg Config) (*Runner, error) {
	r := newRunner(cfg)
	for _, step := range []func() error{r.makeDirs, r.takeLock, r.openCells, r.openScratch, r.recover, r.openCollector, r.listen} {
		if err := step(); err != nil {
			r.close()
			return nil, err
		}
	}
	r.run()
	return r, nil
}

func (r *Runner) run() {
	for range spawners {
		go r.spawner()
	}
	go r.reap()
}

// makeDirs makes what others may pass through but not list, and what is ours alone.
func (r *Runner) makeDirs() error {
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{{r.cfg.Dir, 0o711}, {filepath.Join(r.cfg.Dir, "work"), 0o711}, {r.archive.dir, 0o700}} {
		if err := os.MkdirAll(d.path, d.mode); err != nil {
			return fmt.Errorf("making the runner's directories: %w", err)
		}
	}
	return nil
}

func (r *Runner) takeLock() error {
	f, err := os.OpenFile(filepath.Join(r.cfg.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("taking the runner's directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("%w: %s", ErrRunning, r.cfg.Dir)
	}
	r.lock = f
	return nil
}

func (r *Runner) openCells() error {
	if err := r.identify(); err != nil {
		return err
	}
	c, err := openCells(&r.cfg, &r.facts)
	if err != nil {
		return err
	}
	r.cells = c
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // orphans of jobs become ours to reap
}

// identify sets what the facts say of this program and process.
func (r *Runner) identify() error {
	build, err := Build()
	r.facts.Version, r.facts.Build, r.facts.PID, r.facts.Root = Version, build, os.Getpid(), os.Geteuid() == 0
	return err
}

// recover reads the journal. Opening the cells has ended whatever an earlier runner left, so that those without an
// exit are lost, and proved gone.
func (r *Runner) recover() error {
	if err := r.readJournal(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	acked := r.number
	r.generation++
	r.number = r.generation << 40 // above all that earlier runners gave, also those that are not in the journal
	r.written = r.number          // of which there is no report: nothing is still to be written
	r.journal.add(true, nil, record{Generation: r.generation})
	for _, p := range r.procs {
		switch {
		case p.exit == nil:
			r.lose(p)
		case p.number > acked:
			p.tail = plain(r.archive.stored(p.key).lastChunk(), tailSize)
			r.report(p)
		}
	}
	return nil
}

// lose reports a process of which the journal says that it was to start, and of which nothing is left. mu is held.
func (r *Runner) lose(p *proc) {
	p.exit = &Exit{Cause: Lost, Code: 1, Ended: time.Now().UTC(), Text: "the runner died; nothing of the process is left"}
	p.tail = plain(r.archive.stored(p.key).lastChunk(), tailSize)
	r.report(p)
}

// readJournal opens the journal and sets what it says: processes, the latest epoch and generation, and as the number of
// the latest report that of the latest acknowledged.
func (r *Runner) readJournal() (err error) {
	visit := func(rec record) {
		switch {
		case rec.Generation > 0:
			r.generation = max(r.generation, rec.Generation)
		case rec.Epoch > 0:
			r.epoch = max(r.epoch, rec.Epoch)
		case rec.Settled != nil:
			r.settled.restore(rec.Settled)
		case rec.Intent != nil:
			r.epoch = max(r.epoch, rec.Intent.Epoch)
			if r.procs[rec.Intent.Key] == nil {
				r.procs[rec.Intent.Key] = &proc{key: rec.Intent.Key}
			}
		case rec.Exit != nil:
			p := &proc{key: rec.Exit.Key, exit: rec.Exit.Exit, began: rec.Exit.Started, number: rec.Exit.Number}
			r.procs[p.key] = p
		case rec.Ack > 0:
			r.number = rec.Ack
		case rec.Forget > 0:
			delete(r.settled.jobs, rec.Forget)
			for k, p := range r.procs {
				if k.Job == rec.Forget && p.exit != nil && p.number <= r.number {
					delete(r.procs, k)
				}
			}
		}
	}
	r.journal, err = openJournal(r.cfg.Dir, r.log, visit, r.snapshot)
	return err
}

func (r *Runner) openScratch() (err error) {
	r.scratch, err = openScratch(filepath.Join(r.cfg.Dir, "work"))
	return err
}

func (r *Runner) openCollector() (err error) {
	r.collector, err = newCollector(r.log)
	return err
}

func (r *Runner) listen() error {
	path := socketPath(r.cfg.Dir)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("removing an old socket: %w", err)
	}
	l, err := listenUnix(path)
	if err != nil {
		return fmt.Errorf("listening at %s: %w", path, err)
	}
	r.listener = l
	return os.Chmod(path, 0o600)
}

// listenUnix listens at a path of any length: the address of a socket has room for 107 bytes only.
func listenUnix(path string) (*net.UnixListener, error) {
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}

// shortPath names the directory of path by a descriptor, which done closes.
func shortPath(path string) (short string, done func(), err error) {
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir, filepath.Base(path)), func() { unix.Close(dir) }, nil
}

// close kills what runs and waits until all of it is gone and written down.
func (r *Runner) close() {
	if r.listener != nil {
		r.endAll()
		r.listener.Close()
		os.Remove(socketPath(r.cfg.Dir))
	}
	r.spawns.close()
	if r.journal != nil {
		r.journal.close()
	}
	if r.collector != nil {
		r.collector.close()
	}
	if r.cells != nil {
		r.cells.close()
	}
	if r.lock != nil {
		r.lock.Close()
	}
}

// endAll stops every process and waits for the last report to be written.
func (r *Runner) endAll() {
	r.mu.Lock()
	for _, p := range r.procs {
		if p.exit == nil {
			r.terminate(p, Lost, "the runner was shut down", -1)
		}
	}
	for {
		live := r.written < r.number
		for _, p := range r.procs {
			live = live || p.exit == nil
		}
		changed := r.changed
		r.mu.Unlock()
		if !live {
			return
		}
		<-changed
		r.mu.Lock()
	}
}

// snapshot is everything that a journal must say. The time when it is written anew is that at which what was
// acknowledged is put aside.
func (r *Runner) snapshot() []record {
	r.settle()
	r.mu.Lock()
	defer r.mu.Unlock()
	records := []record{}
	if r.generation > 0 {
		records = append(records, record{Generation: r.generation})
	}
	if r.epoch > 0 {
		records = append(records, record{Epoch: r.epoch})
	}
	records = append(records, r.settled.records()...)
	if acked := r.acked(); acked > 0 {
		records = append(records, record{Ack: acked})
	}
	for _, p := range r.procs {
		records = append(records, record{Intent: &intent{p.key, r.epoch}})
		if p.exit != nil {
			records = append(records, record{Exit: &Report{Key: p.key, Number: p.number, Started: p.began, Exit: p.exit}})
		}
	}
	return records
}
