package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test binary stand in for another user's client: with AUTH_TEST_DIAL set it makes one request and
// prints the answer.
func TestMain(m *testing.M) {
	if dial := os.Getenv("AUTH_TEST_DIAL"); dial != "" {
		network, address, _ := strings.Cut(dial, " ")
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
		req, _ := http.NewRequest("GET", "http://localhost/", nil)
		if token := os.Getenv("AUTH_TEST_TOKEN"); token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			fmt.Print(err)
			os.Exit(1)
		}
		_, _ = io.Copy(os.Stdout, resp.Body)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// whoami answers with the caller of each request.
func whoami(t *testing.T, network, address string, self int, tokens ...Token) net.Addr {
	t.Helper()
	a := New(self, tokens, slog.New(slog.DiscardHandler))
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.Caller(r)
		fmt.Fprintf(w, "%s admin=%t err=%v", c.Owner, c.Admin, err)
	}))
	s.Listener.Close()
	s.Listener = l
	s.Config.ConnContext = ConnContext
	s.Start()
	t.Cleanup(s.Close)
	return l.Addr()
}

// ask makes a request as uid from another process.
func ask(t *testing.T, uid int, addr net.Addr, token string) string {
	t.Helper()
	if uid != os.Getuid() && os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can act as another uid; run the tests as root to try the boundary between users")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The build's own directory may be closed to others.
	bin := filepath.Join(open(t), "client")
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, data, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(bin)
	c.Dir = "/"
	c.Env = []string{"AUTH_TEST_DIAL=" + addr.Network() + " " + addr.String(), "AUTH_TEST_TOKEN=" + token}
	if uid != os.Getuid() {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("client as uid %d: %v: %s", uid, err, out)
	}
	return string(out)
}

// open is a directory that every user can reach.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "auth")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

const nobody = 65534

func TestCallerIsTheUidAtTheOtherEnd(t *testing.T) {
	t.Parallel()
	self := os.Getuid()
	token := Token{Name: "t", SHA256: Digest("sesame"), User: "ada"}
	for _, c := range []struct{ network, address string }{
		{"tcp", "127.0.0.1:0"},
		{"tcp", "[::1]:0"},
		{"unix", filepath.Join(open(t), "s")},
	} {
		t.Run(c.network+c.address, func(t *testing.T) {
			t.Parallel()
			if l, err := net.Listen(c.network, c.address); err != nil {
				t.Skipf("SKIPPED: this machine has no %s: %v", c.address, err)
			} else {
				l.Close()
			}
			addr := whoami(t, c.network, c.address, self, token)
			if got, want := ask(t, self, addr, ""), OwnerOf(self)+" admin=true err=<nil>"; got != want {
				t.Errorf("the server's own uid: %q, want %q", got, want)
			}
			if got, want := ask(t, self, addr, "guess"), " admin=false err="+ErrBadToken.Error(); got != want {
				t.Errorf("a bad token: %q, want %q", got, want)
			}
			if got, want := ask(t, nobody, addr, ""), " admin=false err="+ErrNoToken.Error(); got != want {
				t.Errorf("another uid: %q, want %q", got, want)
			}
			if got, want := ask(t, nobody, addr, "sesame"), "ada admin=false err=<nil>"; got != want {
				t.Errorf("another uid with a token: %q, want %q", got, want)
			}
		})
	}
}

func TestRootNeedsNoToken(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root")
	}
	addr := whoami(t, "tcp", "127.0.0.1:0", 12345)
	if got, want := ask(t, 0, addr, ""), "root admin=true err=<nil>"; got != want {
		t.Errorf("root: %q, want %q", got, want)
	}
	if got, want := ask(t, 12345, addr, ""), "uid:12345 admin=true err=<nil>"; got != want {
		t.Errorf("the server's uid: %q, want %q", got, want)
	}
}

func TestClosedSocketsAreNobodys(t *testing.T) {
	t.Parallel()
	table := filepath.Join(t.TempDir(), "tcp")
	const rows = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:A001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 20 4 30 10 -1
   1: 0100007F:A002 0100007F:1F90 06 00000000:00000000 03:00001000 00000000     0        0 0 3 0
`
	if err := os.WriteFile(table, []byte(rows), 0o644); err != nil {
		t.Fatal(err)
	}
	server := netip.MustParseAddrPort("127.0.0.1:8080")
	if uid, err := findSocket(table, netip.MustParseAddrPort("127.0.0.1:40961"), server); uid != 1000 || err != nil {
		t.Errorf("an open socket: uid %d, error %v; want 1000", uid, err)
	}
	if uid, err := findSocket(table, netip.MustParseAddrPort("127.0.0.1:40962"), server); err == nil {
		t.Errorf("a socket in TIME_WAIT passes for uid %d", uid)
	}
	if _, err := findSocket(table, netip.MustParseAddrPort("127.0.0.1:40963"), server); !errors.Is(err, errNotLocal) {
		t.Errorf("no socket: error %v, want %v", err, errNotLocal)
	}
}

func TestForeignOriginsAreRefused(t *testing.T) {
	t.Parallel()
	o := Origins{Hosts: []string{"gpu1.example.org"}}
	for _, c := range []struct {
		host, origin, site string
		ok                 bool
	}{
		{"127.0.0.1:7070", "", "", true},
		{"[::1]:7070", "", "", true},
		{"localhost", "", "", true},
		{"sync-states.localhost:7070", "", "", true},
		{"GPU1.example.org:443", "", "", true},
		{"sync-127.0.0.1:7070", "", "", true},
		{"sync-gpu1.example.org", "", "", true},
		{"sync-evil.example.com", "", "", false},
		{"127.0.0.1:7070", "http://127.0.0.1:7070", "same-origin", true},
		{"evil.example.com:7070", "", "", false},
		{"127.0.0.1.example.com", "", "", false},
		{"", "", "", false},
		{"127.0.0.1:7070", "http://evil.example.com", "", false},
		{"127.0.0.1:7070", "http://127.0.0.1:8080", "", false},
		{"127.0.0.1:7070", "null", "", false},
		{"127.0.0.1:7070", "", "cross-site", false},
	} {
		r := &http.Request{Host: c.host, Header: http.Header{}}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if err := o.Check(r); (err == nil) != c.ok {
			t.Errorf("Host %q, Origin %q, Sec-Fetch-Site %q: %v, want ok=%t", c.host, c.origin, c.site, err, c.ok)
		}
	}
}

func TestMayAndScope(t *testing.T) {
	t.Parallel()
	ada, admin, none := Caller{Owner: "ada"}, Caller{Owner: "root", Admin: true}, Caller{}
	if !ada.May("ada") || ada.May("bob") || !admin.May("bob") || none.May("bob") {
		t.Error("May: callers see what is theirs, admins everything, nobody nothing")
	}
	if ada.Scope("") != "ada" || ada.Scope("bob") != "ada" || admin.Scope("") != "" || admin.Scope("bob") != "bob" {
		t.Error("Scope: a caller's lists are of their own, an admin's of whom they ask")
	}
}
