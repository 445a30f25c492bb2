package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

func (h *handler) registerDebug() {
	huma.Register(h.api, operation(http.MethodGet, "/runs/{run}/debug", "debug-run", "runs",
		"Read everything that is stored of a run", 200), h.debug)
}

// debug reads what there is, and lists what could not be read rather than fail: it is for runs that are broken.
func (h *handler) debug(ctx context.Context, in *RunRef) (*answer[client.Debug], error) {
	row, err := h.run(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	d := &client.Debug{
		Run: runOf(row), Frames: []client.DebugFrame{}, Pending: []client.DebugTask{}, Inbox: []client.DebugInput{}, Timers: []client.DebugTimer{},
	}
	note := func(err error) {
		if err != nil {
			d.Errors = append(d.Errors, err.Error())
		}
	}
	note(h.debugFrames(ctx, row, d))
	note(h.debugPending(ctx, row, d))
	note(h.debugTimers(ctx, row, d))
	inbox, err := h.Store.Inbox(ctx, row.ID)
	note(err)
	for _, r := range inbox {
		d.Inbox = append(d.Inbox, client.DebugInput{ID: r.ID, Key: r.Key, Kind: inboxKinds[r.Kind], Task: uint64(r.Task), Ref: r.Ref})
	}
	return &answer[client.Debug]{*d}, nil
}

var inboxKinds = map[store.InboxKind]string{
	store.InboxJob: "job ended", store.InboxRun: "run ended", store.InboxCancel: "cancel", store.InboxSignal: "signal",
	store.InboxTask: "task ended",
}

func (h *handler) debugFrames(ctx context.Context, row *store.Run, d *client.Debug) error {
	var inner error
	err := h.Store.Frames(ctx, row.ID, 1, func(c store.Change) bool {
		f := client.DebugFrame{First: c.First, Count: c.Count, Position: c.Position, Bytes: len(c.Data), Facts: []string{}}
		inner = h.Kernel.Facts(ctx, c, func(seq uint64, fact run.Fact) bool {
			f.Facts = append(f.Facts, h.factText(row.Language, seq, fact))
			return true
		})
		d.Frames = append(d.Frames, f)
		return inner == nil
	})
	if err == nil && inner != nil {
		err = fmt.Errorf("reading frame %d: %w", d.Frames[len(d.Frames)-1].First, inner)
	}
	return err
}

// factText says what a fact is called, and what it looks like from outside.
func (h *handler) factText(language string, seq uint64, f run.Fact) string {
	text := fmt.Sprintf("%d %s", seq, strings.TrimPrefix(fmt.Sprintf("%T", f), "*"))
	l, ok := h.language(language)
	if !ok {
		return text
	}
	for _, e := range l.Events(f) {
		text += fmt.Sprintf("; %d %s %s", e.ID, e.Type, e.Details)
	}
	return text
}

// debugPending folds the run's log, as the kernel does when it loads the run.
func (h *handler) debugPending(ctx context.Context, row *store.Run, d *client.Debug) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("folding the log: the decider panicked: %v", p)
		}
	}()
	l, ok := h.language(row.Language)
	if !ok {
		return fmt.Errorf("language %q is not known", row.Language)
	}
	source, err := h.Kernel.Source(ctx, row)
	if err != nil {
		return fmt.Errorf("reading the definition: %w", err)
	}
	def, err := l.Compile([]byte(source))
	if err != nil {
		return fmt.Errorf("compiling the definition: %w", err)
	}
	if parted, ok := def.(run.Parted); ok && row.Part != "" {
		if def, err = parted.Part(row.Part); err != nil {
			return fmt.Errorf("finding part %q of the definition: %w", row.Part, err)
		}
	}
	state := def.NewState()
	err = h.Kernel.Events(ctx, row.ID, 1, func(_ uint64, f run.Fact) bool {
		state.Apply(f)
		return true
	})
	if err != nil {
		return fmt.Errorf("folding the log: %w", err)
	}
	state.Pending(func(t run.StartTask) bool {
		d.Pending = append(d.Pending, client.DebugTask{
			Task: uint64(t.Task), Label: t.Label, Resource: t.Resource, Deadline: t.Deadline, Payload: raw(t.Payload),
		})
		return true
	})
	return nil
}

func (h *handler) debugTimers(ctx context.Context, row *store.Run, d *client.Debug) error {
	const atOnce = 1000
	forever := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for after := (store.Timer{}); ; {
		timers, err := h.Store.Timers(ctx, after, forever, atOnce)
		if err != nil {
			return fmt.Errorf("reading timers: %w", err)
		}
		for _, t := range timers {
			if t.Run == row.ID {
				d.Timers = append(d.Timers, client.DebugTimer{Timer: uint64(t.Timer), At: t.At})
			}
			after = t
		}
		if len(timers) < atOnce {
			return nil
		}
	}
}
