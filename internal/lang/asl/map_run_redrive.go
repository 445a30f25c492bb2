package asl

import (
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// A map run that failed or was stopped is redriven with the execution that it is part of. It goes on with the children
// that did not succeed, which a task lists page by page, and then with the items that had not been handed out. Children
// that succeeded stay as they are.

// ResourceUnsuccessful lists children of the run that did not succeed, the latest first. Its payload is {"cursor": …},
// absent at first; its output {"children": [{"name": …, "items": N}, …], "cursor": …}, without a cursor when those were
// all.
const ResourceUnsuccessful = "tutti:map:unsuccessful"

// comeback is what a map run that was redriven has still to take up.
type comeback struct {
	redrives int64
	ended    run.Status // how the run ended; 0: it did not
	items    int64      // of children that wait to be redriven
	children int64
	listing  run.TaskID // 0: not
	complete bool       // all children were listed
	cursor   value.Value
	former   []formerChild              // listed, and not taken up
	live     map[run.TaskID]formerChild // under way again
}

// formerChild is a child that did not succeed.
type formerChild struct {
	name  string
	items int64
}

func (x *mapRunState) redrive() run.Event {
	if s := x.again.ended; s == 0 || s == run.Succeeded {
		return run.Event{}
	}
	return decided(&mapRunGoesOn{})
}

// takeUp is the next step of a run that was redriven, before it goes on with what is new to it.
func (x *mapRunState) takeUp() run.Event {
	c := &x.again
	switch {
	case len(c.former) > 0 && x.room():
		f := &childTakenUp{task: x.lastTask + 1, child: c.former[0]}
		return decided(f, *f.order())
	case len(c.former) == 0 && c.listing == 0:
		f := &listingStarted{task: x.lastTask + 1}
		return decided(f, x.listTask(f.task))
	}
	return run.Event{}
}

func (x *mapRunState) listTask(id run.TaskID) run.StartTask {
	return run.StartTask{Task: id, Resource: ResourceUnsuccessful, Payload: details(member("cursor", x.again.cursor)), Label: x.def.state.name}
}

// takesUp reports whether there are children that have not been taken up yet.
func (x *mapRunState) takesUp() bool {
	return x.again.redrives > 0 && (!x.again.complete || len(x.again.former) > 0)
}

func (x *mapRunState) listed(in *run.Input) run.Event {
	if f := in.Outcome.Failure; f != nil {
		return decided(&mapRunBroken{failure: *f})
	}
	f := &formerListed{cursor: in.Outcome.Output.At("cursor")}
	for _, c := range in.Outcome.Output.At("children").Elements() {
		items, _ := c.At("items").Int64()
		f.children = append(f.children, formerChild{c.At("name").Text(), items})
	}
	return decided(f)
}

// mapRunGoesOn is the fact that the run was redriven.
type mapRunGoesOn struct{}

func (f *mapRunGoesOn) Kind() run.EventKind { return kindMapRunGoesOn }

func (f *mapRunGoesOn) apply(x *mapRunState) {
	x.phase, x.failure, x.aborted, x.written = mapRunWorking, nil, false, false
	x.again = comeback{
		redrives: x.again.redrives + 1,
		items:    x.items.unsuccessful(),
		children: x.children.unsuccessful(),
		live:     make(map[run.TaskID]formerChild),
	}
	x.items = outcomes{succeeded: x.items.succeeded}
	x.children = outcomes{succeeded: x.children.succeeded}
}

func (o outcomes) unsuccessful() int64 { return o.failed + o.timedOut + o.aborted }

func (f *mapRunGoesOn) Encode(*value.Encoder) {}

func (f *mapRunGoesOn) decode(*value.Decoder) {}

// listingStarted is the fact that children that did not succeed were asked for.
type listingStarted struct{ task run.TaskID }

func (f *listingStarted) Kind() run.EventKind { return kindListingStarted }

func (f *listingStarted) apply(x *mapRunState) { x.again.listing, x.lastTask = f.task, f.task }

func (f *listingStarted) Encode(e *value.Encoder) { e.Uint(uint64(f.task)) }

func (f *listingStarted) decode(d *value.Decoder) { f.task = run.TaskID(d.Uint()) }

// formerListed is the fact that they are known.
type formerListed struct {
	children []formerChild
	cursor   value.Value // Absent: those were all
}

func (f *formerListed) Kind() run.EventKind { return kindFormerListed }

func (f *formerListed) apply(x *mapRunState) {
	c := &x.again
	c.listing, c.former, c.cursor, c.complete = 0, f.children, f.cursor, f.cursor.IsAbsent()
	if !c.complete {
		return
	}
	// A child that was told to stop may have succeeded before it heard of that.
	items, children := c.items, c.children
	for _, child := range c.former {
		items -= child.items
		children--
	}
	x.items.succeeded += max(items, 0)
	x.children.succeeded += max(children, 0)
	c.items -= max(items, 0)
	c.children -= max(children, 0)
}

func (f *formerListed) Encode(e *value.Encoder) {
	encodeFormer(e, f.children)
	e.Value(f.cursor)
}

func (f *formerListed) decode(d *value.Decoder) {
	f.children = decodeFormer(d)
	f.cursor = d.Value()
}

// childTakenUp is the fact that a child was told to go on.
type childTakenUp struct {
	task  run.TaskID
	child formerChild
}

func (f *childTakenUp) order() *run.RedriveRun {
	return &run.RedriveRun{Task: f.task, Name: f.child.name}
}

func (f *childTakenUp) Kind() run.EventKind { return kindChildTakenUp }

func (f *childTakenUp) apply(x *mapRunState) {
	c := &x.again
	x.lastTask = f.task
	x.live[f.task], c.live[f.task] = f.child.items, f.child
	c.former = append([]formerChild(nil), c.former[1:]...)
	c.items -= f.child.items
	c.children--
}

func (f *childTakenUp) Encode(e *value.Encoder) {
	e.Uint(uint64(f.task))
	f.child.encode(e)
}

func (f *childTakenUp) decode(d *value.Decoder) {
	f.task = run.TaskID(d.Uint())
	f.child = decodeFormerChild(d)
}

// giveUp forgets what was not taken up: it did not succeed.
func (c *comeback) giveUp(x *mapRunState) {
	x.items.aborted += c.items
	x.children.aborted += c.children
	c.items, c.children, c.listing, c.former, c.complete = 0, 0, 0, nil, true
}

func (c formerChild) encode(e *value.Encoder) {
	e.Text(c.name)
	e.Int(c.items)
}

func decodeFormerChild(d *value.Decoder) formerChild { return formerChild{d.Text(), d.Int()} }

func encodeFormer(e *value.Encoder, list []formerChild) {
	e.Uint(uint64(len(list)))
	for _, c := range list {
		c.encode(e)
	}
}

func decodeFormer(d *value.Decoder) (list []formerChild) {
	for range d.Len() {
		list = append(list, decodeFormerChild(d))
	}
	return list
}

func (c *comeback) encode(e *value.Encoder) {
	e.Int(c.redrives)
	e.Byte(byte(c.ended))
	e.Int(c.items)
	e.Int(c.children)
	e.Uint(uint64(c.listing))
	e.Bool(c.complete)
	e.Value(c.cursor)
	encodeFormer(e, c.former)
	e.Uint(uint64(len(c.live)))
	for _, t := range sortedTasks(c.live) {
		e.Uint(uint64(t))
		c.live[t].encode(e)
	}
}

func (c *comeback) decode(d *value.Decoder) {
	c.redrives = d.Int()
	c.ended = run.Status(d.Byte())
	c.items = d.Int()
	c.children = d.Int()
	c.listing = run.TaskID(d.Uint())
	c.complete = d.Bool()
	c.cursor = d.Value()
	c.former = decodeFormer(d)
	c.live = make(map[run.TaskID]formerChild)
	for range d.Len() {
		t := run.TaskID(d.Uint())
		c.live[t] = decodeFormerChild(d)
	}
}
