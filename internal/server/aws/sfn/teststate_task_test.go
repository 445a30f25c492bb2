package sfn

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/integration"
	"github.com/tutti-ml/tutti/internal/integration/mapdata"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/looptest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

// stuck is a task that ends when nobody is interested any more.
type stuck struct{}

func (stuck) Class() kernel.Class { return kernel.AtLeastOnce }

func (stuck) Do(ctx context.Context, _ kernel.Task, _ func()) run.Outcome {
	<-ctx.Done()
	return run.Fail("Stuck", "")
}

// workingService is the API over a memory store, with a kernel that carries tasks out.
func workingService(t *testing.T) *service {
	t.Helper()
	s := memory.New(memory.Options{})
	writer, err := store.NewWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	c := catalog.New(s, writer, time.Now)
	integrations := integration.New(integration.Deps{Catalog: c, Store: s, Now: time.Now})
	k := kernel.New(kernel.Options{
		Store: s, Writer: writer, Languages: []run.Language{asl.Language{}}, Log: slog.New(slog.DiscardHandler),
		Integrations: func(resource string) kernel.Integration {
			if resource == "arn:tutti:states:::stuck" {
				return stuck{}
			}
			return integrations(resource)
		},
	})
	looptest.Run(t, writer.Run, k.Run)
	return &service{Options: Options{
		Store: s, Kernel: k, Catalog: c, ReadItems: mapdata.Parse, Now: time.Now, Rand: func() uint64 { return 1 }, Refuse: func() error { return nil },
	}}
}

// A task without a mock is really carried out, and its end goes through the rest of the state.
func TestTaskWithoutMock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ state, want string }{
		"a task that gives its payload back": {
			`{"Type": "Task", "Resource": "arn:tutti:states:::noop", "Parameters": {"a.$": "$.b"}, "ResultPath": "$.c", "Next": "N"}`,
			`{"status":"SUCCEEDED","nextState":"N","output":"{\"b\":[1,2],\"c\":{\"a\":[1,2]}}"}`,
		},
		"a task that fails, and a catcher": {
			`{"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:none", "Catch": [{"ErrorEquals": ["Lambda.ResourceNotFoundException"], "ResultPath": "$.e", "Next": "C"}], "End": true}`,
			`"status":"CAUGHT_ERROR","nextState":"C"`,
		},
		"a task that is not known here": {
			`{"Type": "Task", "Resource": "arn:tutti:states:::none", "End": true}`,
			`"error":"States.Runtime","cause":"The resource`,
		},
		"a task that takes too long": {
			`{"Type": "Task", "Resource": "arn:tutti:states:::stuck", "TimeoutSeconds": 1, "Retry": [{"ErrorEquals": ["States.Timeout"]}], "End": true}`,
			`{"status":"RETRIABLE","error":"States.Timeout"}`,
		},
	} {
		synctest.Test(t, func(t *testing.T) { // time passes by itself
			action := workingService(t).testStateActions()["TestState"]
			in := object(text("definition", c.state), text("input", `{"b":[1,2]}`), text("roleArn", "arn:aws:iam::1:role/r"))
			if got := call(t, action, in).JSON(); !strings.Contains(got, c.want) {
				t.Errorf("%s: %s; want %s", name, got, c.want)
			}
		})
	}
}

// What an ItemReader would read is given as a text, in each of its formats.
func TestReaderData(t *testing.T) {
	t.Parallel()
	service := testService()
	service.ReadItems = mapdata.Parse
	action := service.testStateActions()["TestState"]
	for name, c := range map[string]struct{ reader, data, want string }{
		"CSV": {`{"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}`, "id,n\na,1\nb,2\n",
			`"afterItemSelector":"[{\"v\":{\"id\":\"a\",\"n\":\"1\"},\"s\":\"S3://b/k\"}, {\"v\":{\"id\":\"b\",\"n\":\"2\"},\"s\":\"S3://b/k\"}]"`},
		"JSONL":         {`{"InputType": "JSONL"}`, "1\n2\n", `"afterItemSelector":"[{\"v\":1,\"s\":\"S3://b/k\"}, {\"v\":2,\"s\":\"S3://b/k\"}]"`},
		"a pointer":     {`{"InputType": "JSON", "ItemsPointer": "/x"}`, `{"x": [7]}`, `"afterItemsPointer":"[7]"`},
		"a bound":       {`{"InputType": "JSON", "MaxItems": 1}`, `[1, 2]`, `"afterItemSelector":"[{\"v\":1,\"s\":\"S3://b/k\"}]"`},
		"no such thing": {`{"InputType": "JSON"}`, `7`, `"error":"States.ItemReaderFailed"`},
	} {
		state := `{"Type": "Map", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": ` + c.reader + `, "Parameters": {"Bucket": "b", "Key": "k"}},
			"ItemSelector": {"v.$": "$$.Map.Item.Value", "s.$": "$$.Map.Item.Source"},
			"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "End": true}`
		in := object(text("definition", state), text("inspectionLevel", "DEBUG"), of("mock", object(text("result", "[]"))),
			of("stateConfiguration", object(text("mapItemReaderData", c.data))))
		if got := call(t, action, in).JSON(); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}

// What goes over the wire is shown at TRACE alone, and secrets to none but those who administer the server.
func TestHTTPTask(t *testing.T) {
	t.Parallel()
	service := testService()
	service.CallHTTP = func(_ context.Context, owner string, order run.StartTask, _ bool) (run.Outcome, HTTPExchange) {
		return run.Fail("States.Http.StatusCode.404", order.Payload.At("Method").Text()+" by "+owner), HTTPExchange{
			Request:  HTTPMessage{Protocol: "https", Method: "GET", URL: "https://api.example/", Headers: "[A: b]"},
			Response: HTTPMessage{Protocol: "https", StatusCode: "404", StatusMessage: "Not Found"},
		}
	}
	action := service.testStateActions()["TestState"]
	in := object(text("definition", `{"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": {"Method": "GET"}, "End": true}`),
		text("roleArn", "arn:aws:iam::1:role/r"), text("inspectionLevel", "TRACE"))
	want := value.MustParse(`{"status":"FAILED","error":"States.Http.StatusCode.404","cause":"GET by ada","inspectionData":{
		"input":"{}","afterInputPath":"{}","afterParameters":"{\"Method\":\"GET\"}",
		"request":{"protocol":"https","method":"GET","url":"https://api.example/","headers":"[A: b]"},
		"response":{"protocol":"https","statusCode":"404","statusMessage":"Not Found"}}}`)
	if got := call(t, action, in); !value.Equal(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	if got := call(t, action, in.With("revealSecrets", value.True)).At("Error").Text(); !strings.HasPrefix(got, "AccessDeniedException: ") {
		t.Errorf("secrets are revealed to anybody: %q", got)
	}
}
