package integration

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
)

const cluster = `{apiVersion: tutti.dev/v1, kind: Cluster, metadata: {name: train}, spec: {endpoint: "https://k.example", certificateAuthority: {data: Q0E=}, version: "1.31"}}`

func TestDescribeCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", cluster)
	const resource = "arn:aws:states:::aws-sdk:eks:describeCluster"
	o := w.do(taskOf("bob", resource, `{"Name":"train"}`))
	w.wantJSON(o.Output, `{"Cluster":{"Arn":"arn:aws:eks:local:000000000000:cluster/train","CertificateAuthority":{"Data":"Q0E="},
		"CreatedAt":"2026-11-22T12:00:00.000Z","Endpoint":"https://k.example","Name":"train","Status":"ACTIVE","Tags":{},"Version":"1.31"}}`)
	w.wantFailure(w.do(taskOf("bob", resource, `{"Name":"trian"}`)), "Eks.ResourceNotFoundException", "No cluster found for name: trian.", "there are train")
	w.wantFailure(w.do(taskOf("bob", resource, `{}`)), "Eks.InvalidParameterException", "Name is missing")
}

const eksPayload = `{"ClusterName":"train","CertificateAuthority":"Q0E=","Endpoint":"https://k.example","Namespace":"ml",
	"LogOptions":{"RetrieveLogs":true,"LogParameters":{"tailLines":["2"]}},
	"Job":{"apiVersion":"batch/v1","kind":"Job","metadata":{"generateName":"make-","namespace":"ml"},
	"spec":{"backoffLimit":0,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"work","image":"i","command":["a"]}]}}}}}`

func TestEKSJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", cluster)
	task := taskOf("ann", "arn:aws:states:::eks:runJob.sync", eksPayload)
	rows := w.began(task)
	if got := rows.Submitted(kernel.Ref{Job: 35}).At("ResponseBody", "metadata", "name").Text(); got != "make-z" {
		t.Errorf("the job is called %q", got)
	}
	j := w.insert(task, rows, job.Succeeded, exits(0)...)
	w.logs[job.Proc{Job: j.ID, Attempt: 1}] = []string{"one", "two", "three"}
	o := w.end(task, j)
	w.wantJSON(o.Output.At("logs"), `{"pods":{"make-1":{"containers":{"work":{"log":"two\nthree\n"}}}}}`)
	w.wantJSON(o.Output.At("ResponseBody", "status"), `{"startTime":"2026-11-22T12:00:01.000Z","succeeded":1,"completionTime":"2026-11-22T12:00:11.000Z",
		"conditions":[{"type":"Complete","status":"True","lastTransitionTime":"2026-11-22T12:00:11.000Z"}]}`)
	w.logs[job.Proc{Job: j.ID, Attempt: 1}] = []string{`{"accuracy": 0.93}`}
	w.wantJSON(w.end(task, j).Output.At("logs", "pods", "make-1", "containers", "work", "log"), `{"accuracy":0.93}`)

	task.Key = "another"
	failed := w.insert(task, w.began(task), job.Failed, exits(2)...)
	w.wantFailure(w.end(task, failed), "States.TaskFailed", `"type":"Failed"`, `"failed":1`)
}

func TestEKSRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", cluster)
	const (
		resource = "arn:aws:states:::eks:runJob"
		job      = `"Job":{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i","command":["a"]}]}}}}`
	)
	w.refused(taskOf("ann", resource, `{`+job+`}`), "EKS.400", "ClusterName is missing")
	w.refused(taskOf("ann", resource, `{"ClusterName":"x",`+job+`}`), "Eks.ResourceNotFoundException", `finding cluster "x": not found: there are train`)
	w.refused(taskOf("ann", resource, `{"ClusterName":"train"}`), "EKS.400", "Job is missing")
	w.refused(taskOf("ann", resource, `{"ClusterName":"train","Job":{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"A"},"spec":{}}}`), "EKS.422", `/metadata/name: the name "A" is invalid`)
	task := taskOf("ann", resource, `{"ClusterName":"train",`+job+`}`)
	w.insert(task, w.began(task), 1)
	task.Key = "another"
	w.refused(task, "EKS.409", `there is a job "j" in namespace "default" already`)
	if task.Run.Owner = "bob"; w.began(task).Job == nil {
		t.Error("bob's job must have its own name, whatever ann's is called")
	}
}

func TestEKSCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const resource = "arn:aws:states:::eks:call"
	get := func(path string) kernel.Task {
		return taskOf("ann", resource, `{"ClusterName":"train","Method":"GET","Path":"`+path+`"}`)
	}
	task := taskOf("ann", "arn:tutti:states:::job:run.sync", `{"Manifest":`+torchManifest+`}`)
	w.insert(task, w.began(task), job.Succeeded, exits(0, 0)...)
	o := w.do(get("/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs/train"))
	if o.Failure != nil || o.Output.At("ResponseBody", "status", "completionTime").Text() != "2026-11-22T12:00:11.000Z" ||
		o.Output.At("ResponseBody", "status", "conditions").Index(2).At("type").Text() != "Succeeded" {
		t.Errorf("%v %v", o.Output, o.Failure)
	}
	w.wantFailure(w.do(get("/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs/other")), "EKS.404", `pytorchjobs.kubeflow.org "other" not found`)
	w.wantFailure(w.do(get("/apis/batch/v1/namespaces/ml/jobs/train")), "EKS.404")
	w.wantFailure(w.do(get("/api/v1/pods")), "EKS.404", "only /apis/GROUP")
	w.wantFailure(w.do(taskOf("ann", resource, `{"Method":"POST","Path":"/apis"}`)), "EKS.405", "only GET is")
	w.wantFailure(w.do(taskOf("bob", resource, `{"Method":"GET","Path":"/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs/train"}`)), "EKS.404")
}
