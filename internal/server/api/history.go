package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

func (h *handler) registerHistory() {
	huma.Register(h.api, operation(http.MethodGet, "/runs/{run}/history", "get-run-history", "runs",
		"List a run's events in order", 200), h.history)
}

func (h *handler) history(ctx context.Context, in *struct {
	RunRef
	After int64 `query:"after" minimum:"0" doc:"only events after the one with this id"`
	Limit int   `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}) (*answer[client.Page[client.Event]], error) {
	row, err := h.run(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	out := &answer[client.Page[client.Event]]{}
	out.Body.Items = []client.Event{}
	l, ok := h.language(row.Language)
	if !ok {
		return out, nil
	}
	frame, err := h.Store.FrameAt(ctx, row.ID, uint64(in.After))
	if errors.Is(err, store.ErrNotFound) {
		return out, nil // nothing has happened yet
	}
	if err != nil {
		return nil, explain("history", err)
	}
	err = h.Kernel.Events(ctx, row.ID, frame.First, func(_ uint64, f run.Fact) bool {
		for _, e := range l.Events(f) {
			if e.ID <= in.After {
				continue
			}
			if len(out.Body.Items) == in.Limit {
				out.Body.Next = out.Body.Items[in.Limit-1].ID
				return false
			}
			out.Body.Items = append(out.Body.Items, e)
		}
		return true
	})
	if err != nil {
		return nil, explain("history", err)
	}
	return out, nil
}
