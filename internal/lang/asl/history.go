package asl

import (
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// HistoryEvent is one event of an execution's history as GetExecutionHistory shows it.
type HistoryEvent struct {
	ID       uint64 // dense, from 1
	Previous uint64 // the event it follows from; 0: none
	Time     time.Time
	Type     string // such as PassStateEntered
	// Member is the name under which Details stand, such as stateEnteredEventDetails; empty: the event has none.
	Member  string
	Details value.Value
}

// History is what a fact looks like from outside: no, one or several events. It depends on the fact alone.
func History(f run.Fact) []HistoryEvent {
	fact, ok := f.(fact)
	if !ok || fact.events() == 0 {
		return nil
	}
	s := fact.base()
	h := &historian{at: s.at, next: s.first, prev: s.prev}
	fact.history(h)
	return h.events
}

// historian collects the events of one fact.
type historian struct {
	at     time.Time
	next   uint64
	prev   uint64 // what the next event follows from
	events []HistoryEvent
}

func (h *historian) add(typ, member string, details value.Value) {
	h.events = append(h.events, HistoryEvent{ID: h.next, Previous: h.prev, Time: h.at, Type: typ, Member: member, Details: details})
	h.prev = h.next
	h.next++
}

// details builds an object of the members that are there.
func details(members ...value.Member) value.Value {
	list := make([]value.Member, 0, len(members))
	for _, m := range members {
		if !m.Value.IsAbsent() {
			list = append(list, m)
		}
	}
	return value.NewObject(list...)
}

func member(name string, v value.Value) value.Member { return value.Member{Name: name, Value: v} }

// words is a text member; left out where it is empty.
func words(name, s string) value.Member {
	if s == "" {
		return value.Member{Name: name}
	}
	return member(name, value.NewString(s))
}

// number is a number member; left out where it is 0.
func number(name string, n int64) value.Member {
	if n == 0 {
		return value.Member{Name: name}
	}
	return member(name, value.NewInt(n))
}

// payload is a member that holds v as JSON text.
func payload(name string, v value.Value) value.Member {
	if v.IsAbsent() {
		return value.Member{Name: name}
	}
	return member(name, value.NewString(v.JSON()))
}

// notTruncated is the member that stands beside every payload.
func notTruncated(name string) value.Member {
	return member(name, value.NewObject(member("truncated", value.False)))
}

func (h *historian) executionStarted(input value.Member, attributes value.Value) {
	h.add("ExecutionStarted", "executionStartedEventDetails", details(input, notTruncated("inputDetails"),
		member("roleArn", attributes.At(AttributeRole)),
		member("stateMachineAliasArn", attributes.At(AttributeAlias)),
		member("stateMachineVersionArn", attributes.At(AttributeVersion))))
}

func (h *historian) executionSucceeded(output value.Value) {
	h.add("ExecutionSucceeded", "executionSucceededEventDetails", details(payload("output", output), notTruncated("outputDetails")))
}

func (h *historian) executionEnded(status run.Status, f run.Failure) {
	d := details(words("cause", f.Cause), words("error", f.Error))
	switch status {
	case run.Aborted:
		h.add("ExecutionAborted", "executionAbortedEventDetails", d)
	case run.TimedOut:
		h.add("ExecutionTimedOut", "executionTimedOutEventDetails", d)
	default:
		h.add("ExecutionFailed", "executionFailedEventDetails", d)
	}
}

func (h *historian) entered(s *state, input value.Value) { h.enteredWith(s, payload("input", input)) }

// enteredWith is entered with the member that tells the input.
func (h *historian) enteredWith(s *state, input value.Member) {
	h.add(s.kind.String()+"StateEntered", "stateEnteredEventDetails", details(words("name", s.name), input, notTruncated("inputDetails")))
}

func (h *historian) exited(s *state, output, variables value.Value) {
	members := []value.Member{words("name", s.name), payload("output", output), notTruncated("outputDetails")}
	if variables.Len() > 0 {
		texts := make([]value.Member, 0, variables.Len())
		for name, v := range variables.Members() {
			texts = append(texts, payload(name, v))
		}
		members = append(members, member("assignedVariables", value.NewObject(texts...)), notTruncated("assignedVariablesDetails"))
	}
	h.add(s.kind.String()+"StateExited", "stateExitedEventDetails", details(members...))
}

// iteration adds MapIterationStarted, Succeeded, Failed or Aborted, all but the first aside.
func (h *historian) iteration(what string, owner *state, index int) {
	of := details(words("name", owner.name), member("index", value.NewInt(int64(index))))
	if what == "Started" {
		h.add("MapIterationStarted", "mapIterationStartedEventDetails", of)
		return
	}
	h.aside("MapIteration"+what, "mapIteration"+what+"EventDetails", of)
}

// aside adds an event that leads nowhere: what comes next follows from what came before it.
func (h *historian) aside(typ, member string, details value.Value) {
	prev := h.prev
	h.add(typ, member, details)
	h.prev = prev
}

func (h *historian) taskScheduled(f *taskScheduled) {
	r := f.state.action.(*task).resource
	input := []value.Member{words("resource", r.arn), payload("input", f.payload), notTruncated("inputDetails")}
	timeout, heartbeat := number("timeoutInSeconds", f.timeout), number("heartbeatInSeconds", f.heartbeat)
	switch r.family {
	case lambdaTask: // nobody beats for a function: its event has no place for that
		h.add("LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails", details(append(input, f.role(), timeout)...))
		h.add("LambdaFunctionStarted", "", value.Value{})
	case activityTask:
		h.add("ActivityScheduled", "activityScheduledEventDetails", details(append(input, timeout, heartbeat)...))
	default:
		h.add("TaskScheduled", "taskScheduledEventDetails",
			details(append(r.members(), words("region", f.region), payload("parameters", f.payload), f.role(), timeout, heartbeat)...))
		h.add("TaskStarted", "taskStartedEventDetails", details(r.members()...))
	}
}

// role is the identity that the task acts under.
func (f *taskScheduled) role() value.Member {
	role, _ := f.credentials.Get("RoleArn")
	if role.Kind() != value.String {
		return value.Member{}
	}
	return member("taskCredentials", value.NewObject(member("roleArn", role)))
}

func (r resource) members() []value.Member {
	return []value.Member{words("resourceType", r.kind), words("resource", r.name)}
}

func (h *historian) taskSubmitted(f *taskSubmitted) {
	r := f.state.action.(*task).resource
	if r.family == activityTask {
		name, _ := f.output.Get("workerName")
		h.add("ActivityStarted", "activityStartedEventDetails", details(words("workerName", name.Text())))
		return
	}
	h.add("TaskSubmitted", "taskSubmittedEventDetails",
		details(append(r.members(), payload("output", f.output), notTruncated("outputDetails"))...))
}

func (h *historian) taskSucceeded(f *taskSucceeded) {
	output := []value.Member{payload("output", f.output), notTruncated("outputDetails")}
	switch r := f.state.action.(*task).resource; r.family {
	case lambdaTask:
		h.add("LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails", details(output...))
	case activityTask:
		h.add("ActivitySucceeded", "activitySucceededEventDetails", details(output...))
	default:
		h.add("TaskSucceeded", "taskSucceededEventDetails", details(append(r.members(), output...)...))
	}
}

func (h *historian) taskFailed(f *taskFailed) {
	what, member := "Failed", "FailedEventDetails"
	if f.timedOut {
		what, member = "TimedOut", "TimedOutEventDetails"
	}
	why := []value.Member{words("error", f.failure.Error), words("cause", f.failure.Cause)}
	switch r := f.state.action.(*task).resource; r.family {
	case lambdaTask:
		h.add("LambdaFunction"+what, "lambdaFunction"+member, details(why...))
	case activityTask:
		h.add("Activity"+what, "activity"+member, details(why...))
	default:
		h.add("Task"+what, "task"+member, details(append(r.members(), why...)...))
	}
}
