package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
)

// Nobody sees, stops or starts what is another's; an admin does.
func TestOwnersAreKeptApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	ada, bob, root := w.as("ada"), w.as("bob"), w.as("root")
	r := w.start("ada", waits)
	j, err := ada.Submit(ctx, client.File{Name: "j", Text: sleeper})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ada.Apply(ctx, "", []client.File{{Name: "secretive.asl.json", Text: passes}}); err != nil {
		t.Fatal(err)
	}

	refused := map[string]error{}
	_, refused["run"] = bob.Run(ctx, r.ID)
	_, refused["definition"] = bob.Definition(ctx, r.ID)
	_, refused["history"] = bob.History(ctx, r.ID, 0, 10)
	_, refused["debug"] = bob.Debug(ctx, r.ID)
	refused["stop"] = bob.Stop(ctx, r.ID, client.StopRun{})
	_, refused["job"] = bob.Job(ctx, j.ID)
	_, refused["replicas"] = bob.Replicas(ctx, j.ID, client.ReplicaQuery{})
	refused["cancel"] = bob.Cancel(ctx, j.ID, "")
	refused["run's logs"] = bob.Logs(ctx, client.LogQuery{Run: r.ID}, func(client.Line) bool { return true })
	refused["job's logs"] = bob.Logs(ctx, client.LogQuery{Job: j.ID}, func(client.Line) bool { return true })
	refused["run's events"] = bob.Events(ctx, client.EventQuery{Run: r.ID}, func(client.Change) bool { return true })
	refused["job's events"] = bob.Events(ctx, client.EventQuery{Job: j.ID}, func(client.Change) bool { return true })
	_, refused["machine"] = bob.Start(ctx, client.StartRun{Machine: "secretive"})
	_, refused["object"] = bob.Object(ctx, "statemachine", "", "secretive", 0)
	_, refused["versions"] = bob.Versions(ctx, "statemachine", "", "secretive")
	refused["delete"] = bob.Delete(ctx, "statemachine", "", "secretive")
	for what, err := range refused {
		if p := problem(t, err); p.Status != http.StatusNotFound {
			t.Errorf("%s: another user gets %d: %v; want 404", what, p.Status, p)
		}
	}
	_, err = bob.Apply(ctx, "", []client.File{{Name: "secretive.asl.json", Text: waits}})
	if p := problem(t, err); p.Status != http.StatusForbidden {
		t.Errorf("taking over a name: %d, want 403", p.Status)
	}
	if err := bob.Backup(ctx, new(strings.Builder)); problem(t, err).Status != http.StatusForbidden {
		t.Errorf("another user's backup: %v, want 403", err)
	}

	for who, n := range map[*client.Client]int{ada: 1, bob: 0, root: 1} {
		for _, owner := range []string{"", "ada"} {
			runs, err := who.Runs(ctx, client.RunQuery{Owner: owner})
			if err != nil || len(runs.Items) != n {
				t.Errorf("runs of %q: %+v, error %v; want %d", owner, runs, err, n)
			}
			jobs, err := who.Jobs(ctx, client.JobQuery{Owner: owner})
			if err != nil || len(jobs.Items) != n {
				t.Errorf("jobs of %q: %+v, error %v; want %d", owner, jobs, err, n)
			}
		}
		objects, err := who.Objects(ctx, "statemachine", "")
		if err != nil || len(objects) != n {
			t.Errorf("objects: %+v, error %v; want %d", objects, err, n)
		}
	}

	// Bob's stream of everything shows Bob's alone, though Ada's came first.
	mine := w.start("bob", waits)
	after := int64(0)
	err = bob.Events(ctx, client.EventQuery{After: &after}, func(c client.Change) bool {
		if c.Run == nil || c.Run.ID != mine.ID {
			t.Errorf("bob is shown %+v", c)
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Stop(ctx, r.ID, client.StopRun{Error: "x", Cause: "y"}); err != nil {
		t.Fatal(err)
	}
	if got := w.end("ada", r.ID); got.Status != "ABORTED" || got.Error != "x" || got.Cause != "y" {
		t.Errorf("the run that an admin stopped is %+v", got)
	}
}

// What belongs to the site everybody sees, and only an admin changes.
func TestSiteObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := []client.File{{Name: "q.json", Text: `{"jobQueueName":"fast","priority":5,"state":"ENABLED","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"local"}]}`}}
	_, err := w.as("ada").Apply(t.Context(), "", queue)
	if p := problem(t, err); p.Status != http.StatusForbidden || p.Remedy == "" {
		t.Errorf("a user's queue: %+v, want 403 with a remedy", p)
	}
	if _, err := w.as("root").Apply(t.Context(), "", queue); err != nil {
		t.Fatal(err)
	}
	queues, err := w.as("ada").Queues(t.Context())
	if err != nil || len(queues) != 2 || queues[1].Name != "fast" || queues[1].Priority != 5 {
		t.Errorf("queues %+v, error %v; want default and fast", queues, err)
	}
}

func TestApplyTellsWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as("ada")
	apply := func(files ...client.File) (actions []string) {
		t.Helper()
		applied, err := c.Apply(t.Context(), "", files)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range applied {
			actions = append(actions, a.Kind+"/"+a.Name+" "+a.Action)
		}
		return actions
	}
	machine := client.File{Name: "m.asl.json", Text: passes}
	settings := client.File{Name: "c.yaml", Text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"}
	if got := strings.Join(apply(machine, settings), ", "); got != "configmap/c created, statemachine/m created" {
		t.Errorf("at first: %s", got)
	}
	machine.Text = waits
	if got := strings.Join(apply(machine, settings), ", "); got != "configmap/c unchanged, statemachine/m configured" {
		t.Errorf("then: %s", got)
	}
	// A fault in one file keeps all from being applied.
	_, err := c.Apply(t.Context(), "", []client.File{{Name: "n.asl.json", Text: passes}, {Name: "bad.asl.json", Text: `{"StartAt":"X","States":{}}`}})
	p := problem(t, err)
	if p.Status != http.StatusUnprocessableEntity || len(p.Faults) == 0 || p.Faults[0].File != "bad.asl.json" {
		t.Errorf("a fault: %+v, want it with its file", p)
	}
	if _, err := c.Object(t.Context(), "statemachine", "", "n", 0); !client.IsNotFound(err) {
		t.Errorf("the valid file was applied all the same: %v", err)
	}
	if err := c.Delete(t.Context(), "configmap", "", "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Object(t.Context(), "configmap", "", "c", 0); !client.IsNotFound(err) {
		t.Errorf("the deleted object: %v, want not found", err)
	}
	r, err := c.Start(t.Context(), client.StartRun{Machine: "m"})
	if err != nil || r.Machine != "m" {
		t.Errorf("a run of the machine: %+v, error %v", r, err)
	}
}

// A stream goes on where it was, whichever way it is asked.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start("ada", passes)
	w.end("ada", r.ID)
	var all []int64
	after := int64(0)
	ctx, stop := context.WithCancel(t.Context())
	_ = w.as("ada").Events(ctx, client.EventQuery{After: &after}, func(c client.Change) bool {
		all = append(all, c.Seq)
		return c.Run == nil || c.Run.Status == "RUNNING"
	})
	stop()
	second := w.start("ada", waits)
	resume := all[len(all)-1]
	err := w.as("ada").Events(t.Context(), client.EventQuery{After: &resume}, func(c client.Change) bool {
		if c.Run == nil || c.Run.ID != second.ID || c.Seq <= resume {
			t.Errorf("after change %d comes %+v, want the second run", resume, c)
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsFromNowhere(t *testing.T) {
	t.Parallel()
	status, text := newWorld(t).request("ada", "GET", "/api/v1/events", "", "Last-Event-ID", "x")
	if status != http.StatusBadRequest || !strings.Contains(text, "Last-Event-ID") {
		t.Errorf("status %d: %s", status, text)
	}
}

func TestLogsOfAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as("ada")
	j, err := c.Submit(t.Context(), client.File{Name: "j", Text: printer})
	if err != nil {
		t.Fatal(err)
	}
	var followed []string
	err = c.Logs(t.Context(), client.LogQuery{Job: j.ID, Follow: true}, func(l client.Line) bool {
		followed = append(followed, l.Text)
		return true
	})
	if err != nil || strings.Join(followed, "|") != "hello" {
		t.Errorf("followed %q, error %v; want hello", followed, err)
	}
	got, err := c.Job(t.Context(), j.ID)
	if err != nil || got.State != "Succeeded" {
		t.Errorf("after its logs have ended the job is %+v, error %v", got, err)
	}
	var read []string
	if err := c.Logs(t.Context(), client.LogQuery{Job: j.ID}, func(l client.Line) bool {
		read = append(read, l.Text)
		return true
	}); err != nil || strings.Join(read, "|") != "hello" {
		t.Errorf("read %q, error %v; want hello", read, err)
	}
}

// Of what is applied together nothing is stored, and no job started, if a part of it is refused.
func TestApplyAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as("ada")
	settings := client.File{Name: "c.yaml", Text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"}
	queue := client.File{Name: "q.json", Text: `{"jobQueueName":"fast","priority":5,"state":"ENABLED","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"local"}]}`}
	lost := client.File{Name: "j.yaml", Text: strings.Replace(string(manifest("", `"command":["true"]`)),
		`"annotations":{"tutti.dev/retry-delay":"1ms"}`, `"labels":{"kueue.x-k8s.io/queue-name":"nowhere"}`, 1)}
	fine := client.File{Name: "k.yaml", Text: string(manifest("", `"command":["true"]`))}
	for name, files := range map[string][]client.File{"a queue that is an admin's": {settings, queue, fine}, "a job of an unknown queue": {settings, fine, lost}} {
		if applied, err := c.Apply(t.Context(), "", files); err == nil {
			t.Fatalf("%s: %+v", name, applied)
		}
		objects, err := c.Objects(t.Context(), "configmap", "")
		if err != nil || len(objects) != 0 {
			t.Errorf("%s: stored are %+v, %v", name, objects, err)
		}
		jobs, err := c.Jobs(t.Context(), client.JobQuery{})
		if err != nil || len(jobs.Items) != 0 {
			t.Errorf("%s: submitted are %+v, %v", name, jobs.Items, err)
		}
	}
	applied, err := c.Apply(t.Context(), "", []client.File{fine, settings})
	if err != nil || len(applied) != 2 || applied[1].Action != "submitted" {
		t.Errorf("applied %+v, %v", applied, err)
	}
}

// What a job that is refused late, as its name is taken, leaves behind is told.
func TestApplyTellsWhatWasApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	named := client.File{Name: "j.yaml", Text: strings.Replace(string(manifest("", `"command":["true"]`)), `"generateName":"j-"`, `"name":"taken"`, 1)}
	settings := client.File{Name: "c.yaml", Text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"}
	_, err := w.as("ada").Apply(t.Context(), "", []client.File{settings, named, named})
	if p := problem(t, err); !strings.Contains(p.Detail, "was applied: configmap/c, job/taken") {
		t.Errorf("the problem is %+v", p)
	}
}
