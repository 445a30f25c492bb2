package asl

import (
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

// identity is who an execution is, as the context object tells it.
type identity struct {
	id          string // the name that the run was started with
	name        string
	machineID   string
	machineName string
}

// parseIdentity reads the name of a run, which may be an execution ARN
// (arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME): then it tells the machine too.
func parseIdentity(id string) identity {
	who := identity{id: id, name: id}
	parts := strings.Split(id, ":")
	if len(parts) != 8 || parts[0] != "arn" || parts[2] != "states" || parts[5] != "execution" {
		return who
	}
	who.machineName, who.name = parts[6], parts[7]
	parts[5] = "stateMachine"
	who.machineID = strings.Join(parts[:7], ":")
	return who
}

// contextObject is what "$$" stands for in the step.
func (s *step) contextObject() value.Value {
	x, b := s.x, s.b
	text := func(name, s string) value.Member { return member(name, value.NewString(s)) }
	object := value.NewObject(
		member("Execution", value.NewObject(
			text("Id", x.identity.id),
			member("Input", x.input),
			text("Name", x.identity.name),
			text("RoleArn", ""),
			text("StartTime", timestamp(x.started)),
			member("RedriveCount", value.NewInt(0)),
		)),
		member("StateMachine", value.NewObject(text("Id", x.identity.machineID), text("Name", x.identity.machineName))),
		member("State", s.stateObject()),
	)
	if item, ok := s.item(b); ok {
		object = object.With("Map", value.NewObject(member("Item", item)))
	}
	return object
}

func (s *step) stateObject() value.Value {
	b := s.b
	state := value.NewObject(
		member("Name", value.NewString(b.state.name)),
		member("EnteredTime", value.NewString(timestamp(b.since))),
	)
	if b.state.kind == taskState {
		state = state.With("RetryCount", value.NewInt(int64(b.retries)))
	}
	return state
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
