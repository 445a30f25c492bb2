package rehearsal

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
)

// responses are those of the developer guide's own example of a mock configuration file.
const responses = `"MockedResponses": {
	"Success": {"0": {"Return": {"StatusCode": 200, "Payload": "Hello"}}},
	"Sent": {"0-9": {"Return": {"MessageId": "m"}}},
	"Retry": {
		"0": {"Throw": {"Error": "Lambda.ResourceNotReadyException", "Cause": "not ready"}},
		"1-2": {"Throw": {"Error": "Lambda.TimeoutException", "Cause": "timed out"}},
		"3": {"Return": {"StatusCode": 200, "Payload": "Hello"}}
	},
	"Broken": {"0-99": {"Throw": {"Error": "Broken", "Cause": "for good"}}},
	"Count": {"0": {"Return": 0}, "1": {"Return": 1}, "2": {"Return": 2}},
	"Rows": {"0": {"Return": [{"id": "a"}, {"id": "b"}]}}
}`

const lambdaThenQueue = `{"StartAt": "LambdaState", "States": {
	"LambdaState": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"},
		"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600, "MaxAttempts": 3}], "Next": "Pause"},
	"Pause": {"Type": "Wait", "Seconds": 86400, "Next": "SQSState"},
	"SQSState": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
		"Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}, "End": true}}}`

const eachItem = `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ItemProcessor": {"StartAt": "T", "States": {
	"T": {"Type": "Task", "Resource": "arn:aws:lambda:r:a:function:f", "End": true}}}, "End": true}}}`

const eachRow = `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}},
	"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "T", "States": {
	"T": {"Type": "Pass", "OutputPath": "$.id", "End": true}}}, "End": true}}}`

const works = `{"StartAt": "W", "States": {"W": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "HeartbeatSeconds": 5, "End": true}}}`

const endless = `{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": true, "Next": "C"}], "Default": "A"}, "C": {"Type": "Succeed"}}, "TimeoutSeconds": 60}`

func TestCases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, source, mocks, expect string
		want                        []string
	}{
		{"all goes well", lambdaThenQueue, `{"LambdaState": "Success", "SQSState": "Sent"}`,
			`{"Output": {"MessageId": "m"}, "States": ["LambdaState", "Pause", "SQSState"]}`, nil},
		{"nothing expected is success", lambdaThenQueue, `{"LambdaState": "Success", "SQSState": "Sent"}`, ``, nil},
		{"retries take no time", lambdaThenQueue, `{"LambdaState": "Retry", "SQSState": "Sent"}`, `{"Output": {"MessageId": "m"}}`, nil},
		{"retries are used up", lambdaThenQueue, `{"LambdaState": "Broken", "SQSState": "Sent"}`, `{"Error": "Broken", "Cause": "for good", "States": ["LambdaState"]}`, nil},
		{"a callback that fails", lambdaThenQueue, `{"LambdaState": "Success", "SQSState": "Broken"}`, `{"Error": "Broken"}`, nil},
		{"one counter for all iterations", eachItem, `{"T": "Count"}`, `{"Input": {"items": ["x", "y", "z"]}, "Output": [0, 1, 2]}`, nil},
		{"what a reader finds", eachRow, `{"M": "Rows"}`, `{"Output": ["a", "b"]}`, nil},
		{"an activity", works, `{"W": "Count"}`, `{"Output": 0}`, nil},
		{"a timeout of the whole", endless, `{}`, `{"Status": "TIMED_OUT"}`, nil},
		{"another status, output and path", lambdaThenQueue, `{"LambdaState": "Success", "SQSState": "Sent"}`,
			`{"Error": "E", "Output": {"MessageId": "n", "a": 1}, "States": ["LambdaState"]}`, []string{
				`status: want FAILED, got SUCCEEDED`, `output.MessageId: want "n", got "m"`, `output.a: want 1, got nothing`,
				`error: want "E", got ""`, `states: want LambdaState, got LambdaState Pause SQSState`,
			}},
		{"an unexpected failure is told", lambdaThenQueue, `{"LambdaState": "Broken", "SQSState": "Sent"}`, ``,
			[]string{`status: want SUCCEEDED, got FAILED (Broken: for good)`}},
		{"a state without a mock", lambdaThenQueue, `{"LambdaState": "Success"}`, `{"Error": "Tutti.NotMocked"}`,
			[]string{`state "SQSState" is not mocked: name a response for it in the test case`}},
		{"an invocation too many", eachItem, `{"T": "Success"}`, `{"Input": {"items": [1, 2]}, "Status": "FAILED"}`,
			[]string{`invocation 1 of state "T" has no answer in "Success": add "1" to it`}},
		{"mocks of what is not there", lambdaThenQueue, `{"Nobody": "Success", "Pause": "Success", "SQSState": "None"}`, ``, []string{
			`the definition has no state "Nobody" to mock`,
			`state "Pause" is a Wait: only what a Task does can be mocked, or what a distributed Map reads and writes`,
			`MockedResponses has no "None", which mocks state "SQSState"`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectations := `{}`
			if c.expect != "" {
				expectations = `{"C": ` + c.expect + `}`
			}
			s, err := Read([]byte(`{"StateMachines": {"M": {"TestCases": {"C": ` + c.mocks + `}, "Expectations": ` + expectations + `}}, ` + responses + `}`))
			if err != nil {
				t.Fatal(err)
			}
			results, err := s.Run(t.Context(), s.Machines[0], []byte(c.source), func(Case) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, results[0].Faults); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every fault of a file is told, with its place.
func TestRead(t *testing.T) {
	t.Parallel()
	_, err := Read([]byte(`{"StateMachine": {}, "StateMachines": {
		"A": {"TestCases": {"x": {"S": 1}}, "Expectations": {"x": {"Status": "GOOD", "Outptu": 1}, "y": {}}}, "B": {}},
		"MockedResponses": {"r": {"one": {"Return": 1}, "1-0": {"Return": 1}, "2": {}, "3-4": {"Return": 1}, "4": {"Throw": {"Error": "E"}, "Return": 2}}}}`))
	var problems run.Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var places []string
	for _, p := range problems {
		places = append(places, p.Pointer)
	}
	want := []string{
		"/StateMachine",
		"/StateMachines/A/Expectations/x/Outptu", "/StateMachines/A/Expectations/x/Status", "/StateMachines/A/TestCases/x/S", "/StateMachines/A/Expectations/y",
		"/StateMachines/B/TestCases",
		"/MockedResponses/r/one", "/MockedResponses/r/1-0", "/MockedResponses/r/2", "/MockedResponses/r/4", "/MockedResponses/r/4",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Error(diff)
	}
	for _, file := range []string{`{`, `{}`, `[]`} {
		if _, err := Read([]byte(file)); err == nil {
			t.Errorf("%s is read", file)
		}
	}
}

func TestDefinitionIsNoGood(t *testing.T) {
	t.Parallel()
	s, err := Read([]byte(`{"StateMachines": {"M": {"TestCases": {"C": {}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{`{"StartAt": "A"}`, `{"apiVersion": "batch/v1", "kind": "Job"}`, `{`} {
		_, err := s.Run(t.Context(), s.Machines[0], []byte(source), func(Case) bool { return true })
		if err == nil || !strings.Contains(err.Error(), "/") {
			t.Errorf("%s: %v", source, err)
		}
	}
}
