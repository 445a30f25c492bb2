package manifest

import (
	"fmt"
	"strings"
)

// placeholder begins what dispatch fills in for each process; see Placeholders.
const placeholder = "${tutti:"

// What dispatch puts in the place of each placeholder, in the variables and the command of a process.
const (
	AsRank       = "${tutti:rank}"        // of the process among all replicas of its gang
	AsReplica    = "${tutti:replica}"     // the same within its group
	AsWorld      = "${tutti:world}"       // how many replicas the gang has
	AsMasterAddr = "${tutti:master.addr}" // where the process of rank 0 listens
	AsMasterPort = "${tutti:master.port}"
	AsIndex      = "${tutti:index}"   // in the array
	AsAttempt    = "${tutti:attempt}" // from 1
	AsJobID      = "${tutti:job.id}"
	AsJobName    = "${tutti:job.name}"
)

// expand replaces $(NAME) by the variable's value as Kubernetes does: $$ stands for $, so $$(NAME) for the text $(NAME),
// and what names no variable stays as it is. made is false where the pieces would form a placeholder that none of them
// holds.
func expand(text string, variables map[string]string) (expanded string, made bool) {
	var b strings.Builder
	given := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '$':
			b.WriteByte('$')
			i++
		case '(':
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				b.WriteString("$(")
				i++
				break
			}
			name := text[i+2 : i+end]
			if v, ok := variables[name]; ok {
				b.WriteString(v)
				given += strings.Count(v, placeholder)
			} else {
				b.WriteString(text[i : i+end+1])
			}
			i += end
		default:
			b.WriteByte('$')
		}
	}
	return b.String(), strings.Count(b.String(), placeholder) == given
}

// scope is the variables that a container's command and later variables may refer to with $(NAME).
type scope struct {
	values  map[string]string
	secrets map[string]bool
}

// expanded is the text at n with its references replaced.
func (r *reader) expanded(n *node, text string, s *scope) string {
	for name := range references(text) {
		if s.secrets[name] {
			r.fault(n, codeUnsupported, "$(%s) is a secret and would be stored with the job; read the variable in the program or write $%s in a shell", name, name)
		} else if _, ok := s.values[name]; !ok && strings.ContainsAny(name, " \t") {
			r.warn(n, codeIgnored, "$(%s) stays as it is: no shell runs it here; only $(NAME) of a variable is replaced", name)
		}
	}
	out, ok := expand(text, s.values)
	if !ok {
		r.fault(n, codeInvalid, "%q is reserved; write the $ and the rest apart", placeholder)
	}
	return out
}

// references yields each name in $(NAME) of text, in order.
func references(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i+1 < len(text); i++ {
			if text[i] != '$' {
				continue
			}
			if text[i+1] == '$' {
				i++
				continue
			}
			if end := strings.IndexByte(text[i:], ')'); text[i+1] == '(' && end > 0 && !yield(text[i+2:i+end]) {
				return
			}
		}
	}
}

// reserved refuses text that would be taken for one of our placeholders.
func (r *reader) reserved(n *node, text string) {
	if strings.Contains(text, placeholder) {
		r.fault(n, codeInvalid, "%q is reserved; write the $ and the rest apart", placeholder)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// HasPlaceholder reports whether dispatch will change text for each process.
func HasPlaceholder(text string) bool { return strings.Contains(text, placeholder) }
