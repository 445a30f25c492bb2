package asl

import (
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

// The attributes of a run (run.Input.Attributes) that the language knows, all texts. Without AttributeExecution an
// execution is called by its name alone.
const (
	AttributeExecution = "executionArn" // arn:PARTITION:states:REGION:ACCOUNT:execution:MACHINE:NAME
	AttributeRole      = "roleArn"
	AttributeVersion   = "stateMachineVersionArn" // that the caller named, or the alias led to
	AttributeAlias     = "stateMachineAliasArn"
	AttributeInput     = "input"     // the input's text as the caller wrote it; needed only where it differs from compact JSON
	AttributeMapRun    = "mapRunArn" // of a map run and its child executions
	AttributeItems     = "itemCount" // of a child execution: how many items it got, a number
	AttributeTimeLimit = "timeLimit" // the most that the execution may take whatever the file says, a number of seconds
)

// identity is who an execution is, as the context object tells it.
type identity struct {
	run         string // the name that the run was started with
	attributes  value.Value
	id          string
	name        string
	role        string
	region      string
	machineID   string
	machineName string
	express     bool
}

// newIdentity is the identity of a run by its name, which may itself be an execution's ARN, and its attributes.
func newIdentity(name string, attributes value.Value) identity {
	who := identity{run: name, attributes: attributes, id: name, name: name, role: attributes.At(AttributeRole).Text()}
	if arn := attributes.At(AttributeExecution).Text(); arn != "" {
		who.id = arn
	}
	parts := strings.Split(who.id, ":")
	if len(parts) < 8 || parts[0] != "arn" || parts[2] != "states" || parts[5] != "execution" && parts[5] != "express" {
		return who
	}
	who.express = parts[5] == "express"
	who.region, who.machineName, who.name = parts[3], parts[6], parts[7]
	parts[5] = "stateMachine"
	who.machineID = strings.Join(parts[:7], ":")
	return who
}

// MachineARN is the ARN of the state machine of an execution, by the execution's; empty where that is none.
func MachineARN(execution string) string { return newIdentity(execution, value.Value{}).machineID }

// resourceARN is the ARN of a kind of thing that belongs to a Map of the execution; empty where it has no ARN itself.
func (who identity) resourceARN(kind, label, id string) string {
	parts := strings.Split(who.machineID, ":")
	if len(parts) != 7 {
		return ""
	}
	machine, _, _ := strings.Cut(who.machineName, "/") // of a map run in a map run's child it is the file's own too
	parts[5], parts[6] = kind, machine+"/"+label
	return strings.Join(append(parts, id), ":")
}

// mapRunARN is the ARN of a map run; its id alone where the execution has none.
func (who identity) mapRunARN(label, id string) string {
	if arn := who.resourceARN("mapRun", label, id); arn != "" {
		return arn
	}
	return label + ":" + id
}

// childARN is the ARN of a child execution of a map run; empty where the execution has none.
func (who identity) childARN(label, name string) string {
	return who.resourceARN("execution", label, name)
}

// contextObject is what "$$" stands for in the step.
func (s *step) contextObject() value.Value {
	if s.x.trial != nil {
		return s.x.trial.context(s)
	}
	if !s.x.outer.IsAbsent() {
		return s.x.outer.With("Map", value.NewObject(member("Item", s.handing)))
	}
	object := s.madeContext()
	if item, ok := s.item(s.b); ok {
		object = object.With("Map", value.NewObject(member("Item", item)))
	}
	return object
}

// madeContext is the context object but for the item of a Map.
func (s *step) madeContext() value.Value {
	x := s.x
	text := func(name, s string) value.Member { return member(name, value.NewString(s)) }
	who := value.NewObject(
		text("Id", x.identity.id),
		member("Input", x.input),
		text("Name", x.identity.name),
		text("RoleArn", x.identity.role),
		text("StartTime", timestamp(x.started)),
	)
	if !x.identity.express {
		who = who.With("RedriveCount", value.NewInt(int64(x.redrives)))
	}
	if x.redrives > 0 {
		who = who.With("RedriveTime", value.NewString(timestamp(x.redriven)))
	}
	object := value.NewObject(
		member("Execution", who),
		member("StateMachine", value.NewObject(text("Id", x.identity.machineID), text("Name", x.identity.machineName))),
		member("State", s.stateObject()),
	)
	if task := s.taskObject(); !task.IsAbsent() {
		object = object.With("Task", task)
	}
	return object
}

func (s *step) stateObject() value.Value {
	b := s.b
	state := value.NewObject(
		member("Name", value.NewString(b.state.name)),
		member("EnteredTime", value.NewString(timestamp(b.since))),
	)
	if b.state.kind == taskState || b.state.fansOut() {
		state = state.With("RetryCount", value.NewInt(int64(b.retries)))
	}
	return state
}

// taskObject tells the token of the attempt at hand, in a Task that is ended with its token.
func (s *step) taskObject() value.Value {
	t, ok := s.b.state.action.(*task)
	if !ok || !t.resource.waitsForToken() || s.in.Token == nil {
		return value.Value{}
	}
	attempt := s.b.attempt
	if s.b.phase == phaseEntered {
		attempt = s.x.lastTask + 1
	}
	return value.NewObject(member("Token", value.NewString(s.in.Token(attempt))))
}

// item is what the innermost Map around b iterates over at the moment: of b's own state while it starts an iteration.
func (s *step) item(b *branch) (value.Value, bool) {
	if s.starting != nil {
		return itemObject(s.starting.index, s.starting.item), true
	}
	for ; b.parent != nil; b = b.parent {
		if b.parent.state.kind == mapState {
			return itemObject(b.index, b.item), true
		}
	}
	return value.Value{}, false
}

func itemObject(index int, item value.Value) value.Value {
	return value.NewObject(member("Index", value.NewInt(int64(index))), member("Value", item))
}

// timestamp is t as the context object writes it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
