package asl

import (
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// warnOfCommands looks through a task's Parameters for environment variables whose value is a shell's command
// substitution, such as {"name": "RUN", "value": "run-$(date +%s)"}: no shell ever sees it. $(NAME) is left alone, which
// Kubernetes fills in.
func (c *compiler) warnOfCommands(at pointer, v value.Value) {
	for i, e := range v.Elements() {
		c.warnOfCommands(at.index(i), e)
	}
	for name, m := range v.Members() {
		if strings.EqualFold(name, "value") && isEnvironment(v) && m.Kind() == value.String {
			if cmd, found := command(m.Text()); found {
				c.warn(at.at(name), "%s is not expanded by anything: no shell sees the value of an environment variable. Compute it with an intrinsic function such as States.Format, or in the command", cmd)
			}
		}
		c.warnOfCommands(at.at(name), m)
	}
}

// isEnvironment reports whether v looks like an environment variable: a name and a value.
func isEnvironment(v value.Value) bool {
	for _, name := range []string{"name", "Name"} {
		if v.At(name).Kind() == value.String {
			return true
		}
	}
	return false
}

// command finds a substitution $(…) in s that is more than the name of a variable.
func command(s string) (text string, found bool) {
	for {
		i := strings.Index(s, "$(")
		if i < 0 {
			return "", false
		}
		s = s[i:]
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return "", false
		}
		if strings.ContainsFunc(s[2:end], func(r rune) bool { return !strings.ContainsRune(nameRunes, r) }) {
			return s[:end+1], true
		}
		s = s[end:]
	}
}

// nameRunes are what the name of an environment variable is made of.
const nameRunes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

// warnOfHiddenFailures looks for catchers of States.ALL after which no Fail can be reached: the execution ends well,
// whatever went wrong.
func (t *targets) warnOfHiddenFailures(leads map[*state][]*state) {
	for _, w := range t.wanted {
		if !w.catchesAll {
			continue
		}
		fails := false
		for s := range reachable(*w.to, leads) { // order: any of them will do
			fails = fails || s.kind == failState
		}
		if !fails {
			t.c.warn(w.at, "Whatever fails in %q, the execution goes on at %q and can end well: no Fail state is reachable from there. Name the errors that do no harm, or lead to a Fail", w.from.name, w.name)
		}
	}
}

// reachable are start and all states that leads leads to from there.
func reachable(start *state, leads map[*state][]*state) map[*state]bool {
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

// warnOfRepeated looks for error names that an earlier element of the same Retry or Catch takes already.
func (o *object) warnOfRepeated(field string, elements []errorMatcher) {
	seen := make(map[string]int)
	for i, m := range elements {
		for j, name := range m {
			first, repeated := seen[name]
			if repeated && first != i {
				o.c.warn(o.at.at(field).index(i).at("ErrorEquals").index(j), "%s never matches here: element %d of %s takes it first", name, first, field)
			}
			if !repeated {
				seen[name] = i
			}
		}
	}
}

// assignment is a mention of a variable in an Assign.
type assignment struct {
	machine *machine
	name    string
	at      pointer
}

// checkScopes refuses assignments to variables of the scopes around: those can be read only.
func (c *compiler) checkScopes() {
	assigned := make(map[*machine]map[string]pointer)
	for _, a := range c.assigned {
		if assigned[a.machine] == nil {
			assigned[a.machine] = make(map[string]pointer)
		}
		if _, known := assigned[a.machine][a.name]; !known {
			assigned[a.machine][a.name] = a.at
		}
	}
	for _, a := range c.assigned {
		for m := a.machine; m.owner != nil; {
			m = m.owner.machine
			if outer, taken := assigned[m][a.name]; taken {
				c.problem(a.at, codeSchema, "Variable %q belongs to the scope around (%s): it can be read here, not assigned. Choose another name", a.name, outer)
				break
			}
		}
	}
}
