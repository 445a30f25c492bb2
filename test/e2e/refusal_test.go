package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong is refused before anything starts, and the refusal says what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	pass := s.write("pass.asl.json", `{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}`)
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"every fault of a definition, each with its place",
			[]string{"run", s.write("broken.asl.json", `{"StartAt": "A", "States": {
				"A": {"Type": "Task", "Resource": "arn:tutti:states:::job:run.sync", "Retry": [{"ErrorEquals": []}], "Next": "Nowhere"},
				"B": {"Type": "Wait", "Seconds": -1, "End": true}}}`)},
			[]string{"/States/A/Retry/0/ErrorEquals", "Nowhere", "/States/B/Seconds"}},
		{"an input that is no JSON", []string{"run", pass, "--input", "{"}, []string{"JSON"}},
		{"a file that is not there", []string{"run", "nothing.asl.json"}, []string{"nothing.asl.json"}},
		{"an image without a mapping", []string{"apply", "-f", s.write("image.yaml", `
apiVersion: batch/v1
kind: Job
metadata: {name: stranger}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "ghcr.io/x/unknown:1", command: ["true"]}]
`)}, []string{"ghcr.io/x/unknown:1", "images"}},
		{"a host path that was not granted", []string{"apply", "-f", s.write("path.yaml", `
apiVersion: batch/v1
kind: Job
metadata: {name: burglar}
spec:
  template:
    spec:
      restartPolicy: Never
      volumes: [{name: etc, hostPath: {path: /etc}}]
      containers: [{name: main, image: work, command: ["true"], volumeMounts: [{name: etc, mountPath: /stolen}]}]
`)}, []string{"/etc", "hostPaths"}},
		{"a queue, a definition and a function that are not there, though a state before them could run",
			[]string{"run", s.write("nowhere.asl.json", `{"StartAt": "A", "States": {
				"A": {"Type": "Pass", "Next": "B"},
				"B": {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "Next": "C",
					"Parameters": {"JobName": "x", "JobQueue": "arn:aws:batch:eu-west-1:123456789012:job-queue/nowhere", "JobDefinition": "nothing"}},
				"C": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "nobody", "Payload.$": "$"}, "End": true}}}`)},
			[]string{"/States/B/Parameters/JobQueue", "nowhere", "/States/B/Parameters/JobDefinition", "nothing", "/States/C/Parameters/FunctionName", "nobody"}},
		{"a run that is not there", []string{"describe", "run", "r999"}, []string{"r999"}},
		{"an unknown command", []string{"launch"}, []string{"launch", "tutti help"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := s.refused(c.args...)
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("tutti %s: the refusal does not mention %q:\n%s", strings.Join(c.args, " "), w, out)
				}
			}
		})
	}
	if jobs := s.jobs(0); len(jobs) != 0 {
		t.Errorf("refused work left jobs: %+v", jobs)
	}
	if out := s.tutti("get", "runs"); strings.Contains(out, "nowhere") {
		t.Errorf("refused work left a run:\n%s", out)
	}
}

// A template that is missing fails the run before any job is made, with the name and what to do.
func TestMissingTemplate(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	run := s.start(`{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:tutti:states:::job:run.sync", "End": true,
		"Parameters": {"Template": {"ConfigMap": "absent", "Key": "job.yaml", "Namespace": "training"}}}}}`, "{}")
	r := s.end(run.ID)
	if r.Status != "FAILED" || !strings.Contains(r.Cause, "absent") || !strings.Contains(r.Cause, "training") || !strings.Contains(r.Cause, "tutti apply") {
		t.Errorf("the run is %s: %s: %s; want it FAILED with the config map's name, namespace and the remedy", r.Status, r.Error, r.Cause)
	}
	if jobs := s.jobs(run.ID); len(jobs) != 0 {
		t.Errorf("jobs were made: %+v", jobs)
	}
}

// A second server on the same data is refused, and harms nothing.
func TestSecondServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	out, err := exec.CommandContext(testContext(t), binary, "up", "--listen", "127.0.0.1:0", "--data", s.data, "--config", s.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), s.data) {
		t.Errorf("a second server on the same data: %v, want a refusal that names the directory:\n%s", err, out)
	}
	s.succeeded(s.start(`{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}`, "{}").ID)
}

// A database that cannot be one is refused and left as it is.
func TestCorruptDatabase(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	s.kill()
	files, err := filepath.Glob(filepath.Join(s.data, "store", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no database in %s (%v)", s.data, err)
	}
	junk := []byte(strings.Repeat("not a database ", 1000))
	for _, f := range files {
		if strings.Contains(filepath.Base(f), "lock") {
			continue
		}
		if err := os.WriteFile(f, junk, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(testContext(t), binary, "up", "--listen", "127.0.0.1:0", "--data", s.data, "--config", s.config).CombinedOutput()
	if err == nil {
		t.Errorf("a server started on a corrupt database:\n%s", out)
	}
	for _, f := range files {
		if strings.Contains(filepath.Base(f), "lock") {
			continue
		}
		if now, err := os.ReadFile(f); err != nil || string(now) != string(junk) {
			t.Errorf("%s was changed (%v)", f, err)
		}
	}
}

// A page of somebody else's that a browser shows cannot speak to the server.
func TestForeignOrigin(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	for _, c := range []struct {
		name, header, value string
		host                string
	}{
		{name: "a foreign Origin", header: "Origin", value: "https://evil.example"},
		{name: "a foreign Host", host: "evil.example"},
	} {
		req, err := http.NewRequestWithContext(testContext(t), http.MethodGet, fmt.Sprintf("http://%s/api/v1/runs", s.addr), nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		if c.host != "" {
			req.Host = c.host
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s: status %d, want a refusal", c.name, resp.StatusCode)
		}
	}
}
