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
