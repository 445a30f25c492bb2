package manifest

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
)

// volumes are the volumes of a pod by name, each as a mount without a path.
type volumes map[string]job.Mount

func (r *reader) volumes(pod *fields, space string) volumes {
	all := volumes{}
	for _, n := range pod.list("volumes") {
		f := r.fields(n)
		name := f.need("name", "name the volume")
		if _, twice := all[name]; twice {
			r.fault(n, codeInvalid, "there are two volumes %q; rename one", name)
		}
		all[name] = r.volume(f, space)
	}
	return all
}

func (r *reader) volume(f *fields, space string) (m job.Mount) {
	defer f.end()
	switch {
	case f.has("configMap"):
		m = r.configMapVolume(f.sub("configMap"), space)
	case f.has("hostPath"):
		h := f.sub("hostPath")
		m.HostPath = h.need("path", "give the host's path")
		if m.HostPath != "" && (!path.IsAbs(m.HostPath) || hasDots(m.HostPath)) {
			r.fault(h.get("path"), codeInvalid, "the path %q must be absolute and without ..", m.HostPath)
		}
		h.ignore("type")
		h.end()
	case f.has("emptyDir"):
		e := f.sub("emptyDir")
		m.Empty = true
		e.ignore("medium")
		e.notice("the directory may grow as far as the disk", "sizeLimit")
		e.end()
	case f.has("secret"):
		f.refuse("name the secret's keys under env, with valueFrom.secretKeyRef", "secret")
	case f.n != nil:
		f.ignore(f.n.names...)
		r.fault(f.n, codeUnsupported, "this kind of volume is not supported: use configMap, emptyDir, or hostPath with a path that the server's configuration grants")
	}
	return m
}

func (r *reader) configMapVolume(f *fields, space string) job.Mount {
	name := f.need("name", "name the config map")
	optional := f.bool("optional")
	f.ignore("defaultMode")
	all, _ := r.configMap(f.n, space, name, optional)
	m := job.Mount{ConfigMap: name, Files: maps.Clone(all)}
	if m.Files == nil {
		m.Files = Files{}
	}
	if f.has("items") {
		m.Files = Files{}
		for _, n := range f.list("items") {
			item := r.fields(n)
			key, to := item.need("key", "name the key in the config map"), item.need("path", "give the file's name")
			item.ignore("mode")
			item.end()
			text, ok := all[key]
			if !ok && !optional && all != nil {
				r.fault(n, codeMissing, "the config map %q has no key %q; it has %s", name, key, listed(slices.Sorted(maps.Keys(all))))
			}
			if path.IsAbs(to) || hasDots(to) {
				r.fault(n, codeInvalid, "the path %q must be relative and without ..", to)
			}
			m.Files[to] = text
		}
	}
	f.end()
	return m
}

// mounts reads the volumeMounts of a container.
func (r *reader) mounts(c *fields, all volumes) []job.Mount {
	var list []job.Mount
	at := map[string]bool{}
	empties := map[string]bool{}
	for _, n := range c.list("volumeMounts") {
		f := r.fields(n)
		name, to := f.need("name", "name the volume"), f.need("mountPath", "give the path in the container")
		m, ok := all[name]
		if !ok && name != "" {
			r.fault(n, codeMissing, "there is no volume %q; the pod has %s", name, listed(slices.Sorted(maps.Keys(all))))
		}
		switch {
		case to != "" && (!path.IsAbs(to) || hasDots(to)):
			r.fault(f.get("mountPath"), codeInvalid, "the path %q must be absolute and without ..", to)
		case at[path.Clean(to)]:
			r.fault(f.get("mountPath"), codeInvalid, "two volumes are mounted at %q", to)
		case m.Empty && empties[name]:
			r.fault(n, codeUnsupported, "the empty volume %q is mounted twice; mount it once, at a directory above both", name)
		}
		at[path.Clean(to)] = true
		empties[name] = true
		m.Path, m.ReadOnly, m.SubPath = path.Clean(to), f.bool("readOnly") || m.Files != nil, f.text("subPath")
		if path.IsAbs(m.SubPath) || hasDots(m.SubPath) {
			r.fault(f.get("subPath"), codeInvalid, "the path %q must be relative and without ..", m.SubPath)
		}
		f.ignore("mountPropagation", "recursiveReadOnly")
		f.refuse("use subPath, with the value written out", "subPathExpr")
		f.end()
		list = append(list, m)
	}
	return list
}

// hasDots reports whether p climbs with "..".
func hasDots(p string) bool { return slices.Contains(strings.Split(p, "/"), "..") }
