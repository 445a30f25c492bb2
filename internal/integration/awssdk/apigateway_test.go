package awssdk

import (
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
)

const apiOf = `{"ApiEndpoint":"abc1.execute-api.eu-west-1.amazonaws.com","Method":"POST","Stage":"prod","Path":"/bills/new"`

func TestAPIInvoke(t *testing.T) {
	t.Parallel()
	s := newService(t)
	c := s.client()
	invoke := func(more string) run.Outcome { return do(t, c, optimal+"apigateway:invoke", apiOf+more+`}`) }

	s.gives(201, `{"id":1.50}`, "Content-Type", "application/json", "Date", "today", "X-Amz-Apigw-Id", "G", "X-Amzn-RequestId", "R")
	wantJSON(t, invoke(`,"Headers":{"X-B":["c","d"]},"QueryParameters":{"a":["1","2"],"b":3},"RequestBody":{"n":null,"deep":[{"m":null}],"name":"Ada"}`),
		`{"Headers":{"Connection":["keep-alive"],"Content-Length":["11"],"Content-Type":["application/json"],"Date":["today"],"x-amz-apigw-id":["G"],"x-amzn-RequestId":["R"]},"ResponseBody":{"id":1.50},"StatusCode":201,"StatusText":"Created"}`)
	if s.seen.Host != "abc1.execute-api.eu-west-1.amazonaws.com" || s.seen.RequestURI != "/prod/bills/new?a=1&a=2&b=3" ||
		strings.Join(s.seen.Header["X-B"], ";") != "c;d" || string(s.body) != `{"deep":[{}],"name":"Ada"}` ||
		s.seen.Header.Get("Content-Type") != "application/json" || s.seen.Header.Get("Authorization") != "" {
		t.Errorf("sent %s to %s of %s with %v", s.body, s.seen.RequestURI, s.seen.Host, s.seen.Header)
	}
	s.gives(200, "plain", "Content-Type", "text/plain", "Date", "today")
	o := invoke(`,"AuthType":"IAM_ROLE","AllowNullValues":true,"RequestBody":{"n":null}`)
	if o.Failure != nil || o.Output.At("ResponseBody").Text() != "plain" || string(s.body) != `{"n":null}` ||
		!strings.Contains(s.seen.Header.Get("Authorization"), "/eu-west-1/execute-api/aws4_request") {
		t.Errorf("sent %s with %v: %+v", s.body, s.seen.Header, o)
	}
	if o := do(t, c, optimal+"apigateway:invoke.waitForTaskToken", apiOf+`}`); o.Failure != nil || len(s.body) != 0 {
		t.Errorf("%+v, sent %s", o.Failure, s.body)
	}

	s.gives(403, `{"message":"Missing Authentication Token"}`)
	wantFailure(t, invoke(""), "ApiGateway.403", `{"message":"Missing Authentication Token"}`)
	wantFailure(t, do(t, New(Options{}), optimal+"apigateway:invoke", apiOf+`}`), "ApiGateway.SdkClientException", "aws: {endpoints: {apigateway: URL}}")
	wantFailure(t, do(t, New(Options{Config: Config{Endpoint: Public}}), optimal+"apigateway:invoke", `{"ApiEndpoint":"evil.example","Method":"GET"}`),
		"ApiGateway.SdkClientException", "no API of API Gateway")
	if err := New(Options{}).Missing(optimal + "apigateway:invoke"); err == nil || c.Missing(optimal+"apigateway:invoke") != nil {
		t.Error("what the configuration lacks is not told")
	}
}

func TestAPICheck(t *testing.T) {
	t.Parallel()
	in := newService(t).client().Find(optimal + "apigateway:invoke").(kernel.Checker)
	for payload, want := range map[string]string{
		apiOf + `,"Headers":{"TaskToken":["t"]}}`:     "",
		apiOf + `,"Url":"x"}`:                         `The field "Url" is not supported by Step Functions`,
		`{"Stage":"prod"}`:                            "The field 'ApiEndpoint' is required but was missing, The field 'Method' is required but was missing",
		apiOf + `,"QueryParameters":"?a=1"}`:          "The value of the field 'QueryParameters' has an invalid format",
		apiOf + `,"Headers":{"Authorization":["x"]}}`: "The value of the field 'Headers' has an invalid format",
		apiOf + `,"Headers":{"X-Amz-Date":["x"]}}`:    "The value of the field 'Headers' has an invalid format",
		apiOf + `,"Headers":{"a":{"b":1}}}`:           "The value of the field 'Headers' has an invalid format",
		apiOf + `,"AuthType":"IAM_AUTH"}`:             "The value of the field 'AuthType' has an invalid format",
	} {
		no, err := in.Check(t.Context(), taskOf(optimal+"apigateway:invoke", payload))
		switch {
		case err != nil:
			t.Error(err)
		case want == "" && no != nil:
			t.Errorf("%s: %s", payload, no.Cause)
		case want != "" && (no == nil || no.Error != "States.Runtime" || no.Cause != "The Parameters '"+payload+"' could not be used to start the Task: ["+want+"]"):
			t.Errorf("%s: %+v, want %s", payload, no, want)
		}
	}
}
