package app

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tutti-ml/tutti/internal/auth"
)

func TestConnectionsAuthorize(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequest("GET", "http://x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := Connection{User: "u", Password: File{file}, Header: "X-Api-Key", Value: File{file}}
	if err := c.authorize(q); err != nil {
		t.Fatal(err)
	}
	if u, p, _ := q.BasicAuth(); u != "u" || p != "s3cret" || q.Header.Get("X-Api-Key") != "s3cret" {
		t.Errorf("the request has %v", q.Header)
	}
	if err := (Connection{Header: "X", Value: File{file + "-none"}}).authorize(q); err == nil {
		t.Error("a file that is not there is no error")
	}
	keys, err := (&AWS{AccessKeyID: "A", SecretAccessKey: File{file}}).keys()
	if err != nil || keys.SecretAccessKey != "s3cret" || keys.SessionToken != "" {
		t.Errorf("the keys are %v, %v", keys.AccessKeyID, err)
	}
}

func TestInside(t *testing.T) {
	t.Parallel()
	i := &inside{http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Owner", auth.From(q.Context()).Owner)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("text"))
	}), "ann"}
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := i.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body := make([]byte, 10)
	n, _ := a.Body.Read(body)
	if a.StatusCode != http.StatusTeapot || a.Header.Get("X-Owner") != "ann" || string(body[:n]) != "text" {
		t.Errorf("the answer is %v %s", a, body[:n])
	}
}
