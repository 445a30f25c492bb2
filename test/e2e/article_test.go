package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/sharedtest"
)

// The state machine of article 001 runs as it was printed, after its files were applied.
func TestArticleMap(t *testing.T) {
	t.Parallel()
	file := func(name string) string { return sharedtest.Path(t, "articles/001-batch-array/"+name) }
	s := newServer(t, asSelf+"images:\n  public.ecr.aws/docker/library/python:3: host\n")
	s.tutti("apply", "-f", file("compute-environment.json"), "-f", file("job-queue.json"), "-f", file("job-definition-map.json"))

	out := s.tutti("run", file("map.json"), "--input", "@"+file("input.json"), "-o", "json")
	var run client.Run
	if err := json.Unmarshal([]byte(out), &run); err != nil {
		t.Fatalf("reading what tutti run printed: %v\n%s", err, out)
	}
	if run.Status != "SUCCEEDED" {
		t.Errorf("the run is %s, want SUCCEEDED", run.Status)
	}
	var results []struct{ Status, JobName string }
	if err := json.Unmarshal(run.Output, &results); err != nil {
		t.Fatalf("reading the run's output: %v\n%s", err, run.Output)
	}
	if len(results) != 3 {
		t.Fatalf("%d results, want one for each of 3 items: %s", len(results), run.Output)
	}
	for i, r := range results {
		if r.Status != "SUCCEEDED" || r.JobName != "testjob" {
			t.Errorf("result %d is %+v, want testjob SUCCEEDED", i, r)
		}
	}
	jobs := s.jobs(run.ID)
	if len(jobs) != 3 {
		t.Errorf("%d jobs, want 3", len(jobs))
	}
	for _, j := range jobs {
		if out := s.tutti("logs", fmt.Sprintf("j%d", j.ID)); !strings.Contains(out, "hello from ") {
			t.Errorf("job %s printed %q, want a greeting", j.Name, out)
		}
	}
}

// So do its array jobs: three children that print their index, and the input list handed out to them.
func TestArticleArrays(t *testing.T) {
	t.Parallel()
	needPython(t)
	file := func(name string) string { return sharedtest.Path(t, "articles/001-batch-array/"+name) }
	s := newServer(t, asSelf+"images:\n  public.ecr.aws/docker/library/python:3: host\n")
	s.tutti("apply", "-f", file("compute-environment.json"), "-f", file("job-queue.json"), "-f", file("job-definition-array.json"))
	for i, c := range []struct{ machine, input, child1 string }{
		{"array.json", "{}", "index: 1"},
		{"array-with-items.json", "@" + file("input.json"), "My item: b"},
	} {
		s.tutti("run", file(c.machine), "--input", c.input)
		job := fmt.Sprintf("j%d", i+1)
		if out := s.tutti("logs", job+"/1"); !strings.Contains(out, c.child1) {
			t.Errorf("%s: child 1 printed %q, want %q", c.machine, out, c.child1)
		}
		if out := s.tutti("get", "jobs"); !strings.Contains(out, "3/3") {
			t.Errorf("%s: not three children:\n%s", c.machine, out)
		}
	}
}

// The state machines of article 000 have no error, whatever one may think of them.
func TestArticleTrainingValidates(t *testing.T) {
	t.Parallel()
	s := newServer(t, asSelf)
	for _, name := range []string{"step-functions-pytorch-pipeline.json", "poll-with-retry-and-catch.json", "pytorch-job-template-configmap.yaml"} {
		s.tutti("validate", sharedtest.Path(t, "articles/000-pytorchjob/"+name))
	}
}
