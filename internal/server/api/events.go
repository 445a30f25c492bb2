package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

func (h *handler) registerEvents() {
	o := operation(http.MethodGet, "/events", "watch-events", "events", "Follow what changes, as server-sent events", 200)
	o.Description = "Each event's id is its place in the order of commits. After a break, Last-Event-ID or after= goes on " +
		"where it was; where that is no longer kept, the answer is 410 and the client reads anew."
	o.Responses = map[string]*huma.Response{"200": {
		Description: "Events whose data is a Change",
		Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: h.api.OpenAPI().Components.Schemas.Schema(typeOf[client.Change](), true, "Change"),
		}},
	}}
	huma.Register(h.api, o, h.events)
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// heartbeat is how often a silent stream says that it is alive, so that proxies keep it and a dead client is noticed.
const heartbeat = 15 * time.Second

func (h *handler) events(ctx context.Context, in *struct {
	Run   int64  `query:"run" minimum:"0" doc:"only of this run, its children and its jobs"`
	Job   int64  `query:"job" minimum:"0" doc:"only of this job"`
	After string `query:"after" pattern:"^[0-9]*$" doc:"only changes after this one; absent: from now on"`
	Last  string `header:"Last-Event-ID"`
}) (*huma.StreamResponse, error) {
	if in.Run != 0 {
		if _, err := h.run(ctx, in.Run); err != nil {
			return nil, err
		}
	}
	if in.Job != 0 {
		if _, err := h.job(ctx, in.Job); err != nil {
			return nil, err
		}
	}
	w := &watch{h: h, caller: auth.From(ctx), run: run.ID(in.Run), job: job.ID(in.Job), runs: map[run.ID]bool{}}
	from := in.Last
	if from == "" {
		from = in.After
	}
	hello := from == ""
	var err error
	if hello {
		w.at, err = h.Store.LastChange(ctx)
	} else {
		if w.at, err = strconv.ParseInt(from, 10, 64); err != nil || w.at < 0 {
			return nil, fail(http.StatusBadRequest, "Give the id of an event as Last-Event-ID or after=, or neither to begin now.", "%q is no event's id", from)
		}
		_, err = h.Store.Changes(ctx, w.at, 1)
	}
	if errors.Is(err, store.ErrPruned) {
		return nil, fail(http.StatusGone, "Read what there is anew, and follow from now on.", "changes after %s are no longer kept", from)
	}
	if err != nil {
		return nil, explain("events", err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, rw := humago.Unwrap(hc)
		rw.Header().Set("Content-Type", "text/event-stream")
		rw.Header().Set("Cache-Control", "no-store")
		w.out, w.flush = rw, http.NewResponseController(rw)
		if hello {
			w.write(client.Change{Seq: w.at})
		}
		ctx, stop := h.Feed.Stream(r.Context())
		defer stop()
		if err := w.follow(ctx); err != nil && ctx.Err() == nil {
			h.Log.Warn("a stream of events broke off", "at", w.at, "error", err)
		}
	}}, nil
}

// watch is one stream.
type watch struct {
	h      *handler
	caller auth.Caller
	run    run.ID // 0: all
	job    job.ID // 0: all
	at     int64  // the last change that was looked at

	out    http.ResponseWriter
	flush  *http.ResponseController
	failed error

	// Which runs were found to be shown: owners and parents do not change.
	runs map[run.ID]bool
}

// follow writes changes until the caller is gone.
func (w *watch) follow(ctx context.Context) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		next := w.h.Feed.Next()
		if err := w.catchUp(ctx); err != nil {
			return err
		}
		if w.failed == nil {
			w.failed = w.flush.Flush()
		}
		if w.failed != nil {
			return nil
		}
		select {
		case <-next:
		case <-beat.C:
			_, w.failed = fmt.Fprint(w.out, ": alive\n\n")
		case <-ctx.Done():
			return nil
		}
	}
}

const changesAtOnce = 256

func (w *watch) catchUp(ctx context.Context) error {
	for w.failed == nil {
		changes, err := w.h.Store.Changes(ctx, w.at, changesAtOnce)
		if err != nil {
			return err
		}
		for _, c := range changes {
			out, show, err := w.project(ctx, c)
			if err != nil {
				return err
			}
			if show {
				w.write(out)
			}
			w.at = c.Seq
		}
		if len(changes) < changesAtOnce {
			return nil
		}
		if err := w.flush.Flush(); err != nil {
			w.failed = err
		}
	}
	return nil
}

func (w *watch) write(c client.Change) {
	data, err := json.Marshal(c)
	if err == nil {
		_, err = fmt.Fprintf(w.out, "id: %d\ndata: %s\n\n", c.Seq, data)
	}
	if err != nil {
		w.failed = err
	}
}

// project gives a change the client's shape; show is false for what was not asked for or is not the caller's.
func (w *watch) project(ctx context.Context, c store.Change) (out client.Change, show bool, err error) {
	out.Seq = c.Seq
	switch c.Subject.Kind {
	case store.SubjectRun:
		id := run.ID(c.Subject.ID)
		if w.job != 0 || !w.showsRun(ctx, id) {
			return out, false, nil
		}
		out.Run, err = w.runChange(ctx, c)
		if errors.Is(err, store.ErrNotFound) {
			return out, false, nil // pruned since
		}
		return out, err == nil, err
	case store.SubjectJob:
		var e store.JobEvent
		if err := json.Unmarshal(c.Data, &e); err != nil {
			return out, false, fmt.Errorf("reading change %d: %w", c.Seq, err)
		}
		show := w.caller.May(e.Owner) && (w.job == 0 || w.job == e.ID) && (w.run == 0 || w.showsRun(ctx, run.ID(e.Run)))
		j := jobOf(&e.Job)
		out.Job = &j
		return out, show, nil
	case store.SubjectObject:
		var e store.ObjectEvent
		if err := json.Unmarshal(c.Data, &e); err != nil {
			return out, false, fmt.Errorf("reading change %d: %w", c.Seq, err)
		}
		out.Object = &client.Object{Kind: e.Kind, Namespace: e.Space, Name: e.Name, Version: e.Version, Deleted: e.Deleted}
		return out, w.run == 0 && w.job == 0 && w.showsObject(ctx, e), nil
	}
	return out, false, nil
}

// showsRun reports whether a run is the caller's and, where one was asked for, is that or one of its children.
func (w *watch) showsRun(ctx context.Context, id run.ID) bool {
	if id == 0 {
		return false
	}
	if m, ok := w.runs[id]; ok {
		return m
	}
	row, err := w.h.Store.Run(ctx, id)
	if err != nil {
		return false
	}
	m := w.caller.May(row.Owner) && (w.run == 0 || w.run == id || w.run == row.Parent)
	if len(w.runs) >= maxRemembered {
		clear(w.runs)
	}
	w.runs[id] = m
	return m
}

// maxRemembered bounds what a stream that lives for weeks keeps in memory.
const maxRemembered = 10_000

func (w *watch) showsObject(ctx context.Context, e store.ObjectEvent) bool {
	_, err := w.h.Catalog.Get(ctx, catalog.Caller(w.caller), manifest.Kind(e.Kind), e.Space, e.Name, e.Version)
	return err == nil || e.Deleted && w.caller.Admin
}

func (w *watch) runChange(ctx context.Context, c store.Change) (*client.RunChange, error) {
	row, err := w.h.Store.Run(ctx, run.ID(c.Subject.ID))
	if err != nil {
		return nil, err
	}
	out := &client.RunChange{ID: int64(row.ID), Status: row.Status.String()}
	l, ok := w.h.language(row.Language)
	if !ok || c.Count == 0 {
		return out, nil
	}
	err = w.h.Kernel.Facts(ctx, c, func(_ uint64, f run.Fact) bool {
		out.Events = append(out.Events, l.Events(f)...)
		return true
	})
	return out, err
}
