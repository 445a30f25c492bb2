package asl

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
)

// targets are the states of one machine, and the transitions to them that wait for all states to be known.
type targets struct {
	c       *compiler
	at      pointer // of States
	machine *machine
	byName  map[string]*state
	order   []*state
	wanted  []transition
	// incomplete says that the transitions of some state are not known.
	incomplete bool
}

// transition is a mention of a state by name.
type transition struct {
	from *state // nil: StartAt
	name string
	at   pointer
	to   **state
	// catchesAll says that it is that of a catcher for States.ALL.
	catchesAll bool
}

// ofFile reports whether they are the file's own, and not those of an inner machine.
func (t *targets) ofFile() bool { return t.at == "/States" }

func (t *targets) add(s *state) {
	t.byName[s.name] = s
	t.order = append(t.order, s)
}

// resolve finds the states that were mentioned.
func (t *targets) resolve() {
	for _, w := range t.wanted {
		if *w.to = t.byName[w.name]; *w.to == nil {
			t.c.report(finding{
				Problem: run.Problem{Pointer: string(w.at), Code: codeTransition, Text: fmt.Sprintf(textMissingTarget, w.name), Hint: t.hint(w.name)},
				of:      w.at, stage: ofTargets,
			})
		}
	}
}

// hint says where the state is that no state of the machine is called, or how it may be meant.
func (t *targets) hint(name string) string {
	if where, elsewhere := t.c.names[name]; elsewhere {
		return fmt.Sprintf("State %q is at %s, in another state machine: a transition stays within its own States", name, where)
	}
	if len(t.order) > maxSuggested || len(t.c.findings) > maxSuggested {
		return "" // to compare them all would take long
	}
	names := make([]string, len(t.order))
	for i, s := range t.order {
		names[i] = s.name
	}
	return suggest(name, names)
}

// maxSuggested is up to how many states and problems a name is compared with the others.
const maxSuggested = 500

// check finds states that nothing leads to, and machines that never end.
func (t *targets) check() {
	if t.incomplete {
		return // what follows from what was said already is noise
	}
	leads := make(map[*state][]*state)
	for _, w := range t.wanted {
		if *w.to != nil {
			leads[w.from] = append(leads[w.from], *w.to)
		}
	}
	if !t.ends() {
		t.endless()
		return
	}
	seen := reachable(t.machine.start, leads)
	for _, s := range t.order {
		if !seen[s] {
			at := t.at.at(s.name)
			t.c.report(finding{
				Problem: run.Problem{Pointer: string(at), Code: codeTransition, Text: fmt.Sprintf(textUnreachable, s.name), Hint: "No transition leads to it"},
				of:      at, stage: ofReach,
			})
		}
	}
	t.warnOfHiddenFailures(leads)
}

// endless is said of a machine that no state ends. Step Functions refuses it of the whole file only.
func (t *targets) endless() {
	if !t.ofFile() {
		t.c.warn(t.at, "No state ends here: the state around goes on until something fails")
		return
	}
	t.c.report(finding{
		Problem: run.Problem{
			Pointer: string(t.at), Code: codeNoEnd, Text: "Workflow has no terminal state",
			Hint: `Give one state "End": true, or add a Succeed or a Fail`,
		},
		nowhere: true, stage: ofEnds,
	})
}

// ends reports whether some state ends the machine.
func (t *targets) ends() bool {
	for _, s := range t.order {
		if s.ends {
			return true
		}
	}
	return false
}

// reachable are start and all states that leads leads to from there; none where there is no start.
func reachable(start *state, leads map[*state][]*state) map[*state]bool {
	if start == nil {
		return nil
	}
	seen := map[*state]bool{start: true}
	for todo := []*state{start}; len(todo) > 0; todo = todo[1:] {
		for _, to := range leads[todo[0]] {
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	return seen
}
