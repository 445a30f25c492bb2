package e2e

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/client"
)

// server is a `tutti up` on data of its own.
type server struct {
	t      *testing.T
	dir    string // everything of the test's
	data   string
	config string
	addr   string
	cmd    *exec.Cmd
	log    bytes.Buffer
	ended  chan struct{}
	*client.Client
}

// newServer starts a server with a configuration file's text.
func newServer(t *testing.T, config string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "tutti-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	return newServerIn(t, dir, config)
}

// newServerIn is newServer in a folder of the test's, which is removed at its end.
func newServerIn(t *testing.T, dir, config string) *server {
	t.Helper()
	var err error
	s := &server{t: t, dir: dir, data: filepath.Join(dir, "data"), config: filepath.Join(dir, "tutti.yaml"), addr: freeAddr(t)}
	if err := os.WriteFile(s.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if s.Client, err = client.New(client.Options{Server: "http://" + s.addr}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cleanUp()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.String())
		}
	})
	s.up()
	return s
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// up starts the server, again after a kill, and waits until it is ready.
func (s *server) up() {
	s.t.Helper()
	s.cmd = exec.Command(binary, "up", "--listen", s.addr, "--data", s.data, "--config", s.config)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
	ctx := testContext(s.t)
	for s.Healthy(ctx) != nil {
		select {
		case <-s.ended:
			s.t.Fatalf("tutti up ended before it was ready:\n%s", s.log.String())
		case <-ctx.Done():
			s.t.Fatalf("tutti up is not ready:\n%s", s.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill is kill -9 of the server, and of nothing else.
func (s *server) kill() { s.signal(syscall.SIGKILL) }

// signal sends the server a signal that ends it, and waits for the end.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
}

// command runs tutti against the server.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "TUTTI_SERVER=http://"+s.addr)
	cmd.Dir = s.dir
	return cmd
}

// tutti runs a command that must succeed, and gives its standard output.
func (s *server) tutti(args ...string) string {
	s.t.Helper()
	var stderr bytes.Buffer
	cmd := s.command(testContext(s.t), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("tutti %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// refused runs a command that must fail, and gives all that it printed.
func (s *server) refused(args ...string) string {
	s.t.Helper()
	out, err := s.command(testContext(s.t), args...).CombinedOutput()
	if err == nil {
		s.t.Fatalf("tutti %s: succeeded, want a refusal\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

// write puts a file into the test's folder and gives its path.
func (s *server) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// start starts a run of a definition.
func (s *server) start(definition, input string) *client.Run {
	s.t.Helper()
	r, err := s.Start(testContext(s.t), client.StartRun{Definition: definition, Input: []byte(input)})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// end waits for a run's end.
func (s *server) end(id int64) *client.Run {
	s.t.Helper()
	ctx := testContext(s.t)
	after := int64(0)
	err := s.Events(ctx, client.EventQuery{Run: id, After: &after}, func(c client.Change) bool {
		return c.Run == nil || c.Run.ID != id || c.Run.Status == "RUNNING"
	})
	if err != nil {
		s.t.Fatalf("waiting for run %d: %v", id, err)
	}
	r, err := s.Run(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// succeeded waits for a run's end and fails the test unless it is a good one.
func (s *server) succeeded(id int64) *client.Run {
	s.t.Helper()
	r := s.end(id)
	if r.Status != "SUCCEEDED" {
		s.t.Fatalf("run %d: %s: %s: %s", id, r.Status, r.Error, r.Cause)
	}
	return r
}

// jobs are the jobs of a run, oldest first.
func (s *server) jobs(run int64) []client.Job {
	s.t.Helper()
	p, err := s.Jobs(testContext(s.t), client.JobQuery{Run: run, Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	list := p.Items
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// replicas are the processes of a job.
func (s *server) replicas(job int64) []client.Replica {
	s.t.Helper()
	p, err := s.Replicas(testContext(s.t), job, client.ReplicaQuery{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Items
}
