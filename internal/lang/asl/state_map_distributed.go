package asl

import (
	"fmt"
	"math"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// distributed is what a Map has whose iterations are executions of their own: the state orders a map run (mapRun), a run
// that hands the items out to child executions, and waits for its end.
type distributed struct {
	label    string
	labelled bool          // the label is the file's
	reader   *itemReader   // nil: the items are the state's input
	writer   *resultWriter // nil: the outputs are the state's result, as they are
}

// Parts of a definition that runs of their own carry out; what follows the prefix is the name of the Map state.
const (
	partMapRun = "maprun/"
	partItem   = "item/"
)

// IsMapRun reports whether part (store.Run.Part) is that of a map run.
func IsMapRun(part string) bool { return strings.HasPrefix(part, partMapRun) }

// IsItem reports whether part is that of a map run's child execution.
func IsItem(part string) bool { return strings.HasPrefix(part, partItem) }

// Part implements run.Parted: the map run of a distributed Map, and what it runs for each item.
func (d *Definition) Part(name string) (run.Definition, error) {
	for _, s := range d.states {
		m, ok := s.action.(*mapping)
		if !ok || m.distributed == nil {
			continue
		}
		switch name {
		case partMapRun + s.name:
			return &mapRun{file: d, state: s}, nil
		case partItem + s.name:
			item := *d
			item.machine, item.timeout, item.Warnings = m.processor, 0, nil
			return &item, nil
		}
	}
	return nil, fmt.Errorf("the definition has no part %q", name)
}

// distributedFields are those of a Map that only a distributed one has.
var distributedFields = []string{"ItemReader", "ResultWriter", "Label"}

// distributed reads the fields of a Map whose processor is to be DISTRIBUTED.
func (o *object) distributed(s *state) *distributed {
	d := &distributed{reader: o.itemReader(), writer: o.resultWriter()}
	if d.label, d.labelled = o.label(); !d.labelled {
		d.label = uuidOf(value.DigestOf([]byte(o.c.source + "\x00" + s.name)))
	}
	return d
}

// uuidOf writes the beginning of a digest in the form of a UUID.
func uuidOf(d value.Digest) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", d[0:4], d[4:6], d[6:8], d[8:10], d[10:16])
}

// open takes the items up: the length of the Map is known, and nothing else evaluated yet.
func (m *mapping) open(s *step) (run.Event, error) {
	input, err := s.b.state.flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	limit, err := m.concurrency.whole(s, input, 0, 0)
	if err != nil {
		return run.Event{}, err
	}
	f := &mapOpened{stamp: s.stamp(), input: input, limit: int(limit)}
	if m.distributed.reader == nil {
		f.items, err = m.itemsOf(s, input)
	}
	return event(f), err
}

// mapOpened is the fact that a distributed Map knows its items, or that a reader will find them.
type mapOpened struct {
	stamp
	input value.Value // effective
	items value.Value // Absent: to be read
	limit int         // MaxConcurrency; 0: as many as there can be
}

func (f *mapOpened) Kind() run.EventKind { return kindMapOpened }

func (f *mapOpened) events() uint64 { return 1 }

func (f *mapOpened) apply(_ *execution, b *branch) {
	b.fanout = &fanout{input: f.input, items: f.items, limit: f.limit}
	b.phase, b.last, b.began = phaseOpened, f.first, f.first
}

func (f *mapOpened) history(h *historian) {
	length := 0
	if !f.items.IsAbsent() {
		length = f.items.Len()
	}
	h.add("MapStateStarted", "mapStateStartedEventDetails", details(member("length", value.NewInt(int64(length)))))
}

func (f *mapOpened) Encode(e *value.Encoder) {
	f.encode(e)
	e.Value(f.input)
	e.Value(f.items)
	e.Uint(uint64(f.limit))
}

func (f *mapOpened) decode(_ *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.input = dec.Value()
	f.items = dec.Value()
	f.limit = int(dec.Uint())
}

// startMapRun orders the map run of the branch's Map.
func (s *step) startMapRun() (run.Event, error) {
	m := s.b.state.action.(*mapping)
	order, err := m.mapRunInput(s)
	if err != nil {
		return run.Event{}, err
	}
	id := s.uuid()
	label := m.distributed.label
	order.arn = s.x.identity.mapRunARN(label, id)
	f := &mapRunStarted{stamp: s.stamp(), task: s.x.lastTask + 1, arn: order.arn}
	return event(f, run.StartRun{
		Task:  f.task,
		Part:  partMapRun + s.b.state.name,
		Name:  id,
		Group: label,
		Input: order.value(),
		Attributes: details(
			member(AttributeExecution, s.x.identity.attributes.At(AttributeExecution)), // that it belongs to
			words(AttributeRole, s.x.identity.role),
			words(AttributeMapRun, order.arn),
		),
	}), nil
}

// mapRunInput evaluates the fields of the state for its map run.
func (m *mapping) mapRunInput(s *step) (in mapRunInput, err error) {
	fan := s.b.fanout
	in = mapRunInput{entered: s.b.entered, limit: fan.limit, items: fan.items, tolerance: tolerance{count: unset, percentage: unset}}
	if m.tolerated.isSet() {
		n, err := m.tolerated.whole(s, fan.input, 0, 0)
		if err != nil {
			return in, err
		}
		in.tolerance.count = n
	}
	if m.percentage.isSet() {
		if in.tolerance.percentage, err = m.percentage.percent(s, fan.input); err != nil {
			return in, err
		}
	}
	if in.batch, err = m.batcher.of(s, fan.input); err != nil {
		return in, err
	}
	if in.reader, err = m.distributed.reader.of(s, fan.input); err != nil {
		return in, err
	}
	if in.writer, err = m.distributed.writer.of(s, fan.input); err != nil {
		return in, err
	}
	if m.selector != nil {
		in.input, in.context, in.variables = fan.input, s.contextObject(), s.b.scopeVariables()
	}
	return in, nil
}

// scopeVariables are all variables that are visible in b.
func (b *branch) scopeVariables() value.Value {
	if b == nil {
		return value.EmptyObject
	}
	all := b.parent.scopeVariables()
	for name, v := range b.variables.Members() {
		all = all.With(name, v)
	}
	return all
}

// uuid is a random UUID (RFC 9562, version 4).
func (s *step) uuid() string {
	a, b := s.draw(), s.draw()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), a&0xfff, b>>48&0x3fff|0x8000, b&(1<<48-1))
}

// mapRunStarted is the fact that the map run was ordered.
type mapRunStarted struct {
	stamp
	task run.TaskID
	arn  string
}

func (f *mapRunStarted) Kind() run.EventKind { return kindMapRunStarted }

func (f *mapRunStarted) events() uint64 { return 1 }

func (f *mapRunStarted) apply(x *execution, b *branch) {
	b.fanout, b.mapRun = nil, &mapRunRef{arn: f.arn}
	b.task, b.phase, b.last = &openTask{id: f.task, state: b.state}, phaseTask, f.first
	x.openTask(b)
}

func (f *mapRunStarted) history(h *historian) {
	h.add("MapRunStarted", "mapRunStartedEventDetails", details(words("mapRunArn", f.arn)))
}

func (f *mapRunStarted) Encode(e *value.Encoder) {
	f.encode(e)
	e.Uint(uint64(f.task))
	e.Text(f.arn)
}

func (f *mapRunStarted) decode(_ *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.task = run.TaskID(dec.Uint())
	f.arn = dec.Text()
}

// mapRunEnded is the fact that the map run of a branch's Map ended.
type mapRunEnded struct {
	stamp
	status  run.Status
	output  value.Value
	failure run.Failure
}

// mapRunEnded takes in how the branch's map run ended.
func (s *step) mapRunEnded() run.Event {
	f := &mapRunEnded{stamp: s.stamp(), status: run.Succeeded, output: s.in.Outcome.Output}
	if s.in.Outcome.Failure != nil {
		f.status, f.failure = run.Failed, *s.in.Outcome.Failure
		if s.in.Status == run.Aborted {
			f.status = run.Aborted
		}
	}
	return event(f)
}

// abortMapRuns notes that the map runs under way end with the execution.
func (s *step) abortMapRuns() {
	for _, b := range s.x.liveBranches() {
		if b.task == nil || b.state.kind != mapState {
			continue
		}
		f := &mapRunEnded{stamp: s.stamp(), status: run.Aborted}
		f.branch, f.prev = b.id, b.last
		s.before = append(s.before, event(f))
		s.ahead += f.events()
	}
}

func (f *mapRunEnded) Kind() run.EventKind { return kindMapRunEnded }

func (f *mapRunEnded) events() uint64 { return 1 }

func (f *mapRunEnded) apply(x *execution, b *branch) {
	x.closeOpen(b)
	if !b.state.nestsMapRuns() {
		b.last = f.first
	}
	b.result, b.phase = f.output, phaseResult
	if f.status != run.Succeeded {
		b.failure, b.phase = f.failure, phaseFailed
	}
}

func (f *mapRunEnded) history(h *historian) {
	switch f.status {
	case run.Succeeded:
		h.add("MapRunSucceeded", "", value.Value{})
	case run.Aborted:
		h.add("MapRunAborted", "", value.Value{})
	default:
		h.add("MapRunFailed", "mapRunFailedEventDetails", details(words("error", f.failure.Error), words("cause", f.failure.Cause)))
	}
}

func (f *mapRunEnded) Encode(e *value.Encoder) {
	f.encode(e)
	e.Byte(byte(f.status))
	e.Value(f.output)
	encodeFailure(e, f.failure)
}

func (f *mapRunEnded) decode(_ *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.status = run.Status(dec.Byte())
	f.output = dec.Value()
	f.failure = decodeFailure(dec)
}

// processorMode reads ProcessorConfig and says whether the processor is to run in executions of its own.
func (o *object) processorMode() (mode string) {
	c := o.object("ProcessorConfig", optional)
	if c == nil {
		return ""
	}
	defer c.close()
	if mode, _ = c.choose("Mode", "INLINE", "DISTRIBUTED"); mode == "DISTRIBUTED" {
		if c.c.terms.Express {
			c.fault("Mode", "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines")
		}
		c.required("ExecutionType")
		c.choose("ExecutionType", "STANDARD", "EXPRESS")
	}
	return mode
}

// wide is how many child executions a map run has at a time where nothing bounds it: Step Functions' own limit.
const wide = 10_000

// unset is an amount that the file does not give.
const unset = -1

// tolerance is how many items may fail; both unset: none.
type tolerance struct {
	count      int64
	percentage float64
}

// exceeded reports whether failed of total items are too many; total is 0 while it is not known.
func (t tolerance) exceeded(failed, total int64) bool {
	switch {
	case failed == 0:
		return false
	case t.count == unset && t.percentage == unset:
		return true
	case t.count != unset && failed > t.count:
		return true
	}
	return t.percentage == 0 || t.percentage != unset && total > 0 && float64(failed)*100 > t.percentage*float64(total)
}

func (t tolerance) encode(e *value.Encoder) {
	e.Int(t.count)
	e.Uint(math.Float64bits(t.percentage))
}

func (t *tolerance) decode(d *value.Decoder) {
	t.count = d.Int()
	t.percentage = math.Float64frombits(d.Uint())
}
