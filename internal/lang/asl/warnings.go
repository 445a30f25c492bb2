package asl

import (
	"slices"
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
		if !w.catchesAll || *w.to == nil {
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

// takes reports whether m matches every failure that name does.
func (m errorMatcher) takes(name string) bool {
	if name == errAll || name == errTaskFailed {
		return slices.Contains(m, name) // what else m has is less
	}
	return m.matches(name)
}

// stranger says why failures of a state are never called name; empty: they may be.
func (s *state) stranger(name string) string {
	ofMap := []string{errItemReader, "States.ResultWriterFailed", errTolerated}
	t, isTask := s.action.(*task)
	switch service, _, qualified := strings.Cut(name, "."); {
	case s.kind != mapState && slices.Contains(ofMap, name):
		return "only a Map fails so"
	case s.kind == taskState && name == "States.BranchFailed":
		return "only a Parallel fails so"
	case name == errHeartbeatTimeout && isTask && !t.heartbeat.isSet():
		return "the task has no HeartbeatSeconds"
	case qualified && service == "Lambda" && isTask && t.resource.family == serviceTask && t.resource.kind != "lambda":
		return "the task calls no function"
	}
	return ""
}

// maxCompared is up to how many elements of Retry or Catch are compared with one another.
const maxCompared = 100

// warnOfUnmatched looks for error names in Retry or Catch that never match: because an earlier element takes them, or
// because no failure of the state is called so.
func (o *object) warnOfUnmatched(s *state, field string, elements []errorMatcher) {
	if len(elements) > maxCompared {
		return // to compare them all would take long
	}
	for i, m := range elements {
		for j, name := range m {
			at := o.at.at(field).index(i).at("ErrorEquals").index(j)
			if first := slices.IndexFunc(elements[:i], func(earlier errorMatcher) bool { return earlier.takes(name) }); first >= 0 {
				o.c.warn(at, "%s never matches here: element %d of %s takes it first", name, first, field)
			} else if why := s.stranger(name); why != "" {
				o.c.warn(at, "%s never matches here: %s", name, why)
			}
		}
	}
}

// warnOfRecovery looks for what in Retry and Catch cannot be meant.
func (o *object) warnOfRecovery(s *state) {
	var retried, caught []errorMatcher
	for _, r := range s.retry {
		retried = append(retried, r.errors)
	}
	for _, c := range s.catch {
		caught = append(caught, c.errors)
	}
	o.warnOfUnmatched(s, "Retry", retried)
	o.warnOfUnmatched(s, "Catch", caught)
}

// warnOfPlain looks through a payload template for texts that look like a path or a call, under names without ".$".
func (o *object) warnOfPlain(field string, v value.Value) { o.c.plain(o.at.at(field), v) }

func (c *compiler) plain(at pointer, v value.Value) {
	for i, e := range v.Elements() {
		c.plain(at.index(i), e)
	}
	for name, m := range v.Members() {
		if m.Kind() == value.String && !strings.HasSuffix(name, ".$") && looksDynamic(m) {
			c.warnAs(codeNoDollar, at.at(name), "The value of '%s' looks like a path or a call, and is text. '%s.$' evaluates it.", name, name)
		}
		c.plain(at.at(name), m)
	}
}

// looksDynamic reports whether v, or a text in it, looks like a path or the call of an intrinsic function.
func looksDynamic(v value.Value) bool {
	for _, e := range v.Elements() {
		if looksDynamic(e) {
			return true
		}
	}
	for _, m := range v.Members() {
		if looksDynamic(m) {
			return true
		}
	}
	s := v.Text()
	return v.Kind() == value.String && (s == "$" || strings.HasPrefix(s, "$.") || strings.HasPrefix(s, "$[") ||
		strings.HasPrefix(s, "$$.") || strings.HasPrefix(s, "States.") && strings.HasSuffix(s, ")"))
}
