package integration

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Errors of EKS tasks. The API server's own carry its HTTP status.
const (
	errEKSParameter = "EKS.400"
	errEKSInvalid   = "EKS.422"
	errEKSExists    = "EKS.409"
	errEKSNotFound  = "EKS.404"
)

// eksJob is eks:runJob: a batch/v1 Job, run here.
type eksJob struct {
	*Deps
	waits bool
}

// Class implements kernel.Integration.
func (*eksJob) Class() kernel.Class { return kernel.Durable }

// Begin implements kernel.Ledger.
func (e *eksJob) Begin(ctx context.Context, t kernel.Task) (kernel.Rows, error) {
	p := t.Order.Payload
	if rows, err := e.knownCluster(ctx, t); err != nil || rows.Outcome != nil {
		return rows, err
	}
	doc := p.At("Job")
	if doc.Kind() != value.Object {
		return failed(errEKSParameter, "Parameters.Job is missing: give the manifest of a batch/v1 Job"), nil
	}
	o, broken := e.Catalog.Options(ctx, caller(t))
	if o.Space = p.At("Namespace").Text(); o.Space == "" {
		o.Space = manifest.DefaultSpace
	}
	parsed, problems := manifest.ReadValue(doc, o)
	if err := broken(); err != nil {
		return kernel.Rows{}, err
	}
	switch {
	case manifest.Broken(problems):
		return failed(errEKSInvalid, "The Job in Parameters.Job is invalid: %s", faults(problems)), nil
	case parsed.Kind != manifest.KindJob || parsed.Spec.Origin != "batch/v1 Job":
		return failed(errEKSInvalid, "Parameters.Job must be a batch/v1 Job; for others use arn:tutti:states:::job:run.sync"), nil
	case parsed.Space != o.Space:
		return failed(errEKSInvalid, "the Job's namespace is %q, and Parameters.Namespace %q: make them one", parsed.Space, o.Space), nil
	}
	if taken, err := e.taken(ctx, t, parsed); err != nil {
		return kernel.Rows{}, err
	} else if taken {
		return failed(errEKSExists, "%s", takenText(parsed)), nil
	}
	rows := kernel.Rows{Job: &job.Job{Name: parsed.Name, Spec: parsed.Spec}}
	answer := func(ref kernel.Ref) value.Value {
		j := &job.Job{ID: ref.Job, Name: kernel.JobName(parsed.Name, ref.Job), Spec: parsed.Spec, State: job.Queued}
		return response(201, eksBody(doc, j))
	}
	if e.waits {
		rows.Submitted = answer
	} else {
		rows.Outcome = func(ref kernel.Ref) run.Outcome { return run.Done(answer(ref)) }
	}
	return rows, nil
}

// knownCluster refuses a cluster that the catalogue does not have.
func (e *eksJob) knownCluster(ctx context.Context, t kernel.Task) (kernel.Rows, error) {
	name := t.Order.Payload.At("ClusterName").Text()
	if name == "" {
		return failed(errEKSParameter, "Parameters.ClusterName is missing: name the cluster"), nil
	}
	if _, err := e.Catalog.Resolve(ctx, caller(t), manifest.KindCluster, name); err != nil {
		return refusal(errNoCluster, err)
	}
	return kernel.Rows{}, nil
}

// taken reports whether the owner has a job of this name already.
func (d *Deps) taken(ctx context.Context, t kernel.Task, p manifest.Parsed) (bool, error) {
	if p.Generate {
		return false, nil
	}
	j, err := d.Store.JobByName(ctx, t.Run.Owner, p.Space, p.Name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && j.Key != t.Key, err
}

func takenText(p manifest.Parsed) string {
	return "there is a job \"" + p.Name + "\" in namespace \"" + p.Space + "\" already; give each its own name, for instance with metadata.generateName"
}

// response is what Step Functions makes of an answer of the Kubernetes API.
func response(status int, body value.Value) value.Value {
	return object("ResponseHeaders", value.EmptyObject, "ResponseStatusCode", status, "ResponseBody", body)
}

// End implements kernel.Ledger.
func (e *eksJob) End(ctx context.Context, t kernel.Task, ended kernel.Ended) (run.Outcome, error) {
	p := t.Order.Payload
	result := response(200, eksBody(p.At("Job"), ended.Job))
	if p.At("LogOptions", "RetrieveLogs").Bool() {
		logs, err := e.podLogs(ctx, p, ended.Job)
		if err != nil {
			return run.Outcome{}, err
		}
		result = result.With("logs", logs)
	}
	if ended.Job.State != job.Succeeded {
		return run.Fail("States.TaskFailed", result.JSON()), nil
	}
	return run.Done(result), nil
}

// eksBody is the Job as the API server would show it.
func eksBody(doc value.Value, j *job.Job) value.Value {
	meta := objectOrEmpty(doc.At("metadata")).
		With("name", value.NewString(j.Name)).
		With("namespace", value.NewString(j.Spec.Space)).
		With("uid", value.NewString(jobID(j.ID)))
	return doc.With("metadata", meta).With("status", jobStatus(j))
}

// jobStatus is the status of a batch/v1 Job.
func jobStatus(j *job.Job) value.Value {
	status := object("startTime", timestamp(j.Started))
	if j.Spec.Array == nil && j.State.Ended() { // a lone pod is counted as one child
		j = lone(j)
	}
	for _, c := range []struct {
		name  string
		count int32
	}{{"active", j.Counts.Active + j.Counts.Queued}, {"succeeded", j.Counts.Succeeded}, {"failed", max(j.Counts.Failed, j.Failures)}} {
		if c.count > 0 {
			status = status.With(c.name, value.Of(c.count))
		}
	}
	if !j.State.Ended() {
		return status
	}
	kind := "Failed"
	if j.State == job.Succeeded {
		kind = "Complete"
		status = status.With("completionTime", timestamp(j.Ended))
	}
	return status.With("conditions", value.NewArray(object("type", kind, "status", "True", "message", textOrAbsent(j.Why),
		"lastTransitionTime", timestamp(j.Ended))))
}

func lone(j *job.Job) *job.Job {
	c := *j
	c.Counts = job.Counts{}
	if j.State == job.Succeeded {
		c.Counts.Succeeded = 1
	} else {
		c.Counts.Failed = 1
	}
	return &c
}

// podLogs is the output of the job's pods as LogOptions asks for it: text, or what it says where it is JSON and RawLogs
// is not set.
func (e *eksJob) podLogs(ctx context.Context, p value.Value, j *job.Job) (value.Value, error) {
	container := p.At("Job", "spec", "template", "spec", "containers")
	name := "main"
	if container.Len() > 0 {
		name = container.Index(0).At("name").Text()
	}
	lines := shownLines
	if asked := p.At("LogOptions", "LogParameters", "tailLines"); asked.Len() > 0 {
		if n, err := strconv.Atoi(asked.Index(0).Text()); err == nil && n > 0 {
			lines = n
		}
	}
	replicas, err := e.firstReplicas(ctx, j.ID)
	if err != nil {
		return value.Value{}, err
	}
	pods := value.EmptyObject
	for _, r := range replicas {
		texts, err := e.tail(ctx, r.Proc, lines)
		if err != nil {
			return value.Value{}, err
		}
		text := strings.Join(texts, "\n")
		if len(texts) > 0 {
			text += "\n"
		}
		log := value.NewString(text)
		if parsed := jsonLine(text); !parsed.IsAbsent() && !p.At("LogOptions", "RawLogs").Bool() {
			log = parsed
		}
		pods = pods.With(podName(j, r.Proc), object("containers", object(name, object("log", log))))
	}
	return object("pods", pods), nil
}

func podName(j *job.Job, p job.Proc) string {
	if j.Spec.Array == nil {
		return j.Name
	}
	return j.Name + "-" + strconv.Itoa(int(p.Child))
}
