package manifest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
)

// pod is what a container's variables may ask about the pod around it.
type pod struct {
	space string
	// name is the pod's name, with placeholders.
	name    string
	account string
	// labels are those that the template gives, and those that the origin's controller would add.
	labels      map[string]string
	annotations map[string]string
	// given are variables that the origin's controller would add.
	given []job.Env
}

// env reads env and envFrom of a container. What the controller gives comes first, so that all may refer to it, and it
// wins over a variable of the same name.
func (r *reader) env(c *fields, p pod, res container) ([]job.Env, *scope) {
	s := &scope{values: map[string]string{}, secrets: map[string]bool{}}
	order := []string{}
	all := map[string]job.Env{}
	put := func(e job.Env) {
		if _, ok := all[e.Name]; !ok {
			order = append(order, e.Name)
		}
		all[e.Name] = e
		delete(s.values, e.Name)
		s.secrets[e.Name] = e.Secret != nil
		if e.Secret == nil {
			s.values[e.Name] = e.Value
		}
	}
	ours := map[string]bool{}
	for _, e := range p.given {
		put(e)
		ours[e.Name] = true
	}
	for _, n := range c.list("envFrom") {
		for _, e := range r.envFrom(n, p) {
			if !ours[e.Name] {
				put(e)
			}
		}
	}
	for _, n := range c.list("env") {
		f := r.fields(n)
		name := f.need("name", "name the variable")
		e, ok := r.envValue(f, name, p, res, s)
		f.end()
		switch {
		case name == "" || !ok:
		case !variableForm.MatchString(name):
			r.fault(f.get("name"), codeInvalid, "the name %q is invalid: use letters, digits, _, - and ., no digit first", name)
		case ours[name]:
			r.warn(n, codeIgnored, "%s is set for each process by the kind of the job; this value has no effect", name)
		default:
			put(e)
		}
	}
	list := make([]job.Env, len(order))
	for i, name := range order {
		list[i] = all[name]
	}
	return list, s
}

func (r *reader) envValue(f *fields, name string, p pod, res container, s *scope) (e job.Env, ok bool) {
	if n := f.get("value"); n != nil {
		return job.Env{Name: name, Value: r.expanded(n, r.scalar(n), s)}, true
	}
	e = job.Env{Name: name}
	from := f.sub("valueFrom")
	if from.n == nil {
		return e, true // Kubernetes takes a variable with neither as empty
	}
	ok = true
	switch {
	case from.has("configMapKeyRef"):
		e.Value, ok = r.configMapKey(from.sub("configMapKeyRef"), p.space)
	case from.has("secretKeyRef"):
		ref := from.sub("secretKeyRef")
		e.Secret = &job.SecretRef{Name: ref.need("name", "name the secret"), Key: ref.need("key", "name the key in the secret")}
		ref.notice("a secret that is missing fails the start", "optional")
		ref.end()
	case from.has("fieldRef"):
		ref := from.sub("fieldRef")
		e.Value = r.podField(ref, p)
		ref.ignore("apiVersion")
		ref.end()
	case from.has("resourceFieldRef"):
		e.Value = r.resourceField(from.sub("resourceFieldRef"), res)
	default:
		r.fault(from.n, codeUnsupported, "valueFrom must hold configMapKeyRef, secretKeyRef, fieldRef or resourceFieldRef")
	}
	from.end()
	return e, ok
}

// configMapKey is one value of a config map; ok is false for an optional one that is missing.
func (r *reader) configMapKey(ref *fields, space string) (text string, ok bool) {
	name, key := ref.need("name", "name the config map"), ref.need("key", "name the key in the config map")
	optional := ref.bool("optional")
	ref.end()
	files, ok := r.configMap(ref.n, space, name, optional)
	if !ok {
		return "", false
	}
	text, ok = files[key]
	if !ok && !optional {
		r.fault(ref.get("key"), codeMissing, "the config map %q has no key %q; it has %s", name, key, listed(slices.Sorted(maps.Keys(files))))
	}
	r.reserved(ref.n, text)
	return text, ok
}

// configMap looks a config map up; one that is missing and not optional is a fault that says how to make it.
func (r *reader) configMap(n *node, space, name string, optional bool) (Files, bool) {
	if name == "" {
		return nil, false
	}
	if r.ConfigMap != nil {
		if files, ok := r.ConfigMap(space, name); ok {
			return files, true
		}
	}
	if !optional {
		r.fault(n, codeMissing, "%s", MissingConfigMap(space, name))
	}
	return nil, false
}

// MissingConfigMap is what to tell about a config map that is not there.
func MissingConfigMap(space, name string) string {
	return "there is no config map \"" + name + "\" in namespace \"" + space + "\"; make it with: tutti apply -f FILE, where FILE holds " +
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + ", namespace: " + space + "}, data: {...}}"
}

func (r *reader) envFrom(n *node, p pod) []job.Env {
	f := r.fields(n)
	prefix := f.text("prefix")
	f.refuse("list its keys one by one under env, with valueFrom.secretKeyRef", "secretRef")
	var list []job.Env
	if ref := f.sub("configMapRef"); ref.n != nil {
		name, optional := ref.need("name", "name the config map"), ref.bool("optional")
		ref.end()
		files, _ := r.configMap(ref.n, p.space, name, optional)
		for _, key := range slices.Sorted(maps.Keys(files)) {
			if !variableForm.MatchString(prefix + key) {
				r.warn(ref.n, codeIgnored, "the key %q of config map %q is no name of a variable and is left out", key, name)
				continue
			}
			r.reserved(ref.n, files[key])
			list = append(list, job.Env{Name: prefix + key, Value: files[key]})
		}
	}
	f.end()
	return list
}

// podField answers the downward API.
func (r *reader) podField(ref *fields, p pod) string {
	path := ref.need("fieldPath", "name the field, such as metadata.name")
	if key, ok := indexed(path, "metadata.labels"); ok {
		return p.labels[key]
	}
	if key, ok := indexed(path, "metadata.annotations"); ok {
		return p.annotations[key]
	}
	switch path {
	case "metadata.name":
		return p.name
	case "metadata.namespace":
		return p.space
	case "metadata.uid":
		return p.name + "." + AsAttempt
	case "spec.serviceAccountName":
		return p.account
	case "":
	default:
		r.fault(ref.get("fieldPath"), codeUnsupported, "%s is not known here; known are metadata.name, metadata.namespace, metadata.uid, metadata.labels['…'], metadata.annotations['…'] and spec.serviceAccountName", path)
	}
	return ""
}

// indexed is KEY of field['KEY'].
func indexed(path, field string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(path, field+"['")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

// resourceField answers with what the container asks for, in units of the divisor, rounded up.
func (r *reader) resourceField(ref *fields, c container) string {
	resource := ref.need("resource", "name the resource, such as limits.memory")
	divisor := ref.get("divisor")
	ref.ignore("containerName")
	ref.end()
	text, known := c.asked[resource]
	if !known {
		r.fault(ref.n, codeUnsupported, "the container sets no %s; set it under resources, or write the value out", resource)
		return ""
	}
	q, ok := quantity(text)
	if !ok {
		return "" // a fault of resources
	}
	if divisor != nil {
		if d, ok := quantity(divisor.text); ok && d.Sign() > 0 {
			q.Quo(q, d)
		} else if !ok {
			r.fault(divisor, codeInvalid, "must be an amount such as 1, 1m or 1Mi, is %s", divisor.value())
		}
	}
	return strconv.FormatInt(ceil(q, 1), 10)
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
