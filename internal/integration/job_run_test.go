package integration

import (
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/value"
)

const torchManifest = `{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"train","namespace":"ml"},"spec":{"pytorchReplicaSpecs":{
	"Master":{"replicas":1,"template":{"spec":{"containers":[{"name":"pytorch","image":"i","command":["a"]}]}}},
	"Worker":{"replicas":1,"template":{"spec":{"containers":[{"name":"pytorch","image":"i","command":["a"]}]}}}}}}`

func TestJobRunWaitsForTheTrainingItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := taskOf("ann", "arn:tutti:states:::job:run.sync", `{"Manifest":`+torchManifest+`}`)
	rows := w.began(task)
	if rows.Detached || rows.Outcome != nil || rows.Job.Spec.Origin != "kubeflow.org/v1 PyTorchJob" || rows.Job.Spec.Replicas() != 2 {
		t.Fatalf("%+v", rows)
	}
	w.wantJSON(rows.Submitted(kernel.Ref{Job: 3}), `{"JobId":"3","Name":"train","Namespace":"ml"}`)
	j := w.insert(task, rows, job.Succeeded, exits(0, 0)...)
	w.logs[job.Proc{Job: j.ID, Replica: 0, Attempt: 1}] = []string{"epoch 1", `{"accuracy": 0.93}`, ""}
	w.wantJSON(w.end(task, j).Output, `{"JobId":"1","Name":"train","Namespace":"ml","Arn":"arn:aws:tutti:local:000000000000:job/1","State":"Succeeded",
		"Submitted":"2026-11-22T12:00:00.000Z","Started":"2026-11-22T12:00:01.000Z","Ended":"2026-11-22T12:00:11.000Z","WaitSeconds":1,"RunSeconds":10,"Failures":0,
		"Replicas":[{"Group":"master","Replica":0,"Attempt":1,"State":"Succeeded","ExitCode":0,"Reason":"Exited","Seconds":10},
		{"Group":"worker","Replica":1,"Attempt":1,"State":"Succeeded","ExitCode":0,"Reason":"Exited","Seconds":10}],
		"Log":"{\"accuracy\": 0.93}","Result":{"accuracy":0.93},"Tail":["epoch 1","{\"accuracy\": 0.93}",""]}`)
}

func TestJobRunFailureShowsTheReplicaThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	task := taskOf("ann", "arn:tutti:states:::job:run.sync", `{"Manifest":`+torchManifest+`}`)
	ends := exits(143, 1)
	ends[0].Reason = job.ReasonGang
	j := w.insert(task, w.began(task), job.Failed, ends...)
	w.logs[job.Proc{Job: j.ID, Replica: 0, Attempt: 1}] = []string{"stopped"}
	w.logs[job.Proc{Job: j.ID, Replica: 1, Attempt: 1}] = []string{"Traceback", "ValueError: no data"}
	o := w.end(task, j)
	w.wantFailure(o, "Tutti.JobFailed", `"Log":"ValueError: no data"`, `"ExitCode":1`)
	j.State = job.Cancelled
	w.wantFailure(w.end(task, j), "Tutti.JobCancelled")
}

const articleTemplate = `{"Template":{"ConfigMap":"pytorch-job-template-configmap","Key":"pytorchjob.yaml","Namespace":"ml-training-pipeline",
	"Variables":{"PYTORCH_JOB_NAME":"<name>","NUM_EPOCHS":10,"BATCH_SIZE":32,"EXPERIMENT_NAME":"a: b # c\n\"quoted\""}<more>}<after>}`

func templated(name, more, after string) string {
	return strings.NewReplacer("<name>", name, "<more>", more, "<after>", after).Replace(articleTemplate)
}

func TestJobRunFromTheArticlesTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const resource = "arn:tutti:states:::job:run.sync"
	w.refused(taskOf("ann", resource, templated("train-1", "", "")), "Tutti.TemplateNotFound",
		`there is no config map "pytorch-job-template-configmap" in namespace "ml-training-pipeline"; make it with: tutti apply -f FILE`)
	w.article("000-pytorchjob/pytorch-job-template-configmap.yaml")

	spec := w.began(taskOf("ann", resource, templated("train-1", "", ""))).Job.Spec
	if spec.Labels["tutti.dev/template"] != "ml-training-pipeline/pytorch-job-template-configmap/pytorchjob.yaml" || spec.Labels["tutti.dev/template-version"] != "1" {
		t.Errorf("%v", spec.Labels)
	}
	p := spec.Groups[0].Process
	if !strings.HasSuffix(p.Command[2], "python train.py --epochs 10 --batch-size 32\n") {
		t.Errorf("%q", p.Command)
	}
	if last := p.Env[len(p.Env)-1]; last.Value != "a: b # c\n\"quoted\"" {
		t.Errorf("%+v", last)
	}
	w.refused(taskOf("ann", resource, templated("training-job-$(date +%s)", "", "")), "Tutti.InvalidManifest", "no shell runs commands in a name")
	listed := w.began(taskOf("ann", resource, templated("x", `,"Allow":["PYTORCH_JOB_NAME","NUM_EPOCHS"]`, "")))
	if got := listed.Job.Spec.Groups[0].Process.Command[2]; !strings.Contains(got, "--epochs 10 --batch-size ${BATCH_SIZE}") {
		t.Errorf("a variable that is not on the list was replaced: %s", got)
	}
	w.refused(taskOf("bob", resource, templated("train-1", "", "")), "Tutti.TemplateNotFound")

	rows := w.begin(taskOf("ann", resource, templated("train-1", "", `,"DryRun":true`)))
	if rows.Job != nil || rows.Outcome == nil {
		t.Fatalf("a dry run became %+v", rows)
	}
	if text := rows.Outcome(kernel.Ref{}).Output.At("Manifest").Text(); !strings.Contains(text, "name: \"train-1\"\n") || !strings.Contains(text, "replicas: 1\n") {
		t.Errorf("%s", text)
	}
}

func TestJobRunRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", "{apiVersion: v1, kind: ConfigMap, metadata: {name: t}, data: {key: \"a: ${V}\\n\", bad: \"a: 1\\n b: [\\n\", none: \"kind: Deployment\\napiVersion: apps/v1\\n\"}}")
	const resource = "arn:tutti:states:::job:run.sync"
	for _, c := range []struct{ payload, name, want string }{
		{`{}`, errManifest, "either Manifest, the job as an object, or Template"},
		{`{"Manifest":{},"Template":{}}`, errManifest, "either Manifest"},
		{`{"Manifesto":{}}`, errManifest, "Parameters.Manifesto is not known"},
		{`{"Manifest":{"kind":"Deployment","apiVersion":"apps/v1"}}`, errManifest, "apps/v1 Deployment is of no kind that is known; known are: batch/v1 Job"},
		{`{"Manifest":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"}}}`, errManifest, "must be one job"},
		{`{"Template":{"ConfigMap":"t","Key":"key","Varables":{}}}`, errManifest, "Parameters.Template.Varables is not known; known are ConfigMap, Namespace, Key, Variables, Allow"},
		{`{"Template":{"ConfigMap":"t"}}`, errManifest, "must hold ConfigMap and Key"},
		{`{"Template":{"ConfigMap":"t","Key":"other"}}`, errTemplate, `has no key "other"; it has bad, key, none`},
		{`{"Template":{"ConfigMap":"t","Key":"key","Variables":{"V":[1]}}}`, errManifest, "Variables.V must be a string, a number or a boolean, is array"},
		{`{"Template":{"ConfigMap":"t","Key":"key","Allow":["V"]}}`, errManifest, "/a: the variable V has no value; give it one"},
		{`{"Template":{"ConfigMap":"t","Key":"bad"}}`, errManifest, `The template "bad" of config map "t" cannot be filled:` + "\nline 2, column "},
		{`{"Template":{"ConfigMap":"t","Key":"none"}}`, errManifest, "What the template default/t/none gives is invalid:\nline 1, column 1, /"},
		{`{"Manifest":` + strings.Replace(torchManifest, `"namespace":"ml"`, `"namespace":"ml","annotations":{"tutti.dev/queue":"fast"}`, 1) + `}`, errQueue, `finding jobqueue "fast": not found: there are default`},
	} {
		w.refused(taskOf("ann", resource, c.payload), c.name, c.want)
	}
	task := taskOf("ann", resource, `{"Manifest":`+torchManifest+`}`)
	w.insert(task, w.began(task), job.Running)
	task.Key = "another"
	w.refused(task, errNameTaken, `there is a job "train" in namespace "ml" already`)
}

func TestResultsStaySmall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manifest := strings.Replace(torchManifest, `"Worker":{"replicas":1`, `"Worker":{"replicas":199`, 1)
	task := taskOf("ann", "arn:tutti:states:::job:run.sync", `{"Manifest":`+manifest+`}`)
	ends := exits(make([]int32, 200)...)
	ends[150].Code = 9
	j := w.insert(task, w.began(task), job.Failed, ends...)
	w.logs[job.Proc{Job: j.ID, Replica: 150, Attempt: 1}] = []string{strings.Repeat("é", shownBytes), "last"}
	o := w.end(task, j)
	w.wantFailure(o, errJobFailed)
	result := value.MustParse(o.Failure.Cause)
	if n := result.At("Replicas").Len(); n != shownReplicas || result.At("Replicas").Index(0).At("Replica").Text() != "150" {
		t.Errorf("%d replicas, the first %v", n, result.At("Replicas").Index(0))
	}
	if size := result.At("Tail").Size(); size > 2*shownBytes || result.At("Log").Text() != "last" {
		t.Errorf("a tail of %d bytes, last %v", size, result.At("Log"))
	}
}
