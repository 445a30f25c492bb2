package app

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
)

// What a connection puts on a request is shown where it is to be revealed, and nowhere else.
func TestExchangeIsShown(t *testing.T) {
	t.Parallel()
	plain := &http.Request{Method: "POST", URL: &url.URL{Scheme: "https", Host: "api.example", Path: "/x"}, Header: http.Header{"B": {"1", "2"}, "A": {"3"}}}
	sent := plain.Clone(t.Context())
	sent.Header.Set("Authorization", "Basic secret")
	x := &awssdk.Exchange{
		Plain: plain, Sent: sent, RequestBody: []byte("{}"),
		Answer: &http.Response{StatusCode: 200, Request: sent, Header: http.Header{"C": {"4"}}}, AnswerBody: []byte("hello"),
	}
	want := sfn.HTTPExchange{
		Request:  sfn.HTTPMessage{Protocol: "https", Method: "POST", URL: "https://api.example/x", Headers: "[A: 3, B: 1, 2]", Body: "{}"},
		Response: sfn.HTTPMessage{Protocol: "https", StatusCode: "200", StatusMessage: "OK", Headers: "[C: 4]", Body: "hello"},
	}
	if diff := cmp.Diff(want, shownExchange(x, false)); diff != "" {
		t.Error(diff)
	}
	want.Request.Headers = "[A: 3, Authorization: Basic secret, B: 1, 2]"
	if diff := cmp.Diff(want, shownExchange(x, true)); diff != "" {
		t.Error(diff)
	}
	if got := shownExchange(&awssdk.Exchange{}, true); got != (sfn.HTTPExchange{}) {
		t.Errorf("an exchange that did not happen is %+v", got)
	}
}
