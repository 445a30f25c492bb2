package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
)

// manifest is a Job with more in its spec and in its container.
func manifest(spec, container string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"batch/v1","kind":"Job",
		"metadata":{"generateName":"j-","annotations":{"tutti.dev/retry-delay":"1ms"}},
		"spec":{%s"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"x",%s}]}}}}`, spec, container)
}

func (w *world) submit(spec, container string) *client.Job {
	w.t.Helper()
	j, err := w.as("ada").Submit(w.t.Context(), client.File{Name: "j", Text: string(manifest(spec, container))})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// lines reads output to its end.
func (w *world) lines(q client.LogQuery) (list []client.Line) {
	w.t.Helper()
	err := w.as("ada").Logs(w.t.Context(), q, func(l client.Line) bool {
		list = append(list, l)
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// The output of an attempt stays readable when there is a later one.
func TestLogsOfAnAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.submit(`"backoffLimit":2,`, `"command":["echo","hello"],"env":[{"name":"FAIL_ATTEMPTS","value":"1"}]`)
	w.lines(client.LogQuery{Job: j.ID, Follow: true})
	for _, c := range []struct {
		asked, got int32
		lines      int
	}{{0, 2, 1}, {1, 1, 1}, {2, 2, 1}, {3, 0, 0}} {
		list := w.lines(client.LogQuery{Job: j.ID, Attempt: c.asked})
		if len(list) != c.lines || c.lines > 0 && list[0].Attempt != c.got {
			t.Errorf("attempt %d: %+v, want %d lines of attempt %d", c.asked, list, c.lines, c.got)
		}
	}
}

// Nothing of a large array is left out, followed or not.
func TestLogsOfALargeArray(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const size = 1100
	j := w.submit(fmt.Sprintf(`"completions":%d,"parallelism":%[1]d,"completionMode":"Indexed",`, size), `"command":["echo","hello"]`)
	for _, follow := range []bool{true, false} {
		children := map[int32]bool{}
		for _, l := range w.lines(client.LogQuery{Job: j.ID, Follow: follow}) {
			children[l.Child] = true
		}
		if len(children) != size {
			t.Errorf("follow %t: output of %d children, want %d", follow, len(children), size)
		}
	}
}

// A list says what jobs wait for, as the look at one of them does.
func TestListSaysWhatJobsWaitFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const all = `"resources":{"requests":{"cpu":"64"}}`
	w.submit("", `"command":["sleep","forever"],`+all)
	second := w.submit("", `"command":["true"],`+all)
	// Jobs are taken up in order: when the third has ended, those before it have been planned.
	third := w.submit("", `"command":["true"],`+all)
	if err := w.as("ada").Cancel(t.Context(), third.ID, ""); err != nil {
		t.Fatal(err)
	}
	w.lines(client.LogQuery{Job: third.ID, Follow: true})
	page, err := w.as("ada").Jobs(t.Context(), client.JobQuery{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 2 || page.Items[1].ID != second.ID || !strings.HasPrefix(page.Items[1].Why, "waits ") {
		t.Errorf("the list is %+v, want the second job in it and what it waits for", page.Items)
	}
}
