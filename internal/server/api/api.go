// Package api is the HTTP API of a server, /api/v1: runs, jobs, objects of the catalogue, logs, and the stream of what
// changes. Its types are the client's. The OpenAPI document at /api/openapi.json is generated from the operations here.
//
// It translates between HTTP and the kernel, dispatch and the catalogue, and keeps callers to what is theirs. It decides
// nothing else: who calls was found out by auth before, and how connections are made is server's.
package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// Options are what the API stands on. All must be set, but for Refuse.
type Options struct {
	Store    store.Store
	Kernel   *kernel.Kernel
	Dispatch *dispatch.Dispatcher
	Catalog  *catalog.Catalog
	Feed     *Feed
	Log      *slog.Logger

	// Languages are by name. The first is the one of definitions that name none.
	Languages []Language
	// Logs reads the output of a process.
	Logs func(context.Context, engine.LogRequest, func(engine.Line) bool) error
	// Doctor says what the server found out about its machine.
	Doctor func(context.Context) []client.Check
	// Backup writes a copy of everything as one tar file.
	Backup  func(context.Context, io.Writer) error
	Version client.Version

	// Refuse says why no new work is taken just now; nil where it is.
	Refuse func() *client.Problem
	// MaxBody bounds a request in bytes.
	MaxBody int64
}

// Language is a language and how its runs are shown.
type Language struct {
	run.Language
	// Events projects a fact to entries of the history; ids are dense over a run's facts in order.
	Events func(run.Fact) []client.Event
	// Check gives all faults and warnings of a file.
	Check func(source []byte) run.Problems
	// CheckRun is Check for a run that somebody is about to start here: what the file names must be there.
	CheckRun func(ctx context.Context, by catalog.Caller, source []byte) run.Problems
}

// handler holds the operations.
type handler struct {
	Options
	api huma.API
}

// Register adds the operations to mux and returns the document that describes them.
func Register(mux *http.ServeMux, o Options) *huma.OpenAPI {
	if o.Refuse == nil {
		o.Refuse = func() *client.Problem { return nil }
	}
	config := huma.DefaultConfig("Tutti", "1")
	config.Info.Description = "Runs, jobs and the catalogue of a Tutti server."
	config.OpenAPIPath = "/api/openapi"
	config.DocsPath = ""
	config.SchemasPath = ""
	config.CreateHooks = nil
	h := &handler{Options: o, api: humago.New(mux, config)}
	h.registerRuns()
	h.registerHistory()
	h.registerJobs()
	h.registerLogs()
	h.registerObjects()
	h.registerEvents()
	h.registerSystem()
	h.registerDebug()
	mux.HandleFunc("/api/", noOperation(mux))
	return h.api.OpenAPI()
}

// operation describes one operation; tag groups it in the document.
func operation(method, path, id, tag, summary string, status int) huma.Operation {
	return huma.Operation{
		Method:        method,
		Path:          "/api/v1" + path,
		OperationID:   id,
		Summary:       summary,
		Tags:          []string{tag},
		DefaultStatus: status,
	}
}

// large lets an operation's request be as long as the configuration allows.
func (h *handler) large(o huma.Operation) huma.Operation {
	o.MaxBodyBytes = h.MaxBody
	return o
}

// answer is a response with a JSON body.
type answer[T any] struct{ Body T }

func (h *handler) language(name string) (Language, bool) {
	if name == "" && len(h.Languages) > 0 {
		return h.Languages[0], true
	}
	for _, l := range h.Languages {
		if l.Name() == name {
			return l, true
		}
	}
	return Language{}, false
}
