package awssdk

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tutti-ml/tutti/internal/kernel"
)

// Who asks sees what goes over the wire, with and without what the connection adds.
func TestExchange(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte(r.Header.Get("Authorization")+" "), body...))
	}))
	t.Cleanup(s.Close)
	c := New(Options{Config: Config{Connections: map[string]Connection{
		"crm": {Endpoints: []string{s.URL}, Users: []string{"*"}, Authorize: func(q *http.Request) error {
			q.SetBasicAuth("u", "p")
			return nil
		}},
	}}})
	task := taskOf(httpInvokeName, `{"ApiEndpoint":"`+s.URL+`","Method":"POST","RequestBody":{"a":1},"Authentication":{"ConnectionArn":"crm"}}`)
	var x Exchange
	o := c.Find(httpInvokeName).(kernel.Doer).Do(WithExchange(t.Context(), &x), task, func() {})
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	if x.Plain.Header.Get("Authorization") != "" || x.Sent.Header.Get("Authorization") == "" {
		t.Errorf("plain %v, sent %v", x.Plain.Header, x.Sent.Header)
	}
	if string(x.RequestBody) != `{"a":1}` || x.Answer.StatusCode != 200 || string(x.AnswerBody) != `Basic dTpw {"a":1}` {
		t.Errorf("the exchange is %q, %d, %q", x.RequestBody, x.Answer.StatusCode, x.AnswerBody)
	}
}
