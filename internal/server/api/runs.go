package api

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (h *handler) registerRuns() {
	huma.Register(h.api, operation(http.MethodGet, "/runs", "list-runs", "runs", "List runs, latest first", 200), h.listRuns)
	huma.Register(h.api, h.large(operation(http.MethodPost, "/runs", "start-run", "runs", "Start a run", 201)), h.startRun)
	huma.Register(h.api, operation(http.MethodGet, "/runs/{run}", "get-run", "runs", "Read a run", 200), h.getRun)
	huma.Register(h.api, operation(http.MethodPost, "/runs/{run}/stop", "stop-run", "runs", "Ask for a run to end as aborted", 202), h.stopRun)
	huma.Register(h.api, operation(http.MethodPost, "/runs/{run}/redrive", "redrive-run", "runs", "Have a run go on that did not end well", 200), h.redriveRun)
	huma.Register(h.api, operation(http.MethodGet, "/runs/{run}/definition", "get-run-definition", "runs", "Read the file that a run runs", 200), h.getDefinition)
}

// RunRef names a run. It is exported, as are all parts of inputs, for huma to see it.
type RunRef struct {
	Run int64 `path:"run" doc:"the run's id"`
}

// Paging is what lists with ids take.
type Paging struct {
	Before int64 `query:"before" minimum:"0" doc:"only older ones"`
	Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (h *handler) listRuns(ctx context.Context, in *struct {
	Paging
	Owner   string `query:"owner"`
	Machine string `query:"machine"`
	Name    string `query:"name"`
	Status  string `query:"status" enum:"RUNNING,SUCCEEDED,FAILED,TIMED_OUT,ABORTED,QUARANTINED"`
	Label   string `query:"label" doc:"name=value"`
	Parent  int64  `query:"parent" doc:"only runs that this run started"`
}) (*answer[client.Page[client.Run]], error) {
	f := store.RunFilter{
		Owner: auth.From(ctx).Scope(in.Owner), Machine: in.Machine, Name: in.Name,
		Parent: run.ID(in.Parent), Before: run.ID(in.Before), Limit: in.Limit,
		// The map runs of a distributed Map and their children, a hundred thousand perhaps, are shown to who asks for them.
		Ungrouped: in.Parent == 0 && in.Machine == "" && in.Name == "",
	}
	if s, ok := run.ParseStatus(in.Status); ok {
		f.Statuses = []run.Status{s}
	}
	var err error
	if f.Label, err = label(in.Label); err != nil {
		return nil, err
	}
	rows, err := h.Store.Runs(ctx, f)
	if err != nil {
		return nil, explain("list of runs", err)
	}
	out := &answer[client.Page[client.Run]]{}
	out.Body.Items = make([]client.Run, len(rows))
	for i, r := range rows {
		out.Body.Items[i] = runOf(r)
	}
	if len(rows) == in.Limit {
		out.Body.Next = int64(rows[len(rows)-1].ID)
	}
	return out, nil
}

func label(s string) (pair [2]string, err error) {
	if s == "" {
		return pair, nil
	}
	name, v, ok := strings.Cut(s, "=")
	if !ok {
		return pair, fail(http.StatusBadRequest, "Write it as name=value.", "label %q has no value", s)
	}
	return [2]string{name, v}, nil
}

// run reads a run that the caller may see.
func (h *handler) run(ctx context.Context, id int64) (*store.Run, error) {
	r, err := h.Store.Run(ctx, run.ID(id))
	if errors.Is(err, store.ErrNotFound) || err == nil && !auth.From(ctx).May(r.Owner) {
		return nil, notFound("run", id)
	}
	if err != nil {
		return nil, explain("run", err)
	}
	return r, nil
}

func (h *handler) getRun(ctx context.Context, in *RunRef) (*answer[client.Run], error) {
	r, err := h.run(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	return &answer[client.Run]{runOf(r)}, nil
}

func (h *handler) getDefinition(ctx context.Context, in *RunRef) (*answer[client.Definition], error) {
	r, err := h.run(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	source, err := h.Kernel.Source(ctx, r)
	if err != nil {
		return nil, explain("definition", err)
	}
	return &answer[client.Definition]{client.Definition{Language: r.Language, Text: source}}, nil
}

func (h *handler) stopRun(ctx context.Context, in *struct {
	RunRef
	Body client.StopRun
}) (*struct{}, error) {
	if _, err := h.run(ctx, in.Run); err != nil {
		return nil, err
	}
	err := h.Kernel.Stop(ctx, run.ID(in.Run), run.Failure{Error: in.Body.Error, Cause: in.Body.Cause})
	return nil, explain("run", err)
}

func (h *handler) redriveRun(ctx context.Context, in *struct {
	RunRef
	Idempotent
}) (*answer[client.Run], error) {
	if p := h.Refuse(); p != nil {
		return nil, &problem{*p}
	}
	r, err := h.run(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	if r.Part != "" {
		return nil, fail(http.StatusConflict, "Redrive the run that it is part of: that redrives it as well.", "run %d is part of run %d", r.ID, r.Parent)
	}
	before := r.Status
	r, err = h.Kernel.Redrive(ctx, r.ID, in.Key)
	if errors.Is(err, kernel.ErrNotRedrivable) {
		return nil, fail(http.StatusConflict, "Only a run that failed, timed out or was stopped goes on.", "run %d cannot be redriven: it is %s", in.Run, before)
	}
	if err != nil {
		return nil, explain("run", err)
	}
	return &answer[client.Run]{runOf(r)}, nil
}

// Idempotent is what operations that make something take.
type Idempotent struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"sent again with the same key, a request does not do the same again"`
}

func (h *handler) startRun(ctx context.Context, in *struct {
	Idempotent
	Body client.StartRun
}) (*answer[client.Run], error) {
	if p := h.Refuse(); p != nil {
		return nil, &problem{*p}
	}
	q, err := h.startRequest(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	repeatable := q.Name == "" && in.Key != ""
	if repeatable {
		q.Name = madeName(in.Body.Prefix, q.Machine, q.Owner, in.Key)
	}
	r, err := h.Kernel.Start(ctx, q)
	if repeatable && errors.Is(err, kernel.ErrExists) {
		// The request came before, and its run has ended since.
		r, err = h.Store.RunByName(ctx, q.Owner, q.Machine, q.Name)
	}
	if err != nil {
		return nil, explain("run "+q.Name, err)
	}
	return &answer[client.Run]{runOf(r)}, nil
}

func (h *handler) startRequest(ctx context.Context, b client.StartRun) (kernel.StartRequest, error) {
	q := kernel.StartRequest{
		Owner: auth.From(ctx).Owner, Name: b.Name, Machine: b.Machine, Source: []byte(b.Definition), Labels: b.Labels,
	}
	for field, name := range map[string]string{"name": b.Name, "prefix": b.Prefix} { // order: one of them is enough to refuse
		if name != "" && !run.ValidName(name) {
			return q, fail(http.StatusBadRequest, "Take "+run.NameRule+".", "%s %q: a run cannot be called that", field, name)
		}
	}
	if (b.Definition == "") == (b.Machine == "") {
		return q, fail(http.StatusBadRequest, "Give the text of a definition, or the name of a state machine that was applied.",
			"a run needs a definition or a machine, and not both")
	}
	language := b.Language
	if b.Machine != "" {
		m, err := h.Catalog.Machine(ctx, by(ctx), b.Machine)
		if err != nil {
			return q, explainObject("state machine", err)
		}
		q.Machine, q.Source, language = m.Name, m.Source, m.Language
	}
	l, ok := h.language(language)
	if !ok {
		return q, fail(http.StatusBadRequest, "Leave it out for asl.", "language %q is not known", language)
	}
	q.Language = l.Name()
	if problems := l.CheckRun(ctx, by(ctx), q.Source); manifest.Broken(problems) {
		return q, refused("the definition", problems)
	}
	q.Input = value.EmptyObject
	if len(b.Input) > 0 {
		v, err := value.Parse(b.Input)
		if err != nil {
			return q, fail(http.StatusBadRequest, "Give one JSON value.", "input: %v", err)
		}
		q.Input = v
	}
	return q, nil
}

// madeName is a name that follows from an idempotency key: the second request finds the run of the first under it. Its
// 60 bits make two keys' meeting in one name a matter of a billion runs.
func madeName(prefix, machine, owner, key string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + key))
	tail := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:12])
	for _, p := range []string{prefix, machine} {
		if p != "" {
			return p + "-" + tail
		}
	}
	return "run-" + tail
}
