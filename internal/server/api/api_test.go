package api_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/client"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

// The document in docs is the one that the code gives.
func TestDocumentIsCommitted(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(newWorld(t).doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("..", "..", "..", "docs", "openapi.json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/openapi.json is out of date; go test ./internal/server/api -update writes it:\n%s", diff)
	}
}

// Every operation says what it is, takes no more than it names, and can be told from the others.
func TestDocumentIsWellFormed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := map[string]bool{}
	for path, item := range w.doc.Paths {
		if !strings.HasPrefix(path, "/api/v1/") {
			t.Errorf("%s is not below /api/v1", path)
		}
		for method, op := range map[string]any{"get": item.Get, "post": item.Post, "delete": item.Delete} {
			text, err := json.Marshal(op)
			if err != nil {
				t.Fatal(err)
			}
			var o struct {
				OperationID, Summary string
				Tags                 []string
				Responses            map[string]struct{ Content map[string]any }
				Parameters           []struct{ Name, In string }
			}
			if string(text) == "null" {
				continue
			}
			if err := json.Unmarshal(text, &o); err != nil {
				t.Fatal(err)
			}
			if o.OperationID == "" || ids[o.OperationID] || o.Summary == "" || len(o.Tags) != 1 {
				t.Errorf("%s %s: id %q must be unique; summary %q and one tag %q must be there", method, path, o.OperationID, o.Summary, o.Tags)
			}
			ids[o.OperationID] = true
			if d, ok := o.Responses["default"]; !ok || d.Content["application/problem+json"] == nil {
				t.Errorf("%s %s: errors are not described as problems", method, path)
			}
			for part := range strings.SplitSeq(path, "/") {
				name, ok := strings.CutPrefix(part, "{")
				if !ok {
					continue
				}
				name = strings.TrimSuffix(name, "}")
				if !slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == name && p.In == "path" }) {
					t.Errorf("%s %s: {%s} is not described", method, path, name)
				}
			}
		}
	}
	if len(ids) < 20 {
		t.Errorf("%d operations, want all of them", len(ids))
	}
}

func TestLifeOfARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as("ada")
	ctx := t.Context()
	started, err := c.Start(ctx, client.StartRun{Definition: passes, Prefix: "train", Input: []byte(`{"n":1.50}`), Labels: map[string]string{"team": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	r := w.end("ada", started.ID)
	if r.Status != "SUCCEEDED" || string(r.Output) != `{"x":1}` || string(r.Input) != `{"n":1.50}` || r.Owner != "ada" || !strings.HasPrefix(r.Name, "train-") {
		t.Errorf("the run is %+v", r)
	}
	d, err := c.Definition(ctx, r.ID)
	if err != nil || d.Text != passes || d.Language != "asl" {
		t.Errorf("definition %+v, error %v", d, err)
	}
	var types []string
	for after := int64(0); ; {
		page, err := c.History(ctx, r.ID, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			types = append(types, e.Type)
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	if diff := cmp.Diff([]string{"ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"}, types); diff != "" {
		t.Errorf("history, one event a page:\n%s", diff)
	}
	for _, f := range []client.RunQuery{{}, {Status: "SUCCEEDED"}, {Name: r.Name}, {Label: "team=x"}} {
		if p, err := c.Runs(ctx, f); err != nil || len(p.Items) != 1 {
			t.Errorf("runs by %+v: %+v, error %v; want the one", f, p, err)
		}
	}
	for _, f := range []client.RunQuery{{Status: "FAILED"}, {Name: "other"}, {Label: "team=y"}, {Before: r.ID}} {
		if p, err := c.Runs(ctx, f); err != nil || len(p.Items) != 0 {
			t.Errorf("runs by %+v: %+v, error %v; want none", f, p, err)
		}
	}
	debug, err := c.Debug(ctx, r.ID)
	if err != nil || len(debug.Frames) == 0 || len(debug.Errors) != 0 {
		t.Errorf("debug %+v, error %v; want frames and no errors", debug, err)
	}
}

func TestDebugShowsWhatARunWaitsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start("ada", waits)
	d, err := w.as("ada").Debug(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Timers) != 1 || len(d.Errors) != 0 {
		t.Errorf("timers %+v, errors %v; want one timer", d.Timers, d.Errors)
	}
}

// The same key does the same once, after the run has ended too; another key does it again.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"definition":` + quote(passes) + `}`
	start := func(user, key string) client.Run {
		t.Helper()
		status, text := w.request(user, "POST", "/api/v1/runs", body, "Idempotency-Key", key)
		if status != http.StatusCreated {
			t.Fatalf("status %d: %s", status, text)
		}
		var r client.Run
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		w.end(user, r.ID)
		return r
	}
	first := start("ada", "k1")
	if again := start("ada", "k1"); again.ID != first.ID {
		t.Errorf("the same key started runs %d and %d", first.ID, again.ID)
	}
	if other := start("ada", "k2"); other.ID == first.ID {
		t.Error("another key gave the same run")
	}
	if other := start("bob", "k1"); other.ID == first.ID {
		t.Error("another user's same key gave ada's run")
	}

	jobs := map[string]bool{}
	for range 2 {
		status, text := w.request("ada", "POST", "/api/v1/jobs", `{"name":"j","text":`+quote(printer)+`}`, "Idempotency-Key", "k")
		if status != http.StatusCreated {
			t.Fatalf("status %d: %s", status, text)
		}
		var j client.Job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			t.Fatal(err)
		}
		jobs[j.Name] = true
	}
	if len(jobs) != 1 {
		t.Errorf("the same key submitted jobs %v", jobs)
	}
}

func TestNamesAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as("ada")
	if _, err := c.Start(t.Context(), client.StartRun{Name: "one", Definition: waits}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Start(t.Context(), client.StartRun{Name: "one", Definition: passes})
	if p := problem(t, err); p.Status != http.StatusConflict || p.Remedy == "" {
		t.Errorf("another run of the name: %+v, want a conflict with a remedy", p)
	}
	if _, err := w.as("bob").Start(t.Context(), client.StartRun{Name: "one", Definition: passes}); err != nil {
		t.Errorf("another user's run of the name: %v", err)
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// What is wrong with a request is said with its place and what to do.
func TestProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		want                     []string
	}{
		{"no such run", "GET", "/api/v1/runs/77", "", 404, []string{"run 77"}},
		{"no such job", "GET", "/api/v1/jobs/77", "", 404, []string{"job 77"}},
		{"an id that is none", "GET", "/api/v1/runs/x", "", 422, []string{"path.run"}},
		{"an unknown status", "GET", "/api/v1/runs?status=GONE", "", 422, []string{"query.status"}},
		{"broken JSON", "POST", "/api/v1/runs", `{"definition":`, 400, nil},
		{"an unknown field", "POST", "/api/v1/runs", `{"definitoin":"{}"}`, 422, []string{"definitoin"}},
		{"neither definition nor machine", "POST", "/api/v1/runs", `{}`, 400, []string{"definition or a machine"}},
		{"an unknown machine", "POST", "/api/v1/runs", `{"machine":"none"}`, 404, []string{"none"}},
		{"an unknown language", "POST", "/api/v1/runs", `{"definition":"{}","language":"cobol"}`, 400, []string{"cobol"}},
		{"a faulty definition", "POST", "/api/v1/runs", `{"definition":` + quote(`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}`) + `}`, 422, []string{"/States/A/Next"}},
		{"a resource that is not here", "POST", "/api/v1/runs", `{"definition":` + quote(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::nothing:does","End":true}}}`) + `}`, 422, []string{"/States/A/Resource", "something:does"}},
		{"a name that no run can have", "POST", "/api/v1/runs", `{"name":"a b/../c","definition":` + quote(passes) + `}`, 400, []string{"a b/../c", "white space"}},
		{"a path of nothing", "GET", "/api/v1/frobs", "", 404, []string{"/api/v1/frobs", "openapi"}},
		{"a method of nothing", "DELETE", "/api/v1/runs", "", 405, []string{"DELETE", "GET, POST"}},
		{"a body that is too long", "POST", "/api/v1/runs", `{"definition":"` + strings.Repeat("x", 100<<10) + `"}`, 413, nil},
		{"a manifest of nothing known", "POST", "/api/v1/jobs", `{"name":"x","text":"{\"kind\":\"Deployment\"}"}`, 422, []string{"Deployment"}},
		{"no one's logs", "GET", "/api/v1/logs", "", 400, []string{"run="}},
		{"no such object", "GET", "/api/v1/objects/configmap/none", "", 404, []string{"none"}},
		{"a change that is none", "GET", "/api/v1/events?after=x", "", 422, []string{"query.after"}},
		{"a change beyond all numbers", "GET", "/api/v1/events?after=99999999999999999999", "", 400, []string{"99999999999999999999"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, text := w.request("ada", c.method, c.path, c.body)
			var p client.Problem
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatalf("the answer is no problem: %v\n%s", err, text)
			}
			if status != c.status || p.Status != status || p.Title == "" || p.Remedy == "" {
				t.Errorf("status %d, problem %+v; want %d, with a title and a remedy", status, p, c.status)
			}
			for _, s := range c.want {
				if !strings.Contains(text, s) {
					t.Errorf("the answer does not say %q: %s", s, text)
				}
			}
		})
	}
}

func TestRefusedWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.start("ada", passes)
	w.refuse = &client.Problem{Status: http.StatusInsufficientStorage, Title: "x", Detail: "full", Remedy: "free some"}
	_, err := w.as("ada").Start(t.Context(), client.StartRun{Definition: passes})
	if p := problem(t, err); p.Status != http.StatusInsufficientStorage {
		t.Errorf("a start is answered with %d", p.Status)
	}
	_, err = w.as("ada").Submit(t.Context(), client.File{Name: "j", Text: printer})
	if p := problem(t, err); p.Status != http.StatusInsufficientStorage {
		t.Errorf("a submission is answered with %d", p.Status)
	}
	if r := w.end("ada", before.ID); r.Status != "SUCCEEDED" {
		t.Errorf("the run under way is %s", r.Status)
	}
}
