package asl

import (
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// The kinds of fact of map runs, numbered apart from those of executions. Logs hold them: a kind is never removed or
// given another meaning.
const (
	kindMapRunBegan run.EventKind = iota + 1
	kindMapRunBroken
	kindMapRunUpdated
	kindReadingStarted
	kindItemsRead
	kindChildStarted
	kindChildEnded
	kindChildrenStopped
	kindClosingStarted
	kindMapRunDone
	kindMapRunGoesOn
	kindListingStarted
	kindFormerListed
	kindChildTakenUp
)

// mapRunFact is a fact of a map run.
type mapRunFact interface {
	run.Fact
	decode(*value.Decoder)
	apply(*mapRunState)
}

func newMapRunFact(kind run.EventKind) mapRunFact {
	switch kind {
	case kindMapRunBegan:
		return new(mapRunBegan)
	case kindMapRunBroken:
		return new(mapRunBroken)
	case kindMapRunUpdated:
		return new(mapRunUpdated)
	case kindReadingStarted:
		return new(readingStarted)
	case kindItemsRead:
		return new(itemsRead)
	case kindChildStarted:
		return new(childStarted)
	case kindChildEnded:
		return new(childEnded)
	case kindChildrenStopped:
		return new(childrenStopped)
	case kindClosingStarted:
		return new(closingStarted)
	case kindMapRunDone:
		return new(mapRunDone)
	case kindMapRunGoesOn:
		return new(mapRunGoesOn)
	case kindListingStarted:
		return new(listingStarted)
	case kindFormerListed:
		return new(formerListed)
	case kindChildTakenUp:
		return new(childTakenUp)
	}
	return nil
}

// mapRunBegan is the fact that the run took its input up.
type mapRunBegan struct {
	at         time.Time
	input      value.Value
	attributes value.Value
}

func (f *mapRunBegan) Kind() run.EventKind { return kindMapRunBegan }

func (f *mapRunBegan) apply(x *mapRunState) {
	x.phase, x.attributes, x.in = mapRunWorking, f.attributes, readMapRunInput(f.input)
	if x.in.reader.IsAbsent() {
		x.complete = true
		x.add(chunk{x.in.items, sourceState})
	}
	x.in.items = value.Value{} // a chunk holds them
}

// add takes more items in.
func (x *mapRunState) add(c chunk) {
	if n := c.items.Len(); n > 0 {
		x.chunks = append(x.chunks, c)
		x.read += int64(n)
	}
}

func (f *mapRunBegan) Encode(e *value.Encoder) {
	e.Time(f.at)
	e.Value(f.input)
	e.Value(f.attributes)
}

func (f *mapRunBegan) decode(d *value.Decoder) {
	f.at = d.Time()
	f.input = d.Value()
	f.attributes = d.Value()
}

// mapRunBroken is the fact that the run is to end early: it failed, or somebody cancelled it.
type mapRunBroken struct {
	failure run.Failure
	aborted bool
}

func (f *mapRunBroken) Kind() run.EventKind { return kindMapRunBroken }

func (f *mapRunBroken) apply(x *mapRunState) {
	x.phase, x.failure, x.aborted = mapRunStopping, &f.failure, f.aborted
	x.reading, x.closing = 0, 0
	x.again.giveUp(x)
}

func (f *mapRunBroken) Encode(e *value.Encoder) {
	encodeFailure(e, f.failure)
	e.Bool(f.aborted)
}

func (f *mapRunBroken) decode(d *value.Decoder) {
	f.failure = decodeFailure(d)
	f.aborted = d.Bool()
}

// mapRunUpdated is the fact that somebody changed what the run may do.
type mapRunUpdated struct {
	limit     int
	tolerance tolerance
}

func (f *mapRunUpdated) Kind() run.EventKind { return kindMapRunUpdated }

func (f *mapRunUpdated) apply(x *mapRunState) { x.in.limit, x.in.tolerance = f.limit, f.tolerance }

func (f *mapRunUpdated) Encode(e *value.Encoder) {
	e.Uint(uint64(f.limit))
	f.tolerance.encode(e)
}

func (f *mapRunUpdated) decode(d *value.Decoder) {
	f.limit = int(d.Uint())
	f.tolerance.decode(d)
}

// readingStarted is the fact that more items were asked for.
type readingStarted struct{ task run.TaskID }

func (f *readingStarted) Kind() run.EventKind { return kindReadingStarted }

func (f *readingStarted) apply(x *mapRunState) { x.reading, x.lastTask = f.task, f.task }

func (f *readingStarted) Encode(e *value.Encoder) { e.Uint(uint64(f.task)) }

func (f *readingStarted) decode(d *value.Decoder) { f.task = run.TaskID(d.Uint()) }

// itemsRead is the fact that more items are there.
type itemsRead struct {
	items  value.Value
	source string
	cursor value.Value // Absent: that was all
}

func (f *itemsRead) Kind() run.EventKind { return kindItemsRead }

func (f *itemsRead) apply(x *mapRunState) {
	x.reading, x.cursor, x.complete = 0, f.cursor, f.cursor.IsAbsent()
	x.add(chunk{f.items, f.source})
}

func (f *itemsRead) Encode(e *value.Encoder) {
	e.Value(f.items)
	e.Text(f.source)
	e.Value(f.cursor)
}

func (f *itemsRead) decode(d *value.Decoder) {
	f.items = d.Value()
	f.source = d.Text()
	f.cursor = d.Value()
}

// childStarted is the fact that a child execution was ordered for the next items.
type childStarted struct {
	task  run.TaskID
	items int
}

func (f *childStarted) Kind() run.EventKind { return kindChildStarted }

func (f *childStarted) apply(x *mapRunState) {
	x.lastTask = f.task
	x.live[f.task] = int64(f.items)
	x.started++
	x.handed += int64(f.items)
	x.taken += f.items
	for len(x.chunks) > 0 && x.taken >= x.chunks[0].items.Len() {
		x.taken -= x.chunks[0].items.Len()
		x.chunks = append([]chunk(nil), x.chunks[1:]...)
	}
}

func (f *childStarted) Encode(e *value.Encoder) {
	e.Uint(uint64(f.task))
	e.Uint(uint64(f.items))
}

func (f *childStarted) decode(d *value.Decoder) {
	f.task = run.TaskID(d.Uint())
	f.items = int(d.Uint())
}

// childEnded is the fact that a child execution ended.
type childEnded struct {
	task   run.TaskID
	status run.Status
}

func (f *childEnded) Kind() run.EventKind { return kindChildEnded }

func (f *childEnded) apply(x *mapRunState) { x.childOver(f.task, f.status) }

func (x *mapRunState) childOver(t run.TaskID, s run.Status) {
	x.items.add(s, x.live[t])
	x.children.add(s, 1)
	delete(x.live, t)
	delete(x.again.live, t)
}

func (f *childEnded) Encode(e *value.Encoder) {
	e.Uint(uint64(f.task))
	e.Byte(byte(f.status))
}

func (f *childEnded) decode(d *value.Decoder) {
	f.task = run.TaskID(d.Uint())
	f.status = run.Status(d.Byte())
}

// childrenStopped is the fact that child executions were told to stop, and are of no more interest.
type childrenStopped struct{ tasks []run.TaskID }

func (f *childrenStopped) Kind() run.EventKind { return kindChildrenStopped }

func (f *childrenStopped) apply(x *mapRunState) {
	for _, t := range f.tasks {
		x.childOver(t, run.Aborted)
	}
}

func (f *childrenStopped) Encode(e *value.Encoder) {
	e.Uint(uint64(len(f.tasks)))
	for _, t := range f.tasks {
		e.Uint(uint64(t))
	}
}

func (f *childrenStopped) decode(d *value.Decoder) {
	for range d.Len() {
		f.tasks = append(f.tasks, run.TaskID(d.Uint()))
	}
}

// closingStarted is the fact that the results are being collected or written.
type closingStarted struct{ task run.TaskID }

func (f *closingStarted) Kind() run.EventKind { return kindClosingStarted }

func (f *closingStarted) apply(x *mapRunState) {
	x.phase, x.closing, x.lastTask = mapRunClosing, f.task, f.task
}

func (f *closingStarted) Encode(e *value.Encoder) { e.Uint(uint64(f.task)) }

func (f *closingStarted) decode(d *value.Decoder) { f.task = run.TaskID(d.Uint()) }

// mapRunDone is the fact that the run ended.
type mapRunDone struct {
	status  run.Status
	outcome run.Outcome
	written bool // the results lie where the ResultWriter says
}

func (f *mapRunDone) Kind() run.EventKind { return kindMapRunDone }

func (f *mapRunDone) apply(x *mapRunState) {
	x.phase, x.written, x.closing, x.again.ended = mapRunOver, f.written, 0, f.status
	if f.status == run.Succeeded {
		x.chunks = nil
	}
}

func (f *mapRunDone) Encode(e *value.Encoder) {
	e.Byte(byte(f.status))
	e.Value(f.outcome.Output)
	e.Bool(f.outcome.Failure != nil)
	if f.outcome.Failure != nil {
		encodeFailure(e, *f.outcome.Failure)
	}
	e.Bool(f.written)
}

func (f *mapRunDone) decode(d *value.Decoder) {
	f.status = run.Status(d.Byte())
	f.outcome.Output = d.Value()
	if d.Bool() {
		failure := decodeFailure(d)
		f.outcome.Failure = &failure
	}
	f.written = d.Bool()
}
