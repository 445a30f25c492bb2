package manifest

import (
	"regexp"
	"strings"
)

// maxName is the longest name that Kubernetes gives a job, whose pods' names are longer.
const maxName = 63

var (
	nameForm     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	prefixForm   = regexp.MustCompile(`^[a-z0-9][-a-z0-9.]*$`)
	batchName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
)

// checkName holds n to what Kubernetes allows as the name of an object (RFC 1123).
func (r *reader) checkName(n *node, name string, longest int) {
	why := ""
	switch {
	case strings.Contains(name, "$(") || strings.Contains(name, "`"):
		why = `no shell runs commands in a name; make it in the state machine, for instance with "States.Format('training-job-{}', $$.Execution.Name)", or use metadata.generateName`
	case strings.Contains(name, "${"):
		why = "this variable was not substituted; give it a value"
	case len(name) > longest:
		why = "it is too long; " + plural(longest, "character") + " are the most"
	case !nameForm.MatchString(name):
		why = "use lower-case letters, digits, - and ., with a letter or digit at both ends"
	default:
		return
	}
	r.fault(n, codeInvalid, "the name %q is invalid: %s", name, why)
}

// checkBatchName holds n to what AWS Batch allows.
func (r *reader) checkBatchName(n *node, name string) {
	if !batchName.MatchString(name) {
		r.fault(n, codeInvalid, "the name %q is invalid: use letters, digits, - and _, a letter or digit first, 128 at the most", name)
	}
}

// meta is a Kubernetes object's metadata.
type meta struct {
	node        *node
	name        string
	generate    bool
	space       string
	labels      map[string]string
	annotations map[string]string
}

// metadata reads the member metadata of f. Objects of spaced kinds live in a namespace.
func (r *reader) metadata(f *fields, longest int, spaced bool) meta {
	f.ignore("apiVersion", "kind", "status")
	m := f.sub("metadata")
	out := meta{node: m.n, labels: m.dict("labels"), annotations: m.dict("annotations")}
	if m.n == nil {
		out.node = f.n
	}
	out.name = m.text("name")
	prefix := m.text("generateName")
	switch {
	case out.name != "":
		r.checkName(m.get("name"), out.name, longest)
	case prefix != "":
		out.name, out.generate = strings.TrimSuffix(prefix, "-")+"-", true
		if !prefixForm.MatchString(prefix) || len(prefix) > longest-10 {
			r.fault(m.get("generateName"), codeInvalid, "the prefix %q is invalid: use lower-case letters, digits, - and ., a letter or digit first, %d at the most", prefix, longest-10)
		}
	default:
		r.fault(out.node, codeMissing, "metadata.name is missing: give the object a name")
	}
	if spaced {
		if out.space = m.text("namespace"); out.space == "" {
			out.space = r.Space
		} else {
			r.checkName(m.get("namespace"), out.space, maxName)
		}
	}
	m.ignore("namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "ownerReferences", "finalizers")
	m.end()
	return out
}

func (m meta) parsed(kind Kind) Parsed {
	return Parsed{Kind: kind, Space: m.space, Name: m.name, Generate: m.generate, Labels: m.labels}
}
