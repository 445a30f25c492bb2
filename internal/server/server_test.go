package server_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/server"
)

// door is a server whose one operation says who called.
type door struct {
	t      *testing.T
	url    string
	socket string
	sick   string
}

func open(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, socket: filepath.Join(t.TempDir(), "s")}
	// A dead server's socket does not keep a new one from listening.
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	log := slog.New(slog.DiscardHandler)
	tokens := []auth.Token{{Name: "t", SHA256: auth.Digest("sesame"), User: "ada"}}
	s, err := server.Listen(server.Options{
		Listen: "127.0.0.1:0", Socket: d.socket, Auth: auth.New(os.Getuid(), tokens, log), Log: log,
		Register: func(mux *http.ServeMux) {
			mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, auth.From(r.Context()).Owner)
			})
		},
		AWS:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "aws of "+r.Host) }),
		Metrics: prometheus.NewRegistry(),
		Healthy: func() string { return d.sick },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.url = "http://" + s.Addr().String()
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		s.Shutdown(context.Background())
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d
}

// get asks over TCP, or over the Unix socket.
func (d *door) get(unix bool, path string, header ...string) (int, string) {
	d.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if unix {
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", d.socket)
		}
	}
	req, err := http.NewRequestWithContext(d.t.Context(), "GET", d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestWhoMayComeIn(t *testing.T) {
	t.Parallel()
	d := open(t)
	self := auth.OwnerOf(os.Getuid())
	for _, unix := range []bool{false, true} {
		if code, text := d.get(unix, "/who"); code != 200 || text != self {
			t.Errorf("unix=%t: the server's own uid: %d %q, want %s", unix, code, text, self)
		}
		if code, text := d.get(unix, "/who", "Authorization", "Bearer sesame"); code != 200 || text != "ada" {
			t.Errorf("unix=%t: a token: %d %q, want ada", unix, code, text)
		}
		code, text := d.get(unix, "/who", "Authorization", "Bearer guess")
		var p client.Problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || code != 401 || p.Remedy == "" {
			t.Errorf("unix=%t: a bad token: %d %s, want a problem with a remedy", unix, code, text)
		}
	}
	for _, header := range [][]string{{"Host", "evil.example"}, {"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if code, text := d.get(false, "/who", header...); code != 403 {
			t.Errorf("%s: %d %s, want 403", header, code, text)
		}
	}
}

// What clients of AWS send goes past the door: who they are is theirs to find out.
func TestAWS(t *testing.T) {
	t.Parallel()
	d := open(t)
	for path, aws := range map[string]bool{"/": true, "/who": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "sync-localhost"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || (string(text) == "aws of sync-localhost") != aws {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	var p client.Problem
	code, text := d.get(false, "/")
	if err := json.Unmarshal([]byte(text), &p); err != nil || code != 404 || !strings.Contains(p.Remedy, "X-Amz-Target") {
		t.Errorf("GET /: %d %s, want a problem that says where the APIs are", code, text)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	d := open(t)
	if code, text := d.get(false, "/healthz"); code != 200 || text != "ok\n" {
		t.Errorf("well: %d %q", code, text)
	}
	d.sick = "kernel has stood still"
	if code, text := d.get(true, "/healthz"); code != 503 || text != "kernel has stood still\n" {
		t.Errorf("not well: %d %q", code, text)
	}
}

// Profiles are for admins at the local socket.
func TestProfiles(t *testing.T) {
	t.Parallel()
	d := open(t)
	if code, _ := d.get(true, "/debug/pprof/cmdline"); code != 200 {
		t.Errorf("an admin at the socket: %d", code)
	}
	if code, _ := d.get(true, "/debug/pprof/cmdline", "Authorization", "Bearer sesame"); code != 403 {
		t.Errorf("a user at the socket: %d, want 403", code)
	}
	if code, _ := d.get(false, "/debug/pprof/cmdline"); code != 404 {
		t.Errorf("over TCP: %d, want 404", code)
	}
}
