package manifest

import (
	"regexp"
	"strconv"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Submission is the input of AWS Batch's SubmitJob.
type Submission struct {
	Name       string
	Definition string // name, name:revision or ARN
	Queue      string // name or ARN
	// Size is the array's; nil where there is none, and 0 for an array without children.
	Size *int32

	input   value.Value
	capital bool
}

// ReadSubmission reads the input of SubmitJob as far as it stands without its definition. capital tells that its fields
// are spelled as Step Functions spells them (JobName), not as the API does (jobName).
func ReadSubmission(input value.Value, capital bool) (Submission, run.Problems) {
	r := &reader{capital: capital}
	f := r.fields(fromValue(input, ""))
	s := Submission{
		Name:       f.need("jobName", "name the job"),
		Definition: f.need("jobDefinition", "give the job definition's name or ARN"),
		Queue:      f.need("jobQueue", "give the job queue's name or ARN"),
		input:      input,
		capital:    capital,
	}
	if s.Name != "" {
		r.checkBatchName(f.get("jobName"), s.Name)
	}
	if a := f.sub("arrayProperties"); a.n != nil && a.has("size") {
		size := int32(a.number("size", 0, maxArray, 0))
		s.Size = &size
		a.end()
	}
	s.settings(r, f, batchSettings{})
	f.end()
	return s, r.problems
}

// Place is where a submission goes.
type Place struct{ Queue, Environment string }

// Spec is the job that the submission makes of its definition, which is the Data of an object of KindJobDefinition.
func (s Submission) Spec(definition value.Value, at Place) (*job.Spec, run.Problems) {
	r := &reader{}
	settings := r.batchDefinition(r.fields(fromValue(definition, "")))
	r.problems, r.capital = nil, s.capital // what the definition said was said when it was registered
	f := r.fields(fromValue(s.input, ""))
	settings = s.settings(r, f, settings)
	spec := &job.Spec{
		Name: s.Name, Origin: "batch SubmitJob", Labels: settings.tags, Queue: at.Queue, Priority: settings.priority,
		Retry: settings.retry, Timeout: settings.timeout, After: r.batchDependencies(f),
	}
	p := settings.process
	if len(p.Command) == 0 {
		r.fault(nil, codeMissing, "neither the job definition nor the submission has a command: an image's own is not read; write it out")
	}
	p.Command = withParameters(p.Command, settings.parameters)
	for _, word := range p.Command {
		r.reserved(nil, word)
	}
	id := AsJobID
	if s.Size != nil {
		id += ":" + AsIndex
		spec.Array = &job.Array{Size: *s.Size}
		spec.Indexed = "AWS_BATCH_JOB_ARRAY_INDEX"
		p.Env = append(p.Env, job.Env{Name: "AWS_BATCH_JOB_ARRAY_SIZE", Value: strconv.Itoa(int(*s.Size))})
	}
	p.Env = append(p.Env,
		job.Env{Name: "AWS_BATCH_JOB_ID", Value: id},
		job.Env{Name: "AWS_BATCH_JOB_ATTEMPT", Value: AsAttempt},
		job.Env{Name: "AWS_BATCH_JQ_NAME", Value: at.Queue},
		job.Env{Name: "AWS_BATCH_CE_NAME", Value: at.Environment})
	spec.Groups = []job.Group{{Name: "main", Replicas: 1, Process: p}}
	return spec, r.problems
}

// settings reads the overrides of a submission over what its definition says.
func (s Submission) settings(r *reader, f *fields, d batchSettings) batchSettings {
	f.ignore("jobName", "jobDefinition", "jobQueue", "arrayProperties", "dependsOn", "propagateTags")
	f.refuse(notYet, "nodeOverrides", "eksPropertiesOverride", "ecsPropertiesOverride", "consumableResourcePropertiesOverride")
	o := f.sub("containerOverrides")
	if o.has("command") {
		d.process.Command = r.batchCommand(o)
	}
	d.process.Env = overridden(d.process.Env, r.batchEnvironment(o))
	r.batchResources(o, &d.process.Resources)
	o.ignore("instanceType")
	o.end()
	d.parameters = merged(d.parameters, f.dict("parameters"))
	if f.has("retryStrategy") {
		d.retry = r.batchRetry(f.sub("retryStrategy"))
	}
	if f.has("timeout") {
		d.timeout = r.batchTimeout(f.sub("timeout"))
	}
	d.priority = int32(f.number("schedulingPriorityOverride", 0, 9999, int64(d.priority)))
	d.tags = merged(d.tags, f.dict("tags"))
	if share := f.text("shareIdentifier"); share != "" {
		d.tags["tutti.dev/share-identifier"] = share
	}
	return d
}

// overridden is env with the overrides of the same names in their places and the others behind.
func overridden(env, over []job.Env) []job.Env {
	env = append([]job.Env(nil), env...)
next:
	for _, o := range over {
		for i := range env {
			if env[i].Name == o.Name {
				env[i] = o
				continue next
			}
		}
		env = append(env, o)
	}
	return env
}

func (r *reader) batchDependencies(f *fields) []job.Dependency {
	var after []job.Dependency
	for _, n := range f.list("dependsOn") {
		d := r.fields(n)
		dep := job.Dependency{Type: d.text("type")}
		if t := dep.Type; t != "" && t != "SEQUENTIAL" && t != "N_TO_N" {
			r.fault(d.get("type"), codeInvalid, "must be SEQUENTIAL or N_TO_N, is %q", t)
		}
		if id := d.text("jobId"); id != "" || dep.Type != "SEQUENTIAL" {
			number, err := strconv.ParseInt(id, 10, 64)
			if err != nil || number < 1 {
				r.fault(d.n, codeInvalid, "jobId must be the id of a job, is %q", id)
			}
			dep.Job = job.ID(number)
		}
		d.end()
		after = append(after, dep)
	}
	return after
}

// parameterForm is a parameter's place in a command.
var parameterForm = regexp.MustCompile(`Ref::([A-Za-z0-9_.-]*[A-Za-z0-9_])`)

// withParameters replaces Ref::NAME by the parameter's value; what names no parameter stays, as on AWS.
func withParameters(command []string, parameters map[string]string) []string {
	out := make([]string, len(command))
	for i, word := range command {
		out[i] = parameterForm.ReplaceAllStringFunc(word, func(ref string) string {
			if v, ok := parameters[ref[len("Ref::"):]]; ok {
				return v
			}
			return ref
		})
	}
	return out
}
