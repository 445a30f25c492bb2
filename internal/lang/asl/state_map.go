package asl

import (
	"fmt"
	"math"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// mapping is a Map state: its processor runs once for each item of an array, or for each batch of items, and what the
// iterations give is the result. Iterations are started one at a time, in steps between those of the iterations that are
// under way: what is in memory grows with what is really waiting, not with the array.
type mapping struct {
	processor   *machine
	itemsPath   *expr.Path // nil: the effective input
	items       template   // Items, of JSONata; nil: the input
	selector    template   // ItemSelector, or the Parameters of old; nil: the item itself
	concurrency amount
	tolerated   amount // ToleratedFailureCount
	percentage  amount // ToleratedFailurePercentage
	batcher     *batcher
	distributed *distributed // nil: INLINE
}

// undeclared is the tolerance of a state that fails with the first failure, and with just that failure.
const undeclared = -1

func (o *object) mapping(s *state) action {
	s.flow = o.flow(hasSelector | hasResultPath | hasAssign)
	m := &mapping{
		concurrency: o.amount("MaxConcurrency", 0, unbounded),
		tolerated:   o.amount("ToleratedFailureCount", 0, unbounded),
		percentage:  o.percentage("ToleratedFailurePercentage"),
		batcher:     o.batcher(),
	}
	m.readItems(o)
	o.processor(s, m)
	o.recovery(s)
	return m
}

// readItems reads what the items are, and what an iteration gets of them.
func (m *mapping) readItems(o *object) {
	if o.data {
		o.other("ItemsPath", "Parameters")
		m.items = o.template("Items")
	} else {
		o.other("Items")
		m.itemsPath = o.single("ItemsPath")
	}
	name := "ItemSelector"
	if !o.data && o.exclusive(name, "Parameters") == "Parameters" {
		name = "Parameters"
	}
	m.selector = o.template(name)
}

// processor reads ItemProcessor, or the Iterator of old. What reads its items or writes its results elsewhere is
// distributed, unless it says that it is not.
func (o *object) processor(s *state, m *mapping) {
	m.processor = &machine{owner: s}
	name := o.exactlyOne("ItemProcessor", "Iterator")
	if name == "" {
		o.known(distributedFields...)
		return
	}
	p := o.object(name, optional)
	if p == nil {
		o.known(distributedFields...)
		return
	}
	mode := p.processorMode()
	elsewhere := o.has("ItemReader") || o.has("ResultWriter")
	if mode == "DISTRIBUTED" || mode == "" && elsewhere {
		m.distributed = o.distributed(s)
		m.processor = p.innerMachine(nil) // the root of executions of its own
		return
	}
	if o.known("Label"); !o.c.terms.lenient {
		o.label()
	}
	m.processor = p.innerMachine(s)
}

func (m *mapping) enter(s *step) (run.Event, error) {
	if m.distributed != nil {
		return m.open(s)
	}
	input, err := s.b.state.flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	items, err := m.itemsOf(s, input)
	if err != nil {
		return run.Event{}, err
	}
	f := &mapStarted{stamp: s.stamp(), state: s.b.state, items: items, input: input}
	if f.batch, err = m.batcher.of(s, input); err != nil {
		return run.Event{}, err
	}
	limit, err := m.concurrency.whole(s, input, 0, 0)
	if err != nil {
		return run.Event{}, err
	}
	f.limit = int(limit)
	if most := s.x.def.limits.Concurrency; most > 0 && (f.limit == 0 || f.limit > most) {
		f.limit = most
	}
	f.tolerance, err = m.tolerance(s, input, f.batch.count(items))
	return event(f), err
}

// itemsOf is the array that the iterations are for; of a distributed Map it may be an object, whose members are the items.
func (m *mapping) itemsOf(s *step, input value.Value) (items value.Value, err error) {
	where := "$"
	switch {
	case m.items != nil:
		items, err = m.items.eval(s, input)
	case m.itemsPath != nil:
		where = m.itemsPath.String()
		if strings.HasPrefix(where, "$$") {
			where = where[1:] // as Step Functions names a path into the context object here
		}
		items, err = m.itemsPath.Eval(s.scope(input))
	default:
		items = input
	}
	if err != nil || items.Kind() == value.Array || items.Kind() == value.Object && m.distributed != nil {
		return items, err
	}
	switch e, ok := m.items.(*expression); {
	case ok:
		return items, e.unexpected("array", items)
	case s.b.state.data:
		return items, &queryError{cause: fmt.Sprintf("Map state input must be an array but was: %s", items.JSON())}
	}
	return items, runtimeError("Reference path \"%s\" must point to array.", where)
}

// tolerance is how many of the iterations may fail.
func (m *mapping) tolerance(s *step, input value.Value, iterations int) (int, error) {
	if !m.tolerated.isSet() && !m.percentage.isSet() {
		return undeclared, nil
	}
	count, err := m.tolerated.whole(s, input, 0, math.MaxInt32)
	if err != nil {
		return 0, err
	}
	percentage, err := m.percentage.percent(s, input)
	if err != nil {
		return 0, err
	}
	return int(min(count, int64(percentage*float64(iterations)/100))), nil
}

// mapStarted is the fact that a Map took its items up.
type mapStarted struct {
	stamp
	state     *state
	items     value.Value
	input     value.Value // effective: what "$" is in ItemSelector
	batch     batching
	limit     int // iterations at a time; 0: any number
	tolerance int
}

func (f *mapStarted) Kind() run.EventKind { return kindMapStarted }

func (f *mapStarted) events() uint64 { return 1 }

func (f *mapStarted) apply(_ *execution, b *branch) {
	b.fanout = &fanout{items: f.items, input: f.input, batch: f.batch, limit: f.limit, tolerance: f.tolerance}
	b.phase, b.last, b.began = phaseFanout, f.first, f.first
	if f.items.Len() == 0 {
		b.phase = phaseResult
	}
}

func (f *mapStarted) history(h *historian) {
	h.add("MapStateStarted", "mapStateStartedEventDetails", details(member("length", value.NewInt(int64(f.items.Len())))))
}

func (f *mapStarted) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Value(f.items)
	e.Value(f.input)
	f.batch.encode(e)
	e.Int(int64(f.limit))
	e.Int(int64(f.tolerance))
}

func (f *mapStarted) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeMapState(dec)
	f.items = dec.Value()
	f.input = dec.Value()
	f.batch.decode(dec)
	f.limit = int(dec.Int())
	f.tolerance = int(dec.Int())
}

// decodeMapState is decodeState for what must be a Map.
func (d *Definition) decodeMapState(dec *value.Decoder) *state {
	s := d.decodeState(dec)
	if s == nil || s.kind != mapState {
		dec.Fail("an iteration of a state that has none")
		return d.machine.start
	}
	return s
}

// startIteration starts the next iteration of the branch's Map.
func (s *step) startIteration() (run.Event, error) {
	fan, m := s.b.fanout, s.b.state.action.(*mapping)
	f := &iterationStarted{stamp: s.stamp(), state: s.b.state, index: fan.started, child: s.x.lastBranch + 1, taken: fan.taken + 1}
	var err error
	if fan.batch.isSet() {
		f.taken = fan.batch.next(fan.items, fan.taken)
		f.input, err = m.batch(s, fan, f.taken)
	} else {
		f.input, err = m.selected(s, fan, fan.items.Index(fan.taken), f.index)
	}
	return event(f), err
}

// startingItem is the item of the iteration that a step starts.
type startingItem struct {
	index int
	item  value.Value
}

// selected is what one item becomes as an iteration's input.
func (m *mapping) selected(s *step, fan *fanout, item value.Value, index int) (value.Value, error) {
	if m.selector == nil {
		return item, nil
	}
	s.starting = &startingItem{index, item}
	return m.selector.eval(s, fan.input)
}

// iterationStarted is the fact that an iteration of a Map entered its first state.
type iterationStarted struct {
	stamp
	state *state // the Map
	index int
	child branchID
	taken int // items handed out so far, this iteration's included
	input value.Value
}

func (f *iterationStarted) Kind() run.EventKind { return kindIterationStarted }

func (f *iterationStarted) events() uint64 { return 2 }

func (f *iterationStarted) apply(x *execution, b *branch) {
	b.fanout.started++
	b.fanout.taken = f.taken
	child := &branch{id: f.child, index: f.index, item: f.input}
	if !b.fanout.batch.isSet() {
		child.item = b.fanout.items.Index(f.taken - 1)
	}
	child.enter(f.state.action.(*mapping).processor.start, f.input, f.at, f.first+1, f.first)
	x.begin(b, child)
}

func (f *iterationStarted) history(h *historian) {
	h.iteration("Started", f.state, f.index)
	h.entered(f.state.action.(*mapping).processor.start, f.input)
}

func (f *iterationStarted) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Uint(uint64(f.index))
	e.Uint(uint64(f.child))
	e.Uint(uint64(f.taken))
	e.Value(f.input)
}

func (f *iterationStarted) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeMapState(dec)
	f.index = int(dec.Uint())
	f.child = branchID(dec.Uint())
	f.taken = int(dec.Uint())
	f.input = dec.Value()
}
