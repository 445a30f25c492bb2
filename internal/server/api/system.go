package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/sched"
)

func (h *handler) registerSystem() {
	huma.Register(h.api, operation(http.MethodGet, "/version", "get-version", "server", "Say what the server is", 200), h.version)
	huma.Register(h.api, operation(http.MethodGet, "/doctor", "get-doctor", "server", "Say what the server found out about its machine", 200), h.doctor)
	huma.Register(h.api, operation(http.MethodGet, "/nodes", "list-nodes", "server", "List the machines that run jobs", 200), h.nodes)
	huma.Register(h.api, operation(http.MethodGet, "/queues", "list-queues", "server", "List the queues", 200), h.queues)
	huma.Register(h.api, h.large(operation(http.MethodPost, "/validate", "validate", "catalogue", "Say what is wrong with a file", 200)), h.validate)
	o := operation(http.MethodGet, "/backup", "get-backup", "server", "Copy everything, as of one moment", 200)
	o.Responses = map[string]*huma.Response{"200": {
		Description: "A tar file for 'tutti restore'",
		Content:     map[string]*huma.MediaType{"application/x-tar": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(h.api, o, h.backup)
}

func (h *handler) version(context.Context, *struct{}) (*answer[client.Version], error) {
	return &answer[client.Version]{h.Version}, nil
}

func (h *handler) doctor(ctx context.Context, _ *struct{}) (*answer[client.Page[client.Check]], error) {
	return &answer[client.Page[client.Check]]{client.Page[client.Check]{Items: h.Doctor(ctx)}}, nil
}

func (h *handler) nodes(ctx context.Context, _ *struct{}) (*answer[client.Page[client.Node]], error) {
	out := &answer[client.Page[client.Node]]{client.Page[client.Node]{Items: []client.Node{}}}
	for _, n := range h.Dispatch.Nodes() {
		out.Body.Items = append(out.Body.Items, nodeOf(n, auth.From(ctx).Admin))
	}
	return out, nil
}

// queues gives those that jobs have used, and the rest of the catalogue's.
func (h *handler) queues(ctx context.Context, _ *struct{}) (*answer[client.Page[client.Queue]], error) {
	out := &answer[client.Page[client.Queue]]{client.Page[client.Queue]{Items: []client.Queue{}}}
	known := map[string]bool{}
	for _, q := range h.Dispatch.Queues() {
		known[q.Name] = true
		out.Body.Items = append(out.Body.Items, queueOf(q))
	}
	objects, err := h.Catalog.List(ctx, by(ctx), manifest.KindJobQueue, "")
	if err != nil {
		return nil, explainObject("queues", err)
	}
	for _, o := range objects {
		if known[o.Name] {
			continue
		}
		q, err := h.Catalog.Queue(ctx, o.Name)
		if err != nil {
			return nil, explainObject("queues", err)
		}
		out.Body.Items = append(out.Body.Items, queueOf(sched.QueueUse{Queue: q}))
	}
	slices.SortFunc(out.Body.Items, func(a, b client.Queue) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (h *handler) backup(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if !auth.From(ctx).Admin {
		return nil, fail(http.StatusForbidden, "Ask the server's owner.", "only an admin may copy what belongs to everyone")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "application/x-tar")
		if err := h.Backup(r.Context(), w); err != nil {
			h.Log.Error("a backup broke off", "error", err)
			// A response cut short is what tells the client: its status is long gone.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (h *handler) validate(ctx context.Context, in *struct{ Body client.File }) (*answer[client.Validation], error) {
	docs, problems, err := h.read(ctx, in.Body, "")
	if err != nil {
		return nil, err
	}
	var kinds []string
	for _, d := range docs {
		if !slices.Contains(kinds, string(d.Kind)) {
			kinds = append(kinds, string(d.Kind))
		}
	}
	v := client.Validation{
		Valid: !manifest.Broken(problems), Kind: strings.Join(kinds, ", "), Faults: faultsOf(in.Body.Name, problems),
	}
	return &answer[client.Validation]{v}, nil
}

// checkMachine gives what the language says of a state machine.
func (h *handler) checkMachine(d manifest.Parsed) run.Problems {
	name := d.Data.At("language").Text()
	l, ok := h.language(name)
	if !ok {
		return run.Problems{{Text: "language \"" + name + "\" is not known"}}
	}
	return l.Check([]byte(d.Data.At("definition").Text()))
}
