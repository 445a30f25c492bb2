// Package kernel runs runs: inbox → Decide → Commit → orders. It owns the state of every run that has something to do,
// feeds it what happens, makes what it decides durable through the store's Writer, and only then carries out the orders.
// It knows no language, no engine and no wire format.
//
// The life of a step: a run with inputs waits in the ready queue, where owners take turns. A worker takes it, feeds it
// all waiting inputs and then Step until nothing follows or the budget is used, and hands the events to the Writer as one
// unit. While the unit is on its way nobody touches the run; inputs gather. When the unit is durable, its orders are
// carried out, and the run goes back to the queue if there is more to do. A refused unit (another writer) drops the state,
// which is folded again from the log. A run that only waits is evicted: its timers and jobs are rows.
package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Options are what a Kernel needs. Store, Writer, Load, Languages and Integrations must be set.
type Options struct {
	Store        store.Store
	Writer       *store.Writer
	Load         func(context.Context, value.Digest) (value.Value, error) // brings a stored value; default from Store alone
	Languages    []run.Language
	Integrations Integrations
	Log          *slog.Logger

	Now  func() time.Time // default time.Now
	Go   func(func())     // starts a task's effect; default a goroutine
	Rand func() uint64    // for made-up names only; default a counter mixed with the time

	Workers      int // default GOMAXPROCS
	BudgetEvents int // events in one commit of a run; default 1,000
	BudgetBytes  int // bytes in one commit of a run; default 1 MiB
	// BudgetChildren is how many runs one commit of a run may begin; default 250.
	BudgetChildren int
	MaxResident    int           // idle runs kept folded; default 10,000
	IdleFor        time.Duration // an idle run is evicted after this; default 2 s
	Drain          time.Duration // how long Run waits for effects under way when it is told to stop; default 5 s
}

// Kernel is the engine of runs of one server.
type Kernel struct {
	o         Options
	languages map[string]run.Language
	defs      definitions

	mu        sync.Mutex // guards all below
	work      sync.Cond  // ready is not empty, or stopping
	runs      map[run.ID]*resident
	ready     readyQueue
	timers    timerHeap
	due       map[timerKey]int64 // when the timers of the heap fire, in Unix milliseconds; other entries are void
	refilling map[timerKey]bool  // set anew while refill reads rows; nil: it does not
	horizon   time.Time          // timers due until then are in the heap; later ones only in the store
	idle      idleList
	effects   map[run.ID]map[run.TaskID]context.CancelCauseFunc // under way
	underWay  int                                               // effects in all
	waiters   map[run.ID][]chan struct{}
	hold      bool              // see Hold
	parked    map[run.ID]bool   // runs that wait for its end
	later     map[run.ID][]*ask // redrives that wait for the end of the run
	asked     map[taskOf]*ask   // redrives of children, by the parents' tasks
	stopping  bool
	failed    error
	popped    time.Time // when a worker last took a run
	started   uint64    // effects begun

	wakeTimers chan struct{}
}

// phase says who may touch a resident.
type phase uint8

const (
	phaseIdle       phase = iota // nobody; it waits for an input
	phaseReady                   // in the ready queue
	phaseWorking                 // a worker's
	phaseCommitting              // its unit is with the Writer
)

// resident is a run in memory. Fields above the line are guarded by Kernel.mu; those below belong to the worker that has
// the run, and to nobody while its unit is with the Writer.
type resident struct {
	id     run.ID
	owner  string
	parent run.ID
	phase  phase
	inputs []run.Input // from effects and timers: not rows
	asks   []*ask      // from outside, with somebody who waits for the answer
	look   bool        // there may be rows in the inbox
	more   bool        // the budget was used up; Step goes on
	idleAt time.Time
	prev   *resident // in Kernel.idle
	next   *resident

	// ---
	fresh     bool // it has a row and no events: there is nothing to fold
	row       *store.Run
	def       run.Definition
	state     run.State // nil: to be folded from the log
	seq       uint64    // of the next event
	now       time.Time // of the last input
	tasks     map[run.TaskID]run.StartTask
	refs      map[run.TaskID]Ref  // of durable tasks begun since the run was loaded
	held      map[run.TaskID]bool // tasks whose outcome is in the inbox and waits for their call to come back
	logged    int                 // bytes of frames since the last snapshot
	snapshot  int                 // its size
	begun     chan error          // of a run that is not durable yet: told when it is
	source    value.Blob          // the text of its definition, to be stored with it
	conflicts int
}

// Errors of the kernel's calls.
var (
	// ErrExists means that the name is taken by a run with another definition or input.
	ErrExists = errors.New("a run with this name exists already")
	// ErrNameTaken means that a job or run which the new run begins with has a name that is taken.
	ErrNameTaken = errors.New("its first step makes a job or run whose name is taken; give that another name, or remove the old one")
	// ErrGivenUp is the cause that ends the context of an effect whose task is of no more interest.
	ErrGivenUp = errors.New("the task was given up")
	// ErrStopping answers calls while the server shuts down.
	ErrStopping = errors.New("the server is shutting down")
)

// New returns a kernel that does nothing yet.
func New(o Options) *Kernel {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Load == nil {
		o.Load = func(ctx context.Context, d value.Digest) (value.Value, error) {
			return store.Load(ctx, o.Store, nil, d)
		}
	}
	if o.Go == nil {
		o.Go = func(f func()) { go f() }
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.BudgetEvents = cmp.Or(o.BudgetEvents, 1000)
	o.BudgetBytes = cmp.Or(o.BudgetBytes, 1<<20)
	o.BudgetChildren = cmp.Or(o.BudgetChildren, 250)
	o.MaxResident = cmp.Or(o.MaxResident, 10_000)
	o.IdleFor = cmp.Or(o.IdleFor, 2*time.Second)
	o.Drain = cmp.Or(o.Drain, 5*time.Second)
	k := &Kernel{
		o:          o,
		languages:  make(map[string]run.Language),
		runs:       make(map[run.ID]*resident),
		effects:    make(map[run.ID]map[run.TaskID]context.CancelCauseFunc),
		waiters:    make(map[run.ID][]chan struct{}),
		later:      make(map[run.ID][]*ask),
		asked:      make(map[taskOf]*ask),
		due:        make(map[timerKey]int64),
		wakeTimers: make(chan struct{}, 1),
		popped:     o.Now(),
	}
	k.work.L = &k.mu
	k.idle.init()
	for _, l := range o.Languages {
		k.languages[l.Name()] = l
	}
	if o.Rand == nil {
		k.o.Rand = k.nameEntropy
	}
	o.Writer.Listen(k.committed)
	return k
}

// StartRequest asks for a new run.
type StartRequest struct {
	Owner    string
	Name     string // empty: one is made from Machine
	Machine  string // name of the definition in the catalogue; empty: a file
	Language string
	Source   []byte
	Input    value.Value
	Labels   map[string]string
	// Attributes are kept with the run and given to its language: store.Run.Attributes.
	Attributes value.Value
}

// Start begins a run and returns when it is durable. A definition with faults is refused with run.Problems. A name that
// is taken is ErrExists, but for a run that is under way with the same definition and input: that one is returned.
func (k *Kernel) Start(ctx context.Context, q StartRequest) (*store.Run, error) {
	row, err := k.Create(ctx, q)
	if !errors.Is(err, ErrExists) {
		if err != nil {
			return nil, err
		}
		return k.o.Store.Run(ctx, row.ID)
	}
	old, findErr := k.o.Store.RunByName(ctx, q.Owner, q.Machine, row.Name)
	if errors.Is(findErr, store.ErrNotFound) {
		return nil, fmt.Errorf("starting run %q: %w", row.Name, ErrNameTaken)
	}
	if findErr != nil {
		return nil, findErr
	}
	if !old.Status.Ended() && old.Definition == row.Definition && value.Equal(old.Input, row.Input) {
		return old, nil
	}
	return nil, fmt.Errorf("starting run %q: %w", row.Name, err)
}

// Create begins a run and returns its row as it began when it is durable. A name that is taken is ErrExists.
func (k *Kernel) Create(ctx context.Context, q StartRequest) (*store.Run, error) {
	row, begun, err := k.Begin(q)
	if err != nil {
		return nil, err
	}
	select {
	case err = <-begun:
	case <-ctx.Done():
		err = ctx.Err()
	case <-k.o.Writer.Down():
		err = k.o.Writer.Err()
	}
	return row, err
}

// Begin queues a new run and returns its row as it is to be; begun is told once, when it is durable or refused.
func (k *Kernel) Begin(q StartRequest) (row *store.Run, begun <-chan error, err error) {
	def, err := k.defs.compile(k.languages, q.Language, q.Source)
	if err != nil {
		return nil, nil, err
	}
	if q.Input.IsAbsent() {
		q.Input = value.EmptyObject
	}
	id := k.o.Writer.NewRunID()
	if q.Name == "" {
		q.Name = k.makeName(q.Machine, id)
	}
	row = &store.Run{
		ID:         id,
		Name:       q.Name,
		Owner:      q.Owner,
		Language:   q.Language,
		Machine:    q.Machine,
		Definition: def.source.Digest,
		Labels:     q.Labels,
		Attributes: q.Attributes,
		Status:     run.Running,
		Started:    k.now(),
		Input:      q.Input,
	}
	told := make(chan error, 1)
	r := &resident{
		id:     id,
		owner:  q.Owner,
		row:    row,
		def:    def,
		source: def.source,
		state:  def.NewState(),
		seq:    1,
		tasks:  make(map[run.TaskID]run.StartTask),
		begun:  told,
		inputs: []run.Input{startInput(row)},
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refuses(); err != nil {
		return nil, nil, err
	}
	k.runs[id] = r
	k.enqueue(r)
	return row, told, nil
}

// startInput is what a run is told first.
func startInput(row *store.Run) run.Input {
	return run.Input{Kind: run.Start, Name: row.Name, Value: row.Input, Attributes: row.Attributes}
}

// refuses says why no new work is taken. The caller holds mu.
func (k *Kernel) refuses() error {
	if k.failed != nil {
		return k.failed
	}
	if k.stopping {
		return ErrStopping
	}
	return nil
}

// Stop has a run end as Aborted with the failure. It returns when the request is durable; Wait tells the end.
func (k *Kernel) Stop(ctx context.Context, id run.ID, f run.Failure) error {
	return k.post(ctx, cancelRow(id, f))
}

func cancelRow(id run.ID, f run.Failure) store.InboxRow {
	return store.InboxRow{
		Run:  id,
		Key:  "cancel",
		Kind: store.InboxCancel,
		Data: value.Of(map[string]any{"error": f.Error, "cause": f.Cause}),
	}
}

// outcomeRow is an outcome of a task that arrived from outside.
func outcomeRow(id run.ID, task run.TaskID, o run.Outcome) store.InboxRow {
	data := value.NewObject(value.Member{Name: "output", Value: o.Output})
	if o.Failure != nil {
		data = value.Of(map[string]any{"error": o.Failure.Error, "cause": o.Failure.Cause})
	}
	return store.InboxRow{Run: id, Key: taskRowKey(task), Kind: store.InboxTask, Task: task, Data: data}
}

// Signal tells a run something. key makes saying it twice harmless.
func (k *Kernel) Signal(ctx context.Context, id run.ID, key, name string, data value.Value) error {
	return k.post(ctx, store.InboxRow{Run: id, Key: "signal/" + key, Kind: store.InboxSignal, Name: name, Data: data})
}

func taskRowKey(t run.TaskID) string { return "task/" + strconv.FormatUint(uint64(t), 10) }

func (k *Kernel) post(ctx context.Context, row store.InboxRow) error {
	r, err := k.o.Store.Run(ctx, row.Run)
	if err != nil {
		return fmt.Errorf("run %d: %w", row.Run, err)
	}
	if r.Status.Ended() {
		return nil
	}
	_, err = k.o.Writer.Commit(ctx, &store.Unit{Inbox: []store.InboxRow{row}})
	return err
}

// Wait returns the run's row once it has ended.
func (k *Kernel) Wait(ctx context.Context, id run.ID) (*store.Run, error) {
	ended := make(chan struct{})
	k.mu.Lock()
	k.waiters[id] = append(k.waiters[id], ended)
	k.mu.Unlock()
	// Looked at after the waiter is in place: an end in between is not missed.
	r, err := k.o.Store.Run(ctx, id)
	if err != nil || r.Status.Ended() {
		k.mu.Lock()
		k.dropWaiter(id, ended)
		k.mu.Unlock()
		return r, err
	}
	select {
	case <-ended:
		return k.o.Store.Run(ctx, id)
	case <-ctx.Done():
		k.mu.Lock()
		k.dropWaiter(id, ended)
		k.mu.Unlock()
		return nil, ctx.Err()
	}
}

func (k *Kernel) dropWaiter(id run.ID, c chan struct{}) {
	left := k.waiters[id][:0]
	for _, w := range k.waiters[id] {
		if w != c {
			left = append(left, w)
		}
	}
	if len(left) == 0 {
		delete(k.waiters, id)
		return
	}
	k.waiters[id] = left
}

// Events yields the facts of a run from sequence number from on.
func (k *Kernel) Events(ctx context.Context, id run.ID, from uint64, yield func(uint64, run.Fact) bool) error {
	row, err := k.o.Store.Run(ctx, id)
	if err != nil {
		return err
	}
	def, err := k.definition(ctx, row)
	if err != nil {
		return err
	}
	var inner error
	err = k.o.Store.Frames(ctx, id, from, func(c store.Change) bool {
		more := true
		inner = unframe(def, c, k.loader(ctx), func(seq uint64, f run.Fact) bool {
			if seq >= from {
				more = yield(seq, f)
			}
			return more
		})
		return more && inner == nil
	})
	return errors.Join(err, inner)
}

// Facts decodes one frame of the change feed.
func (k *Kernel) Facts(ctx context.Context, c store.Change, yield func(uint64, run.Fact) bool) error {
	row, err := k.o.Store.Run(ctx, run.ID(c.Subject.ID))
	if err != nil {
		return err
	}
	def, err := k.definition(ctx, row)
	if err != nil {
		return err
	}
	return unframe(def, c, k.loader(ctx), yield)
}

// Source is the text of a run's definition.
func (k *Kernel) Source(ctx context.Context, row *store.Run) (string, error) {
	v, err := k.o.Load(ctx, row.Definition)
	return v.Text(), err
}

// Stats says how the kernel is doing.
type Stats struct {
	Resident int    // runs in memory
	Ready    int    // of them waiting for a worker
	Effects  int    // tasks being carried out
	Held     int    // runs that have not begun because of Hold
	Timers   int    // wake-ups in memory, some of them void
	Started  uint64 // effects begun since the server started
	// Due is when the earliest wake-up in memory is; zero without one.
	Due time.Time
	// Stalled is how long runs have been ready without any being taken; 0 when all is well.
	Stalled time.Duration
}

// Stats is cheap.
func (k *Kernel) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := Stats{
		Resident: len(k.runs),
		Ready:    k.ready.size,
		Effects:  k.underWay,
		Held:     len(k.parked),
		Timers:   len(k.timers),
		Started:  k.started,
	}
	if len(k.timers) > 0 {
		s.Due = time.UnixMilli(k.timers[0].at).UTC()
	}
	if k.ready.size > 0 {
		s.Stalled = k.o.Now().Sub(k.popped)
	}
	return s
}

func (k *Kernel) now() time.Time { return k.o.Now().UTC().Truncate(time.Millisecond) }

const nameLetters = "abcdefghijkmnpqrstuvwxyz23456789"

// makeName makes a name that no other run has: the id is in it, and a little that cannot be guessed.
func (k *Kernel) makeName(machine string, id run.ID) string {
	r := k.o.Rand()
	name := []byte(cmp.Or(machine, "run"))
	name = append(name, '-')
	for n := uint64(id); n > 0; n /= 32 {
		name = append(name, nameLetters[n%32])
	}
	for range 4 {
		name = append(name, nameLetters[r%32])
		r /= 32
	}
	return string(name)
}

func (k *Kernel) nameEntropy() uint64 { return mix(uint64(k.o.Now().UnixNano())) }

// mix is the finisher of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// entropy differs for every event of every run, and is the same when the event is decided again after a crash.
func entropy(row *store.Run, seq uint64) uint64 {
	return mix(mix(mix(uint64(row.ID))^uint64(row.Started.UnixNano())) ^ seq)
}
