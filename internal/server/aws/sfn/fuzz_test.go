package sfn_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/value"
)

// FuzzAction holds that no request of one user, whatever its target, its signature and its body, breaks the server or
// tells what is another's: every answer is an object, and none is our own fault.
func FuzzAction(f *testing.F) {
	const secret = "nobody-else-may-see-this"
	door, _ := new(setup).open(f, func() uint64 { return 0 })
	ask := func(user, target, authorization, body string) *httptest.ResponseRecorder {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/", strings.NewReader(body))
		r.Header = http.Header{"X-Amz-Target": {"AWSStepFunctions." + target}, "X-Amz-Date": {"20260314T015900Z"}}
		if authorization == "" {
			r = r.WithContext(auth.With(ctx, auth.Caller{Owner: user}))
		} else {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w
	}
	const (
		machine   = "arn:aws:states:us-east-1:123456789012:stateMachine:"
		execution = "arn:aws:states:us-east-1:123456789012:execution:"
		signature = "AWS4-HMAC-SHA256 Credential=ADA/20260314/us-east-1/states/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
		silent    = `"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Result\":\"` + secret + `\",\"End\":true}}}"`
		quick     = `"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"`
	)
	for _, made := range [][3]string{
		{"bob", "CreateStateMachine", `{"name":"b","definition":` + silent + `,"roleArn":"arn:aws:iam::1:role/r","publish":true,"versionDescription":"` + secret + `","tags":[{"key":"k","value":"` + secret + `"}]}`},
		{"bob", "StartExecution", `{"stateMachineArn":"` + machine + `b","name":"x","input":"{\"a\":\"` + secret + `\"}"}`},
		{"bob", "CreateActivity", `{"name":"b","tags":[{"key":"k","value":"` + secret + `"}]}`},
		{"ada", "CreateStateMachine", `{"name":"a","definition":` + quick + `,"roleArn":"arn:aws:iam::1:role/r","publish":true}`},
		{"ada", "CreateStateMachine", `{"name":"e","type":"EXPRESS","definition":` + quick + `,"roleArn":"arn:aws:iam::1:role/r"}`},
		{"ada", "StartExecution", `{"stateMachineArn":"` + machine + `a","name":"x"}`},
		{"ada", "CreateActivity", `{"name":"a"}`},
	} {
		if w := ask(made[0], made[1], "", made[2]); w.Code != http.StatusOK {
			f.Fatalf("%s: %s", made[1], w.Body)
		}
	}
	for _, name := range []string{"a", "b"} {
		arn, x := `"stateMachineArn":"`+machine+name, `{"executionArn":"`+execution+name+`:x"`
		activity := `Arn":"arn:aws:states:us-east-1:123456789012:activity:` + name + `"}`
		for target, body := range map[string]string{
			"CreateStateMachine": `{"name":"` + name + `","definition":` + quick + `,"roleArn":"arn:aws:iam::1:role/r"}`, "UpdateStateMachine": `{` + arn + `","definition":"{}"}`,
			"DescribeStateMachine": `{` + arn + `:1","includedData":"ALL_DATA"}`, "DeleteStateMachine": `{` + arn + `"}`, "ListStateMachines": `{"maxResults":1,"nextToken":"x"}`,
			"PublishStateMachineVersion": `{` + arn + `"}`, "ListStateMachineVersions": `{` + arn + `"}`, "DeleteStateMachineVersion": `{"stateMachineVersionArn":"` + machine + name + `:1"}`,
			"CreateStateMachineAlias":   `{"name":"l","routingConfiguration":[{"stateMachineVersionArn":"` + machine + name + `:1","weight":100}]}`,
			"UpdateStateMachineAlias":   `{"stateMachineAliasArn":"` + machine + name + `:l","description":"d"}`,
			"DescribeStateMachineAlias": `{"stateMachineAliasArn":"` + machine + name + `:l"}`, "ListStateMachineAliases": `{` + arn + `"}`, "DeleteStateMachineAlias": `{"stateMachineAliasArn":"` + machine + name + `:l"}`,
			"TagResource": `{"resourceArn":"` + machine + name + `","tags":[{"key":"k","value":"v"}]}`, "UntagResource": `{"resourceArn":"` + machine + name + `","tagKeys":["k"]}`, "ListTagsForResource": `{"resource` + activity,
			"StartExecution": `{` + arn + `","input":"[1e400]","traceHeader":"Root=1"}`, "StartSyncExecution": `{"stateMachineArn":"` + machine + `e"}`, "StopExecution": x + `}`, "RedriveExecution": x + `}`,
			"DescribeExecution": x + `}`, "DescribeStateMachineForExecution": x + `}`, "ListExecutions": `{` + arn + `","statusFilter":"SUCCEEDED","redriveFilter":"REDRIVEN"}`,
			"GetExecutionHistory": x + `,"reverseOrder":true,"maxResults":2}`, "ListMapRuns": x + `}`, "DescribeMapRun": `{"mapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:` + name + `/l:x"}`,
			"UpdateMapRun":   `{"mapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:` + name + `/l:x","maxConcurrency":1}`,
			"CreateActivity": `{"name":"` + name + `"}`, "DescribeActivity": `{"activity` + activity, "DeleteActivity": `{"activity` + activity, "GetActivityTask": `{"activity` + activity, "ListActivities": `{}`,
			"SendTaskSuccess": `{"taskToken":"AAAA","output":"{}"}`, "SendTaskFailure": `{"taskToken":"AAAA"}`, "SendTaskHeartbeat": `{"taskToken":"AAAA"}`,
			"TestState": `{"definition":"{\"Type\":\"Pass\",\"End\":true}","input":"{}","inspectionLevel":"TRACE"}`, "ValidateStateMachineDefinition": `{"definition":` + quick + `}`,
		} {
			f.Add(target, "", []byte(body))
			f.Add(target, signature, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, target, authorization string, body []byte) {
		w := ask("ada", target, authorization, string(body))
		if v, err := value.Parse(w.Body.Bytes()); err != nil || v.Kind() != value.Object {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		if w.Code >= 500 {
			t.Errorf("%s %q: %d %s", target, body, w.Code, w.Body)
		}
		if bytes.Contains(w.Body.Bytes(), []byte(secret)) && !bytes.Contains(body, []byte(secret)) {
			t.Errorf("%s %q tells what is another's: %s", target, body, w.Body)
		}
	})
}
