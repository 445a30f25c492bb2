//go:build e2e_s3

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Actions of S3 from a state machine, against a real S3 server: bodies, headers, documents in XML, errors.
func TestS3Actions(t *testing.T) {
	b := newBucket(t, "work")
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/secret", []byte(s3Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, fmt.Sprintf("aws:\n  endpoints: {s3: %q}\n  accessKeyId: %s\n  secretAccessKey: {file: %s/secret}\n", b.url, s3User, dir))
	machine := s.machine("s3", `{"StartAt": "Put", "QueryLanguage": "JSONata", "States": {
		"Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Next": "Copy", "Arguments": {
			"Bucket": "work", "Key": "a dir/ä+b.json", "Body": {"n": 1.5}, "ContentType": "application/json", "Metadata": {"run": "7"}}},
		"Copy": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:copyObject", "Next": "Get", "Arguments": {
			"Bucket": "work", "Key": "copy", "CopySource": "work/a%20dir/%C3%A4%2Bb.json"}},
		"Get": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Next": "Tag", "Arguments": {"Bucket": "work", "Key": "copy"},
			"Assign": {"got": "{% $states.result %}"}},
		"Tag": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObjectTagging", "Next": "Tags", "Arguments": {
			"Bucket": "work", "Key": "copy", "Tagging": {"TagSet": [{"Key": "k", "Value": "a + b"}]}}},
		"Tags": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObjectTagging", "Next": "List", "Arguments": {"Bucket": "work", "Key": "copy"},
			"Assign": {"tags": "{% $states.result.TagSet %}"}},
		"List": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2", "Next": "Delete", "Arguments": {"Bucket": "work", "MaxKeys": 10},
			"Assign": {"listed": "{% $states.result.Contents.Key %}"}},
		"Delete": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:deleteObjects", "Next": "Head", "Arguments": {
			"Bucket": "work", "Delete": {"Objects": [{"Key": "copy"}, {"Key": "a dir/ä+b.json"}]}},
			"Assign": {"deleted": "{% $count($states.result.Deleted) %}"}},
		"Head": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:headObject", "Next": "Found", "Arguments": {"Bucket": "work", "Key": "copy"},
			"Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "Gone"}]},
		"Found": {"Type": "Fail"},
		"Gone": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Next": "Found", "Arguments": {"Bucket": "work", "Key": "copy"},
			"Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "End", "Assign": {"cause": "{% $states.errorOutput.Cause %}"}}]},
		"End": {"Type": "Succeed", "Output": {"body": "{% $got.Body %}", "type": "{% $got.ContentType %}", "run": "{% $got.Metadata.run %}",
			"tags": "{% $tags %}", "listed": "{% $listed %}", "deleted": "{% $deleted %}", "said": "{% $contains($cause, 'Service: S3, Status Code: 404') %}"}}}}`)
	execution := s.execute(machine, "{}")
	var d struct{ Status, Output, Error, Cause string }
	await(t, "the execution's end", func() bool {
		s.stepFunctions("DescribeExecution", map[string]any{"executionArn": execution}, &d)
		return d.Status != "RUNNING"
	})
	var got, want any
	_ = json.Unmarshal([]byte(d.Output), &got)
	_ = json.Unmarshal([]byte(`{"body": "{\"n\":1.5}", "type": "application/json", "run": "7", "tags": [{"Key": "k", "Value": "a + b"}],
		"listed": ["a dir/ä+b.json", "copy"], "deleted": 2, "said": true}`), &want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it %s with %s %s %s", d.Status, d.Output, d.Error, d.Cause)
	}
}

// A task elsewhere that is awaited: its history has what it was begun with, once, though the server is killed meanwhile, and
// it is begun anew with the same token only.
func TestRemoteTask(t *testing.T) {
	var mu sync.Mutex
	tokens, asked, over := map[string]int{}, 0, false
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(q.Body)
		switch q.Header.Get("X-Amz-Target") {
		case "AmazonEC2ContainerServiceV20141113.RunTask":
			var in struct{ ClientToken string }
			_ = json.Unmarshal(body, &in)
			tokens[in.ClientToken]++
			_, _ = io.WriteString(w, `{"tasks":[{"taskArn":"arn:t"}]}`)
		case "AmazonEC2ContainerServiceV20141113.DescribeTasks":
			asked++
			status := "RUNNING"
			if over {
				status = "STOPPED"
			}
			_, _ = io.WriteString(w, `{"tasks":[{"taskArn":"arn:t","lastStatus":"`+status+`","containers":[{"exitCode":0}]}]}`)
		}
	}))
	defer service.Close()
	s := newServer(t, fmt.Sprintf("aws: {endpoints: {ecs: %q}}\n", service.URL))
	machine := s.machine("ecs", `{"StartAt": "Run", "States": {"Run": {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync",
		"Parameters": {"TaskDefinition": "d"}, "ResultSelector": {"status.$": "$.LastStatus"}, "End": true}}}`)
	execution := s.execute(machine, "{}")
	polled := func() {
		t.Helper()
		mu.Lock()
		asked = 0
		mu.Unlock()
		await(t, "the task to be asked for", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return asked > 0
		})
	}
	polled()
	s.kill()
	s.up()
	polled()
	mu.Lock()
	over = true
	mu.Unlock()
	s.finished(execution)
	var history struct{ Events []struct{ Type string } }
	s.stepFunctions("GetExecutionHistory", map[string]any{"executionArn": execution}, &history)
	var types []string
	for _, e := range history.Events {
		types = append(types, e.Type)
	}
	want := []string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"}
	if !slices.Equal(types, want) {
		t.Errorf("the history is %s", strings.Join(types, ", "))
	}
	if len(tokens) != 1 || tokens[""] != 0 {
		t.Errorf("it was begun with the tokens %v", tokens)
	}
}
