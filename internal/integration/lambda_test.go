package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/kernel"
)

func function(name, spec string) string {
	return "{apiVersion: tutti.dev/v1, kind: Function, metadata: {name: " + name + "}, spec: " + spec + "}"
}

func TestLambda(t *testing.T) {
	t.Setenv("SERVER_SECRET", "not for functions")
	w := newWorld(t)
	w.apply("", function("echo", `{command: [cat]}`))
	w.apply("", function("env", `{command: [sh, -c, 'printf ''"%s,%s,%s"'' "$SERVER_SECRET" "$MINE" "$AWS_LAMBDA_FUNCTION_NAME"'], env: {MINE: "1"}}`))
	w.apply("", function("silent", `{command: ["true"]}`))
	w.apply("", function("bad", `{command: [sh, -c, 'echo "  disk is full" >&2; exit 3']}`))
	w.apply("", function("typed", `{command: [sh, -c, 'echo ''{"errorType":"NoData","errorMessage":"nothing there"}''; exit 1']}`))
	w.apply("", function("prose", `{command: [echo, hello]}`))
	w.apply("", function("absent", `{command: [/nonexistent/program]}`))
	w.apply("", function("huge", `{command: [sh, -c, 'yes | head -c 7000000']}`))
	w.apply("", function("slow", `{command: [sh, -c, 'sleep 600 & wait'], timeout: 1}`))

	invoke := func(name string) string { return `{"FunctionName":"` + name + `","Payload":{"n":1.50}}` }
	const resource = "arn:aws:states:::lambda:invoke"
	echoed := w.do(taskOf("bob", resource, invoke("echo"))).Output
	w.wantJSON(echoed.Without("SdkHttpMetadata").Without("SdkResponseMetadata"), `{"ExecutedVersion":"$LATEST","Payload":{"n":1.50},"StatusCode":200}`)
	w.wantJSON(echoed.At("SdkHttpMetadata", "HttpHeaders", "Content-Length"), `"10"`)
	if id := echoed.At("SdkResponseMetadata", "RequestId").Text(); id == "" || id != echoed.At("SdkHttpMetadata", "HttpHeaders", "x-amzn-RequestId").Text() {
		t.Errorf("the request's id is %q", id)
	}
	w.wantJSON(w.do(taskOf("bob", resource, invoke("arn:aws:lambda:eu-west-1:123456789012:function:echo:$LATEST"))).Output.At("Payload"), `{"n":1.50}`)
	w.wantJSON(w.do(taskOf("bob", "arn:aws:lambda:eu-west-1:123456789012:function:echo", `[1]`)).Output, `[1]`)
	w.wantJSON(w.do(taskOf("bob", resource, invoke("env"))).Output.At("Payload"), `",1,env"`)
	w.wantJSON(w.do(taskOf("bob", resource, invoke("silent"))).Output.At("Payload"), `null`)

	no, err := w.find(resource).(kernel.Checker).Check(t.Context(), taskOf("bob", resource, `{"Pay":1}`))
	if err != nil || no == nil || no.Cause != `The Parameters '{"Pay":1}' could not be used to start the Task: [The field "Pay" is not supported by Step Functions, The field 'FunctionName' is required but was missing]` {
		t.Errorf("%+v, %v", no, err)
	}
	w.wantFailure(w.do(taskOf("bob", resource, `{"FunctionName":"echo","InvocationType":"Event"}`)), "Lambda.InvalidParameterValueException", "only RequestResponse is")
	w.wantFailure(w.do(taskOf("bob", resource, invoke("none"))), "Lambda.ResourceNotFoundException", "Function not found: none", "there are absent, bad")
	w.wantFailure(w.do(taskOf("bob", resource, invoke("bad"))), "Runtime.ExitError", `{"errorMessage":"exit status 3: disk is full","errorType":"Runtime.ExitError"}`)
	w.wantFailure(w.do(taskOf("bob", resource, invoke("typed"))), "NoData", `{"errorType":"NoData","errorMessage":"nothing there"}`)
	w.wantFailure(w.do(taskOf("bob", resource, invoke("prose"))), "Runtime.InvalidResult", "the result is not JSON")
	w.wantFailure(w.do(taskOf("bob", resource, invoke("absent"))), "Runtime.ExitError", "could not be run")
	w.wantFailure(w.do(taskOf("bob", resource, invoke("huge"))), "Runtime.InvalidResult", "longer than 6291456 bytes")
	began := time.Now()
	w.wantFailure(w.do(taskOf("bob", resource, invoke("slow"))), "Sandbox.Timedout", "Task timed out after 1.00 seconds")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the function held its caller for %v", took)
	}
}

func TestLambdaOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(a http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		switch q.URL.Path {
		case "/echo":
			fmt.Fprintf(a, `{"got":%s,"key":%q}`, body, q.Header.Get("Idempotency-Key"))
		case "/broken":
			http.Error(a, "oops", http.StatusBadGateway)
		case "/error":
			a.Header().Set("X-Amz-Function-Error", "Unhandled")
			fmt.Fprint(a, `{"errorType":"KeyError","errorMessage":"'x'"}`)
		case "/hang":
			select {
			case <-q.Context().Done():
			case <-stop:
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stop) })
	for _, name := range []string{"echo", "broken", "error", "hang"} {
		w.apply("", function(name, `{url: "`+server.URL+"/"+name+`", timeout: 1}`))
	}
	w.apply("", function("nobody", `{url: "http://127.0.0.1:1/"}`))
	invoke := func(name string) string { return `{"FunctionName":"` + name + `","Payload":[1]}` }
	const resource = "arn:aws:states:::lambda:invoke"
	w.wantJSON(w.do(taskOf("ann", resource, invoke("echo"))).Output.At("Payload"), `{"got":[1],"key":"run-1/1"}`)
	w.wantFailure(w.do(taskOf("ann", resource, invoke("broken"))), "HTTP.502", "502 Bad Gateway")
	w.wantFailure(w.do(taskOf("ann", resource, invoke("error"))), "KeyError", `"'x'"`)
	w.wantFailure(w.do(taskOf("ann", resource, invoke("hang"))), "Sandbox.Timedout")
	w.wantFailure(w.do(taskOf("ann", resource, invoke("nobody"))), "Lambda.Unknown", "did not answer")
}

func TestLambdaEndsWithItsTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("", function("slow", `{command: [sleep, "600"]}`))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&lambdaInvoke{&Deps{Catalog: w.catalog, AWS: awssdk.New(awssdk.Options{}), Environ: []string{"PATH=/usr/bin:/bin"}}}).Do(ctx, taskOf("ann", "", `{"FunctionName":"slow"}`), nil)
	}()
	cancel()
	<-done
}
