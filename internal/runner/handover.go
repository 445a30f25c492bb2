package runner

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// handoverVariable tells a program that it takes a runner's place: the descriptor of the handover, or handoverCheck,
// which only asks what it could take.
const (
	handoverVariable = "TUTTI_RUNNER_HANDOVER"
	handoverCheck    = "check"
)

// handoverFormat is the form of the handover that we write. Fields are added without another number as long as older
// programs may ignore them.
const (
	handoverFormat       = 1
	oldestHandoverFormat = 1
)

// handover is what a runner knows beyond its journal. Numbers of descriptors are those of the process.
type handover struct {
	Format   int
	Dir      string
	Facts    Facts
	Lock     int
	Listener int
	Cells    cellsState
	Epoch    int64
	Number   uint64   // of the latest report
	Outbox   []Report // not acknowledged
	Procs    []procState
}

// procState is one process that has not ended, or whose tree is not proved gone.
type procState struct {
	Key    Key
	Start  Start
	PID    int // 0: not forked
	Began  time.Time
	Number uint64
	Stop   Cause
	Why    string
	KillAt time.Time
	Ending *ending // of the first process
	Cell   cellState
	Output outputState
}

// outputState is an output that goes on.
type outputState struct {
	Parts   [][2]int64
	Writing bool // the last part can be written
	Mem     []byte
	End     int64
	Pending [2][]byte
	Pipes   [2]int
}

// descriptors are those that stay open.
func (h *handover) descriptors() []int {
	fds := []int{h.Lock, h.Listener, h.Cells.Lock}
	for _, p := range h.Procs {
		if p.PID > 0 {
			fds = append(fds, p.Output.Pipes[:]...)
		}
	}
	return slices.DeleteFunc(fds, func(fd int) bool { return fd < 0 })
}

// isCheck says that this process was only asked what it could take over.
func isCheck() bool { return os.Getenv(handoverVariable) == handoverCheck }

// answerCheck says it.
func answerCheck() error {
	return json.NewEncoder(os.Stdout).Encode(formats{oldestHandoverFormat, handoverFormat})
}

// takeHandover is the handover of the runner that this process was; nil: it was none.
func takeHandover() (*handover, error) {
	text := os.Getenv(handoverVariable)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(handoverVariable) //nolint:errcheck // cannot fail for a name without "="
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("taking over from a runner: %s=%q is no descriptor", handoverVariable, text)
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "handover")
	defer f.Close()
	h := &handover{}
	if _, err = f.Seek(0, io.SeekStart); err == nil {
		err = json.NewDecoder(f).Decode(h)
	}
	if err != nil {
		return nil, fmt.Errorf("taking over from a runner: %w", err)
	}
	closeOnExec(h.descriptors())
	return h, nil
}

// resume goes on where the runner that this process was has stopped.
func resume(cfg Config, h *handover) (*Runner, error) {
	r := newRunner(cfg)
	take := func() error { return r.takeOver(h) }
	for _, step := range []func() error{r.makeDirs, r.openScratch, r.openCollector, take} {
		if err := step(); err != nil {
			r.close()
			return nil, fmt.Errorf("taking over from a runner: %w", err)
		}
	}
	r.run()
	return r, nil
}

func (r *Runner) takeOver(h *handover) error {
	if h.Dir != r.cfg.Dir {
		return fmt.Errorf("it has the directory %s, and this one is for %s", h.Dir, r.cfg.Dir)
	}
	r.lock = os.NewFile(uintptr(h.Lock), "lock")
	r.facts = h.Facts
	if err := r.identify(); err != nil {
		return err
	}
	var err error
	if r.cells, err = adoptCells(&r.cfg, h); err != nil {
		return err
	}
	if err := r.readJournal(); err != nil {
		return err
	}
	if err := r.takeProcs(h); err != nil {
		return err
	}
	f := os.NewFile(uintptr(h.Listener), "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("going on to listen: %w", err)
	}
	unixListener, ok := l.(*net.UnixListener)
	if !ok {
		l.Close()
		return fmt.Errorf("going on to listen: descriptor %d is no socket of ours", h.Listener)
	}
	r.listener = unixListener
	return nil
}

// takeProcs takes the reports and the processes over.
func (r *Runner) takeProcs(h *handover) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch, r.number, r.written, r.outbox = h.Epoch, h.Number, h.Number, h.Outbox
	for _, rep := range h.Outbox {
		if p := r.procs[rep.Key]; rep.Exit != nil && p != nil {
			p.tail = rep.Tail
		}
	}
	var queued []*proc
	for i := range h.Procs {
		p, err := r.adopt(&h.Procs[i])
		if err != nil {
			return err
		}
		if p.pid == 0 {
			queued = append(queued, p)
		}
	}
	slices.SortFunc(queued, func(a, b *proc) int { return compareKeys(a.key, b.key) })
	r.spawns.add(queued)
	for _, p := range r.procs {
		if p.exit == nil && p.start == nil {
			r.lose(p)
		}
	}
	return nil
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Child, b.Child), cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Attempt, b.Attempt))
}

// adopt takes one process over. mu is held.
func (r *Runner) adopt(s *procState) (*proc, error) {
	p := &proc{
		key: s.Key, start: &s.Start, pid: s.PID, began: s.Began, number: s.Number, stop: s.Stop, why: s.Why, killAt: s.KillAt,
	}
	r.procs[p.key] = p
	if p.pid == 0 {
		return p, nil
	}
	var err error
	if p.cell, err = r.cells.adopt(s.Cell); err != nil {
		return nil, err
	}
	p.output = adoptOutput(r.archive.base(p.key), r.cfg.LogLimit, &s.Output)
	p.reader = r.collector.add(p.output)
	if s.Ending != nil {
		r.exited(p, *s.Ending)
		go r.finish(p)
		return p, nil
	}
	r.byPID[p.pid] = p
	r.setTimeout(p)
	if p.stop != "" {
		p.kill = time.AfterFunc(time.Until(p.killAt), func() { r.killNow(p) })
	}
	return p, nil
}

// handOver is the state of an output. mu is held, and stays so.
func (o *output) handOver() outputState {
	s := outputState{Writing: o.file != nil, Mem: o.mem, End: o.end, Pending: o.pending, Pipes: o.pipes}
	for _, p := range o.parts {
		s.Parts = append(s.Parts, [2]int64{p.start, p.end})
	}
	return s
}

func adoptOutput(base string, limit int64, s *outputState) *output {
	o := newOutput(base, limit, s.Pipes)
	o.mem, o.end, o.pending = s.Mem, s.End, s.Pending
	for _, p := range s.Parts {
		o.parts = append(o.parts, part{p[0], p[1]})
	}
	if s.Writing {
		// What cannot be opened is dropped as what cannot be written.
		if f, err := os.OpenFile(o.parts[len(o.parts)-1].path(base), os.O_APPEND|os.O_WRONLY, 0); err == nil {
			o.file = f
		}
	}
	return o
}

// cellsState is what cells know beyond the machine.
type cellsState struct {
	Lock int // descriptor; -1: none
	Made int // cells so far
	Base string
	V2   map[string]bool
	V1   map[string]string
	Born int64
}

// cellState is one cell with a tree in it.
type cellState struct {
	Dir    string
	Memory int64
	OOM    int64
	PID    int
	Mark   string
}

// adoptCells goes on with the cells of the runner that this process was.
func adoptCells(cfg *Config, h *handover) (cells, error) {
	s := h.Cells
	switch h.Facts.Contain {
	case ContainCgroup:
		g := &cgroups{
			base: s.Base, lock: s.Lock, v2: s.V2, v1: s.V1, home: map[string]int{}, record: cgroupRecord(cfg.Dir), log: cfg.Log, made: s.Made,
		}
		for controller, base := range s.V1 {
			fd, err := unix.Open(filepath.Join(filepath.Dir(base), "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return nil, fmt.Errorf("opening our own cgroup of %s: %w", controller, err)
			}
			g.home[controller] = fd
		}
		return g, nil
	case ContainNamespace:
		return openNamespaces(cfg.Dir, cfg.Log)
	case ContainSession:
		return &sessions{prefix: markPrefix(cfg.Dir), born: s.Born, last: s.Made, log: cfg.Log}, nil
	}
	return nil, fmt.Errorf("processes are held together by %q, which this runner does not know", h.Facts.Contain)
}

// handOver gives up the groups that nothing is in: they are made anew.
func (g *cgroups) handOver() cellsState {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.free {
		c.remove()
	}
	g.free = nil
	return cellsState{Lock: g.lock, Made: g.made, Base: g.base, V2: g.v2, V1: g.v1}
}

// adopt takes a group over, for the one process that is in it.
func (g *cgroups) adopt(s cellState) (cell, error) {
	c, err := g.open(s.Dir)
	if err != nil {
		return nil, err
	}
	c.limits.memory, c.oom, c.killed = s.Memory, s.OOM, true
	for controller, base := range g.v1 {
		if _, err := os.Stat(filepath.Join(base, filepath.Base(s.Dir))); err != nil {
			continue
		}
		if _, err := c.v1(controller); err != nil {
			return nil, fmt.Errorf("opening the cgroup %s of %s: %w", s.Dir, controller, err)
		}
	}
	return c, nil
}

func (c *cgroup) handOver() (cellState, error) {
	return cellState{Dir: c.dir, Memory: c.limits.memory, OOM: c.oom}, nil
}

func (s *sessions) handOver() cellsState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cellsState{Lock: -1, Made: s.last, Born: s.born}
}

func (s *sessions) adopt(c cellState) (cell, error) {
	return &session{all: s, mark: c.Mark, pid: c.PID}, nil
}

func (s *session) handOver() (cellState, error) { return cellState{PID: s.pid, Mark: s.mark}, nil }

func (n *namespaces) handOver() cellsState { return cellsState{Lock: -1} }

var errBoundToThread = errors.New("processes run in pid namespaces, which end with the thread that started them; it is possible when none runs")

func (n *namespaces) adopt(cellState) (cell, error) { return nil, errBoundToThread }

func (n *namespace) handOver() (cellState, error) { return cellState{}, errBoundToThread }
