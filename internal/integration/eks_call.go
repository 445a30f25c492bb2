package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// eksCall is eks:call, as far as it asks for jobs that run here: GET of one Job or PyTorchJob. It reads, so doing it
// twice is harmless.
type eksCall struct{ *Deps }

// Class implements kernel.Integration.
func (*eksCall) Class() kernel.Class { return kernel.Idempotent }

// callPaths are the resources that can be asked for, with the origin of the jobs that they are.
var callPaths = []struct{ group, version, resource, kind string }{
	{"batch", "v1", "jobs", "Job"},
	{"kubeflow.org", "v1", "pytorchjobs", "PyTorchJob"},
}

// Do implements kernel.Doer.
func (c *eksCall) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	method, path := t.Order.Payload.At("Method").Text(), t.Order.Payload.At("Path").Text()
	if method != "GET" {
		return run.Fail("EKS.405", fmt.Sprintf("eks:call with method %q is not supported: only GET is; make jobs with arn:tutti:states:::job:run.sync", method))
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) != 7 || parts[0] != "apis" || parts[3] != "namespaces" {
		return run.Fail(errEKSNotFound, fmt.Sprintf("the path %q is not supported: only /apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME is, for jobs and pytorchjobs", path))
	}
	for _, p := range callPaths {
		if p.group != parts[1] || p.version != parts[2] || p.resource != parts[5] {
			continue
		}
		apiVersion := p.group + "/" + p.version
		j, err := c.Store.JobByName(ctx, t.Run.Owner, parts[4], parts[6])
		if errors.Is(err, store.ErrNotFound) || err == nil && j.Spec.Origin != apiVersion+" "+p.kind {
			return run.Fail(errEKSNotFound, fmt.Sprintf("%s.%s %q not found in namespace %q", p.resource, p.group, parts[6], parts[4]))
		}
		if err != nil {
			return run.Fail(run.ErrInternal, err.Error())
		}
		status := jobStatus(j)
		if p.kind == "PyTorchJob" {
			status = torchStatus(j)
		}
		return run.Done(response(200, object(
			"apiVersion", apiVersion, "kind", p.kind,
			"metadata", object("name", j.Name, "namespace", j.Spec.Space, "uid", jobID(j.ID), "creationTimestamp", timestamp(j.Submitted), "labels", shownTags(j.Spec.Labels)),
			"status", status,
		)))
	}
	return run.Fail(errEKSNotFound, fmt.Sprintf("the resource %s/%s %s is not supported: only batch/v1 jobs and kubeflow.org/v1 pytorchjobs are", parts[1], parts[2], parts[5]))
}

// torchStatus is the status of a PyTorchJob: the conditions that hold now and those that it went through.
func torchStatus(j *job.Job) value.Value {
	condition := func(kind string, holds bool, at value.Value) value.Value {
		status := "False"
		if holds {
			status = "True"
		}
		return object("type", kind, "status", status, "lastTransitionTime", at, "message", textOrAbsent(j.Why))
	}
	conditions := []value.Value{condition("Created", true, timestamp(j.Submitted))}
	if j.Spec.Suspend && j.State == job.Held {
		conditions = append(conditions, condition("Suspended", true, timestamp(j.Submitted)))
	}
	if !j.Started.IsZero() {
		conditions = append(conditions, condition("Running", j.State == job.Running || j.State == job.Stopping, timestamp(j.Started)))
		if !j.State.Ended() && j.State == job.Queued {
			conditions = append(conditions, condition("Restarting", true, value.Value{}))
		}
	}
	completed := value.Value{}
	if j.State.Ended() {
		kind := "Failed"
		if j.State == job.Succeeded {
			kind = "Succeeded"
		}
		conditions = append(conditions, condition(kind, true, timestamp(j.Ended)))
		completed = timestamp(j.Ended)
	}
	return object("conditions", conditions, "startTime", timestamp(j.Started), "completionTime", completed)
}
