package asl

import (
	"fmt"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// task is a Task state: a resource works, and its answer is the result.
type task struct {
	resource    resource
	credentials template
	timeout     amount
	heartbeat   amount
}

// resource is what a Task names, taken apart as histories show it.
type resource struct {
	arn    string
	family resourceFamily
	kind   string // of a service: "batch", "aws-sdk:eks"
	name   string // of a service: "submitJob.sync"
}

// resourceFamily is the vocabulary that the history uses for a task.
type resourceFamily uint8

const (
	serviceTask resourceFamily = iota
	lambdaTask
	activityTask
)

// parseResource takes an ARN apart: arn:partition:service:region:account:rest.
func parseResource(arn string) resource {
	r := resource{arn: arn, name: arn}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return r
	}
	service, rest := parts[2], parts[5]
	switch {
	case service == "lambda":
		r.family = lambdaTask
	case service == "states" && strings.HasPrefix(rest, "activity:"):
		r.family = activityTask
	default:
		if i := strings.LastIndexByte(rest, ':'); i >= 0 {
			r.kind, r.name = rest[:i], rest[i+1:]
		} else {
			r.kind, r.name = service, rest
		}
	}
	return r
}

// waitsForToken reports whether the task has a token that the file can hand out, and ends with it.
func (r resource) waitsForToken() bool {
	return r.family == serviceTask && strings.HasSuffix(r.name, tokenSuffix)
}

// tokenSuffix ends the name of a resource whose tasks are ended by whoever holds their token.
const tokenSuffix = ".waitForTaskToken"

// label is how the text of a failure names the resource: a service by what it is, anything else by its ARN.
func (r resource) label() string {
	if r.family == serviceTask && r.kind != "" {
		return r.kind
	}
	return r.arn
}

func (o *object) task(s *state) action {
	s.flow = o.flow(hasParameters | hasArguments | hasSelector | hasResultPath | hasAssign)
	o.required("Resource")
	t := &task{resource: parseResource(o.resource())}
	payload := "Parameters"
	if o.data {
		payload = "Arguments"
	}
	o.c.warnOfCommands(o.at.at(payload), o.any(payload))
	o.checkArguments(t.resource.arn, payload)
	o.lookUp(t.resource.arn, payload)
	t.credentials = o.credentials(t.resource)
	t.timeout = o.amount("TimeoutSeconds", 1, maxSeconds)
	t.heartbeat = o.amount("HeartbeatSeconds", 1, maxSeconds)
	o.checkHeartbeat(t)
	o.recovery(s)
	return t
}

// resource reads Resource: an ARN, or a placeholder that deployment tools fill in: ${…}, or an object such as
// {"Fn::GetAtt": […]}.
func (o *object) resource() string {
	if v := o.any("Resource"); v.Kind() == value.Object && v.Len() == 1 && (v.Name(0) == "Ref" || strings.HasPrefix(v.Name(0), "Fn::")) {
		o.placeholder(v.JSON())
		return v.JSON()
	}
	arn, ok := o.string("Resource")
	there := o.c.terms.Resources
	switch {
	case !ok:
	case strings.HasPrefix(arn, "${") && strings.HasSuffix(arn, "}"):
		o.placeholder(arn)
	case !strings.HasPrefix(arn, "arn:"):
		o.hinted("Resource", "It begins with \"arn:\"", "Value is not a valid resource ARN")
	case !validFunction(arn):
		o.hinted("Resource", "An alias or version of a function is letters, digits, - and _, or $LATEST", "Value is not a valid resource ARN")
	case there != nil && !there.Known(arn):
		at := o.at.at("Resource")
		hint := ""
		if there.Hint != nil {
			hint = there.Hint(arn)
		}
		if hint == "" {
			hint = strings.TrimSpace(suggest(arn, there.Names))
		}
		if hint == "" {
			hint = "There are " + strings.Join(there.Names, ", ")
		}
		o.c.report(finding{Problem: run.Problem{Pointer: string(at), Code: codeResource, Text: fmt.Sprintf("There is no resource %q here", arn), Hint: hint}, of: at})
	case o.c.terms.Express:
		o.checkExpress(arn)
	}
	return arn
}

// checkExpress refuses what an Express machine has no time for: to wait for a job, a token or an activity's worker.
func (o *object) checkExpress(arn string) {
	switch r := parseResource(arn); {
	case r.family == activityTask:
		o.fault("Resource", "Express state machine does not support Activity ARN")
	case strings.HasSuffix(strings.TrimSuffix(arn, ":2"), ".sync"):
		o.fault("Resource", "Express state machine does not support '.sync' service integration")
	case strings.HasSuffix(arn, ".waitForTaskToken"):
		o.fault("Resource", "Express state machine does not support '.waitForTaskToken' service integration ") // with the blank
	}
}

func (o *object) placeholder(text string) {
	o.c.warn(o.at.at("Resource"), "%s is a placeholder: nothing fills it in here, the task will find no such resource", text)
}

// lookUp has what a task names outright looked up, where the file is to run.
func (o *object) lookUp(arn, payload string) {
	there := o.c.terms.Resources
	if there == nil || there.Missing == nil || !there.Known(arn) {
		return
	}
	var named []value.Member
	for name, v := range o.any(payload).Members() {
		if !strings.HasSuffix(name, ".$") && !strings.HasPrefix(v.Text(), "{%") {
			named = append(named, value.Member{Name: name, Value: v})
		}
	}
	for _, m := range there.Missing(arn, value.NewObject(named...)) {
		at := o.at.at("Resource")
		if m.Member != "" {
			at = o.at.at(payload).at(m.Member)
		}
		o.c.problem(at, codeMissing, "%s", m.Text)
	}
}

// validFunction reports whether arn, where it names a function, ends in a proper alias or version if any.
func validFunction(arn string) bool {
	parts := strings.SplitN(arn, ":", 8)
	if len(parts) < 8 || parts[2] != "lambda" || parts[5] != "function" {
		return true
	}
	alias := parts[7]
	for _, r := range alias {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return alias == "$LATEST"
		}
	}
	return alias != ""
}

// credentials reads Credentials: an object whose RoleArn says under which identity the task acts.
func (o *object) credentials(r resource) template {
	v, ok := o.of("Credentials", value.Object)
	if !ok {
		return nil
	}
	_, static := v.Get("RoleArn")
	_, dynamic := v.Get("RoleArn.$")
	switch {
	case r.family == activityTask:
		o.fault("Credentials", "The field 'Credentials' is not supported for activities")
	case !static && !dynamic:
		o.c.warn(o.at.at("Credentials"), "Without RoleArn the task acts under no other identity")
	}
	return o.template("Credentials")
}

// checkHeartbeat refuses a heartbeat that is never missed before the task's time is over.
func (o *object) checkHeartbeat(t *task) {
	beat, ok := t.heartbeat.literal.Int64()
	limit, also := t.timeout.literal.Int64()
	if ok && also && beat >= limit {
		o.fault("HeartbeatSeconds", "Value must be smaller than TimeoutSeconds, which is %d", limit)
	}
}

func (t *task) enter(s *step) (run.Event, error) {
	flow := &s.b.state.flow
	input, err := flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	f := &taskScheduled{stamp: s.stamp(), kind: kindTaskScheduled, state: s.b.state, task: s.x.lastTask + 1}
	if t.resource.family == serviceTask && s.x.identity.region != "" {
		f.kind, f.region = kindTaskScheduledIn, s.x.identity.region
	}
	if f.timeout, err = t.timeout.whole(s, input, 1, 0); err != nil {
		return run.Event{}, err
	}
	if f.heartbeat, err = t.heartbeat.whole(s, input, 1, 0); err != nil {
		return run.Event{}, err
	}
	if f.payload, err = flow.arguments(s, input); err != nil {
		return run.Event{}, err
	}
	if t.credentials != nil {
		if f.credentials, err = t.credentials.eval(s, input); err != nil {
			return run.Event{}, err
		}
	}
	f.firstTimer = s.x.lastTimer + 1
	open := f.open()
	return event(f, append(open.setTimers(nil), open.order())...), nil
}

// openTask is a task that was started and has not ended.
type openTask struct {
	id          run.TaskID
	state       *state
	payload     value.Value
	credentials value.Value

	// Timers and the moments they are set to; 0: none. A task for a worker has no such moments before it is taken up.
	timeout    run.TimerID
	deadline   time.Time
	heartbeat  run.TimerID
	beat       time.Time
	within     int64 // seconds until the deadline, from when the task counts as begun
	beatWithin int64 // seconds

	submitted  bool
	submission value.Value     // what described it; absent with a callback, where nobody asks
	redrive    *run.RedriveRun // of a map run that goes on, how it was ordered
}

func (t *openTask) resource() resource { return t.state.action.(*task).resource }

// callback reports whether the task is ended from outside.
func (t *openTask) callback() bool {
	return t.resource().family == activityTask || t.resource().waitsForToken()
}

func (t *openTask) order() run.StartTask {
	if t.state.kind == mapState {
		return run.StartTask{Task: t.id, Redrive: t.redrive} // the map run
	}
	return run.StartTask{
		Task:        t.id,
		Resource:    t.resource().arn,
		Payload:     t.payload,
		Credentials: t.credentials,
		Deadline:    t.deadline,
		Label:       t.state.name,
		Callback:    t.callback(),
		Submitted:   t.submitted,
		Submission:  t.submission,
	}
}

// begin starts the clocks of the task's timers.
func (t *openTask) begin(at time.Time) {
	if t.timeout != 0 {
		t.deadline = after(at, t.within)
	}
	t.alive(at)
}

// alive sets back the clock of the heartbeat.
func (t *openTask) alive(at time.Time) {
	if t.heartbeat != 0 {
		t.beat = after(at, t.beatWithin)
	}
}

// accept marks the task as submitted. Only then a worker can be late; who waits for a token has it from then on.
func (t *openTask) accept(at time.Time) {
	switch {
	case t.submitted:
	case t.resource().family == activityTask:
		t.begin(at)
	case t.callback():
		t.alive(at)
	}
	t.submitted = true
}

func (t *openTask) setTimers(orders []run.Order) []run.Order {
	if !t.deadline.IsZero() {
		orders = append(orders, run.SetTimer{Timer: t.timeout, At: t.deadline})
	}
	if !t.beat.IsZero() {
		orders = append(orders, run.SetTimer{Timer: t.heartbeat, At: t.beat})
	}
	return orders
}

func (t *openTask) clearTimers(orders []run.Order) []run.Order {
	if t.timeout != 0 {
		orders = append(orders, run.SetTimer{Timer: t.timeout})
	}
	if t.heartbeat != 0 {
		orders = append(orders, run.SetTimer{Timer: t.heartbeat})
	}
	return orders
}

// taskScheduled is the fact that a task was handed to its resource.
//
// Of kindTaskScheduledIn it says in which region besides.
type taskScheduled struct {
	stamp
	kind        run.EventKind
	state       *state
	task        run.TaskID
	payload     value.Value
	credentials value.Value
	timeout     int64 // seconds; 0: none
	heartbeat   int64
	firstTimer  run.TimerID // the timeout's, then the heartbeat's, where there are such
	region      string
}

// open is the task as the fact begins it.
func (f *taskScheduled) open() *openTask {
	t := &openTask{
		id: f.task, state: f.state, payload: f.payload, credentials: f.credentials,
		within: f.timeout, beatWithin: f.heartbeat,
	}
	next := f.firstTimer
	if f.timeout != 0 {
		t.timeout = next
		next++
	}
	if f.heartbeat != 0 {
		t.heartbeat = next
	}
	if t.resource().family != activityTask {
		t.begin(f.at)
	}
	return t
}

func (f *taskScheduled) Kind() run.EventKind { return f.kind }

func (f *taskScheduled) events() uint64 {
	if f.state.action.(*task).resource.family == activityTask {
		return 1 // it starts when a worker takes it
	}
	return 2
}

func (f *taskScheduled) apply(x *execution, b *branch) {
	t := f.open()
	b.task, b.attempt, b.phase = t, t.id, phaseTask
	b.last = f.first + f.events() - 1
	x.openTask(b)
}

// openTask indexes the task of b.
func (x *execution) openTask(b *branch) {
	t := b.task
	x.tasks[t.id] = b
	x.lastTask = max(x.lastTask, t.id)
	for _, timer := range []run.TimerID{t.timeout, t.heartbeat} {
		if timer != 0 {
			x.timers[timer] = b
			x.lastTimer = max(x.lastTimer, timer)
		}
	}
}

func (f *taskScheduled) history(h *historian) { h.taskScheduled(f) }

func (f *taskScheduled) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Uint(uint64(f.task))
	e.Value(f.payload)
	e.Value(f.credentials)
	e.Int(f.timeout)
	e.Int(f.heartbeat)
	e.Uint(uint64(f.firstTimer))
	if f.kind == kindTaskScheduledIn {
		e.Text(f.region)
	}
}

func (f *taskScheduled) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeTaskState(dec)
	f.task = run.TaskID(dec.Uint())
	f.payload = dec.Value()
	f.credentials = dec.Value()
	f.timeout = dec.Int()
	f.heartbeat = dec.Int()
	f.firstTimer = run.TimerID(dec.Uint())
	if f.kind == kindTaskScheduledIn {
		f.region = dec.Text()
	}
}

// decodeTaskState is decodeState for what must be a Task.
func (d *Definition) decodeTaskState(dec *value.Decoder) *state {
	s := d.decodeState(dec)
	if s == nil || s.kind != taskState {
		dec.Fail("a task in a state that is none")
		return d.machine.start
	}
	return s
}

// decodeWorkState is decodeState for what must have a task under way: a Task, or a distributed Map.
func (d *Definition) decodeWorkState(dec *value.Decoder) *state {
	s := d.decodeState(dec)
	if s == nil || s.kind != taskState && s.kind != mapState {
		dec.Fail("a task in a state that is none")
		return d.machine.start
	}
	return s
}

// taskSubmitted is the fact that what carries the task out has accepted it.
type taskSubmitted struct {
	stamp
	state  *state
	output value.Value
}

func (s *step) taskSubmitted() run.Event {
	t := *s.b.task
	if t.submitted {
		return run.Event{} // it was taken up already, or is begun again after a crash
	}
	f := &taskSubmitted{stamp: s.stamp(), state: s.b.state, output: s.in.Value}
	if !t.callback() {
		return event(f)
	}
	t.accept(s.in.Now)
	return event(f, t.setTimers(nil)...)
}

func (f *taskSubmitted) Kind() run.EventKind { return kindTaskSubmitted }

func (f *taskSubmitted) events() uint64 { return 1 }

func (f *taskSubmitted) apply(_ *execution, b *branch) {
	if b.task.accept(f.at); !b.task.callback() {
		b.task.submission = f.output
	}
	b.last = f.first
}

func (f *taskSubmitted) history(h *historian) { h.taskSubmitted(f) }

func (f *taskSubmitted) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Value(f.output)
}

func (f *taskSubmitted) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeTaskState(dec)
	f.output = dec.Value()
}

// taskBeat is the fact that a task with a heartbeat is alive.
type taskBeat struct {
	stamp
	beat time.Time // when the next is due
}

func (s *step) taskBeat() run.Event {
	t := s.b.task
	if t.heartbeat == 0 {
		return run.Event{}
	}
	f := &taskBeat{stamp: s.stamp(), beat: after(s.in.Now, t.beatWithin)}
	return event(f, run.SetTimer{Timer: t.heartbeat, At: f.beat})
}

func (f *taskBeat) Kind() run.EventKind { return kindTaskBeat }

func (f *taskBeat) events() uint64 { return 0 }

func (f *taskBeat) apply(_ *execution, b *branch) { b.task.beat = f.beat }

func (f *taskBeat) history(*historian) {}

func (f *taskBeat) Encode(e *value.Encoder) {
	f.encode(e)
	e.Time(f.beat)
}

func (f *taskBeat) decode(_ *Definition, d *value.Decoder) {
	f.stamp.decode(d)
	f.beat = d.Time()
}

// taskEnded takes in the outcome of the branch's task.
func (s *step) taskEnded() run.Event {
	if s.b.state.kind == mapState {
		return s.mapRunEnded()
	}
	orders := s.b.task.clearTimers(nil)
	if f := s.in.Outcome.Failure; f != nil {
		return event(&taskFailed{stamp: s.stamp(), state: s.b.state, failure: *f}, orders...)
	}
	output := s.in.Outcome.Output
	if output.IsAbsent() {
		output = value.NullValue
	}
	if output.Size() > s.x.def.limits.Payload {
		return event(&taskFailed{stamp: s.stamp(), state: s.b.state, failure: tooLarge(s.b.state.action.(*task).resource.label())}, orders...)
	}
	return event(&taskSucceeded{stamp: s.stamp(), state: s.b.state, output: output}, orders...)
}

// taskTimedOut gives the branch's task up, if the timer that fired still means it.
func (s *step) taskTimedOut() run.Event {
	t := s.b.task
	f := &taskFailed{stamp: s.stamp(), state: s.b.state, failure: run.Failure{Error: errTimeout}, timedOut: true}
	if s.in.Timer == t.heartbeat {
		if s.in.Now.Before(t.beat) {
			return run.Event{} // it was set anew while it fired
		}
		f.failure.Error = errHeartbeatTimeout
	}
	return event(f, append(t.clearTimers(nil), run.CancelTask{Task: t.id})...)
}

// taskSucceeded is the fact that a task gave output.
type taskSucceeded struct {
	stamp
	state  *state
	output value.Value
}

func (f *taskSucceeded) Kind() run.EventKind { return kindTaskSucceeded }

func (f *taskSucceeded) events() uint64 { return 1 }

func (f *taskSucceeded) apply(x *execution, b *branch) {
	x.closeOpen(b)
	b.result, b.phase, b.last = f.output, phaseResult, f.first
}

func (f *taskSucceeded) history(h *historian) { h.taskSucceeded(f) }

func (f *taskSucceeded) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	e.Value(f.output)
}

func (f *taskSucceeded) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeTaskState(dec)
	f.output = dec.Value()
}

// taskFailed is the fact that a task failed, or was given up.
type taskFailed struct {
	stamp
	state    *state
	failure  run.Failure
	timedOut bool
}

func (f *taskFailed) Kind() run.EventKind { return kindTaskFailed }

func (f *taskFailed) events() uint64 { return 1 }

func (f *taskFailed) apply(x *execution, b *branch) {
	x.closeOpen(b)
	b.failure, b.phase, b.last = f.failure, phaseFailed, f.first
}

func (f *taskFailed) history(h *historian) { h.taskFailed(f) }

func (f *taskFailed) Encode(e *value.Encoder) {
	f.encode(e)
	encodeState(e, f.state)
	encodeFailure(e, f.failure)
	e.Bool(f.timedOut)
}

func (f *taskFailed) decode(d *Definition, dec *value.Decoder) {
	f.stamp.decode(dec)
	f.state = d.decodeTaskState(dec)
	f.failure = decodeFailure(dec)
	f.timedOut = dec.Bool()
}
