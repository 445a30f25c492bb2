package awssdk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// syncSuffix ends the name of a resource whose tasks end with what they begin.
const syncSuffix = ".sync"

// ending is how the end of what an action began is found: it is asked for until it has come.
type ending struct {
	describe string // an action of the same service
	// key makes the parameters of describe out of the action's own and its answer; the answer may be absent after a crash,
	// where it is no matter if the parameters name what was begun.
	key func(in, started value.Value) value.Value
	// stop is the action that ends what was begun, with parameters that are made likewise; stopKey nil: by key.
	stop    string
	stopKey func(in, started value.Value) value.Value
	at      []string // the document in the answer of describe that tells; empty: all of it
	// first: the document is the first of a list.
	first  bool
	status []string // in the document
	done   []string // its values once all went well
	failed []string // its values once it did not
	// good, if not nil, has the last word on a document with a status of done.
	good func(document value.Value) bool
	// whole: the result is the answer of describe, not the document alone.
	whole bool
	// named: the parameters name what is begun, and so it is found again after a crash.
	named bool
}

// from copies members under names: of, to, of, to.
func from(v value.Value, names ...string) value.Value {
	out := value.EmptyObject
	for i := 0; i < len(names); i += 2 {
		if m := v.At(names[i]); !m.IsAbsent() {
			out = out.With(names[i+1], m)
		}
	}
	return out
}

var (
	athenaQuery = &ending{
		describe: "getQueryExecution", stop: "stopQueryExecution", at: []string{"QueryExecution"}, whole: true,
		key:    func(_, started value.Value) value.Value { return from(started, "QueryExecutionId", "QueryExecutionId") },
		status: []string{"Status", "State"}, done: []string{"SUCCEEDED"}, failed: []string{"FAILED", "CANCELLED"},
	}
	codeBuild = &ending{
		describe: "batchGetBuilds", at: []string{"Builds"}, first: true, stop: "stopBuild",
		key:     func(_, started value.Value) value.Value { return ids("Ids", started.At("Build", "Id")) },
		stopKey: func(_, started value.Value) value.Value { return from(started.At("Build"), "Id", "Id") },
		status:  []string{"BuildStatus"}, done: []string{"SUCCEEDED"}, failed: []string{"FAILED", "FAULT", "TIMED_OUT", "STOPPED"},
	}
	codeBuildBatch = &ending{
		describe: "batchGetBuildBatches", at: []string{"BuildBatches"}, first: true, stop: "stopBuildBatch",
		key:     func(_, started value.Value) value.Value { return ids("Ids", started.At("BuildBatch", "Id")) },
		stopKey: func(_, started value.Value) value.Value { return from(started.At("BuildBatch"), "Id", "Id") },
		status:  []string{"BuildBatchStatus"}, done: []string{"SUCCEEDED"}, failed: []string{"FAILED", "FAULT", "TIMED_OUT", "STOPPED"},
	}
	dataBrewRun = &ending{
		describe: "describeJobRun", stop: "stopJobRun",
		key: func(in, started value.Value) value.Value {
			return from(in, "Name", "Name").With("RunId", started.At("RunId"))
		},
		status: []string{"State"}, done: []string{"SUCCEEDED"}, failed: []string{"FAILED", "STOPPED", "TIMEOUT"},
	}
	ecsTask = &ending{
		describe: "describeTasks", at: []string{"Tasks"}, first: true, stop: "stopTask",
		key: func(in, started value.Value) value.Value {
			return ids("Tasks", firstTask(started)).With("Cluster", orAbsent(in.At("Cluster"), "default"))
		},
		stopKey: func(in, started value.Value) value.Value {
			return value.NewObject(
				value.Member{Name: "Cluster", Value: orAbsent(in.At("Cluster"), "default")},
				value.Member{Name: "Task", Value: firstTask(started)},
			)
		},
		status: []string{"LastStatus"}, done: []string{"STOPPED"}, good: everyContainerExitedWith0,
	}
	emrContainersRun = &ending{
		describe: "describeJobRun", at: []string{"JobRun"}, stop: "cancelJobRun",
		key: func(in, started value.Value) value.Value {
			return from(in, "VirtualClusterId", "VirtualClusterId").With("Id", started.At("Id"))
		},
		status: []string{"State"}, done: []string{"COMPLETED"}, failed: []string{"FAILED", "CANCELLED"},
	}
	emrServerlessRun = &ending{
		describe: "getJobRun", at: []string{"JobRun"}, stop: "cancelJobRun",
		key: func(in, started value.Value) value.Value {
			return from(in, "ApplicationId", "ApplicationId").With("JobRunId", started.At("JobRunId"))
		},
		status: []string{"State"}, done: []string{"SUCCESS"}, failed: []string{"FAILED", "CANCELLED"},
	}
	glueRun = &ending{
		describe: "getJobRun", at: []string{"JobRun"}, stop: "batchStopJobRun",
		key: func(in, started value.Value) value.Value {
			return from(in, "JobName", "JobName").With("RunId", started.At("JobRunId"))
		},
		stopKey: func(in, started value.Value) value.Value {
			return ids("JobRunIds", started.At("JobRunId")).With("JobName", in.At("JobName"))
		},
		status: []string{"JobRunState"}, done: []string{"SUCCEEDED"},
		failed: []string{"FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"},
	}
	mediaConvertJob = &ending{
		describe: "getJob", at: []string{"Job"}, whole: true, stop: "cancelJob",
		key:    func(_, started value.Value) value.Value { return from(started.At("Job"), "Id", "Id") },
		status: []string{"Status"}, done: []string{"COMPLETE"}, failed: []string{"ERROR", "CANCELED"},
	}
)

// sageMakerJob is a kind of job of SageMaker's, which all have names that their owners give.
func sageMakerJob(kind string) *ending {
	return &ending{
		describe: "describe" + kind, stop: "stop" + kind, named: true,
		key:    func(in, _ value.Value) value.Value { return from(in, kind+"Name", kind+"Name") },
		status: []string{kind + "Status"}, done: []string{"Completed"}, failed: []string{"Failed", "Stopped"},
	}
}

// firstTask is the ARN of the task of ECS that was begun first.
func firstTask(started value.Value) value.Value {
	if tasks := started.At("Tasks"); tasks.Len() > 0 {
		return tasks.Index(0).At("TaskArn")
	}
	return value.Value{}
}

func ids(field string, id value.Value) value.Value {
	return value.NewObject(value.Member{Name: field, Value: value.NewArray(id)})
}

func orAbsent(v value.Value, otherwise string) value.Value {
	if v.IsAbsent() {
		return value.NewString(otherwise)
	}
	return v
}

// everyContainerExitedWith0 reports whether a task of ECS that stopped did what it was for.
func everyContainerExitedWith0(task value.Value) bool {
	containers := task.At("Containers")
	for _, c := range containers.Elements() {
		if code, ok := c.At("ExitCode").Int64(); !ok || code != 0 {
			return false
		}
	}
	return containers.Len() > 0
}

// How often the end is asked for: soon at first, for what is short, and seldom later. So many times in a row the answer
// may be that it cannot be told. stopTime is how long a stop may take.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	patience     = 10
	stopTime     = 10 * time.Second
)

// synced is an integration whose tasks end with what they begin.
type synced struct{ integration }

// Class implements kernel.Integration.
func (s *synced) Class() kernel.Class { return kernel.Queryable }

// Do implements kernel.Doer.
func (s *synced) Do(ctx context.Context, t kernel.Task, beat func()) run.Outcome {
	o := s.integration.Do(ctx, t, beat)
	if o.Failure != nil {
		return o
	}
	if !t.Order.Submitted {
		t.Begun(o.Output)
	}
	return s.await(ctx, t, o.Output, beat)
}

// Look implements kernel.Looker: what was begun is found by what its beginning gave, or else by its name. What has
// neither, but a token that the service knows it again by, is simply begun again.
func (s *synced) Look(ctx context.Context, t kernel.Task) (run.Outcome, bool, error) {
	if started := t.Order.Submission; !started.IsAbsent() {
		return s.await(ctx, t, started, func() {}), true, nil
	}
	if !s.resource.action.sync.named {
		if s.integration.Class() == kernel.Idempotent {
			return run.Outcome{}, false, nil
		}
		return run.Outcome{}, false, errNotKnown
	}
	d := s.describe()
	if _, err := s.client.call(ctx, t, d, s.key(t, value.Value{})); err != nil {
		if isMissing(err) {
			return run.Outcome{}, false, nil
		}
		return run.Outcome{}, false, err
	}
	return s.await(ctx, t, value.Value{}, func() {}), true, nil
}

// errNotKnown is what nobody can look for.
var errNotKnown = errors.New("the server stopped while the task was being begun, and it cannot be told whether it was")

// isMissing reports whether a service says that what it is asked about is not there.
func isMissing(err error) bool {
	e := asService(err)
	return e != nil && e.status/100 == 4 && (e.status == 404 || strings.Contains(e.code, "NotFound") || strings.Contains(e.message, "not found") ||
		strings.Contains(e.message, "not exist"))
}

// key is what describe is asked with.
func (s *synced) key(t kernel.Task, started value.Value) value.Value {
	return s.resource.action.sync.key(t.Order.Payload, started)
}

// describe is the action that tells of what was begun.
func (s *synced) describe() resource { return s.other(s.resource.action.sync.describe) }

// other is another action of the same service.
func (s *synced) other(action string) resource {
	op, err := s.resource.service.Action(action)
	if err != nil {
		panic(err) // the table and the models are parts of the program; a test holds them together
	}
	r := s.resource
	r.op, r.action = op, &optimisedAction{name: action}
	return r
}

// stopping is the action that ends what was begun.
func (s *synced) stopping() resource { return s.other(s.resource.action.sync.stop) }

// stopKey is what stopping is called with.
func (s *synced) stopKey(in, started value.Value) value.Value {
	if key := s.resource.action.sync.stopKey; key != nil {
		return key(in, started)
	}
	return s.resource.action.sync.key(in, started)
}

// stop ends what was begun, where the task was given up: not where this server ends, and another goes on. It does what
// it can.
func (s *synced) stop(ctx context.Context, t kernel.Task, started value.Value) {
	if !errors.Is(context.Cause(ctx), kernel.ErrGivenUp) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if _, err := s.client.call(ctx, t, s.stopping(), s.stopKey(t.Order.Payload, started)); err != nil {
		s.client.o.Log.Warn("what a task began goes on, although the task was given up", "resource", t.Order.Resource, "run", t.Run.ID, "name", t.Run.Name, "error", err)
	}
}

// await asks until the end has come.
func (s *synced) await(ctx context.Context, t kernel.Task, started value.Value, beat func()) run.Outcome {
	d, key, pause, left := s.describe(), s.key(t, started), firstPause, patience
	for {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			s.stop(ctx, t, started)
			return d.failure(&clientError{ctx.Err()})
		case <-timer.C:
		}
		pause = min(pause*3/2, longestPause)
		answer, err := s.client.call(ctx, t, d, key)
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			if left--; left == 0 || definite(err) {
				return d.failure(err)
			}
			continue
		}
		left = patience
		beat()
		if o, ended := s.resource.action.sync.outcome(answer); ended {
			return o
		}
	}
}

// definite reports whether asking again would give the same: the service understood, and said no to it. It may not know
// yet of what it has just begun.
func definite(err error) bool {
	e := asService(err)
	return e != nil && e.status/100 == 4 && e.status != 429 && !isMissing(err) && !strings.Contains(e.code, "Throttl") && !strings.Contains(e.code, "TooMany")
}

// outcome reads the answer of describe.
func (s *ending) outcome(answer value.Value) (run.Outcome, bool) {
	answer = answer.Without("SdkHttpMetadata").Without("SdkResponseMetadata")
	document := answer.At(s.at...)
	if s.first {
		if document.Len() == 0 {
			return run.Outcome{}, false
		}
		document = document.Index(0)
	}
	result := document
	if s.whole {
		result = answer
	}
	status := document.At(s.status...).Text()
	switch {
	case slices.Contains(s.failed, status), slices.Contains(s.done, status) && s.good != nil && !s.good(document):
		return run.Fail("States.TaskFailed", result.JSON()), true
	case slices.Contains(s.done, status):
		return run.Done(result), true
	}
	return run.Outcome{}, false
}
