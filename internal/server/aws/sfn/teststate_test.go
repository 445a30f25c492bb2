package sfn

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/sharedtest"
	"github.com/tutti-ml/tutti/internal/value"
)

// testService is the API of an account, without anything that a test of a state with a mock needs not.
func testService() *service {
	return &service{Options: Options{
		Catalog: &catalog.Catalog{Site: catalog.Site{Account: "111111111111", Region: "us-east-1"}},
		Now:     func() time.Time { return time.Date(2026, 3, 14, 1, 59, 0, 0, time.UTC) },
		Rand:    func() uint64 { return 1 },
	}}
}

// call is a request to an action, checked as the front door does, and its answer: an object, that of an error as clients
// see it.
func call(t *testing.T, a aws.Action, in value.Value) value.Value {
	t.Helper()
	err := a.Input.Check(in, true)
	var out value.Value
	if err == nil {
		out, err = a.Do(auth.With(context.Background(), auth.Caller{Owner: "ada"}), in)
	}
	var e *aws.Error
	switch {
	case errors.As(err, &e):
		return value.NewObject(text("Error", e.Code+": "+e.Message))
	case err != nil:
		t.Fatal(err)
	}
	return out
}

// TestRecordedStates holds every answer of TestState that was recorded on AWS against ours.
func TestRecordedStates(t *testing.T) {
	t.Parallel()
	action := testService().testStateActions()["TestState"]
	compared := 0
	for _, c := range sharedtest.Recordings(t).Elements() {
		if c.At("area").Text() != "test_state" {
			continue
		}
		compared++
		id := c.At("id").Text()
		t.Run(id[strings.LastIndex(id, "::")+2:], func(t *testing.T) {
			t.Parallel()
			answers := make(map[string]value.Value)
			for _, step := range c.At("steps").Elements() {
				switch step.At("op").Text() {
				case "call":
					answers[step.At("id").Text()] = call(t, action, step.At("args"))
				case "match":
					key, of := step.At("key").Text(), step.At("value", "$call").Text()
					if of == "" {
						of = step.At("value", "exception_value", "$errstr").Text()
					}
					compare(t, key, recorded(c.At("recorded", key)), unpacked(answers[of]))
				}
			}
		})
	}
	if compared < 88 {
		t.Errorf("compared %d recordings, want 88 or more", compared)
	}
}

// recorded is a recorded answer in the form of call.
func recorded(v value.Value) value.Value {
	if e := v.At("Error"); !e.IsAbsent() {
		return value.NewObject(text("Error", e.At("Code").Text()+": "+e.At("Message").Text()))
	}
	if e := v.At("exception_value"); !e.IsAbsent() {
		_, message, _ := strings.Cut(e.Text(), "operation: ")
		return value.NewObject(text("Error", v.At("exception_typename").Text()+": "+message))
	}
	return v.Without("ResponseMetadata")
}

// unpacked is v with objects in the place of texts that hold one, as recordings have them.
func unpacked(v value.Value) value.Value {
	switch v.Kind() {
	case value.Object:
		for name, m := range v.Members() {
			v = v.With(name, unpacked(m))
		}
	case value.String:
		if o, err := value.Parse([]byte(v.Text())); err == nil && o.Kind() == value.Object {
			return o
		}
	}
	return v
}

// placeholder is what recordings have for what differs each time.
var placeholder = regexp.MustCompile(`<[a-z0-9_]+(:\d+)?>|^date$`)

// compare reports where got is not what was recorded.
func compare(t *testing.T, at string, want, got value.Value) {
	t.Helper()
	if want.Kind() == value.Object && got.Kind() == value.Object {
		for name, m := range want.Members() {
			compare(t, at+"."+name, m, got.At(name))
		}
		for name, m := range got.Members() {
			if want.At(name).IsAbsent() {
				t.Errorf("%s.%s is %v; nothing was recorded", at, name, m)
			}
		}
		return
	}
	if want.Kind() == value.String && got.Kind() == value.String {
		parts := placeholder.Split(want.Text(), -1)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if regexp.MustCompile("^" + strings.Join(parts, ".+") + "$").MatchString(got.Text()) {
			return
		}
	}
	if got.IsAbsent() || !value.Equal(want, got) {
		t.Errorf("%s is %v; recorded was %v", at, got, want)
	}
}

func TestStateIsRefused(t *testing.T) {
	t.Parallel()
	action := testService().testStateActions()["TestState"]
	const (
		pass     = `{"Type": "Pass", "End": true}`
		parallel = `{"Type": "Parallel", "Branches": [{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}], "End": true}`
		lambda   = `{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}`
		job      = `{"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "End": true}`
		pays     = `{"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true}`
	)
	for name, c := range map[string]struct{ in, want string }{
		"no mock for a Parallel":    {`{"definition": %s}`, "InvalidDefinition: TestState API does not support Map or Parallel states."},
		"no role for a Task":        {`{"definition": %l}`, "ValidationException: RoleArn must be specified when testing a Task state"},
		"no mock for a job":         {`{"definition": %j, "roleArn": "arn:aws:iam::1:role/r"}`, "ValidationException: TestState supports activities"},
		"a mock that is empty":      {`{"definition": %l, "mock": {}}`, "ValidationException: A test mock should have only one"},
		"a mock that is no JSON":    {`{"definition": %l, "mock": {"result": "{"}}`, "ValidationException: Mocked result must be valid JSON"},
		"an input that is no JSON":  {`{"definition": %p, "input": "{"}`, "InvalidExecutionInput: "},
		"variables of another kind": {`{"definition": %p, "variables": "[]"}`, "ValidationException: The variables must be a JSON object."},
		"a context without a mock":  {`{"definition": %p, "context": "{}"}`, "ValidationException: Context can only be"},
		"too few branches":          {`{"definition": %s, "mock": {"result": "[]"}}`, "ValidationException: Mocked result must contain the same number"},
		"an origin that is outside": {`{"definition": %s, "mock": {"errorOutput": {"error": "E"}}, "stateConfiguration": {"errorCausedByState": "X"}}`, "ValidationException: State not found"},
		"no definition":             {`{}`, "ValidationException: 1 validation error detected: Value null at 'definition'"},
		"a job's mock is of what is polled": {`{"definition": %y, "mock": {"result": "{\"ExecutionArn\": \"a\", \"StartDate\": \"d\"}"}}`,
			"ValidationException: Mock result schema validation error: Required field 'StateMachineArn' is missing"},
	} {
		in := strings.NewReplacer("%s", quoted(parallel), "%l", quoted(lambda), "%j", quoted(job), "%p", quoted(pass), "%y", quoted(pays)).Replace(c.in)
		got := call(t, action, value.MustParse(in)).At("Error").Text()
		if !strings.HasPrefix(strings.TrimPrefix(got, "com.amazon.coral.validate#"), c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func quoted(s string) string { return value.NewString(s).JSON() }

// TestMock holds results against models beyond what was recorded.
func TestMock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ resource, result, want string }{
		{"arn:aws:states:::dynamodb:getItem", `{"Item": {"a": {"S": 1}}}`, "Field 'S' must be a string"},
		{"arn:aws:states:::dynamodb:getItem", `{"Item": {"a": {"BOOL": "x"}}}`, "Field 'BOOL' must be a boolean"},
		{"arn:aws:states:::dynamodb:getItem", `{"Item": []}`, "Field 'Item' must be an object"},
		{"arn:aws:states:::dynamodb:getItem", `{"Item": null}`, ""},
		{"arn:aws:states:::aws-sdk:rds:describeDBInstances", `{"DbInstances": [{"DbInstanceIdentifier": 1}]}`, "Field 'DbInstanceIdentifier' must be a string"},
		{"arn:aws:states:::aws-sdk:rds:describeDBInstances", `{"DBInstances": 1}`, ""},
		{"arn:aws:states:::lambda:invoke", `{"Payload": {"any": "thing"}}`, ""},
		{"arn:aws:states:::lambda:invoke.waitForTaskToken", `{"Payload": 1}`, ""},
		{"arn:aws:states:::aws-sdk:lambda:invoke", `{"Payload": {"any": "thing"}}`, "Field 'Payload' must be a string"},
		{"arn:aws:states:::lambda:invoke", `[]`, "Mocked result must be a JSON object."},
		{"arn:aws:states:::elasticmapreduce:createCluster.sync", `{"Cluster": {"Status": {"State": "DANCING"}}}`, "Field 'State' is not an expected value"},
		{"arn:aws:lambda:us-east-1:1:function:f", `"anything"`, ""},
		{"arn:aws:states:::http:invoke", `"anything"`, ""},
		{"arn:aws:states:::eks:call", `"anything"`, ""},
		{"arn:aws:states:::eks:runJob.sync", `"anything"`, ""},
		{"arn:aws:states:::apigateway:invoke", `"anything"`, ""},
		{"arn:aws:states:::aws-sdk:nosuch:thing", `"anything"`, ""},
	} {
		got := strings.TrimPrefix(checkMock(c.resource, mockStrict, value.MustParse(c.result)), "Mock result schema validation error: ")
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.resource, c.result, got, c.want)
		}
	}
}

// TestPolledActions holds the table of what .sync integrations poll against the models.
func TestPolledActions(t *testing.T) {
	t.Parallel()
	for call, poll := range polled {
		service, _, _ := strings.Cut(call, ":")
		if shape, _ := mockedAPI("arn:aws:states:::" + service + ":" + poll); shape == nil {
			t.Errorf("%s: %s is in no model", call, poll)
		}
	}
}
