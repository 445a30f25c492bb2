package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/integration"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/looptest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/api"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

// world is a server over a memory store and a scripted engine. A request's bearer token names its caller; root is an
// admin.
type world struct {
	t     *testing.T
	url   string
	doc   *huma.OpenAPI
	store store.Store
	// refuse is what new work is refused with.
	refuse *client.Problem
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	ctx := t.Context()
	s := memory.New(memory.Options{})
	w.store = s
	writer, err := store.NewWriter(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	engine := fake.New(fake.Config{})
	c := catalog.New(s, writer, time.Now)
	d := dispatch.New(dispatch.Options{Store: s, Writer: writer, Engine: engine, Log: log, Now: time.Now, Queue: c.Queue})
	k := kernel.New(kernel.Options{
		Store: s, Writer: writer, Languages: []run.Language{asl.Language{}}, Log: log,
		Integrations: integration.New(integration.Deps{Catalog: c, Store: s, Now: time.Now}),
	})
	feed := api.NewFeed()
	writer.Listen(feed.Committed)
	if err := d.Load(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	looptest.Run(t, writer.Run, k.Run, d.Run)

	mux := http.NewServeMux()
	w.doc = api.Register(mux, api.Options{
		Store: s, Kernel: k, Dispatch: d, Catalog: c, Feed: feed, Log: log, Logs: engine.Logs,
		Languages: []api.Language{{Language: asl.Language{}, Events: events, Check: check, CheckRun: checkRun}},
		Doctor:    func(context.Context) []client.Check { return []client.Check{{Name: "x", OK: true}} },
		Backup:    func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "everything"); return err },
		Version:   client.Version{Version: "test"},
		Refuse:    func() *client.Problem { return w.refuse },
		MaxBody:   64 << 10,
	})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		mux.ServeHTTP(rw, r.WithContext(auth.With(r.Context(), auth.Caller{Owner: name, Admin: name == "root"})))
	}))
	w.url = srv.URL
	t.Cleanup(func() {
		feed.Close()
		srv.Close()
	})
	return w
}

func events(f run.Fact) []client.Event {
	var out []client.Event
	for _, h := range asl.History(f) {
		out = append(out, client.Event{ID: int64(h.ID), Previous: int64(h.Previous), Time: h.Time, Type: h.Type})
	}
	return out
}

func check(source []byte) run.Problems {
	known := func(arn string) bool { return arn != "arn:aws:states:::nothing:does" }
	return asl.Check(source, asl.Terms{Resources: &asl.Resources{Known: known, Names: []string{"arn:aws:states:::something:does"}}})
}

// as is a client of a user's.
func (w *world) as(user string) *client.Client {
	w.t.Helper()
	c, err := client.New(client.Options{Server: w.url, Token: user})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// start starts a run that must be accepted.
func (w *world) start(user, definition string) *client.Run {
	w.t.Helper()
	r, err := w.as(user).Start(w.t.Context(), client.StartRun{Definition: definition})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// end waits for a run's end.
func (w *world) end(user string, id int64) *client.Run {
	w.t.Helper()
	after := int64(0)
	err := w.as(user).Events(w.t.Context(), client.EventQuery{Run: id, After: &after}, func(c client.Change) bool {
		return c.Run == nil || c.Run.ID != id || c.Run.Status == "RUNNING"
	})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := w.as(user).Run(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// request sends raw HTTP and gives the status and the body.
func (w *world) request(user, method, path, body string, header ...string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+user)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// problem is the error as the API words it.
func problem(t *testing.T, err error) *client.Problem {
	t.Helper()
	p := (*client.Problem)(nil)
	if !errors.As(err, &p) {
		t.Fatalf("error %v, want a problem", err)
	}
	return p
}

const (
	passes = `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"x":1},"End":true}}}`
	waits  = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100000,"End":true}}}`
)

// sleeper is a job that goes on until it is stopped.
const sleeper = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"generateName":"sleeper-"},
	"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"x",
	"command":["sleep","100000s"]}]}}}}`

// printer is a job that prints a line and ends.
const printer = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"generateName":"printer-"},
	"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"x",
	"command":["echo","hello"]}]}}}}`

// checkRun holds a function called "gone" to be missing.
func checkRun(_ context.Context, _ catalog.Caller, source []byte) run.Problems {
	known := func(arn string) bool { return arn != "arn:aws:states:::nothing:does" }
	missing := func(_ string, named value.Value) []asl.Missing {
		if named.At("FunctionName").Text() != "gone" {
			return nil
		}
		return []asl.Missing{{Member: "FunctionName", Text: "There is no function gone here."}}
	}
	return asl.Check(source, asl.Terms{Resources: &asl.Resources{Known: known, Names: []string{"arn:aws:states:::something:does"}, Missing: missing}})
}
