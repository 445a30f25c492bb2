package asl

import (
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// snapshotVersion is the form of snapshots that this release writes. Older ones it reads; others are refused, and the
// kernel folds the log instead. Version 2 added the attributes, version 3 what tokens need to know of tasks, version 4 from
// where a state was entered, version 5 what describes a submitted task, version 6 what a redrive needs to know.
const snapshotVersion = 6

// Encode implements run.State.
func (x *execution) Encode(e *value.Encoder) {
	e.Byte(snapshotVersion)
	e.Time(x.started)
	e.Bool(x.ended)
	e.Text(x.identity.run)
	e.Value(x.identity.attributes)
	e.Value(x.input)
	e.Uint(x.position)
	e.Uint(uint64(x.lastBranch))
	e.Uint(uint64(x.lastTask))
	e.Uint(uint64(x.lastTimer))
	e.Uint(uint64(x.deadline))
	e.Uint(uint64(x.redrives))
	e.Time(x.redriven)
	e.Bool(x.root != nil)
	if x.root == nil {
		return
	}
	x.encodeBranch(e, x.root)
	for _, b := range x.ready.list[x.ready.next:] {
		if !b.gone {
			e.Uint(uint64(b.id))
		}
	}
	e.Uint(0)
}

func (x *execution) decode(d *value.Decoder) {
	version := d.Byte()
	if version == 0 || version > snapshotVersion {
		d.Fail("unknown version of snapshot")
		return
	}
	x.started = d.Time()
	x.ended = d.Bool()
	name, attributes := d.Text(), value.Value{}
	if version >= 2 {
		attributes = d.Value()
	}
	x.identity = newIdentity(name, attributes)
	x.input = d.Value()
	x.position = d.Uint()
	x.lastBranch = branchID(d.Uint())
	x.lastTask = run.TaskID(d.Uint())
	x.lastTimer = run.TimerID(d.Uint())
	x.deadline = run.TimerID(d.Uint())
	if version >= 6 {
		x.redrives = int(d.Uint())
		x.redriven = d.Time()
	}
	if !d.Bool() || d.Err() != nil {
		return
	}
	x.root = x.decodeBranch(d, version, true)
	if x.deadline != 0 {
		x.timers[x.deadline] = x.root
	}
	for id := d.Uint(); id != 0; id = d.Uint() {
		b := x.branches[branchID(id)]
		if b == nil {
			d.Fail("a ready branch that is not alive")
			return
		}
		x.ready.push(b)
	}
}

// encodeBranch writes b and the branches below it.
func (x *execution) encodeBranch(e *value.Encoder, b *branch) {
	e.Uint(uint64(b.id))
	e.Uint(uint64(b.index))
	e.Value(b.item)
	encodeState(e, b.state)
	e.Byte(byte(b.phase))
	e.Value(b.input)
	e.Time(b.since)
	e.Uint(b.entered)
	e.Uint(b.last)
	e.Uint(b.from)
	e.Uint(b.began)
	b.mapRun.encode(e)
	e.Value(b.variables)
	e.Uint(uint64(len(b.attempts)))
	for _, n := range b.attempts {
		e.Uint(uint64(n))
	}
	e.Uint(uint64(b.attempt))
	e.Value(b.result)
	encodeFailure(e, b.failure)
	e.Uint(uint64(b.timer))
	e.Bool(b.task != nil)
	if b.task != nil {
		b.task.encode(e)
	}
	e.Bool(b.fanout != nil)
	if b.fanout != nil {
		b.fanout.encode(e)
	}
	for c := b.firstChild; c != nil; c = c.after {
		e.Bool(true)
		x.encodeBranch(e, c)
	}
	e.Bool(false)
	e.Uint(uint64(len(b.wreck)))
	for _, c := range b.wreck {
		x.encodeBranch(e, c)
	}
}

// decodeBranch reads what encodeBranch wrote; live says that b is no part of a wreck.
func (x *execution) decodeBranch(d *value.Decoder, version byte, live bool) *branch {
	b := &branch{
		id:      branchID(d.Uint()),
		index:   int(d.Uint()),
		item:    d.Value(),
		state:   x.def.decodeState(d),
		phase:   phase(d.Byte()),
		input:   d.Value(),
		since:   d.Time(),
		entered: d.Uint(),
		last:    d.Uint(),
	}
	if version >= 4 {
		b.from = d.Uint()
	}
	if version >= 6 {
		b.began = d.Uint()
		b.mapRun = decodeMapRunRef(d)
	}
	b.variables = d.Value()
	if b.state == nil {
		d.Fail("a branch without a state")
		return b
	}
	if n := d.Len(); n > 0 {
		b.attempts = make([]int, n)
		for i := range b.attempts {
			b.attempts[i] = int(d.Uint())
			b.retries += b.attempts[i]
		}
	}
	if version >= 3 {
		b.attempt = run.TaskID(d.Uint())
	}
	b.result = d.Value()
	b.failure = decodeFailure(d)
	if b.gone = !live; live {
		x.branches[b.id] = b
	}
	if t := run.TimerID(d.Uint()); t != 0 {
		b.timer, x.timers[t] = t, b
	}
	if d.Bool() {
		b.task = x.def.decodeTask(d, version)
		x.openTask(b)
	}
	if d.Bool() {
		b.fanout = decodeFanout(d)
	}
	for d.Bool() {
		b.adopt(x.decodeBranch(d, version, live))
	}
	if version >= 6 {
		for range d.Len() {
			c := x.decodeBranch(d, version, false)
			c.parent = b
			b.wreck = append(b.wreck, c)
		}
	}
	return b
}

func (t *openTask) encode(e *value.Encoder) {
	e.Uint(uint64(t.id))
	encodeState(e, t.state)
	e.Value(t.payload)
	e.Value(t.credentials)
	e.Uint(uint64(t.timeout))
	e.Time(t.deadline)
	e.Uint(uint64(t.heartbeat))
	e.Time(t.beat)
	e.Int(t.beatWithin)
	e.Int(t.within)
	e.Bool(t.submitted)
	e.Value(t.submission)
	e.Bool(t.redrive != nil)
	if t.redrive != nil {
		e.Text(t.redrive.Name)
		e.Text(t.redrive.Group)
	}
}

func (d *Definition) decodeTask(dec *value.Decoder, version byte) *openTask {
	t := &openTask{
		id:          run.TaskID(dec.Uint()),
		state:       d.decodeWorkState(dec),
		payload:     dec.Value(),
		credentials: dec.Value(),
		timeout:     run.TimerID(dec.Uint()),
		deadline:    dec.Time(),
		heartbeat:   run.TimerID(dec.Uint()),
		beat:        dec.Time(),
		beatWithin:  dec.Int(),
	}
	if version >= 3 {
		t.within = dec.Int()
		t.submitted = dec.Bool()
	}
	if version >= 5 {
		t.submission = dec.Value()
	}
	if version >= 6 && dec.Bool() {
		t.redrive = &run.RedriveRun{Task: t.id, Name: dec.Text(), Group: dec.Text()}
	}
	return t
}

func (f *fanout) encode(e *value.Encoder) {
	e.Uint(uint64(len(f.outputs)))
	for _, v := range f.outputs {
		e.Value(v)
	}
	e.Uint(uint64(f.started))
	e.Uint(uint64(f.ended))
	e.Uint(uint64(f.failed))
	e.Value(f.items)
	e.Value(f.input)
	f.batch.encode(e)
	e.Uint(uint64(f.taken))
	e.Int(int64(f.limit))
	e.Int(int64(f.tolerance))
}

func decodeFanout(d *value.Decoder) *fanout {
	f := &fanout{outputs: make([]value.Value, d.Len())}
	for i := range f.outputs {
		f.outputs[i] = d.Value()
	}
	f.started = int(d.Uint())
	f.ended = int(d.Uint())
	f.failed = int(d.Uint())
	f.items = d.Value()
	f.input = d.Value()
	f.batch.decode(d)
	f.taken = int(d.Uint())
	f.limit = int(d.Int())
	f.tolerance = int(d.Int())
	return f
}
