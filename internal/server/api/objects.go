package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

func (h *handler) registerObjects() {
	huma.Register(h.api, h.large(operation(http.MethodPost, "/apply", "apply", "catalogue",
		"Store what files describe, and submit the jobs among it", 200)), h.apply)
	huma.Register(h.api, operation(http.MethodGet, "/objects/{kind}", "list-objects", "catalogue", "List objects of a kind", 200), h.listObjects)
	huma.Register(h.api, operation(http.MethodGet, "/objects/{kind}/{name}", "get-object", "catalogue", "Read a version of an object", 200), h.getObject)
	huma.Register(h.api, operation(http.MethodGet, "/objects/{kind}/{name}/versions", "list-versions", "catalogue", "List versions of an object, latest first", 200), h.listVersions)
	huma.Register(h.api, operation(http.MethodDelete, "/objects/{kind}/{name}", "delete-object", "catalogue", "Delete an object", 204), h.deleteObject)
}

// by is the caller as the catalogue knows them.
func by(ctx context.Context) catalog.Caller {
	return catalog.Caller(auth.From(ctx))
}

// spaced are the kinds that live in namespaces.
var spaced = []manifest.Kind{manifest.KindConfigMap, manifest.KindServiceAccount}

// ObjectRef names an object. It is exported, as are all parts of inputs, for huma to see it.
type ObjectRef struct {
	Kind      string `path:"kind" doc:"lower case and singular, such as configmap"`
	Name      string `path:"name"`
	Namespace string `query:"namespace" doc:"absent: default, for kinds that have namespaces"`
}

func (r *ObjectRef) key() (kind manifest.Kind, space, name string) {
	kind, space = manifest.Kind(r.Kind), r.Namespace
	if !slices.Contains(spaced, kind) {
		space = ""
	} else if space == "" {
		space = manifest.DefaultSpace
	}
	return kind, space, r.Name
}

// explainObject adds what the catalogue's errors say.
func explainObject(what string, err error) error {
	e := (*catalog.Error)(nil)
	if !errors.As(err, &e) {
		return explain(what, err)
	}
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, store.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, catalog.ErrForbidden):
		status = http.StatusForbidden
	case errors.Is(err, catalog.ErrBusy):
		status = http.StatusConflict
	}
	return fail(status, sentence(e.Hint), "%s %s %q: %v", e.Op, e.Kind, e.Name, e.Err)
}

// sentence makes one of a hint.
func sentence(hint string) string {
	if hint == "" {
		return ""
	}
	return strings.ToUpper(hint[:1]) + hint[1:] + "."
}

func (h *handler) listObjects(ctx context.Context, in *struct {
	Kind      string `path:"kind"`
	Namespace string `query:"namespace" doc:"absent: all"`
}) (*answer[client.Page[client.Object]], error) {
	space := in.Namespace
	if space == "" {
		space = "*"
	}
	objects, err := h.Catalog.List(ctx, by(ctx), manifest.Kind(in.Kind), space)
	if err != nil {
		return nil, explainObject(in.Kind, err)
	}
	return &answer[client.Page[client.Object]]{objectPage(objects)}, nil
}

func objectPage(objects []*store.Object) client.Page[client.Object] {
	p := client.Page[client.Object]{Items: make([]client.Object, len(objects))}
	for i, o := range objects {
		p.Items[i] = objectOf(o)
	}
	return p
}

func (h *handler) getObject(ctx context.Context, in *struct {
	ObjectRef
	Version int64 `query:"version" minimum:"0" doc:"0: the latest"`
}) (*answer[client.Object], error) {
	kind, space, name := in.key()
	o, err := h.Catalog.Get(ctx, by(ctx), kind, space, name, in.Version)
	if err != nil {
		return nil, explainObject(in.Kind, err)
	}
	return &answer[client.Object]{objectOf(o)}, nil
}

func (h *handler) listVersions(ctx context.Context, in *ObjectRef) (*answer[client.Page[client.Object]], error) {
	kind, space, name := in.key()
	objects, err := h.Catalog.Versions(ctx, by(ctx), kind, space, name)
	if err != nil {
		return nil, explainObject(in.Kind, err)
	}
	return &answer[client.Page[client.Object]]{objectPage(objects)}, nil
}

func (h *handler) deleteObject(ctx context.Context, in *ObjectRef) (*struct{}, error) {
	kind, space, name := in.key()
	if err := h.Catalog.Delete(ctx, by(ctx), kind, space, name); err != nil {
		return nil, explainObject(in.Kind, err)
	}
	return nil, nil
}

// read reads a file as its caller may, with what the languages say of the state machines in it. Problems may be warnings.
func (h *handler) read(ctx context.Context, f client.File, space string) ([]manifest.Parsed, run.Problems, error) {
	o, failed := h.Catalog.Options(ctx, by(ctx))
	o.Space = space
	// The name of a file up to its first dot is that of the state machine in it.
	o.Name, _, _ = strings.Cut(path.Base(f.Name), ".")
	docs, problems := manifest.Read([]byte(f.Text), o)
	if err := failed(); err != nil {
		return nil, nil, explainObject("catalogue", err)
	}
	for _, d := range docs {
		if d.Kind == manifest.KindStateMachine {
			problems = append(problems, h.checkMachine(d)...)
		}
	}
	return docs, problems, nil
}

func (h *handler) apply(ctx context.Context, in *struct {
	Idempotent
	Body struct {
		Namespace string        `json:"namespace,omitempty"`
		Files     []client.File `json:"files" minItems:"1"`
	}
}) (*answer[client.Page[client.Applied]], error) {
	if p := h.Refuse(); p != nil {
		return nil, &problem{*p}
	}
	docs, err := h.readAll(ctx, in.Body.Files, in.Body.Namespace)
	if err != nil {
		return nil, err
	}
	objects, jobs := docs, []manifest.Parsed(nil) // jobs are last
	if i := slices.IndexFunc(docs, func(d manifest.Parsed) bool { return d.Kind == manifest.KindJob }); i >= 0 {
		objects, jobs = docs[:i], docs[i:]
	}
	if err := h.checkJobs(ctx, jobs, objects); err != nil {
		return nil, err
	}
	applied, err := h.applyObjects(ctx, objects)
	if err != nil {
		return nil, err
	}
	for i, d := range jobs {
		key := ""
		if in.Key != "" {
			key = fmt.Sprintf("%s/%d", in.Key, len(objects)+i)
		}
		j, err := h.submit(ctx, d, key)
		if err != nil {
			return nil, partly(err, applied)
		}
		applied = append(applied, client.Applied{Kind: string(d.Kind), Namespace: d.Space, Name: j.Name, Job: int64(j.ID), Action: "submitted"})
	}
	return &answer[client.Page[client.Applied]]{Body: client.Page[client.Applied]{Items: applied}}, nil
}

// checkJobs refuses jobs that would be refused when they are submitted, after the objects beside them are stored.
func (h *handler) checkJobs(ctx context.Context, jobs, objects []manifest.Parsed) error {
	for _, d := range jobs {
		spec := *d.Spec
		if slices.ContainsFunc(objects, func(o manifest.Parsed) bool { return o.Kind == manifest.KindJobQueue }) {
			spec.Queue = "" // it may be one of those
		}
		if err := h.Dispatch.Check(ctx, auth.From(ctx).Owner, &spec); err != nil {
			return explain("job "+d.Name, err)
		}
	}
	return nil
}

// partly adds to an error what had been applied when it came.
func partly(err error, applied []client.Applied) error {
	p := (*problem)(nil)
	if len(applied) == 0 || !errors.As(err, &p) {
		return err
	}
	var names []string
	for _, a := range applied {
		names = append(names, a.Kind+"/"+a.Name)
	}
	with := *p
	with.Detail += "; what came before it was applied: " + strings.Join(names, ", ")
	return &with
}

// readAll reads files, in the order in which their documents may refer to each other. Faults of any are the error.
func (h *handler) readAll(ctx context.Context, files []client.File, space string) ([]manifest.Parsed, error) {
	var docs []manifest.Parsed
	var faults []client.Fault
	broken := false
	for _, f := range files {
		more, problems, err := h.read(ctx, f, space)
		if err != nil {
			return nil, err
		}
		docs = append(docs, more...)
		faults = append(faults, faultsOf(f.Name, problems)...)
		broken = broken || manifest.Broken(problems)
	}
	if broken {
		return nil, &problem{client.Problem{
			Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
			Detail: "nothing was applied", Remedy: "Correct what is named, and apply again.", Faults: faults,
		}}
	}
	catalog.Sort(docs)
	return docs, nil
}

// applyObjects stores objects, all or none.
func (h *handler) applyObjects(ctx context.Context, docs []manifest.Parsed) ([]client.Applied, error) {
	stored, err := h.Catalog.PutAll(ctx, by(ctx), docs)
	if err != nil {
		return nil, explainObject("catalogue", err)
	}
	applied := []client.Applied{}
	for i, d := range docs {
		a := client.Applied{Kind: string(d.Kind), Namespace: d.Space, Name: d.Name, Version: stored[i].Version, Action: "configured"}
		switch {
		case !stored[i].Changed:
			a.Action = "unchanged"
		case a.Version == 1:
			a.Action = "created"
		}
		applied = append(applied, a)
	}
	return applied, nil
}
