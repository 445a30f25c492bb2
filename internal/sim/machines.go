package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// machines draws state machines at random: every type of state, nested a little, with retries and catches. All of them
// come to an end, and what they end with does not depend on the order in which their branches go on.
type machines struct {
	rng    *rand.Rand
	serial int
	// resources that tasks may use.
	resources []string
}

// file is a whole state machine of up to size states in a row, nested up to depth.
func (m *machines) file(depth, size int) string {
	f := m.machine(depth, size)
	if m.rng.IntN(4) == 0 {
		f = f.With("TimeoutSeconds", value.NewInt(1_000_000))
	}
	return f.JSON()
}

func (m *machines) machine(depth, size int) value.Value {
	n := 2 + m.rng.IntN(size)
	names := make([]string, n)
	for i := range names {
		m.serial++
		names[i] = fmt.Sprintf("S%d", m.serial)
	}
	last := names[n-1]
	states := value.EmptyObject
	for i, name := range names[:n-1] {
		s := m.state(depth, size)
		switch s.At("Type").Text() {
		case "Choice":
			s = s.With("Default", value.NewString(names[i+1])).With("Choices", value.Of([]any{
				map[string]any{"Variable": "$$.State.Name", "StringEquals": "none", "Next": last},
				map[string]any{"Variable": "$$.Execution.Name", "IsPresent": true, "Next": names[i+1+m.rng.IntN(n-i-1)]},
			}))
		case "Task":
			// What fails is caught where it happens. Where a whole branch fails its siblings are cut short, at a moment that
			// the interleaving decides.
			s = s.With("Catch", value.Of([]any{
				map[string]any{"ErrorEquals": []any{"States.ALL"}, "Next": last, "ResultPath": "$.caught"},
			})).With("Next", value.NewString(names[i+1]))
		default:
			s = s.With("Next", value.NewString(names[i+1]))
		}
		states = states.With(name, s)
	}
	states = states.With(last, value.Of(map[string]any{"Type": "Pass", "End": true}))
	return value.Of(map[string]any{"StartAt": names[0]}).With("States", states)
}

func (m *machines) state(depth, size int) value.Value {
	kinds := []string{"Pass", "Pass", "Task", "Task", "Task", "Wait", "Choice"}
	if depth > 0 {
		kinds = append(kinds, "Parallel", "Map", "Map")
	}
	s := map[string]any{}
	kind := kinds[m.rng.IntN(len(kinds))]
	s["Type"] = kind
	switch kind {
	case "Pass":
		s["Parameters"] = map[string]any{"n": m.rng.IntN(100), "list": []any{1, 2, m.rng.IntN(9)}, "was.$": "$"}
	case "Wait":
		s["Seconds"] = m.rng.IntN(30)
	case "Task":
		s["Resource"] = m.resources[m.rng.IntN(len(m.resources))]
		payload := m.payload()
		s["Parameters"] = payload
		s["ResultPath"] = []any{"$.task", nil, "$.deep.task"}[m.rng.IntN(3)]
		retry := []any{}
		if m.rng.IntN(2) == 0 {
			retry = append(retry, map[string]any{
				"ErrorEquals": []any{"Sim.Bad"}, "IntervalSeconds": 1 + m.rng.IntN(5), "MaxAttempts": m.rng.IntN(3), "BackoffRate": 1.5,
			})
		}
		if resource := s["Resource"].(string); strings.HasSuffix(resource, callback) {
			payload["token.$"] = "$$.Task.Token"
		} else if resource == worked {
			// A worker may not get what it took up, when a server dies.
			s["HeartbeatSeconds"] = 1000
			retry = append(retry, map[string]any{"ErrorEquals": []any{"States.HeartbeatTimeout"}, "MaxAttempts": 10})
		}
		s["Retry"] = retry
	case "Parallel":
		branches := []any{}
		for range 1 + m.rng.IntN(3) {
			branches = append(branches, m.machine(depth-1, size-1))
		}
		s["Branches"] = branches
		s["ResultPath"] = "$.parallel"
	case "Map":
		processor := m.machine(depth-1, size-1)
		if m.rng.IntN(3) == 0 {
			processor = processor.With("ProcessorConfig", value.Of(map[string]any{"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}))
		}
		s["ItemProcessor"] = processor
		s["ItemsPath"] = "$$.Execution.Input.items"
		s["MaxConcurrency"] = m.rng.IntN(4)
		s["ItemSelector"] = map[string]any{
			"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index", "items.$": "$$.Execution.Input.items",
		}
		s["ResultPath"] = "$.map"
	}
	return value.Of(s)
}

func (m *machines) payload() map[string]any {
	if m.rng.IntN(6) == 0 {
		return map[string]any{"fail": []string{"Sim.Bad", "Sim.Worse"}[m.rng.IntN(2)], "n": m.rng.IntN(9)}
	}
	return map[string]any{"n": m.rng.IntN(100), "seconds": m.rng.IntN(20)}
}
