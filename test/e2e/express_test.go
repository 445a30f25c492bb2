package e2e

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// A Go program waits for an Express execution through the SDK, whose host begins with "sync-" then. The job that the
// execution submits is as any other, and outlives it.
func TestExpressJob(t *testing.T) {
	t.Parallel()
	s := newServer(t, asSelf+"images: {busybox: host}\n")
	ctx := testContext(t)
	// sync-127.0.0.1 is no name that the machine knows.
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.addr)
	}
	client := sfn.New(newStepFunctions(t, s).Options(), func(o *sfn.Options) {
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: dial}}
	})
	machine, err := client.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String("submit"), Type: types.StateMachineTypeExpress, RoleArn: aws.String("arn:aws:iam::000000000000:role/any"),
		Definition: aws.String(`{"StartAt": "Submit", "States": {"Submit": {"Type": "Task", "Resource": "arn:tutti:states:::job:run",
			"Parameters": {"Manifest": {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "hello"}, "spec": {"template": {"spec": {
				"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox", "command": ["echo", "hello"]}]}}}}}, "End": true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []types.SyncExecutionStatus{types.SyncExecutionStatusSucceeded, types.SyncExecutionStatusFailed} {
		out, err := client.StartSyncExecution(ctx, &sfn.StartSyncExecutionInput{StateMachineArn: machine.StateMachineArn})
		if err != nil {
			t.Fatal(err)
		}
		if out.Status != want { // the second time the job's name is taken
			t.Fatalf("its status is %s (%s: %s), want %s", out.Status, aws.ToString(out.Error), aws.ToString(out.Cause), want)
		}
	}
	await(t, "the job's output", func() bool {
		out, err := s.command(ctx, "logs", "j1").CombinedOutput()
		return err == nil && strings.Contains(string(out), "hello")
	})
}
