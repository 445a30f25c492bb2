package integration

import (
	"context"
	"strconv"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// errBatchClient is AWS Batch's one error for whatever the caller did wrong.
const errBatchClient = "Batch.ClientException"

// batchJob is batch:submitJob.
type batchJob struct {
	*Deps
	waits bool
}

// Class implements kernel.Integration.
func (*batchJob) Class() kernel.Class { return kernel.Durable }

// Begin implements kernel.Ledger.
func (b *batchJob) Begin(ctx context.Context, t kernel.Task) (kernel.Rows, error) {
	s, problems := manifest.ReadSubmission(t.Order.Payload, true)
	if manifest.Broken(problems) {
		return failed(errBatchClient, "Error executing request: %s", faults(problems)), nil
	}
	definition, err := b.Catalog.Resolve(ctx, caller(t), manifest.KindJobDefinition, s.Definition)
	if err != nil {
		return refusal(errBatchClient, err)
	}
	place, err := b.Catalog.Place(ctx, s.Queue)
	if err != nil {
		return refusal(errBatchClient, err)
	}
	spec, problems := s.Spec(definition.Data, place)
	if manifest.Broken(problems) {
		return failed(errBatchClient, "Error executing request: %s", faults(problems)), nil
	}
	if s.Size != nil && *s.Size == 0 {
		return b.nothing(spec, s, t), nil
	}
	// Names of Batch jobs are not unique; the dash asks for a number behind it.
	rows := kernel.Rows{Job: &job.Job{Name: s.Name + "-", Spec: spec}}
	answer := func(ref kernel.Ref) value.Value { return b.submitted(ref.Job, s.Name) }
	if b.waits {
		rows.Submitted = answer
	} else {
		rows.Outcome = func(ref kernel.Ref) run.Outcome { return run.Done(answer(ref)) }
	}
	return rows, nil
}

// nothing is an array without children, which AWS refuses: it has succeeded before it begins.
func (b *batchJob) nothing(spec *job.Spec, s manifest.Submission, t kernel.Task) kernel.Rows {
	now := b.Now()
	j := &job.Job{Name: s.Name, Spec: spec, State: job.Succeeded, Submitted: now, Started: now, Ended: now}
	result := b.submitted(0, s.Name)
	if b.waits {
		result = b.describeJob(j, nil, t.Order.Payload)
	}
	return kernel.Rows{Outcome: func(kernel.Ref) run.Outcome { return run.Done(result) }}
}

// End implements kernel.Ledger.
func (b *batchJob) End(ctx context.Context, t kernel.Task, e kernel.Ended) (run.Outcome, error) {
	var replicas []job.Replica
	if e.Job.Spec.Array == nil {
		var err error
		if replicas, err = b.replicas(ctx, e.Job.ID, 0); err != nil {
			return run.Outcome{}, err
		}
	}
	result := b.describeJob(e.Job, replicas, t.Order.Payload)
	if e.Job.State != job.Succeeded {
		return run.Fail("States.TaskFailed", result.JSON()), nil
	}
	return run.Done(result), nil
}

func jobID(id job.ID) string { return strconv.FormatInt(int64(id), 10) }

// submitted is SubmitJob's answer.
func (b *batchJob) submitted(id job.ID, name string) value.Value {
	return object("JobArn", b.Catalog.ARN("batch", "job/"+jobID(id)), "JobId", jobID(id), "JobName", name)
}

// describeJob is DescribeJobs' answer as Step Functions spells it.
func (b *batchJob) describeJob(j *job.Job, replicas []job.Replica, payload value.Value) value.Value {
	status := "SUCCEEDED"
	if j.State != job.Succeeded {
		status = "FAILED"
	}
	p := &j.Spec.Groups[0].Process
	attempts := []value.Value{}
	exit := value.Value{}
	for _, r := range replicas {
		if r.Exit == nil {
			continue
		}
		exit = value.NewInt(int64(r.Exit.Code))
		attempts = append(attempts, object(
			"Container", object("ExitCode", exit, "LogStreamName", r.Proc.String(), "NetworkInterfaces", []any{}, "Reason", textOrAbsent(r.Exit.Text)),
			"StartedAt", millis(r.Exit.Started),
			"StatusReason", statusReason(j),
			"StoppedAt", millis(r.Exit.Ended),
		))
	}
	return object(
		"ArrayProperties", arrayProperties(j),
		"Attempts", attempts,
		"Container", object(
			"Command", p.Command,
			"Environment", shownEnvironment(p.Env),
			"ExitCode", exit,
			"Image", p.Image,
			"MountPoints", []any{},
			"ResourceRequirements", shownResources(p.Resources),
			"Ulimits", []any{},
			"Volumes", []any{},
		),
		"CreatedAt", millis(j.Submitted),
		"DependsOn", []any{},
		"JobArn", b.Catalog.ARN("batch", "job/"+jobID(j.ID)),
		"JobDefinition", payload.At("JobDefinition"),
		"JobId", jobID(j.ID),
		"JobName", j.Spec.Name,
		"JobQueue", b.Catalog.ARNOf(manifest.KindJobQueue, j.Spec.Queue),
		"Parameters", objectOrEmpty(payload.At("Parameters")),
		"StartedAt", millis(j.Started),
		"Status", status,
		"StatusReason", statusReason(j),
		"StoppedAt", millis(j.Ended),
		"Tags", shownTags(j.Spec.Labels),
	)
}

func statusReason(j *job.Job) string {
	switch {
	case j.Why != "":
		return j.Why
	case j.Spec.Array != nil && j.State == job.Failed:
		return "Array Child Job failed"
	}
	return "Essential container in task exited"
}

func arrayProperties(j *job.Job) value.Value {
	if j.Spec.Array == nil {
		return value.Value{}
	}
	return object(
		"Size", j.Spec.Array.Size,
		"StatusSummary", object("FAILED", j.Counts.Failed, "PENDING", 0, "RUNNABLE", 0, "RUNNING", 0,
			"STARTING", 0, "SUBMITTED", 0, "SUCCEEDED", j.Counts.Succeeded),
	)
}

// shownEnvironment leaves secrets out, and what differs between processes.
func shownEnvironment(env []job.Env) value.Value {
	list := []value.Value{}
	for _, e := range env {
		if e.Secret == nil && !manifest.HasPlaceholder(e.Value) {
			list = append(list, object("Name", e.Name, "Value", e.Value))
		}
	}
	return value.NewArray(list...)
}

func shownResources(r job.Resources) value.Value {
	list := []value.Value{}
	add := func(kind, amount string) { list = append(list, object("Type", kind, "Value", amount)) }
	if r.MilliCPU > 0 {
		add("VCPU", strconv.FormatFloat(float64(r.MilliCPU)/1000, 'f', -1, 64))
	}
	if r.Memory > 0 {
		add("MEMORY", strconv.FormatInt(r.Memory>>20, 10))
	}
	if r.GPUs > 0 {
		add("GPU", strconv.Itoa(int(r.GPUs)))
	}
	return value.NewArray(list...)
}

func shownTags(labels map[string]string) value.Value {
	m := make(map[string]any, len(labels))
	for name, text := range labels {
		m[name] = text
	}
	return value.Of(m)
}

func textOrAbsent(s string) value.Value {
	if s == "" {
		return value.Value{}
	}
	return value.NewString(s)
}

func objectOrEmpty(v value.Value) value.Value {
	if v.IsAbsent() {
		return value.EmptyObject
	}
	return v
}
