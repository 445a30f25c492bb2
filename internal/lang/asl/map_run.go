package asl

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// mapRun is the definition of the map run of a distributed Map: a run that hands the Map's items out to child executions,
// as many at a time as the Map allows, and ends when all of them have.
//
// What it holds grows with what is under way, not with the items. Items that a reader finds come in chunks, one ahead of
// the one that is handed out; where the reader stopped is a cursor that the reader alone understands. What the children
// gave stays in their rows: at the end a task collects it, or writes it where a ResultWriter says.
type mapRun struct {
	file  *Definition
	state *state // the Map
}

func (m *mapRun) mapping() *mapping { return m.state.action.(*mapping) }

// NewState implements run.Definition.
func (m *mapRun) NewState() run.State {
	return &mapRunState{def: m, live: make(map[run.TaskID]int64)}
}

// DecodeState implements run.Definition.
func (m *mapRun) DecodeState(d *value.Decoder) (run.State, error) {
	x := m.NewState().(*mapRunState)
	x.decode(d)
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("decoding map run: %w", err)
	}
	return x, nil
}

// DecodeFact implements run.Definition.
func (m *mapRun) DecodeFact(kind run.EventKind, d *value.Decoder) (run.Fact, error) {
	f := newMapRunFact(kind)
	if f == nil {
		return nil, fmt.Errorf("decoding fact of a map run: kind %d is not known to this release", kind)
	}
	f.decode(d)
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("decoding fact of a map run of kind %d: %w", kind, err)
	}
	return f, nil
}

// The resources of a map run's tasks. No file can name them.
const (
	// ResourceRead reads the next items: a payload {"reader": …, "cursor": …} of which the cursor is absent at first. Its
	// output is {"items": […] or {…}, "source": …, "cursor": …}, without a cursor when that was all.
	ResourceRead = "tutti:map:read"
	// ResourceCollect gives the outputs of the run's children as an array. Its payload is {"transformation": …}.
	ResourceCollect = "tutti:map:collect"
	// ResourceWrite writes the results of the run's children. Its payload is {"writer": …, "mapRunArn": …}, its output
	// what the Map gives.
	ResourceWrite = "tutti:map:write"
)

// mapRunPhase is what a map run is about.
type mapRunPhase uint8

const (
	mapRunWorking  mapRunPhase = iota + 1 // items are read and handed out
	mapRunStopping                        // what is under way is stopped, because the run fails or was cancelled
	mapRunClosing                         // the results are collected or written
	mapRunOver
)

// mapRunState is where a map run stands.
type mapRunState struct {
	def        *mapRun
	in         mapRunInput
	attributes value.Value
	phase      mapRunPhase // 0: not begun
	failure    *run.Failure
	aborted    bool

	chunks   []chunk // read and not handed out
	taken    int     // items of the first chunk that were handed out
	cursor   value.Value
	reading  run.TaskID // 0: not
	complete bool       // everything was read

	lastTask run.TaskID
	closing  run.TaskID
	live     map[run.TaskID]int64 // items of each child that is under way
	read     int64                // items so far
	handed   int64                // of them
	items    outcomes
	children outcomes
	started  int64 // children
	written  bool
	again    comeback
}

// chunk is some of the items, in order.
type chunk struct {
	items  value.Value // an array; or an object, whose members are the items
	source string      // where they come from: $$.Map.Item.Source
}

// outcomes counts what has ended.
type outcomes struct{ succeeded, failed, timedOut, aborted int64 }

func (o *outcomes) add(status run.Status, n int64) {
	switch status {
	case run.Succeeded:
		o.succeeded += n
	case run.TimedOut:
		o.timedOut += n
	case run.Aborted:
		o.aborted += n
	default:
		o.failed += n
	}
}

// sourceState is the source of items that come from the state's input.
const sourceState = "STATE_DATA"

// stopAtOnce is how many children one step stops.
const stopAtOnce = 100

// Decide implements run.State.
func (x *mapRunState) Decide(in run.Input) ([]run.Event, error) {
	if (x.phase == mapRunOver) != (in.Kind == run.Redrive) || (x.phase == 0) != (in.Kind == run.Start) {
		return nil, nil
	}
	var ev run.Event
	switch in.Kind {
	case run.Start:
		ev = run.Event{Fact: &mapRunBegan{at: in.Now, input: in.Value, attributes: in.Attributes}}
	case run.Step:
		ev = x.step(&in)
	case run.Cancel:
		ev = x.cancel(&in)
	case run.Redrive:
		ev = x.redrive()
	case run.Signal:
		ev = x.update(&in)
	case run.TaskEnded:
		ev = x.taskEnded(&in)
	}
	if ev.Fact == nil {
		return nil, nil
	}
	return []run.Event{ev}, nil
}

func (x *mapRunState) step(in *run.Input) run.Event {
	switch x.phase {
	case mapRunWorking:
		return x.work(in)
	case mapRunStopping:
		return x.stop()
	}
	return run.Event{}
}

// work is the next step of a run that goes well so far.
func (x *mapRunState) work(in *run.Input) run.Event {
	total := int64(0)
	if x.complete {
		total = x.read
	}
	if x.in.tolerance.exceeded(x.items.failed+x.items.timedOut, total) {
		return x.fail(run.Failure{Error: errTolerated, Cause: "The specified tolerated failure threshold was exceeded"})
	}
	if x.takesUp() {
		return x.takeUp()
	}
	if x.room() {
		if n := x.nextBatch(); n > 0 {
			return x.startChild(in, n)
		}
	}
	if !x.complete && x.reading == 0 && x.wantsItems() {
		return x.startReading()
	}
	if x.complete && x.read == x.handed && len(x.live) == 0 {
		return x.close()
	}
	return run.Event{}
}

// room reports whether another child may be under way.
func (x *mapRunState) room() bool {
	limit := x.in.limit
	if limit == 0 {
		limit = wide
	}
	if most := x.def.file.limits.Children; most > 0 {
		limit = min(limit, most)
	}
	return len(x.live) < limit
}

// wantsItems reports whether more should be read: while one chunk is handed out, the next is there.
func (x *mapRunState) wantsItems() bool { return len(x.chunks) < 2 || x.nextBatch() == 0 }

// nextBatch is how many items the next child gets; 0: not known before more are read, or none are left.
func (x *mapRunState) nextBatch() int {
	waiting := int(x.read - x.handed)
	if !x.in.batch.isSet() {
		return min(waiting, 1)
	}
	size := 0
	for n := range min(waiting, x.in.batch.items) {
		item, _ := x.item(n)
		size += item.Size() + 1
		if size > x.in.batch.bytes && n > 0 {
			return n
		}
	}
	if waiting >= x.in.batch.items || x.complete {
		return min(waiting, x.in.batch.items)
	}
	return 0
}

// item is the nth item that was not handed out, and the object that $$.Map.Item is for it.
func (x *mapRunState) item(n int) (item, object value.Value) {
	at := x.taken + n
	for _, c := range x.chunks {
		if at >= c.items.Len() {
			at -= c.items.Len()
			continue
		}
		item = c.items.Index(at)
		object = itemObject(int(x.handed)+n, item).With("Source", value.NewString(c.source))
		if c.items.Kind() == value.Object {
			object = object.With("Key", value.NewString(c.items.Name(at)))
		}
		return item, object
	}
	return value.NullValue, value.EmptyObject
}

// startChild orders the child execution for the next n items.
func (x *mapRunState) startChild(in *run.Input, n int) run.Event {
	s := x.evaluation(in)
	input, err := x.childInput(s, n)
	if err != nil {
		return x.fail(s.failureOf(err))
	}
	name := s.uuid()
	f := &childStarted{task: x.lastTask + 1, items: n}
	return decided(f, run.StartRun{
		Task:       f.task,
		Part:       partItem + x.def.state.name,
		Name:       name,
		Input:      input,
		Attributes: x.childAttributes(name, n),
	})
}

// evaluation is a step in which the Map's fields can be evaluated, as they were in the execution that it is part of.
func (x *mapRunState) evaluation(in *run.Input) *step {
	e := newExecution(x.def.file)
	b := &branch{id: 1, state: x.def.state, input: x.in.input, entered: x.in.entered, variables: x.in.variables}
	e.outer = x.in.context
	e.cur = step{x: e, b: b, in: in}
	return &e.cur
}

// childInput is the input of the child that gets the next n items.
func (x *mapRunState) childInput(s *step, n int) (value.Value, error) {
	if !x.in.batch.isSet() {
		return x.selected(s, 0)
	}
	items := make([]value.Value, n)
	for i := range items {
		v, err := x.selected(s, i)
		if err != nil {
			return v, err
		}
		items[i] = v
	}
	return details(member("BatchInput", x.in.batch.input), member("Items", value.NewArray(items...))), nil
}

// selected is what an ItemSelector makes of the nth item that was not handed out.
func (x *mapRunState) selected(s *step, n int) (value.Value, error) {
	item, object := x.item(n)
	selector := x.def.mapping().selector
	if selector == nil {
		return item, nil
	}
	s.handing = object
	return s.bounded(selector.eval(s, x.in.input))
}

// childAttributes are those of the run, as far as they are true of a child.
func (x *mapRunState) childAttributes(name string, items int) value.Value {
	who := newIdentity("", x.attributes)
	return details(
		words(AttributeExecution, who.childARN(x.def.mapping().distributed.label, name)),
		words(AttributeRole, who.role),
		words(AttributeMapRun, x.in.arn),
		number(AttributeItems, int64(items)),
	)
}

func (x *mapRunState) startReading() run.Event {
	f := &readingStarted{task: x.lastTask + 1}
	return decided(f, x.readTask(f.task))
}

func (x *mapRunState) readTask(id run.TaskID) run.StartTask {
	return run.StartTask{
		Task:     id,
		Resource: ResourceRead,
		Payload:  details(member("reader", x.in.reader), member("cursor", x.cursor)),
		Label:    x.def.state.name,
	}
}

// close has the results collected or written.
func (x *mapRunState) close() run.Event {
	f := &closingStarted{task: x.lastTask + 1}
	return decided(f, x.closeTask(f.task))
}

func (x *mapRunState) closeTask(id run.TaskID) run.StartTask {
	t := run.StartTask{Task: id, Resource: ResourceCollect, Label: x.def.state.name}
	if x.in.export() {
		t.Resource = ResourceWrite
		t.Payload = details(member("writer", x.in.writer), words("mapRunArn", x.in.arn))
	} else {
		t.Payload = details(member("writer", x.in.writer))
	}
	return t
}

// stop stops what is under way; when nothing is, the results of a run that failed are written all the same.
func (x *mapRunState) stop() run.Event {
	switch {
	case len(x.live) > 0:
		tasks := sortedTasks(x.live)
		f := &childrenStopped{tasks: tasks[:min(len(tasks), stopAtOnce)]}
		orders := make([]run.Order, len(f.tasks))
		for i, t := range f.tasks {
			orders[i] = run.StopRun{Task: t}
		}
		return decided(f, orders...)
	case x.in.export() && !x.aborted && x.started > 0:
		return x.close()
	}
	return x.end(run.Outcome{Failure: x.failure}, false)
}

func (x *mapRunState) end(o run.Outcome, written bool) run.Event {
	f := &mapRunDone{outcome: o, status: run.Succeeded, written: written}
	switch {
	case x.aborted:
		f.status = run.Aborted
	case o.Failure != nil:
		f.status = run.Failed
	}
	return decided(f, run.EndRun{Status: f.status, Outcome: o})
}

// fail has the run fail once everything that is under way was stopped.
func (x *mapRunState) fail(f run.Failure) run.Event {
	return decided(&mapRunBroken{failure: f}, x.dropTasks()...)
}

func (x *mapRunState) cancel(in *run.Input) run.Event {
	if x.aborted {
		return run.Event{}
	}
	f := &mapRunBroken{aborted: true}
	if why := in.Outcome.Failure; why != nil {
		f.failure = *why
	}
	return decided(f, x.dropTasks()...)
}

// dropTasks gives up reading and closing.
func (x *mapRunState) dropTasks() (orders []run.Order) {
	for _, t := range []run.TaskID{x.reading, x.closing, x.again.listing} {
		if t != 0 {
			orders = append(orders, run.CancelTask{Task: t})
		}
	}
	return orders
}

// SignalUpdate changes a map run that is under way: an object with any of maxConcurrency, toleratedFailureCount and
// toleratedFailurePercentage.
const SignalUpdate = "update"

func (x *mapRunState) update(in *run.Input) run.Event {
	if in.Name != SignalUpdate || x.phase != mapRunWorking {
		return run.Event{}
	}
	f := &mapRunUpdated{limit: x.in.limit, tolerance: x.in.tolerance}
	if n, ok := in.Value.At("maxConcurrency").Int64(); ok {
		f.limit = int(n)
	}
	f.tolerance.change(in.Value)
	return decided(f)
}

func (x *mapRunState) taskEnded(in *run.Input) run.Event {
	switch _, child := x.live[in.Task]; {
	case child:
		f := &childEnded{task: in.Task, status: run.Succeeded}
		if in.Outcome.Failure != nil {
			f.status = run.Failed
		}
		if in.Status != 0 {
			f.status = in.Status
		}
		return decided(f)
	case in.Task != 0 && in.Task == x.reading:
		return x.readingEnded(in)
	case in.Task != 0 && in.Task == x.again.listing:
		return x.listed(in)
	case in.Task != 0 && in.Task == x.closing:
		return x.closed(in)
	}
	return run.Event{}
}

func (x *mapRunState) readingEnded(in *run.Input) run.Event {
	if f := in.Outcome.Failure; f != nil {
		return decided(&mapRunBroken{failure: *f})
	}
	out := in.Outcome.Output
	return decided(&itemsRead{items: out.At("items"), source: out.At("source").Text(), cursor: out.At("cursor")})
}

func (x *mapRunState) closed(in *run.Input) run.Event {
	o := in.Outcome
	written := x.in.export() && o.Failure == nil
	if x.failure != nil {
		o = run.Outcome{Failure: x.failure}
	}
	return x.end(o, written)
}

// Apply implements run.State.
func (x *mapRunState) Apply(f run.Fact) { f.(mapRunFact).apply(x) }

// Pending implements run.State.
func (x *mapRunState) Pending(yield func(run.StartTask) bool) {
	for _, t := range sortedTasks(x.live) {
		order := run.StartTask{Task: t}
		if c, former := x.again.live[t]; former {
			order.Redrive = (&childTakenUp{task: t, child: c}).order()
		}
		if !yield(order) {
			return
		}
	}
	if x.again.listing != 0 && !yield(x.listTask(x.again.listing)) {
		return
	}
	if x.reading != 0 && !yield(x.readTask(x.reading)) {
		return
	}
	if x.closing != 0 {
		yield(x.closeTask(x.closing))
	}
}

// Position implements run.State. A map run has no history of its own.
func (x *mapRunState) Position() uint64 { return 0 }

// MapRunCounts counts the items or the child executions of a map run.
type MapRunCounts struct {
	Pending, Running, Succeeded, Failed, TimedOut, Aborted, Total, ResultsWritten int64
	PendingRedrive                                                                int64
}

// MapRunProgress is what can be seen of a map run.
type MapRunProgress struct {
	Items      MapRunCounts
	Executions MapRunCounts
	// MaxConcurrency is 0 where the Map gives none.
	MaxConcurrency             int
	ToleratedFailureCount      int64
	ToleratedFailurePercentage float64
}

// ProgressOf is how far a map run is; ok is false for the state of another run.
func ProgressOf(s run.State) (p MapRunProgress, ok bool) {
	x, ok := s.(*mapRunState)
	if !ok {
		return p, false
	}
	p.MaxConcurrency = x.in.limit
	p.ToleratedFailureCount = max(x.in.tolerance.count, 0)
	p.ToleratedFailurePercentage = max(x.in.tolerance.percentage, 0)
	p.Items = x.items.counts(x.handed, x.read-x.handed, x.again.items)
	waiting := x.read - x.handed
	if size := int64(x.in.batch.items); size > 0 {
		waiting = (waiting + size - 1) / size
	}
	p.Executions = x.children.counts(x.started, waiting, x.again.children)
	if x.written {
		p.Items.ResultsWritten = x.handed
		p.Executions.ResultsWritten = x.started
	}
	return p, true
}

func (o *outcomes) counts(handed, waiting, again int64) MapRunCounts {
	return MapRunCounts{
		Pending:   waiting,
		Running:   handed - o.succeeded - o.failed - o.timedOut - o.aborted - again,
		Succeeded: o.succeeded,
		Failed:    o.failed,
		TimedOut:  o.timedOut,
		Aborted:   o.aborted,
		Total:     handed + waiting,

		PendingRedrive: again,
	}
}

// Encode implements run.State.
func (x *mapRunState) Encode(e *value.Encoder) {
	e.Byte(mapRunSnapshot)
	e.Byte(byte(x.phase))
	if x.phase == 0 {
		return
	}
	x.in.encode(e)
	e.Value(x.attributes)
	e.Bool(x.aborted)
	e.Bool(x.failure != nil)
	if x.failure != nil {
		encodeFailure(e, *x.failure)
	}
	e.Uint(uint64(len(x.chunks)))
	for _, c := range x.chunks {
		e.Value(c.items)
		e.Text(c.source)
	}
	e.Uint(uint64(x.taken))
	e.Value(x.cursor)
	e.Uint(uint64(x.reading))
	e.Bool(x.complete)
	e.Uint(uint64(x.lastTask))
	e.Uint(uint64(x.closing))
	e.Uint(uint64(len(x.live)))
	for _, t := range sortedTasks(x.live) {
		e.Uint(uint64(t))
		e.Int(x.live[t])
	}
	for _, n := range x.numbers() {
		e.Int(*n)
	}
	e.Bool(x.written)
	x.again.encode(e)
}

// mapRunSnapshot is the form of a map run's snapshots. Version 2 added what a redrive needs to know.
const mapRunSnapshot = 2

// sortedTasks are the keys of tasks, in order.
func sortedTasks[V any](tasks map[run.TaskID]V) []run.TaskID { return slices.Sorted(maps.Keys(tasks)) }

// numbers are the counters in the order in which a snapshot has them.
func (x *mapRunState) numbers() []*int64 {
	i, c := &x.items, &x.children
	return []*int64{
		&x.read, &x.handed, &x.started,
		&i.succeeded, &i.failed, &i.timedOut, &i.aborted,
		&c.succeeded, &c.failed, &c.timedOut, &c.aborted,
	}
}

func (x *mapRunState) decode(d *value.Decoder) {
	version := d.Byte()
	if version == 0 || version > mapRunSnapshot {
		d.Fail("unknown version of snapshot")
		return
	}
	if x.phase = mapRunPhase(d.Byte()); x.phase == 0 {
		return
	}
	x.in.decode(d)
	x.attributes = d.Value()
	x.aborted = d.Bool()
	if d.Bool() {
		f := decodeFailure(d)
		x.failure = &f
	}
	for range d.Len() {
		x.chunks = append(x.chunks, chunk{d.Value(), d.Text()})
	}
	x.taken = int(d.Uint())
	x.cursor = d.Value()
	x.reading = run.TaskID(d.Uint())
	x.complete = d.Bool()
	x.lastTask = run.TaskID(d.Uint())
	x.closing = run.TaskID(d.Uint())
	for range d.Len() {
		t := run.TaskID(d.Uint())
		x.live[t] = d.Int()
	}
	for _, n := range x.numbers() {
		*n = d.Int()
	}
	x.written = d.Bool()
	if version >= 2 {
		x.again.decode(d)
	}
}

// decided pairs a fact of a map run with its orders.
func decided(f mapRunFact, orders ...run.Order) run.Event { return run.Event{Fact: f, Orders: orders} }
