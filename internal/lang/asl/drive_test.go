package asl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// driver runs one execution on virtual time against scripted tasks, as the kernel would: steps until nothing follows,
// then whatever is due next.
type driver struct {
	t      *testing.T
	def    run.Definition
	state  run.State
	now    time.Time
	seq    uint64 // of inputs, for their order and their entropy
	agenda []due
	plans  map[string][]plan // by label of the task
	with   value.Value       // the run's attributes
	starts time.Time
	end    *run.EndRun

	events []run.Event
	spent  []run.Input // inputs that must be ignored when they come again
	// onEvent, where set, is called after each event was applied.
	onEvent func(in run.Input, ev run.Event)
	// reload, where set, is how often, in events, the state is written and read back.
	reload int
}

// due is an input that comes at a moment.
type due struct {
	at  time.Time
	seq uint64
	in  run.Input
}

// plan is what becomes of one start of a task: nothing, where it is empty.
type plan []due

var epoch = time.Date(2026, 3, 14, 1, 59, 0, 0, time.UTC)

func newDriver(t *testing.T, d run.Definition, script string) *driver {
	dr := &driver{t: t, def: d, state: d.NewState(), now: epoch, starts: epoch, plans: make(map[string][]plan)}
	dr.read(script)
	return dr
}

// partOf is the definition that a script is for: the file's, or that of the part which a line "part NAME" tells. A line
// "events N" bounds its histories.
func partOf(t *testing.T, d *Definition, script string) run.Definition {
	t.Helper()
	for line := range strings.Lines(script) {
		if n, err := fmt.Sscanf(line, "events %d", &d.limits.Events); n == 1 && err == nil {
			break
		}
	}
	name := partName(script)
	if name == "" {
		return d
	}
	part, err := d.Part(name)
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// partName is the part that a script is for; empty: the whole.
func partName(script string) string {
	for line := range strings.Lines(script) {
		if name, is := strings.CutPrefix(strings.TrimSpace(line), "part "); is {
			return name
		}
	}
	return ""
}

// read takes a script, one command a line:
//
//	part NAME
//	events N
//	attributes OBJECT
//	start NAME INPUT
//	at DURATION cancel ERROR CAUSE…
//	at DURATION redrive
//	task LABEL: DURATION ACTION; DURATION ACTION…
//
// where an action is succeed VALUE, fail ERROR CAUSE…, submit VALUE, beat, refuse ERROR CAUSE…, which does not so much
// as let the task be scheduled, or for a run ended STATUS VALUE or ended STATUS ERROR CAUSE…; "at" knows cancel and
// signal NAME VALUE. Each line for a label is for one start of such a task; a task without one never ends.
func (dr *driver) read(script string) {
	for line := range strings.Lines(script) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "", "part", "events":
		case "attributes":
			dr.with = parse(dr.t, rest)
		case "start":
			name, input, _ := strings.Cut(rest, " ")
			dr.schedule(0, run.Input{Kind: run.Start, Name: name, Value: parse(dr.t, input), Attributes: dr.with})
		case "at":
			dr.agenda = append(dr.agenda, dr.action(rest))
		case "task":
			label, actions, _ := strings.Cut(rest, ":")
			var p plan
			for _, a := range strings.Split(actions, ";") {
				if a = strings.TrimSpace(a); a != "" {
					p = append(p, dr.action(a))
				}
			}
			dr.plans[label] = append(dr.plans[label], p)
		default:
			dr.t.Fatalf("script: unknown command %q", line)
		}
	}
}

func (dr *driver) action(s string) due {
	words := strings.SplitN(s, " ", 3)
	after, err := time.ParseDuration(words[0])
	if err != nil || len(words) < 2 {
		dr.t.Fatalf("script: want DURATION ACTION, got %q", s)
	}
	words = append(words, "")
	in := run.Input{}
	switch words[1] {
	case "succeed":
		in = run.Input{Kind: run.TaskEnded, Outcome: run.Done(parse(dr.t, words[2]))}
	case "fail":
		name, cause, _ := strings.Cut(words[2], " ")
		in = run.Input{Kind: run.TaskEnded, Outcome: run.Fail(name, cause)}
	case "refuse":
		name, cause, _ := strings.Cut(words[2], " ")
		in = run.Input{Kind: run.Refused, Outcome: run.Fail(name, cause)}
	case "submit":
		in = run.Input{Kind: run.TaskSubmitted, Value: parse(dr.t, words[2])}
	case "beat":
		in = run.Input{Kind: run.TaskBeat}
	case "ended":
		status, rest, _ := strings.Cut(words[2], " ")
		in = run.Input{Kind: run.TaskEnded}
		in.Status, _ = run.ParseStatus(status)
		if in.Status == run.Succeeded {
			in.Outcome = run.Done(parse(dr.t, rest))
		} else {
			name, cause, _ := strings.Cut(rest, " ")
			in.Outcome = run.Fail(name, cause)
		}
	case "signal":
		name, rest, _ := strings.Cut(words[2], " ")
		in = run.Input{Kind: run.Signal, Name: name, Value: parse(dr.t, rest)}
	case "redrive":
		in = run.Input{Kind: run.Redrive}
	case "cancel":
		name, cause, _ := strings.Cut(words[2], " ")
		in = run.Input{Kind: run.Cancel, Outcome: run.Fail(name, cause)}
	default:
		dr.t.Fatalf("script: unknown action %q", s)
	}
	dr.seq++
	return due{at: epoch.Add(after), seq: dr.seq, in: in}
}

func parse(t *testing.T, text string) value.Value {
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("script: %q: %v", text, err)
	}
	return v
}

func (dr *driver) schedule(after time.Duration, in run.Input) {
	dr.seq++
	dr.agenda = append(dr.agenda, due{dr.now.Add(after), dr.seq, in})
}

// run drives the execution until nothing more can happen.
func (dr *driver) run() {
	for {
		for dr.deliver(run.Input{Kind: run.Step}) {
		}
		if len(dr.agenda) == 0 {
			return
		}
		slices.SortFunc(dr.agenda, func(a, b due) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.seq, b.seq)) })
		next := dr.agenda[0]
		dr.agenda = dr.agenda[1:]
		if next.at.After(dr.now) {
			dr.now = next.at
		}
		dr.deliver(next.in)
		if next.in.Kind != run.TaskBeat && next.in.Kind != run.TaskSubmitted {
			dr.spent = append(dr.spent, next.in)
		}
	}
}

// deliver gives one input, and reports whether anything followed.
func (dr *driver) deliver(in run.Input) bool {
	dr.seq++
	in.Now, in.Entropy, in.Token = dr.now, dr.seq*0x9E3779B97F4A7C15, token
	events, err := dr.state.Decide(in)
	if err != nil {
		dr.t.Fatalf("deciding %+v: %v", in, err)
	}
	if no, refused := dr.refusal(events); refused {
		return dr.deliver(no)
	}
	if in.Kind == run.Redrive && len(events) > 0 {
		dr.end = nil // and what stopped it before is answered
		dr.spent = slices.DeleteFunc(dr.spent, func(in run.Input) bool { return in.Kind == run.Cancel })
	}
	for _, ev := range events {
		dr.state.Apply(ev.Fact)
		dr.events = append(dr.events, ev)
		if dr.onEvent != nil {
			dr.onEvent(in, ev)
		}
		if dr.reload > 0 && len(dr.events)%dr.reload == 0 {
			dr.state = reload(dr.t, dr.def, dr.state)
		}
		for _, o := range ev.Orders {
			dr.carryOut(o)
		}
	}
	return len(events) > 0
}

// token is what the kernel gives for one.
func token(t run.TaskID) string { return fmt.Sprintf("token-%d", t) }

// refusal is what follows from events that start a task which is refused.
func (dr *driver) refusal(events []run.Event) (run.Input, bool) {
	for _, ev := range events {
		for _, o := range ev.Orders {
			o, ok := o.(run.StartTask)
			if plans := dr.plans[o.Label]; ok && len(plans) > 0 && len(plans[0]) > 0 && plans[0][0].in.Kind == run.Refused {
				dr.plans[o.Label] = plans[1:]
				return plans[0][0].in, true
			}
		}
	}
	return run.Input{}, false
}

func (dr *driver) carryOut(o run.Order) {
	switch o := o.(type) {
	case run.SetTimer:
		dr.agenda = slices.DeleteFunc(dr.agenda, func(d due) bool { return d.in.Kind == run.TimerFired && d.in.Timer == o.Timer })
		if !o.At.IsZero() {
			dr.seq++
			dr.agenda = append(dr.agenda, due{o.At, dr.seq, run.Input{Kind: run.TimerFired, Timer: o.Timer}})
		}
	case run.StartTask:
		dr.follow(o.Label, o.Task)
	case run.StartRun:
		dr.follow(o.Part, o.Task)
	case run.RedriveRun:
		if o.Group == "" {
			dr.follow("redriven "+o.Name, o.Task)
		} else {
			dr.follow("redriven", o.Task)
		}
	case run.EndRun:
		dr.end = &o
	}
}

// follow schedules what becomes of a task.
func (dr *driver) follow(label string, task run.TaskID) {
	plans := dr.plans[label]
	if len(plans) == 0 {
		return
	}
	dr.plans[label] = plans[1:]
	for _, d := range plans[0] {
		d.in.Task = task
		dr.schedule(d.at.Sub(epoch), d.in)
	}
}

// reload is the state after a snapshot was written and read back.
func reload(t *testing.T, d run.Definition, s run.State) run.State {
	t.Helper()
	var e value.Encoder
	s.Encode(&e)
	dec := decoder(&e)
	back, err := d.DecodeState(dec)
	if err != nil {
		t.Fatalf("reading a snapshot back: %v", err)
	}
	if dec.More() {
		t.Fatal("reading a snapshot back left something over")
	}
	return back
}

func encodedState(s run.State) []byte {
	var e value.Encoder
	s.Encode(&e)
	return e.Bytes()
}

// reread is the fact after it was written and read back.
func reread(t *testing.T, d run.Definition, f run.Fact) run.Fact {
	t.Helper()
	var e value.Encoder
	f.Encode(&e)
	dec := decoder(&e)
	back, err := d.DecodeFact(f.Kind(), dec)
	if err != nil {
		t.Fatalf("reading %T back: %v", f, err)
	}
	if dec.More() {
		t.Fatalf("reading %T back left something over", f)
	}
	return back
}

func decoder(e *value.Encoder) *value.Decoder {
	texts := make(map[value.Digest][]byte)
	for _, b := range e.Blobs() {
		texts[b.Digest] = b.Text()
	}
	return value.NewDecoder(e.Bytes(), func(d value.Digest) (value.Value, error) { return value.Parse(texts[d]) })
}

// dump is everything that a state holds, as text.
func dump(s run.State) string {
	if m, ok := s.(*mapRunState); ok {
		return fmt.Sprintf("%x %d %v %v", encodedState(m), m.phase, m.live, m.again)
	}
	x := s.(*execution)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %v %v %s %d branch %d task %d timer %d deadline %d redriven %d %v\n", x.identity.run, x.identity.attributes, x.started, x.ended, x.input, x.position,
		x.lastBranch, x.lastTask, x.lastTimer, x.deadline, x.redrives, x.redriven)
	live := make([]branchID, 0, len(x.branches))
	for _, br := range x.liveBranches() {
		live = append(live, br.id)
		dumpBranch(&b, br)
	}
	var ready []branchID
	for _, br := range x.ready.list[x.ready.next:] {
		if !br.gone {
			ready = append(ready, br.id)
		}
	}
	fmt.Fprintf(&b, "live %v ready %v tasks %d timers %d\n", live, ready, len(x.tasks), len(x.timers))
	for o := range x.Pending {
		if r := o.Redrive; r != nil {
			fmt.Fprintf(&b, "redriven %+v ", *r)
			o.Redrive = nil
		}
		fmt.Fprintf(&b, "pending %+v\n", o)
	}
	return b.String()
}

func dumpBranch(b *strings.Builder, br *branch) {
	parent := branchID(0)
	if br.parent != nil {
		parent = br.parent.id
	}
	fmt.Fprintf(b, "branch %d of %d index %d item %s state %s phase %d input %s since %v entered %d from %d last %d began %d map run %v variables %s attempts %v %d %d result %s failure %v timer %d queued %v\n",
		br.id, parent, br.index, br.item, br.state.name, br.phase, br.input, br.since, br.entered, br.from, br.last, br.began, br.mapRun, br.variables,
		br.attempts, br.retries, br.attempt, br.result, br.failure, br.timer, br.queued)
	if t := br.task; t != nil {
		fmt.Fprintf(b, "  task %d %s %s as %s timers %d %v %d %d %v %d submitted %v\n", t.id, t.state.name, t.payload, t.credentials,
			t.timeout, t.deadline, t.within, t.heartbeat, t.beat, t.beatWithin, t.submitted)
	}
	for _, c := range br.wreck {
		b.WriteString("  wreck ")
		dumpBranch(b, c)
	}
	if f := br.fanout; f != nil {
		fmt.Fprintf(b, "  fanout %s %d %d %d items %s input %s batch %d %d %s taken %d limit %d tolerance %d\n", f.outputs,
			f.started, f.ended, f.failed, f.items, f.input, f.batch.items, f.batch.bytes, f.batch.input, f.taken, f.limit, f.tolerance)
	}
}
