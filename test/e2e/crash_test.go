package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
)

// quote is text as JSON.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// job is a batch/v1 Job that runs script, tried again up to retries times.
func job(name, script string, retries int) string {
	return fmt.Sprintf(`{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": {"generateName": "%s-"},
		"spec": {"backoffLimit": %d, "template": {"spec": {"restartPolicy": "Never", "containers": [{
			"name": "main", "image": "work", "command": ["/bin/sh", "-c", %s],
			"resources": {"requests": {"cpu": "100m", "memory": "16Mi"}}
		}]}}}}`, name, retries, quote(script))
}

// gang is a PyTorchJob of a master and a worker that run scripts of their own.
func gang(policy, master, worker string) string {
	role := func(script string) string {
		return fmt.Sprintf(`{"replicas": 1, "restartPolicy": %q, "template": {"spec": {"containers": [{
			"name": "pytorch", "image": "work", "command": ["/bin/sh", "-c", %s],
			"resources": {"requests": {"cpu": "100m", "memory": "16Mi"}}}]}}}`, policy, quote(script))
	}
	return fmt.Sprintf(`{
		"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
		"metadata": {"generateName": "gang-"},
		"spec": {"runPolicy": {"backoffLimit": 2}, "pytorchReplicaSpecs": {"Master": %s, "Worker": %s}}}`, role(master), role(worker))
}

// steps is a state machine that runs manifests one after another.
func steps(manifests ...string) string {
	var states []string
	for i, m := range manifests {
		next := fmt.Sprintf(`"Next": "Step %d"`, i+2)
		if i == len(manifests)-1 {
			next = `"End": true`
		}
		states = append(states, fmt.Sprintf(`"Step %d": {"Type": "Task", "Resource": "arn:tutti:states:::job:run.sync",
			"Parameters": {"Manifest": %s}, "ResultPath": null, %s}`, i+1, m, next))
	}
	return fmt.Sprintf(`{"StartAt": "Step 1", "States": {%s}}`, strings.Join(states, ","))
}

const workImage = asSelf + "images:\n  work: host\n"

// kill -9 of the server: its jobs go on, and what ended while there was no server is known when there is one again.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	first, second := newWork(s, "first"), newWork(s, "second")
	run := s.start(steps(job("first", first.script(), 0), job("second", second.script(), 0)), "{}")

	first.awaitStarts(1)
	before := first.processes()
	s.kill()
	if after := first.processes(); !slices.Equal(sorted(before), sorted(after)) {
		t.Errorf("processes %v before the kill, %v after it", before, after)
	}
	first.open()
	await(t, "the first job's end without a server", func() bool { return first.ends() == 1 })
	s.up()

	second.awaitStarts(1)
	s.kill()
	s.up()
	second.open()
	s.succeeded(run.ID)
	for _, w := range []work{first, second} {
		if w.starts() != 1 || w.ends() != 1 {
			t.Errorf("%s: %d starts and %d ends, want one of each", w.name, w.starts(), w.ends())
		}
	}
	if jobs := s.jobs(run.ID); len(jobs) != 2 {
		t.Errorf("%d jobs, want one for each step", len(jobs))
	}
}

// kill -9 of a member: its gang starts again as a whole, where the policy says so.
func TestMemberKilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy string
		status string
		starts int
	}{
		{"OnFailure", "SUCCEEDED", 2},
		{"Never", "FAILED", 1},
	} {
		t.Run(c.policy, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, workImage)
			master, worker := newWork(s, "master"), newWork(s, "worker")
			run := s.start(steps(gang(c.policy, master.script(), worker.script())), "{}")
			master.awaitStarts(1)
			worker.awaitStarts(1)
			for _, pid := range worker.processes() {
				kill9(t, pid)
			}
			master.awaitStarts(c.starts)
			worker.awaitStarts(c.starts)
			if c.status == "SUCCEEDED" { // else the master is stopped: it must not win the race to its own end
				master.open()
				worker.open()
			}
			if r := s.end(run.ID); r.Status != c.status {
				t.Errorf("the run is %s (%s: %s), want %s", r.Status, r.Error, r.Cause, c.status)
			}
			if master.starts() != c.starts || worker.starts() != c.starts {
				t.Errorf("the master started %d times, the worker %d times, want %d", master.starts(), worker.starts(), c.starts)
			}
			jobs := s.jobs(run.ID)
			if len(jobs) != 1 {
				t.Fatalf("%d jobs, want 1", len(jobs))
			}
			for _, r := range s.replicas(jobs[0].ID) {
				if int(r.Attempt) != c.starts {
					t.Errorf("replica %d is in attempt %d, want %d", r.Replica, r.Attempt, c.starts)
				}
			}
		})
	}
}

// kill -9 of the runner: what it ran is gone, daemons included, before it is tried again.
func TestRunnerKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	w := newWork(s, "work")
	// The daemon leaves the process group and the session, and its parent ends.
	daemon := filepath.Join(s.dir, "daemon")
	script := fmt.Sprintf("setsid sh -c 'echo up >>%[1]s.starts; while :; do sleep 0.02; done; : %[1]s' & %[2]s", daemon, w.script())
	run := s.start(steps(job("work", script, 2)), "{}")
	w.awaitStarts(1)
	d := work{t: t, dir: s.dir, name: "daemon"}
	d.awaitStarts(1)
	first := append(w.processes(), processes(t, daemon)...)
	if len(first) < 2 {
		t.Fatalf("found processes %v of the job, want its own and its daemon's", first)
	}

	kill9(t, s.runner())
	w.awaitStarts(2)
	for _, pid := range first {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil && slices.Contains(append(w.processes(), processes(t, daemon)...), pid) {
			t.Errorf("process %d of the first attempt was alive when the second started", pid)
		}
	}
	w.open()
	s.succeeded(run.ID)
	if w.starts() != 2 || w.ends() != 1 {
		t.Errorf("%d starts and %d ends, want 2 and 1", w.starts(), w.ends())
	}
	await(t, "the end of the job's daemon", func() bool { return len(processes(t, daemon)) == 0 })
}

// A backup that is restored while a job runs: the job is adopted, not submitted again.
func TestRestoreWhileRunning(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	w := newWork(s, "work")
	run := s.start(steps(job("work", w.script(), 0)), "{}")
	w.awaitStarts(1)
	backup := filepath.Join(s.dir, "backup.tar")
	s.tutti("backup", backup)

	s.kill()
	s.wipe()
	s.tutti("restore", backup, "--data", s.data)
	s.up()
	if n := w.starts(); n != 1 {
		t.Fatalf("%d starts after the restore, want 1", n)
	}
	w.open()
	s.succeeded(run.ID)
	if w.starts() != 1 || w.ends() != 1 {
		t.Errorf("%d starts and %d ends, want one of each", w.starts(), w.ends())
	}
}

// Stopping a run takes its processes with it.
func TestStopRun(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage)
	w := newWork(s, "work")
	run := s.start(steps(job("work", w.script(), 3)), "{}")
	w.awaitStarts(1)
	s.tutti("stop", fmt.Sprintf("r%d", run.ID))
	if r := s.end(run.ID); r.Status != "ABORTED" {
		t.Errorf("the run is %s, want ABORTED", r.Status)
	}
	await(t, "the end of the job's processes", func() bool { return len(w.processes()) == 0 })
	after := int64(0)
	err := s.Events(testContext(t), client.EventQuery{Run: run.ID, After: &after}, func(c client.Change) bool {
		return c.Job == nil || !c.Job.Done()
	})
	if err != nil {
		t.Fatal(err)
	}
	if jobs := s.jobs(run.ID); len(jobs) != 1 || jobs[0].State != "Cancelled" {
		t.Errorf("jobs %+v, want one that is Cancelled", jobs)
	}
	if w.starts() != 1 {
		t.Errorf("%d starts, want 1", w.starts())
	}
}

func sorted(pids []int) []int {
	slices.Sort(pids)
	return pids
}
