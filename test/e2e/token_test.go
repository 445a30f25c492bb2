package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// stepFunctions is AWS's own client of Step Functions, aimed at a server.
type stepFunctions struct {
	t *testing.T
	*sfn.Client
}

func newStepFunctions(t *testing.T, s *server) stepFunctions {
	t.Helper()
	return stepFunctions{t, sfn.New(sfn.Options{
		BaseEndpoint: aws.String("http://" + s.addr), Region: "us-east-1",
		Credentials:      credentials.NewStaticCredentialsProvider("local", "local", ""),
		RetryMaxAttempts: 1,
	})}
}

// machine makes a state machine, and gives its ARN.
func (c stepFunctions) machine(name, definition string) string {
	c.t.Helper()
	out, err := c.CreateStateMachine(c.t.Context(), &sfn.CreateStateMachineInput{
		Name: &name, Definition: &definition, RoleArn: aws.String("arn:aws:iam::123456789012:role/steps"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return *out.StateMachineArn
}

func (c stepFunctions) execution(machine, input string) string {
	c.t.Helper()
	out, err := c.StartExecution(c.t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Input: &input})
	if err != nil {
		c.t.Fatal(err)
	}
	return *out.ExecutionArn
}

// ended waits for the end of an execution.
func (c stepFunctions) ended(arn string, want types.ExecutionStatus) *sfn.DescribeExecutionOutput {
	c.t.Helper()
	var out *sfn.DescribeExecutionOutput
	await(c.t, "the end of "+arn, func() bool {
		var err error
		if out, err = c.DescribeExecution(c.t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn}); err != nil {
			c.t.Fatal(err)
		}
		return out.Status != types.ExecutionStatusRunning
	})
	if out.Status != want {
		c.t.Errorf("%s is %s: %s %s, want %s", arn, out.Status, aws.ToString(out.Error), aws.ToString(out.Cause), want)
	}
	return out
}

// events are the types of the events in an execution's history.
func (c stepFunctions) events(arn string) (all []string) {
	c.t.Helper()
	out, err := c.GetExecutionHistory(c.t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range out.Events {
		all = append(all, string(e.Type))
	}
	return all
}

func (c stepFunctions) succeed(token, output string) error {
	_, err := c.SendTaskSuccess(c.t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: &output})
	return err
}

func (c stepFunctions) beat(token string) error {
	_, err := c.SendTaskHeartbeat(c.t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: &token})
	return err
}

// refusesToken checks that a token is worth nothing.
func refusesToken[E error](t *testing.T, err error) {
	t.Helper()
	if want := *new(E); !errors.As(err, &want) {
		t.Errorf("the answer is %v, want %T", err, want)
	}
}

// Workers take up what waits for them, and end it, with the server killed whenever nothing is on its way.
func TestActivity(t *testing.T) {
	t.Parallel()
	s := newServer(t, "")
	c := newStepFunctions(t, s)
	made, err := c.CreateActivity(t.Context(), &sfn.CreateActivityInput{Name: aws.String("work")})
	if err != nil {
		t.Fatal(err)
	}
	take := func(ctx context.Context, worker string) (*sfn.GetActivityTaskOutput, error) {
		return c.GetActivityTask(ctx, &sfn.GetActivityTaskInput{ActivityArn: made.ActivityArn, WorkerName: &worker})
	}
	machine := c.machine("map", fmt.Sprintf(`{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
		"StartAt": "W", "States": {"W": {"Type": "Task", "Resource": %q, "TimeoutSeconds": 600, "HeartbeatSeconds": 300, "End": true}}}}}}`, *made.ActivityArn))

	// A worker that hangs up takes nothing with it.
	hasty, hangUp := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer hangUp()
	if out, err := take(hasty, "hasty"); err == nil {
		t.Fatalf("there is a task already: %+v", out)
	}
	arn := c.execution(machine, `[1, 2, 3]`)
	var tokens []string
	for i, restart := range []bool{false, true, false} {
		if restart {
			s.kill()
			s.up()
		}
		out, err := take(t.Context(), fmt.Sprint("worker-", i))
		if err != nil || out.TaskToken == nil {
			t.Fatalf("taking up a task: %v", err)
		}
		tokens = append(tokens, *out.TaskToken)
		if aws.ToString(out.Input) != fmt.Sprint(i+1) {
			t.Errorf("task %d has the input %s", i+1, aws.ToString(out.Input))
		}
	}
	s.kill()
	s.up()
	for i, token := range tokens {
		if err := c.beat(token); err != nil {
			t.Error(err)
		}
		if err := c.succeed(token, fmt.Sprint(10*i)); err != nil {
			t.Error(err)
		}
		s.kill()
		s.up()
		refusesToken[*types.TaskTimedOut](t, c.succeed(token, "0"))
		refusesToken[*types.TaskTimedOut](t, c.beat(token))
	}
	if out := c.ended(arn, types.ExecutionStatusSucceeded); aws.ToString(out.Output) != "[0,10,20]" {
		t.Errorf("the output is %s", aws.ToString(out.Output))
	}
	started := slices.DeleteFunc(c.events(arn), func(typ string) bool { return typ != "ActivityStarted" })
	if len(started) != 3 {
		t.Errorf("%d tasks were started, want 3", len(started))
	}
}

// A token goes out with a call, and ends the task whatever became of the server meanwhile.
func TestTaskToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, "")
	c := newStepFunctions(t, s)
	child := c.machine("child", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`)
	parent := c.machine("parent", fmt.Sprintf(`{"StartAt": "Ask", "States": {"Ask": {
		"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken", "HeartbeatSeconds": 300,
		"Parameters": {"StateMachineArn": %q, "Name.$": "$$.Execution.Name", "Input": {"token.$": "$$.Task.Token"}}, "End": true}}}`, child))
	ask := func() (execution, token string) {
		arn := c.execution(parent, `{}`)
		var list *sfn.ListExecutionsOutput
		await(t, "the child", func() bool {
			var err error
			if list, err = c.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &child, MaxResults: 1}); err != nil {
				t.Fatal(err)
			}
			name := arn[len(arn)-len("00000000-0000-0000-0000-000000000000"):]
			return len(list.Executions) > 0 && aws.ToString(list.Executions[0].Name) == name
		})
		out := c.ended(*list.Executions[0].ExecutionArn, types.ExecutionStatusSucceeded)
		var input struct{ Token string }
		if err := json.Unmarshal([]byte(*out.Input), &input); err != nil {
			t.Fatal(err)
		}
		return arn, input.Token
	}

	arn, token := ask()
	s.kill()
	s.up()
	refusesToken[*types.InvalidToken](t, c.succeed("x"+token, "1"))
	refusesToken[*types.InvalidToken](t, c.succeed("NoSuchTaskToken", "no JSON"))
	refusesToken[*types.InvalidOutput](t, c.succeed(token, "no JSON"))
	if err := c.succeed(token, `{"answer": 42}`); err != nil {
		t.Error(err)
	}
	refusesToken[*types.TaskTimedOut](t, c.succeed(token, "1"))
	if out := c.ended(arn, types.ExecutionStatusSucceeded); aws.ToString(out.Output) != `{"answer":42}` {
		t.Errorf("the output is %s", aws.ToString(out.Output))
	}
	want := []string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"}
	if got := c.events(arn); !slices.Equal(got, want) {
		t.Errorf("the history is %v", got)
	}

	arn, token = ask()
	if _, err := c.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: &token, Error: aws.String("No"), Cause: aws.String("because")}); err != nil {
		t.Error(err)
	}
	if out := c.ended(arn, types.ExecutionStatusFailed); aws.ToString(out.Error) != "No" || aws.ToString(out.Cause) != "because" {
		t.Errorf("it failed with %s: %s", aws.ToString(out.Error), aws.ToString(out.Cause))
	}
	arn, token = ask()
	if _, err := c.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: &arn}); err != nil {
		t.Error(err)
	}
	c.ended(arn, types.ExecutionStatusAborted)
	refusesToken[*types.TaskTimedOut](t, c.beat(token))
}
