package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/cli"
)

// The test's own binary is the tutti that scripts run, and the runner that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "runner" {
		tutti()
	}
	testscript.Main(m, map[string]func(){"tutti": tutti})
}

func tutti() {
	p := cli.OS()
	p.Version = "test"
	os.Exit(cli.Main(p))
}

// settings let jobs run where the tests do: as root too, on the machine's own files.
const settings = "allowRoot: true\nimages: {work: host}\n"

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "xdg"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			dir := filepath.Join(e.WorkDir, "config", "tutti")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			e.Defer(func() { endRunner(e.WorkDir) })
			return os.WriteFile(filepath.Join(dir, "tutti.yaml"), []byte(settings), 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "ready": ready},
	})
}

// exits STATUS COMMAND… runs a command that must end with a status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exits: %v", err)
	}
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("exits: %v", err)
	}
	if code != want {
		ts.Fatalf("%s ended with status %d, want %d", strings.Join(args[1:], " "), code, want)
	}
}

// ready DIR waits for the server on a data directory.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	awaitServer(ts.Fatalf, ts.MkAbs(args[0]))
}

// awaitServer asks until the server answers: it gives no other sign to somebody outside.
func awaitServer(fatal func(string, ...any), data string) *client.Client {
	c, err := client.New(client.Options{Server: "unix://" + filepath.Join(data, "tutti.sock")})
	if err != nil {
		fatal("%v", err)
	}
	for end := time.Now().Add(time.Minute); c.Healthy(context.Background()) != nil; {
		if time.Now().After(end) {
			fatal("no server on %s", data)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return c
}

// endRunner ends the runners of data directories below dir, which outlive their servers.
func endRunner(dir string) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		line, err := os.ReadFile(path)
		args := strings.Split(string(line), "\x00")
		if err != nil || len(args) < 3 || args[1] != "runner" || !strings.HasPrefix(args[2], dir) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}

// session is a place for commands that run in this process.
type session struct {
	t   *testing.T
	dir string
	env []string
}

func newSession(t *testing.T) *session {
	t.Helper()
	s := &session{t: t, dir: t.TempDir()}
	s.env = []string{"HOME=" + s.dir, "XDG_DATA_HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir}
	s.write("tutti/tutti.yaml", settings)
	t.Cleanup(func() { endRunner(s.dir) })
	return s
}

func (s *session) data() string { return filepath.Join(s.dir, "tutti") }

func (s *session) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// buffer is a bytes.Buffer for several goroutines; Said is closed when it first holds the text.
type buffer struct {
	mu   sync.Mutex // guards all below
	b    bytes.Buffer
	text string
	said chan struct{}
}

func listenFor(text string) *buffer { return &buffer{text: text, said: make(chan struct{})} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Write(p)
	if b.text != "" && strings.Contains(b.b.String(), b.text) {
		b.text = ""
		close(b.said)
	}
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// process is a command with its own signals; its standard error is stderr.
func (s *session) process(stdout, stderr io.Writer, args ...string) (cli.Process, chan<- os.Signal) {
	signals := make(chan os.Signal, 4)
	return cli.Process{
		Version: "test", Args: args, Env: s.env, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr,
		Now: time.Now, Screen: func() (int, int) { return 0, 0 }, Signals: signals,
	}, signals
}

// up runs a server until the test ends.
func (s *session) up() *client.Client {
	s.t.Helper()
	log := &buffer{}
	p, signals := s.process(io.Discard, log, "up", "--listen", "127.0.0.1:0")
	done := make(chan int, 1)
	go func() { done <- cli.Main(p) }()
	s.t.Cleanup(func() {
		signals <- syscall.SIGTERM
		if code := <-done; code != 0 {
			s.t.Errorf("tutti up ended with status %d:\n%s", code, log)
		}
	})
	return awaitServer(s.t.Fatalf, s.data())
}

const waits = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100000,"End":true}}}`

// The first Ctrl-C cancels the run, and says so.
func TestInterruptCancels(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	c := s.up()
	stderr := listenFor("W: entered")
	p, signals := s.process(io.Discard, stderr, "run", s.write("w.asl.json", waits))
	done := make(chan int, 1)
	go func() { done <- cli.Main(p) }()
	<-stderr.said
	signals <- syscall.SIGINT
	if code := <-done; code != 130 {
		t.Errorf("status %d, want 130", code)
	}
	for _, want := range []string{"Cancelling run r1", "Run r1 is cancelled"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it was not said that %q:\n%s", want, stderr)
		}
	}
	if r, err := c.Run(t.Context(), 1); err != nil || r.Status != "ABORTED" {
		t.Errorf("the run is %+v, error %v; want ABORTED", r, err)
	}
}

// On a terminal the tree is drawn in place, without colours where NO_COLOR is set.
func TestLiveTree(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.up()
	s.env = append(s.env, "NO_COLOR=1")
	var stdout, stderr bytes.Buffer
	p, _ := s.process(&stdout, &stderr, "run", s.write("m.asl.json", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items",
		"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}`), "--input", `{"items":[1,2,3]}`)
	p.Screen = func() (int, int) { return 80, 24 }
	if code := cli.Main(p); code != 0 {
		t.Fatalf("status %d:\n%s", code, stderr.String())
	}
	if got := stdout.String(); got != "[1,2,3]\n" {
		t.Errorf("the output is %q", got)
	}
	last := stderr.String()[strings.LastIndex(stderr.String(), "A\r")+1:]
	if !strings.Contains(last, "✓ M") || !strings.Contains(last, "[████████████████████] 3/3") {
		t.Errorf("the tree ends as\n%s", last)
	}
	if strings.Contains(stderr.String(), "\x1b[3") {
		t.Errorf("there are colours in spite of NO_COLOR:\n%q", stderr.String())
	}
}

// What is said of a cancelled run on a terminal stands below the tree, which stays one.
func TestInterruptOnATerminal(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.up()
	s.env = append(s.env, "NO_COLOR=1")
	stderr := listenFor("● W")
	p, signals := s.process(io.Discard, stderr, "run", s.write("w.asl.json", waits))
	p.Screen = func() (int, int) { return 80, 24 }
	done := make(chan int, 1)
	go func() { done <- cli.Main(p) }()
	<-stderr.said
	signals <- syscall.SIGINT
	if code := <-done; code != 130 {
		t.Errorf("status %d, want 130", code)
	}
	var begin []string
	for _, line := range screen(stderr.String()) {
		begin = append(begin, strings.Join(strings.Fields(line)[:2], " "))
	}
	begin[1], _, _ = strings.Cut(begin[1], "-")
	want := []string{"Run r1", "✗ w", "✗ W", "Cancelling run", "Run r1"}
	if !slices.Equal(begin, want) {
		t.Errorf("the lines begin with %q, want %q; they are\n%s", begin, want, strings.Join(screen(stderr.String()), "\n"))
	}
}

// screen is what a terminal shows of output that moves the cursor up and erases lines.
func screen(output string) []string {
	lines, row := []string{""}, 0
	for part := range strings.SplitAfterSeq(output, "\n") {
		part, ends := strings.CutSuffix(part, "\n")
		var up int
		if n, _ := fmt.Sscanf(part, "\x1b[%dA", &up); n == 1 {
			row -= up
			part = part[strings.Index(part, "A")+1:]
		}
		if text, ok := strings.CutPrefix(part, "\r\x1b[K"); ok {
			lines[row], part = "", text
		}
		lines[row] += part
		if ends {
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		}
	}
	return lines[:len(lines)-1]
}

// A configuration that becomes faulty leaves the old one in force.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	log := listenFor("the old one stays")
	p, signals := s.process(io.Discard, log, "up", "--listen", "127.0.0.1:0")
	done := make(chan int, 1)
	go func() { done <- cli.Main(p) }()
	c := awaitServer(t.Fatalf, s.data())
	s.write("tutti/tutti.yaml", "tokens:\n  - {name: x, user: ada, sha256: short}\n")
	signals <- syscall.SIGHUP
	<-log.said
	if err := c.Healthy(t.Context()); err != nil {
		t.Errorf("after a faulty configuration: %v", err)
	}
	signals <- syscall.SIGTERM
	if code := <-done; code != 0 {
		t.Errorf("status %d:\n%s", code, log)
	}
}
