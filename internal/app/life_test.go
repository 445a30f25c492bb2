package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/runner"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// The test's own binary is the runner that an App starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "runner" {
		if err := Runner(context.Background(), os.Args[2:]); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// running is an App that runs until the test ends, with its runner, and a client of it.
func running(t *testing.T) (*App, *client.Client) {
	t.Helper()
	conf := DefaultConfig(nil)
	conf.Listen, conf.Data, conf.AllowRoot = "127.0.0.1:0", t.TempDir(), true
	conf.Images = map[string]string{"work": "host"}
	a, err := Open(t.Context(), conf, Options{Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		if err := a.local.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c, err := client.New(client.Options{Server: a.URL()})
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

const printer = `{"StartAt":"J","States":{"J":{"Type":"Task","Resource":"arn:tutti:states:::job:run.sync","End":true,
	"Parameters":{"Manifest":{"apiVersion":"batch/v1","kind":"Job","metadata":{"generateName":"j-"},"spec":{"template":{"spec":{
	"restartPolicy":"Never","containers":[{"name":"main","image":"work","command":["/bin/echo","hello"]}]}}}}}}}}`

// What has ended for longer than it is to be kept goes, with its logs; what has not stays.
func TestPruning(t *testing.T) {
	t.Parallel()
	a, c := running(t)
	ctx := t.Context()
	r, err := c.Start(ctx, client.StartRun{Definition: printer})
	if err != nil {
		t.Fatal(err)
	}
	var lines []client.Line
	logs := func(q client.LogQuery) error {
		lines = nil
		return c.Logs(ctx, q, func(l client.Line) bool { lines = append(lines, l); return true })
	}
	if err := logs(client.LogQuery{Run: r.ID, Follow: true}); err != nil || len(lines) != 1 {
		t.Fatalf("the run printed %+v, error %v; want a line", lines, err)
	}
	if err := a.pruneOnce(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := logs(client.LogQuery{Job: lines[0].Job}); err != nil || len(lines) != 1 {
		t.Errorf("after pruning too early: %+v, error %v", lines, err)
	}
	if err := a.pruneOnce(ctx, time.Now().Add(365*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Run(ctx, r.ID); !client.IsNotFound(err) {
		t.Errorf("the run after its time: %v, want not found", err)
	}
	if jobs, err := c.Jobs(ctx, client.JobQuery{}); err != nil || len(jobs.Items) != 0 {
		t.Errorf("jobs after their time: %+v, error %v", jobs, err)
	}
}

// One data directory has one server.
func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	a, _ := running(t)
	conf := a.conf
	if _, err := Open(t.Context(), conf, Options{Log: io.Discard}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second server: %v, want that the data are in use", err)
	}
}

// A server that cannot listen leaves no runner behind.
func TestNothingIsLeftOfAServerThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	conf := DefaultConfig(nil)
	conf.Listen, conf.Data, conf.AllowRoot = taken.Addr().String(), t.TempDir(), true
	var log bytes.Buffer
	if _, err := Open(t.Context(), conf, Options{Log: &log}); err == nil {
		t.Fatal("it listens where another does")
	}
	if !strings.Contains(log.String(), "the runner was started") {
		t.Fatalf("there was no runner to leave: %s", &log)
	}
	if r, err := runner.Dial(t.Context(), runnerDir(conf.Data)); err == nil {
		r.Close()
		t.Error("the runner is still there")
	}
}

// brokenBlobs are on a disk that takes nothing more.
type brokenBlobs struct {
	store.Blobs
	err error
}

func (b brokenBlobs) Put(value.Digest, []byte) error { return b.err }

// A room that fails stops the server, and its error is the server's.
func TestFailedWriterStopsTheServer(t *testing.T) {
	t.Parallel()
	conf := DefaultConfig(nil)
	conf.Listen, conf.Data, conf.AllowRoot = "127.0.0.1:0", t.TempDir(), true
	a, err := Open(t.Context(), conf, Options{Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b, err := Open(context.Background(), conf, Options{Log: io.Discard})
		if err != nil {
			t.Error(err)
			return
		}
		if err := errors.Join(b.local.Shutdown(context.Background()), b.close()); err != nil {
			t.Error(err)
		}
	})
	broken := errors.New("the disk is gone")
	a.writer.Blobs = brokenBlobs{a.blobs, broken}
	done := make(chan error, 1)
	go func() { done <- a.Run(context.Background()) }()
	c, err := client.New(client.Options{Server: a.URL()})
	if err != nil {
		t.Fatal(err)
	}
	// A value that is large enough to go to the blobs.
	input := append(append([]byte(`"`), make([]byte, 2<<20)...), '"')
	for i := 1; i < len(input)-1; i++ {
		input[i] = 'x'
	}
	if _, err := c.Start(t.Context(), client.StartRun{Definition: `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`, Input: input}); err == nil {
		t.Error("a run that could not be made durable was accepted")
	}
	if err := <-done; !errors.Is(err, broken) {
		t.Errorf("the server ended with %v, want %v", err, broken)
	}
}
