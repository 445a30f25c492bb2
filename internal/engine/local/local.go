// Package local is the engine of the machine in front of us. It turns the port's words into the runner's, finds out
// what the machine has, and starts a runner where there is none. It decides whose rights a process gets and which paths
// of the host it may see; the runner carries that out.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/runner"
)

// Config says how the local machine is used.
type Config struct {
	// Dir is the runner's directory. Owners of jobs must be able to pass through it and those above it.
	Dir string
	// Command starts a runner for Dir that stays: a program and its arguments. A runner of another program than ours that
	// is at work already is asked to go on as this one.
	Command []string
	Log     *slog.Logger // nil: none

	Capacity  Capacity
	Images    Images
	HostPaths []string // directories of the host that jobs may mount
	// AllowRoot lets jobs of root run as root; otherwise they are refused.
	AllowRoot bool
	Path      string        // PATH of processes that set none; empty: the usual directories
	Grace     time.Duration // from SIGTERM to SIGKILL where a process names none; 0: the runner's, 10 s
	// Pressure says what the machine is short of, so that nothing more is to be placed on it; empty: nothing. Nil: never.
	Pressure func() string
}

// startPatience is how long a runner that was started has to answer.
const startPatience = 15 * time.Second

// Engine is the local machine as an engine.Engine.
type Engine struct {
	cfg   Config
	log   *slog.Logger
	node  engine.Node
	hosts []string // HostPaths, with links resolved

	mu     sync.Mutex // guards client and closed
	client *runner.Client
	closed bool
}

var _ engine.Engine = (*Engine)(nil)

// Open connects to the runner, having started it if there is none, and looks at the machine.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{cfg: cfg, log: cfg.Log}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	for _, p := range cfg.HostPaths {
		real, err := filepath.EvalSymlinks(p)
		if err != nil || !filepath.IsAbs(p) {
			return nil, fmt.Errorf("granting the host path %q: it must be an absolute path that exists; take it out of hostPaths or make it", p)
		}
		e.hosts = append(e.hosts, real)
	}
	var err error
	if e.node, err = cfg.Capacity.node(ctx); err != nil {
		return nil, err
	}
	c, err := e.connect(ctx)
	if err == nil {
		err = e.upgrade(ctx, c)
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// connect gives the connection to the runner, made anew if the last one ended.
func (e *Engine) connect(ctx context.Context) (*runner.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, fmt.Errorf("%w: it was closed", engine.ErrLost)
	case e.client != nil && !e.client.Gone():
		return e.client, nil
	}
	c, err := runner.Dial(ctx, e.cfg.Dir)
	if err != nil && !isProtocolError(err) {
		if c, err = e.startRunner(ctx); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to the runner: %w", err)
	}
	e.client = c
	return c, nil
}

func isProtocolError(err error) bool {
	var e *runner.Error
	return errors.As(err, &e)
}

// startRunner starts a runner that outlives us: in a session of its own, with a log of its own.
func (e *Engine) startRunner(ctx context.Context) (*runner.Client, error) {
	if len(e.cfg.Command) == 0 {
		return nil, fmt.Errorf("%w: no runner is at work in %s, and there is no command to start one", engine.ErrLost, e.cfg.Dir)
	}
	if err := os.MkdirAll(e.cfg.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("making the runner's directory: %w", err)
	}
	logPath := filepath.Join(e.cfg.Dir, "runner.log")
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the runner's log: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(e.cfg.Command[0], e.cfg.Command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the runner: %w", err)
	}
	e.log.Info("the runner was started", "pid", cmd.Process.Pid, "log", logPath)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return e.await(ctx, ended, logPath)
}

// await dials until the runner answers. One that ended may have found another at work, which then answers.
func (e *Engine) await(ctx context.Context, ended <-chan error, logPath string) (*runner.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		c, err := runner.Dial(ctx, e.cfg.Dir)
		if err == nil {
			return c, nil
		}
		select {
		case exit := <-ended:
			if c, err := runner.Dial(ctx, e.cfg.Dir); err == nil {
				return c, nil
			}
			return nil, fmt.Errorf("%w: the runner ended at once (%v): see %s", engine.ErrLost, exit, logPath)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the runner does not answer (%w): see %s", engine.ErrLost, err, logPath)
		case <-time.After(pause):
		}
	}
}

// Name implements engine.Engine.
func (e *Engine) Name() string { return "local" }

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Places: engine.PlacesOurs, Signals: true, Usage: true, Grace: cmp.Or(e.cfg.Grace, 10*time.Second)}
}

// Nodes implements engine.Engine: there is one.
func (e *Engine) Nodes(ctx context.Context) ([]engine.Node, error) {
	n := e.node
	if _, err := e.connect(ctx); err != nil {
		n.Ready, n.Why = false, err.Error()
	} else if e.cfg.Pressure != nil {
		n.Why = e.cfg.Pressure()
		n.Ready = n.Why == ""
	}
	return []engine.Node{n}, nil
}

// call runs f with a connection and translates its error.
func (e *Engine) call(ctx context.Context, what string, f func(*runner.Client) error) error {
	c, err := e.connect(ctx)
	if err == nil {
		err = f(c)
	}
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	var known *runner.Error
	switch {
	case errors.Is(err, runner.ErrGone):
		return fmt.Errorf("%s: %w: %w", what, engine.ErrLost, err)
	case !errors.As(err, &known):
	case known.Code == runner.CodeUnknown:
		return fmt.Errorf("%s: %w: %w", what, engine.ErrUnknown, err)
	case known.Code == runner.CodeSuperseded:
		return fmt.Errorf("%s: %w: %w", what, engine.ErrSuperseded, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Submit implements engine.Engine.
func (e *Engine) Submit(ctx context.Context, starts []engine.Start) error {
	for _, batch := range byEpoch(starts) {
		b := runner.StartBatch{Epoch: batch[0].Epoch, Starts: make([]runner.Start, len(batch))}
		for i := range batch {
			b.Starts[i] = e.translate(&batch[i])
		}
		if err := e.call(ctx, "submitting", func(c *runner.Client) error { return c.Start(ctx, b) }); err != nil {
			return err
		}
	}
	return nil
}

// byEpoch cuts starts where the epoch changes; usually there is one piece.
func byEpoch(starts []engine.Start) (batches [][]engine.Start) {
	for from, i := 0, 1; i <= len(starts); i++ {
		if i == len(starts) || starts[i].Epoch != starts[from].Epoch {
			batches = append(batches, starts[from:i])
			from = i
		}
	}
	return batches
}

// Cancel implements engine.Engine.
func (e *Engine) Cancel(ctx context.Context, p job.Proc, reason job.Reason, grace time.Duration) error {
	return e.call(ctx, "cancelling "+p.String(), func(c *runner.Client) error {
		return c.Cancel(ctx, runner.Cancel{Key: key(p), Why: string(reason), Grace: grace})
	})
}

// Signal implements engine.Engine.
func (e *Engine) Signal(ctx context.Context, p job.Proc, signal int) error {
	return e.call(ctx, "signalling "+p.String(), func(c *runner.Client) error {
		return c.Signal(ctx, runner.Signal{Key: key(p), Signal: signal})
	})
}

// List implements engine.Engine.
func (e *Engine) List(ctx context.Context) (list []engine.Report, err error) {
	err = e.call(ctx, "listing processes", func(c *runner.Client) error {
		reports, err := c.List(ctx)
		list = reportsOf(reports)
		return err
	})
	return list, err
}

// LastJob implements engine.Engine.
func (e *Engine) LastJob(ctx context.Context) (last job.ID, err error) {
	err = e.call(ctx, "asking for the latest job", func(c *runner.Client) error {
		n, err := c.LastJob(ctx)
		last = job.ID(n)
		return err
	})
	return last, err
}

// Reports implements engine.Engine.
func (e *Engine) Reports(ctx context.Context, yield func([]engine.Report) bool) error {
	return e.call(ctx, "waiting for reports", func(c *runner.Client) error {
		return c.Subscribe(ctx, func(batch []runner.Report) bool { return yield(reportsOf(batch)) })
	})
}

// Ack implements engine.Engine.
func (e *Engine) Ack(ctx context.Context, number uint64) error {
	return e.call(ctx, "acknowledging", func(c *runner.Client) error { return c.Ack(ctx, number) })
}

// Logs implements engine.Engine.
func (e *Engine) Logs(ctx context.Context, r engine.LogRequest, yield func(engine.Line) bool) error {
	return e.call(ctx, "reading the output of "+r.Proc.String(), func(c *runner.Client) error {
		q := runner.LogRequest{Key: key(r.Proc), Tail: r.Tail, Follow: r.Follow}
		return c.Logs(ctx, q, func(l runner.Line) bool { return yield(engine.Line(l)) })
	})
}

// OpenFile implements engine.Engine. It opens plain files only, and none outside of the scratch directory.
func (e *Engine) OpenFile(_ context.Context, p job.Proc, name string) (io.ReadCloser, error) {
	f, err := openIn(runner.ScratchDir(e.cfg.Dir, key(p)), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening %q of %s: %w: %w", name, p, engine.ErrUnknown, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %q of %s: %w", name, p, err)
	}
	return f, nil
}

func openIn(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block us
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a plain file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Usage implements engine.Engine.
func (e *Engine) Usage(ctx context.Context, p job.Proc) (u engine.Usage, err error) {
	err = e.call(ctx, "measuring "+p.String(), func(c *runner.Client) error {
		got, err := c.Usage(ctx, key(p))
		u = engine.Usage(got)
		return err
	})
	return u, err
}

// Forget implements engine.Engine.
func (e *Engine) Forget(ctx context.Context, id job.ID) error {
	return e.call(ctx, fmt.Sprintf("forgetting job %d", id), func(c *runner.Client) error { return c.Forget(ctx, int64(id)) })
}

// Facts is what the runner can do on this machine.
func (e *Engine) Facts(ctx context.Context) (runner.Facts, error) {
	c, err := e.connect(ctx)
	if err != nil {
		return runner.Facts{}, err
	}
	return c.Facts(), nil
}

// Shutdown ends the runner and everything that it runs.
func (e *Engine) Shutdown(ctx context.Context) error {
	return e.call(ctx, "shutting the runner down", func(c *runner.Client) error { return c.Shutdown(ctx) })
}

// Close implements engine.Engine. The runner and its processes go on.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.client == nil {
		return nil
	}
	if err := e.client.Close(); !errors.Is(err, net.ErrClosed) { // the runner may have hung up first
		return err
	}
	return nil
}
