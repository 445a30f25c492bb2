package awssdk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/value"
)

// TestStopKeys: what the stop of each resource is called with is what the action takes.
func TestStopKeys(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	in := value.MustParse(`{"Cluster":"c","Name":"n","JobName":"j","ApplicationId":"a","VirtualClusterId":"v","TrainingJobName":"n","TransformJobName":"n",
		"ProcessingJobName":"n","HyperParameterTuningJobName":"n","LabelingJobName":"n"}`)
	started := value.MustParse(`{"QueryExecutionId":"q","Build":{"Id":"b"},"BuildBatch":{"Id":"b"},"RunId":"r","Tasks":[{"TaskArn":"t"}],"Id":"i","JobRunId":"r",
		"Job":{"Id":"m"}}`)
	for _, name := range Names() {
		s, ok := c.Find(name).(*synced)
		if !ok {
			continue
		}
		stop := s.stopping()
		task := taskOf(name, `{}`)
		task.Order.Payload = s.stopKey(in, started)
		if no := stop.check(task); no != nil {
			t.Errorf("%s: %s: %s", name, stop.op.Name, no.Cause)
		}
	}
}

// TestStop: what a task began is stopped when the task is given up, and not when the server ends.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := optimal + "ecs:runTask.sync"
		for _, cause := range []error{kernel.ErrGivenUp, kernel.ErrStopping} {
			client, s := scripted(t, map[string][]string{
				"RunTask":       {`{"tasks":[{"taskArn":"arn:t"}]}`},
				"DescribeTasks": {`{"tasks":[{"taskArn":"arn:t","lastStatus":"RUNNING"}]}`},
				"StopTask":      {`{}`},
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan struct{})
			go func() {
				client.Find(r).(kernel.Doer).Do(ctx, taskOf(r, `{"Cluster":"c","TaskDefinition":"d"}`), func() {})
				close(ended)
			}()
			time.Sleep(time.Minute)
			cancel(cause)
			<-ended
			last := s.asked[len(s.asked)-1]
			if stopped := last == "StopTask"; stopped != errors.Is(cause, kernel.ErrGivenUp) {
				t.Errorf("%v: the last call is %s", cause, last)
			} else if stopped && s.bodies[last] != `{"cluster":"c","task":"arn:t"}` {
				t.Errorf("it is stopped with %s", s.bodies[last])
			}
		}
	})
}

// TestLookForWhatWasSubmitted: after a crash, waiting goes on with what the beginning gave; what did not come so far is
// begun again only if the service knows it again.
func TestLookForWhatWasSubmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := optimal + "glue:startJobRun.sync"
		client, s := scripted(t, map[string][]string{"GetJobRun": {`{"JobRun":{"JobRunState":"RUNNING"}}`, `{"JobRun":{"JobRunState":"SUCCEEDED"}}`}})
		task := taskOf(r, `{"JobName":"j"}`)
		if _, found, err := client.Find(r).(kernel.Looker).Look(t.Context(), task); found || err == nil {
			t.Errorf("found %v, %v", found, err)
		}
		task.Order.Submitted, task.Order.Submission = true, value.MustParse(`{"JobRunId":"r"}`)
		o, found, err := client.Find(r).(kernel.Looker).Look(t.Context(), task)
		if err != nil || !found {
			t.Fatalf("found %v, %v", found, err)
		}
		wantJSON(t, o, `{"JobRunState":"SUCCEEDED"}`)
		if s.bodies["GetJobRun"] != `{"JobName":"j","RunId":"r"}` {
			t.Errorf("asked with %s", s.bodies["GetJobRun"])
		}
		r = optimal + "athena:startQueryExecution.sync"
		if _, found, err := client.Find(r).(kernel.Looker).Look(t.Context(), taskOf(r, `{"QueryString":"SELECT 1"}`)); found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
	})
}
