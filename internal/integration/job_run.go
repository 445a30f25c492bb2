package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Errors of job:run, for Retry and Catch; States.TaskFailed matches them all.
const (
	errManifest     = "Tutti.InvalidManifest"
	errTemplate     = "Tutti.TemplateNotFound"
	errNameTaken    = "Tutti.NameTaken"
	errQueue        = "Tutti.QueueNotFound"
	errJobFailed    = "Tutti.JobFailed"
	errJobCancelled = "Tutti.JobCancelled"
)

// jobRun is job:run: any job that manifest reads. With .sync it waits for that job's own end, not for something that
// made it.
//
// Its payload holds Manifest, the job as an object, or Template: the name (ConfigMap), Namespace and Key of a template,
// the Variables to put into it and, in Allow, the names of those that it must not lack (default: those in Variables).
// DryRun gives the rendered manifest back and starts nothing.
type jobRun struct {
	*Deps
	waits bool
}

// Class implements kernel.Integration.
func (*jobRun) Class() kernel.Class { return kernel.Durable }

// Begin implements kernel.Ledger.
func (j *jobRun) Begin(ctx context.Context, t kernel.Task) (kernel.Rows, error) {
	p := t.Order.Payload
	if text := unknown("Parameters", p, "Manifest", "Template", "Namespace", "DryRun"); text != "" {
		return failed(errManifest, "%s", text), nil
	}
	if text := unknown("Parameters.Template", p.At("Template"), "ConfigMap", "Namespace", "Key", "Variables", "Allow"); text != "" {
		return failed(errManifest, "%s", text), nil
	}
	o, broken := j.Catalog.Options(ctx, caller(t))
	o.Space = cmp.Or(p.At("Namespace").Text(), p.At("Template", "Namespace").Text(), manifest.DefaultSpace)
	text, docs, rows, err := j.read(ctx, t, o)
	if err = errors.Join(err, broken()); err != nil || rows.Outcome != nil {
		return rows, err
	}
	if len(docs) != 1 || docs[0].Kind != manifest.KindJob {
		return failed(errManifest, "the manifest must be one job; it holds %d documents", len(docs)), nil
	}
	parsed := docs[0]
	if p.At("DryRun").Bool() {
		return kernel.Rows{Outcome: func(kernel.Ref) run.Outcome { return run.Done(object("DryRun", true, "Manifest", text)) }}, nil
	}
	if _, err := j.Catalog.Queue(ctx, parsed.Spec.Queue); err != nil {
		return refusal(errQueue, err)
	}
	if taken, err := j.taken(ctx, t, parsed); err != nil {
		return kernel.Rows{}, err
	} else if taken {
		return failed(errNameTaken, "%s", takenText(parsed)), nil
	}
	return j.rows(parsed), nil
}

// unknown says which member of v is not one of known.
func unknown(place string, v value.Value, known ...string) string {
	for name := range v.Members() {
		if !slices.Contains(known, name) {
			return place + "." + name + " is not known; known are " + strings.Join(known, ", ")
		}
	}
	return ""
}

func (j *jobRun) rows(p manifest.Parsed) kernel.Rows {
	rows := kernel.Rows{Job: &job.Job{Name: p.Name, Spec: p.Spec}}
	answer := func(ref kernel.Ref) value.Value {
		return object("JobId", jobID(ref.Job), "Name", kernel.JobName(p.Name, ref.Job), "Namespace", p.Space)
	}
	if j.waits {
		rows.Submitted = answer
	} else {
		rows.Outcome = func(ref kernel.Ref) run.Outcome { return run.Done(answer(ref)) }
	}
	return rows
}

// read gives the documents of the payload, and their text.
func (j *jobRun) read(ctx context.Context, t kernel.Task, o manifest.Options) (text string, docs []manifest.Parsed, rows kernel.Rows, err error) {
	m, template := t.Order.Payload.At("Manifest"), t.Order.Payload.At("Template")
	var problems run.Problems
	what := "The manifest"
	switch {
	case m.IsAbsent() == template.IsAbsent():
		return "", nil, failed(errManifest, "Parameters must hold either Manifest, the job as an object, or Template"), nil
	case !m.IsAbsent():
		var p manifest.Parsed
		p, problems = manifest.ReadValue(m, o)
		text, docs = m.JSON(), []manifest.Parsed{p}
	default:
		from, rows, err := j.template(ctx, t, template, o.Space)
		if err != nil || rows.Outcome != nil {
			return "", nil, rows, err
		}
		what = "What the template " + from.source + " gives"
		text = from.text
		docs, problems = manifest.Read([]byte(text), o)
		from.mark(docs)
	}
	if manifest.Broken(problems) {
		return "", nil, failed(errManifest, "%s is invalid:\n%s", what, faults(problems)), nil
	}
	return text, docs, kernel.Rows{}, nil
}

// Labels of jobs that came from a template, so that all that it made can be found.
const (
	labelTemplate        = "tutti.dev/template" // NAMESPACE/CONFIGMAP/KEY
	labelTemplateVersion = "tutti.dev/template-version"
)

// rendered is a filled template, and where it came from.
type rendered struct {
	text, source string
	version      int64
}

func (f *rendered) mark(docs []manifest.Parsed) {
	for _, d := range docs {
		if d.Spec != nil {
			labels := map[string]string{labelTemplate: f.source, labelTemplateVersion: strconv.FormatInt(f.version, 10)}
			maps.Copy(labels, d.Spec.Labels)
			d.Spec.Labels = labels
		}
	}
}

// template fills a template of a config map.
func (j *jobRun) template(ctx context.Context, t kernel.Task, template value.Value, space string) (*rendered, kernel.Rows, error) {
	name, key := template.At("ConfigMap").Text(), template.At("Key").Text()
	space = cmp.Or(template.At("Namespace").Text(), space)
	if name == "" || key == "" {
		return nil, failed(errManifest, "Parameters.Template must hold ConfigMap and Key"), nil
	}
	vars, allow, fault := variables(template)
	if fault != "" {
		return nil, failed(errManifest, "%s", fault), nil
	}
	files, version, err := j.Catalog.ConfigMap(ctx, caller(t), space, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, failed(errTemplate, "%s", manifest.MissingConfigMap(space, name)), nil
	}
	if err != nil {
		return nil, kernel.Rows{}, err
	}
	text, ok := files[key]
	if !ok {
		return nil, failed(errTemplate, "the config map %q in namespace %q has no key %q; it has %s", name, space, key,
			strings.Join(slices.Sorted(maps.Keys(files)), ", ")), nil
	}
	out, problems := manifest.Render(text, vars, allow)
	if problems != nil {
		return nil, failed(errManifest, "The template %q of config map %q cannot be filled:\n%s", key, name, faults(problems)), nil
	}
	return &rendered{string(out), space + "/" + name + "/" + key, version}, kernel.Rows{}, nil
}

// variables reads Variables and Allow; a number or boolean is put in as it is written.
func variables(template value.Value) (vars map[string]string, allow []string, fault string) {
	vars = map[string]string{}
	for name, v := range template.At("Variables").Members() {
		switch v.Kind() {
		case value.String, value.Number, value.Bool:
			vars[name] = v.Text()
			allow = append(allow, name)
		default:
			return nil, nil, fmt.Sprintf("Parameters.Template.Variables.%s must be a string, a number or a boolean, is %s", name, v.Kind())
		}
	}
	if a := template.At("Allow"); !a.IsAbsent() {
		allow = nil
		for _, name := range a.Elements() {
			allow = append(allow, name.Text())
		}
	}
	return vars, allow, ""
}

// End implements kernel.Ledger.
func (j *jobRun) End(ctx context.Context, _ kernel.Task, e kernel.Ended) (run.Outcome, error) {
	result, err := j.result(ctx, e.Job)
	if err != nil {
		return run.Outcome{}, err
	}
	switch e.Job.State {
	case job.Succeeded:
		return run.Done(result), nil
	case job.Cancelled:
		return run.Fail(errJobCancelled, result.JSON()), nil
	}
	return run.Fail(errJobFailed, result.JSON()), nil
}

// result is what became of a job.
func (j *jobRun) result(ctx context.Context, ended *job.Job) (value.Value, error) {
	replicas, err := j.firstReplicas(ctx, ended.ID)
	if err != nil {
		return value.Value{}, err
	}
	shown := []value.Value{}
	for _, r := range replicas {
		shown = append(shown, replicaResult(ended, r))
	}
	var tail []string
	telling, found, err := j.telling(ctx, ended)
	if err == nil && found {
		tail, err = j.tail(ctx, telling.Proc, shownLines)
	}
	if err != nil {
		return value.Value{}, err
	}
	return object(
		"JobId", jobID(ended.ID),
		"Name", ended.Name,
		"Namespace", ended.Spec.Space,
		"Arn", j.Catalog.ARN("tutti", "job/"+jobID(ended.ID)),
		"State", ended.State.String(),
		"Why", textOrAbsent(ended.Why),
		"Template", textOrAbsent(ended.Spec.Labels[labelTemplate]),
		"TemplateVersion", textOrAbsent(ended.Spec.Labels[labelTemplateVersion]),
		"Submitted", timestamp(ended.Submitted),
		"Started", timestamp(ended.Started),
		"Ended", timestamp(ended.Ended),
		"WaitSeconds", between(ended.Submitted, ended.Started),
		"RunSeconds", between(ended.Started, ended.Ended),
		"Failures", ended.Failures,
		"Replicas", shown,
		"Log", lastLine(tail),
		"Result", jsonLine(lastLine(tail)),
		"Tail", slices.Concat([]string{}, tail),
	), nil
}

func replicaResult(j *job.Job, r job.Replica) value.Value {
	child, group := value.Value{}, value.Value{}
	if j.Spec.Array != nil {
		child = value.NewInt(int64(r.Proc.Child))
	}
	if g, _ := j.Spec.GroupOf(r.Proc.Replica); g != nil {
		group = value.NewString(g.Name)
	}
	v := object("Child", child, "Group", group, "Replica", r.Proc.Replica, "Attempt", r.Proc.Attempt, "State", r.State.String(), "Node", textOrAbsent(r.Node))
	if x := r.Exit; x != nil {
		v = v.With("ExitCode", value.Of(x.Code)).With("Reason", value.NewString(string(x.Reason)))
		if x.Signal != 0 {
			v = v.With("Signal", value.Of(x.Signal))
		}
		if x.Text != "" {
			v = v.With("Text", value.NewString(x.Text))
		}
		if seconds := between(x.Started, x.Ended); !seconds.IsAbsent() {
			v = v.With("Seconds", seconds)
		}
	}
	return v
}

// between is a duration in seconds, to the millisecond; absent where one end is not known.
func between(from, to time.Time) value.Value {
	if from.IsZero() || to.IsZero() {
		return value.Value{}
	}
	return value.NewFloat(float64(to.Sub(from).Milliseconds()) / 1000)
}
