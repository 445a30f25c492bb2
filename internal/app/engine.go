package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/integration"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/runner"
)

// localConfig is what the local engine is told. The runner is this same program.
func localConfig(conf *Config) (local.Config, error) {
	self, err := os.Executable()
	if err != nil {
		return local.Config{}, fmt.Errorf("finding this program's file, which the runner is started from: %w", err)
	}
	dir := runnerDir(conf.Data)
	return local.Config{
		Dir:     dir,
		Command: []string{self, "runner", dir},
		Capacity: local.Capacity{
			MilliCPU: int64(math.Round(conf.Node.CPU * 1000)), Memory: int64(conf.Node.Memory), GPUs: declaredGPUs(conf.Node.GPUs),
		},
		Images:    conf.Images,
		HostPaths: conf.HostPaths,
		AllowRoot: conf.AllowRoot,
	}, nil
}

func declaredGPUs(declared []GPU) []engine.GPU {
	var gpus []engine.GPU
	for _, d := range declared {
		for range d.Count {
			gpus = append(gpus, engine.GPU{Index: int32(len(gpus)), Kind: d.Kind, Memory: int64(d.Memory)})
		}
	}
	return gpus
}

func (a *App) openEngine(ctx context.Context) error {
	conf, err := localConfig(&a.conf)
	if err != nil {
		return err
	}
	conf.Log = a.log.With("room", "engine")
	conf.Pressure = a.disk.pressure
	if a.local, err = local.Open(ctx, conf); err != nil {
		return err
	}
	a.closers = append(a.closers, func() error {
		if err := a.local.Close(); !errors.Is(err, net.ErrClosed) { // the runner may have gone first
			return err
		}
		return nil
	})
	a.engine = &withSecrets{a.local, a}
	return nil
}

// Runner is the life of the runner's process, in the directory that args names.
func Runner(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("the runner takes its directory; 'tutti up' starts it")
	}
	return runner.Main(ctx, runner.Config{Dir: args[0]})
}

// withSecrets resolves references to secrets on the way to the engine, so that their texts are nowhere else; and it
// counts what is started.
type withSecrets struct {
	engine.Engine
	app *App
}

// Submit implements engine.Engine. What cannot be resolved is left for the engine to refuse.
func (w *withSecrets) Submit(ctx context.Context, starts []engine.Start) error {
	for i := range starts {
		starts[i].Process.Env = w.app.resolve(starts[i].Owner, starts[i].Process.Env)
	}
	err := w.Engine.Submit(ctx, starts)
	if err == nil {
		w.app.metrics.starts.Add(float64(len(starts)))
	}
	return err
}

func (a *App) resolve(owner string, env []job.Env) []job.Env {
	var out []job.Env
	for i, v := range env {
		if v.Secret == nil {
			continue
		}
		text, err := a.secret(owner, v.Secret)
		if err != nil {
			a.log.Warn("a secret cannot be resolved", "name", v.Secret.Name, "key", v.Secret.Key, "owner", owner, "error", err)
			continue
		}
		if out == nil {
			out = slices.Clone(env) // the job's own stays as it is
		}
		out[i] = job.Env{Name: v.Name, Value: text}
	}
	if out == nil {
		return env
	}
	return out
}

// secret reads a secret that owner may have.
func (a *App) secret(owner string, ref *job.SecretRef) (string, error) {
	name := ref.Name + "/" + ref.Key
	s, ok := a.live.Load().Secrets[name]
	mine := owner == auth.OwnerOf(os.Getuid()) || slices.Contains(s.Users, owner) || slices.Contains(s.Users, "*")
	if !ok || !mine {
		return "", fmt.Errorf("there is no secret %q that %s may use; add to the configuration: secrets: {%q: {file: PATH, users: [%s]}}", name, owner, name, owner)
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("reading secret %q: %w", name, err)
	}
	return string(bytes.TrimSuffix(text, []byte("\n"))), nil
}

// checkProcess says at submission what would keep the process from starting.
func (a *App) checkProcess(owner string, p *job.Process) error {
	for _, v := range p.Env {
		if v.Secret != nil {
			if _, err := a.secret(owner, v.Secret); err != nil {
				return err
			}
		}
	}
	return a.local.Check(owner, p)
}

func (a *App) integrations() kernel.Integrations {
	return integration.New(integration.Deps{
		Catalog: a.catalog, Store: a.store, Logs: tails{a.engine}, Activities: a.activities, Now: time.Now, AWS: a.aws,
		Environ: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"},
	})
}

// tails reads the end of processes' output.
type tails struct{ engine engine.Engine }

// Tail implements integration.Logs.
func (t tails) Tail(ctx context.Context, p job.Proc, lines int) ([]engine.Line, error) {
	var out []engine.Line
	err := t.engine.Logs(ctx, engine.LogRequest{Proc: p, Tail: lines}, func(l engine.Line) bool {
		out = append(out, l)
		return true
	})
	return out, err
}
