package aws

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/value"
)

// testHandler is a front door with one action, Echo, that tells its caller's name and its input. Bearer tokens are names
// of users.
func testHandler(t testing.TB, rate Rate) *Handler {
	t.Helper()
	echo := func(ctx context.Context, in value.Value) (value.Value, error) {
		switch in.At("name").Text() {
		case "broken":
			return value.Value{}, errors.New("the disk is on fire")
		case "nothing":
			return value.Value{}, nil
		}
		return in.With("who", value.NewString(auth.From(ctx).Owner)), nil
	}
	tokens := []auth.Token{{SHA256: auth.Digest("ada"), User: "ada"}, {SHA256: auth.Digest("bob"), User: "bob"}}
	return New(Options{
		Services: []Service{{Target: "Test", Signing: "test", Namespace: "com.example", Actions: map[string]Action{
			"Echo": {Do: echo, Input: Structure("EchoInput", Optional("name", Text(1, 10)), Optional("n", Integer(0, 9)))},
		}}},
		MaxBody: 4096,
		Callers: Callers{
			Auth:        auth.New(-1, tokens, slog.New(slog.DiscardHandler)),
			Credentials: func() map[string]Credential { return nil },
			Now:         func() time.Time { return noon },
		},
		Origin: auth.Origins{}.Check,
		Rate:   func() Rate { return rate },
		Log:    slog.New(slog.DiscardHandler),
	})
}

// post sends a request of a user's.
func post(h http.Handler, target, user, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Authorization", "Bearer "+user)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRequests(t *testing.T) {
	t.Parallel()
	h := testHandler(t, Rate{})
	for name, try := range map[string]struct {
		target, user, body string
		status             int
		answer             string
	}{
		"an answer":     {"Test.Echo", "ada", `{"name":"x","more":1}`, 200, `{"name":"x","more":1,"who":"ada"}`},
		"no body":       {"Test.Echo", "ada", ``, 200, `{"who":"ada"}`},
		"empty answer":  {"Test.Echo", "ada", `{"name":"nothing"}`, 200, `{}`},
		"no action":     {"Test.Shout", "ada", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"There is no action \"Test.Shout\". The header X-Amz-Target names one, such as AWSStepFunctions.StartExecution."}`},
		"no target":     {"", "ada", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"There is no action \"\". The header X-Amz-Target names one, such as AWSStepFunctions.StartExecution."}`},
		"nobody":        {"Test.Echo", "eve", `{}`, 400, `{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
		"no JSON":       {"Test.Echo", "ada", `{"name":`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"The request cannot be read: line 1, column 9: unexpected EOF"}`},
		"no UTF-8":      {"Test.Echo", "ada", "{\"name\":\"\xff\"}", 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"The request cannot be read: line 1, column 10: invalid UTF-8"}`},
		"deep":          {"Test.Echo", "ada", strings.Repeat("[", 2000), 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"The request cannot be read: line 1, column 1003: nested more than 1000 deep"}`},
		"an array":      {"Test.Echo", "ada", `[]`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"Unexpected field type"}`},
		"another type":  {"Test.Echo", "ada", `{"name":1}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"NUMBER_VALUE can not be converted to a String"}`},
		"a huge number": {"Test.Echo", "ada", `{"n":1e999999999}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"NUMBER_VALUE can not be converted to an Integer"}`},
		"a violation":   {"Test.Echo", "ada", `{"n":10}`, 400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: Value '10' at 'n' failed to satisfy constraint: Member must have value less than or equal to 9"}`},
		"too large":     {"Test.Echo", "ada", `{"x":"` + strings.Repeat("x", 4096) + `"}`, 413, `{"__type":"com.amazon.coral.service#RequestEntityTooLargeException","message":"The request has more than the 4096 bytes that limits.body of the server's configuration allows."}`},
		"our fault":     {"Test.Echo", "ada", `{"name":"broken"}`, 500, `{"__type":"com.amazon.coral.service#InternalFailure"}`},
	} {
		w := post(h, try.target, try.user, try.body)
		if got := w.Body.String(); w.Code != try.status || got != try.answer {
			t.Errorf("%s: %d %s\nwant %d %s", name, w.Code, got, try.status, try.answer)
		}
		if id := w.Header().Get("x-amzn-RequestId"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("%s: request id %q", name, id)
		}
		if c := w.Header().Get("Content-Type"); c != "application/x-amz-json-1.0" {
			t.Errorf("%s: content type %q", name, c)
		}
	}
}

// A body of which nobody said how long it is is bounded too.
func TestChunkedBody(t *testing.T) {
	t.Parallel()
	h := testHandler(t, Rate{})
	for size, status := range map[int]int{10: 200, 4000: 200, 5000: 413} {
		body := `{"x":"` + strings.Repeat("x", size) + `"}`
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", io.NopCloser(strings.NewReader(body)))
		r.ContentLength = -1
		r.Header.Set("X-Amz-Target", "Test.Echo")
		r.Header.Set("Authorization", "Bearer ada")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != status {
			t.Errorf("%d bytes: %d %s", size, w.Code, w.Body)
		}
	}
}

func TestForeignRequestsAreRefused(t *testing.T) {
	t.Parallel()
	h := testHandler(t, Rate{})
	for host, origin := range map[string]string{"evil.example.com": "", "localhost:7070": "http://evil.example.com"} {
		r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", "Test.Echo")
		r.Header.Set("Authorization", "Bearer ada")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 403 || !strings.Contains(w.Body.String(), "#AccessDeniedException") {
			t.Errorf("%s, %s: %d %s", host, origin, w.Code, w.Body)
		}
	}
}

// What the server asks itself needs no signature, whatever the host is called.
func TestInside(t *testing.T) {
	t.Parallel()
	h := testHandler(t, Rate{})
	r := httptest.NewRequest(http.MethodPost, "http://states.us-east-1.amazonaws.com/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Target", "Test.Echo")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), auth.Caller{Owner: "ada"})))
	if w.Code != 200 || w.Body.String() != `{"who":"ada"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	h := testHandler(t, Rate{PerSecond: 1, Burst: 2})
	for i, want := range []int{200, 200, 400, 400} {
		if w := post(h, "Test.Echo", "ada", "{}"); w.Code != want || want == 400 && w.Body.String() != `{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}` {
			t.Errorf("request %d: %d %s", i, w.Code, w.Body)
		}
	}
	if w := post(h, "Test.Echo", "bob", "{}"); w.Code != 200 {
		t.Errorf("one user's requests count for another: %d %s", w.Code, w.Body)
	}
	var b throttle
	rate := Rate{PerSecond: 10, Burst: 1}
	if !b.take("x", rate, noon) || b.take("x", rate, noon.Add(50*time.Millisecond)) || !b.take("x", rate, noon.Add(110*time.Millisecond)) {
		t.Error("the bucket does not fill as it should")
	}
	if b.take("x", rate, noon) {
		t.Error("a clock that was set back filled the bucket")
	}
}

// FuzzRequest holds that no request breaks the front door, and that every answer is an object.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"name":"x","n":3}`, `{"name":null}`, `{"n":1e400}`, `[[[[`, "\xff", `{"name":"\ud800"}`} {
		f.Add(seed)
	}
	h := testHandler(f, Rate{})
	f.Fuzz(func(t *testing.T, body string) {
		w := post(h, "Test.Echo", "ada", body)
		v, err := value.Parse(w.Body.Bytes())
		if err != nil || v.Kind() != value.Object {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		if w.Code == 500 && !strings.Contains(body, "broken") {
			t.Errorf("%q is our fault", body)
		}
	})
}
