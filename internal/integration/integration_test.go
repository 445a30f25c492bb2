package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/sharedtest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a catalogue on a store in memory, and the integrations on top of it.
type world struct {
	t       *testing.T
	store   *memory.Store
	writer  *store.Writer
	catalog *catalog.Catalog
	find    kernel.Integrations
	logs    map[job.Proc][]string
}

// Tail implements Logs.
func (w *world) Tail(_ context.Context, p job.Proc, lines int) ([]engine.Line, error) {
	all, ok := w.logs[p]
	if !ok {
		return nil, engine.ErrUnknown
	}
	var out []engine.Line
	for _, text := range all[max(0, len(all)-lines):] {
		out = append(out, engine.Line{Time: noon, Stream: "stdout", Text: text})
	}
	return out, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := memory.New(memory.Options{})
	w, err := store.NewWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	now := func() time.Time { return noon }
	out := &world{t: t, store: s, writer: w, catalog: catalog.New(s, w, now), logs: map[job.Proc][]string{}}
	out.find = New(Deps{Catalog: out.catalog, Store: s, Logs: out, Now: now, Environ: []string{"PATH=/usr/bin:/bin"}})
	return out
}

// apply stores documents as an admin called ann.
func (w *world) apply(name, text string) {
	w.t.Helper()
	docs, problems := manifest.Read([]byte(text), manifest.Options{Name: name})
	if manifest.Broken(problems) {
		w.t.Fatal(problems)
	}
	for _, d := range docs {
		if _, _, err := w.catalog.Put(w.t.Context(), catalog.Caller{Owner: "ann", Admin: true}, d); err != nil {
			w.t.Fatal(err)
		}
	}
}

// article applies a file of the articles.
func (w *world) article(name string) {
	w.t.Helper()
	w.apply("article", string(sharedtest.Read(w.t, "articles/"+name)))
}

func taskOf(owner, resource, payload string) kernel.Task {
	return kernel.Task{
		Run:   &store.Run{ID: 1, Owner: owner},
		Order: run.StartTask{Task: 1, Resource: resource, Payload: value.MustParse(payload)},
		Key:   "run-1/1",
	}
}

// begin orders a durable task of ann's.
func (w *world) begin(t kernel.Task) kernel.Rows {
	w.t.Helper()
	rows, err := w.find(t.Order.Resource).(kernel.Ledger).Begin(w.t.Context(), t)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// began orders a task that must not fail at once.
func (w *world) began(t kernel.Task) kernel.Rows {
	w.t.Helper()
	rows := w.begin(t)
	if rows.Outcome != nil {
		if o := rows.Outcome(kernel.Ref{Job: 7}); o.Failure != nil {
			w.t.Fatalf("%s: %s", o.Failure.Error, o.Failure.Cause)
		}
	}
	return rows
}

// insert stores the job of rows as the kernel and dispatch would leave it, with an exit for each replica in order.
func (w *world) insert(t kernel.Task, rows kernel.Rows, state job.State, exits ...job.Exit) *job.Job {
	w.t.Helper()
	j := *rows.Job
	j.ID, j.Key, j.Owner, j.Version = w.writer.NewJobID(), t.Key, t.Run.Owner, 1
	j.Name = kernel.JobName(j.Name, j.ID)
	j.State, j.Submitted, j.Started, j.Ended = state, noon, noon.Add(time.Second), noon.Add(11*time.Second)
	var replicas []job.Replica
	per := int(j.Spec.Replicas())
	for i := range exits {
		r := job.Replica{Proc: job.Proc{Job: j.ID, Child: int32(i / per), Replica: int32(i % per), Attempt: 1}, State: job.Succeeded, Exit: &exits[i]}
		exits[i].Started, exits[i].Ended = j.Started, j.Ended
		if !exits[i].OK() {
			r.State = job.Failed
		}
		replicas = append(replicas, r)
	}
	v, err := w.writer.Commit(w.t.Context(), &store.Unit{Jobs: []store.JobChange{{Job: &j, Replicas: replicas}}})
	if err != nil || v != store.OK {
		w.t.Fatal(v, err)
	}
	return &j
}

func (w *world) end(t kernel.Task, j *job.Job) run.Outcome {
	w.t.Helper()
	o, err := w.find(t.Order.Resource).(kernel.Ledger).End(w.t.Context(), t, kernel.Ended{Job: j})
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

func (w *world) do(t kernel.Task) run.Outcome {
	w.t.Helper()
	return w.find(t.Order.Resource).(kernel.Doer).Do(w.t.Context(), t, func() {})
}

func (w *world) wantFailure(o run.Outcome, name string, parts ...string) {
	w.t.Helper()
	if o.Failure == nil || o.Failure.Error != name {
		w.t.Fatalf("got %v %v, want a failure %s", o.Output, o.Failure, name)
	}
	for _, part := range parts {
		if !strings.Contains(o.Failure.Cause, part) {
			w.t.Errorf("the cause lacks %q: %s", part, o.Failure.Cause)
		}
	}
}

func (w *world) refused(t kernel.Task, name string, parts ...string) {
	w.t.Helper()
	rows := w.begin(t)
	if rows.Job != nil || rows.Run != nil || rows.Outcome == nil {
		w.t.Fatalf("a task that must be refused began: %+v", rows)
	}
	w.wantFailure(rows.Outcome(kernel.Ref{}), name, parts...)
}

func (w *world) wantJSON(got value.Value, want string) {
	w.t.Helper()
	if d := cmp.Diff(value.MustParse(want).JSON(), got.JSON()); d != "" {
		w.t.Errorf("(-want +got)\n%s", d)
	}
}

func exits(codes ...int32) []job.Exit {
	var all []job.Exit
	for _, c := range codes {
		all = append(all, job.Exit{Reason: job.ReasonExit, Code: c})
	}
	return all
}

func TestResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range Known() {
		switch {
		case strings.HasSuffix(name, "aws-sdk:"):
			name += "s3:getObject"
		case strings.HasSuffix(name, ":"):
			name += "eu-west-1:1:function:f"
		}
		in := w.find(name)
		if in == nil || !IsKnown(name) {
			t.Errorf("%s is in the table and not found", name)
			continue
		}
		_, ledger := in.(kernel.Ledger)
		_, doer := in.(kernel.Doer)
		if durable := in.Class() == kernel.Durable; durable != ledger || durable == doer {
			t.Errorf("%s is of class %s, ledger %v, doer %v", name, in.Class(), ledger, doer)
		}
	}
	if hint := Hint("arn:aws:states:::aws-sdk:s3:getobject"); !strings.Contains(hint, `did you mean "getObject"?`) {
		t.Errorf("the hint is %q", hint)
	}
	if !slices.IsSorted(Known()) {
		t.Error("the names are not in order")
	}
	for _, name := range []string{
		"arn:aws:states:::batch:submitJob.waitForTaskToken", "arn:aws:states:::lambda:invoke.waitForTaskToken", "arn:aws:states:eu-west-1:1:activity:a",
	} {
		if w.find(name) == nil || !IsKnown(name) {
			t.Errorf("%s is not found", name)
		}
	}
	for _, name := range []string{
		"", "arn:aws:states:::batch:submitJob.sync.waitForTaskToken", "arn:aws:states:::sqs:sendMesage",
		"arn:aws:states:::aws-sdk:s3:getobject", "arn:aws:states:::dynamodb:putItem.waitForTaskToken",
	} {
		if w.find(name) != nil || IsKnown(name) {
			t.Errorf("%q is not in the table and found", name)
		}
	}
}

func TestNoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantJSON(w.do(taskOf("ann", Noop, `{"a":[1,2.50]}`)).Output, `{"a":[1,2.50]}`)
}

const articleSubmission = `{"JobName":"testjob",
	"JobDefinition":"arn:aws:batch:ap-northeast-1:123456789012:job-definition/nayuts-sample-fargate-job",
	"JobQueue":"arn:aws:batch:ap-northeast-1:123456789012:job-queue/nayuts-sample-job-queue"%s}`

func TestBatchArray(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range []string{"compute-environment", "job-queue", "job-definition-array"} {
		w.article("001-batch-array/" + f + ".json")
	}
	const resource = "arn:aws:states:::batch:submitJob.sync"
	for _, size := range []int32{1, 3} {
		task := taskOf("ann", resource, fmt.Sprintf(articleSubmission, fmt.Sprintf(`,"ArrayProperties":{"Size":%d}`, size)))
		rows := w.began(task)
		spec := rows.Job.Spec
		if spec.Array == nil || spec.Array.Size != size || spec.Indexed != "AWS_BATCH_JOB_ARRAY_INDEX" || spec.Queue != "nayuts-sample-job-queue" {
			t.Errorf("size %d: %+v", size, spec)
		}
		w.wantJSON(rows.Submitted(kernel.Ref{Job: 7}), `{"JobArn":"arn:aws:batch:local:000000000000:job/7","JobId":"7","JobName":"testjob"}`)
		rows.Job.Counts.Succeeded = size
		task.Key = fmt.Sprint("key", size)
		o := w.end(task, w.insert(task, rows, job.Succeeded))
		w.wantJSON(o.Output.At("ArrayProperties"), fmt.Sprintf(`{"Size":%d,"StatusSummary":{"FAILED":0,"PENDING":0,"RUNNABLE":0,"RUNNING":0,"STARTING":0,"SUBMITTED":0,"SUCCEEDED":%[1]d}}`, size))
	}
	rows := w.began(taskOf("ann", resource, fmt.Sprintf(articleSubmission, `,"ArrayProperties":{"Size":0}`)))
	if rows.Job != nil || rows.Outcome == nil {
		t.Fatalf("an array without children became %+v", rows)
	}
	o := rows.Outcome(kernel.Ref{})
	if o.Output.At("Status").Text() != "SUCCEEDED" || o.Output.At("ArrayProperties", "Size").Text() != "0" {
		t.Errorf("%v", o)
	}
}

func TestBatchSingle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", `{"jobDefinitionName":"def","type":"container","parameters":{"who":"you","much":"1"},"retryStrategy":{"attempts":2},
		"containerProperties":{"image":"img","command":["greet","Ref::who","--times=Ref::much","Ref::none"],"environment":[{"name":"A","value":"1"},{"name":"B","value":"2"}],
		"resourceRequirements":[{"type":"VCPU","value":"0.25"},{"type":"MEMORY","value":"512"}]}}`)
	task := taskOf("ann", "arn:aws:states:::batch:submitJob.sync", `{"JobName":"j","JobDefinition":"def","JobQueue":"default","Parameters":{"who":"me"},
		"ContainerOverrides":{"Environment":[{"Name":"B","Value":"3"}],"ResourceRequirements":[{"Type":"GPU","Value":"1"}]},
		"Timeout":{"AttemptDurationSeconds":60},"RetryStrategy":{"Attempts":3,"EvaluateOnExit":[{"OnExitCode":"2*","Action":"EXIT"}]},
		"ShareIdentifier":"team","SchedulingPriorityOverride":5,"Tags":{"k":"v"},"DependsOn":[{"JobId":"4"}]}`)
	rows := w.began(task)
	spec := rows.Job.Spec
	p := spec.Groups[0].Process
	if d := cmp.Diff([]string{"greet", "me", "--times=1", "Ref::none"}, p.Command); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]job.Env{{Name: "A", Value: "1"}, {Name: "B", Value: "3"}, {Name: "AWS_BATCH_JOB_ID", Value: "${tutti:job.id}"},
		{Name: "AWS_BATCH_JOB_ATTEMPT", Value: "${tutti:attempt}"}, {Name: "AWS_BATCH_JQ_NAME", Value: "default"}, {Name: "AWS_BATCH_CE_NAME", Value: "local"}}, p.Env); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(job.Resources{MilliCPU: 250, Memory: 512 << 20, GPUs: 1}, p.Resources); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(job.Retry{Attempts: 3, When: []job.RetryRule{{ExitCode: "2*", Exit: true}}}, spec.Retry); d != "" {
		t.Error(d)
	}
	if spec.Timeout != time.Minute || spec.Priority != 5 || len(spec.After) != 1 || spec.After[0].Job != 4 || spec.Labels["k"] != "v" || spec.Labels["tutti.dev/share-identifier"] != "team" {
		t.Errorf("%+v", spec)
	}
	j := w.insert(task, rows, job.Failed, exits(3)...)
	o := w.end(task, j)
	w.wantFailure(o, "States.TaskFailed")
	cause := value.MustParse(o.Failure.Cause)
	if cause.At("Status").Text() != "FAILED" || cause.At("Attempts").Index(0).At("Container", "ExitCode").Text() != "3" ||
		cause.At("JobName").Text() != "j" || cause.At("StartedAt").Text() != fmt.Sprint(j.Started.UnixMilli()) {
		t.Error(cause)
	}

	rows = w.began(taskOf("ann", "arn:aws:states:::batch:submitJob", `{"JobName":"j","JobDefinition":"def:1","JobQueue":"default"}`))
	if rows.Job == nil {
		t.Fatal("a job that nobody waits for was not submitted")
	}
	w.wantJSON(rows.Outcome(kernel.Ref{Job: 9}).Output, `{"JobArn":"arn:aws:batch:local:000000000000:job/9","JobId":"9","JobName":"j"}`)
}

func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", `{"jobDefinitionName":"def","type":"container","containerProperties":{"image":"img","command":["a"]}}`)
	w.apply("", `{"jobQueueName":"closed","state":"DISABLED","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"local"}]}`)
	const resource = "arn:aws:states:::batch:submitJob.sync"
	for _, c := range []struct{ payload, want string }{
		{`{}`, `/: JobName is missing`},
		{`{"JobName":"a b","JobDefinition":"def","JobQueue":"default"}`, `/JobName: the name "a b" is invalid`},
		{`{"JobName":"j","JobDefinition":"deg","JobQueue":"default"}`, `finding jobdefinition "deg": not found: there are def`},
		{`{"JobName":"j","JobDefinition":"arn:aws:batch:r:1:job-queue/def","JobQueue":"default"}`, `this is no ARN of a jobdefinition`},
		{`{"JobName":"j","JobDefinition":"def","JobQueue":"q"}`, `finding jobqueue "q": not found: there are closed, default`},
		{`{"JobName":"j","JobDefinition":"def","JobQueue":"closed"}`, `the queue "closed" is disabled`},
		{`{"JobName":"j","JobDefinition":"def","JobQueue":"default","ArrayProperties":{"Size":-1}}`, `/ArrayProperties/Size: must be a whole number from 0 to 1000000, is -1`},
		{`{"JobName":"j","JobDefinition":"def","JobQueue":"default","ContainerOverrides":{"Environment":[{"Name":"AWS_BATCH_X","Value":"1"}]}}`, `names that begin with AWS_BATCH are the service's own`},
		{`{"JobName":"j","JobDefinition":"def","JobQueue":"default","ContainerOverrides":{"Command":["${tutti:rank}"]}}`, `is reserved`},
		{`{"JobName":"j","JobDefinition":"def","JobQueue":"default","NodeOverrides":{"NumNodes":2}}`, `/NodeOverrides: NodeOverrides is not supported`},
	} {
		w.refused(taskOf("ann", resource, c.payload), "Batch.ClientException", c.want)
	}
	w.refused(taskOf("bob", resource, `{"JobName":"j","JobDefinition":"def","JobQueue":"default"}`), "Batch.ClientException", `finding jobdefinition "def": not found`)
}
