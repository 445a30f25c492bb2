package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/runner"
	"github.com/tutti-ml/tutti/internal/store"
)

// spawn starts processes through the whole path: a job submitted and durable, placed, its start durable, journaled and
// forked by the runner, its end reported and durable.
func spawn(b *bench) error {
	for _, v := range []struct {
		name    string
		command []string
		target  float64
	}{
		{"spawn /bin/true", []string{"/bin/true"}, 2000},
		{"spawn with a line of output", []string{"/bin/echo", "a line of output"}, 1500},
	} {
		j, err := openJobs(b.ctx, filepath.Join(b.dir, v.name))
		if err != nil {
			return err
		}
		children := b.n(10_000)
		before, err := j.times(b.ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := j.run(b.ctx, spec(v.command, int32(children))); err != nil {
			return err
		}
		rate := float64(children) / time.Since(began).Seconds()
		after, err := j.times(b.ctx)
		if err != nil {
			return err
		}
		b.add(row{Bench: v.name, Metric: "processes", Value: rate, Unit: "/s", Target: v.target, Bound: boundFork})
		for i, part := range timed {
			took := float64((after[i] - before[i]).Microseconds()) / float64(children)
			b.add(row{Bench: v.name, Metric: "processor time of " + part + ", a process", Value: took, Unit: "µs"})
		}
		if v.name == "spawn /bin/true" {
			if err := loneJobs(b, j); err != nil {
				return err
			}
		}
		if err := j.close(); err != nil {
			return err
		}
	}
	b.add(row{Bench: "spawn", Metric: "bare fork+exec, one after another", Value: b.report.Calibration.ForkExec, Unit: "/s"})
	b.add(row{Bench: "spawn", Metric: fmt.Sprintf("bare fork+exec, %d at once", spawners), Value: b.report.Calibration.Spawners, Unit: "/s"})
	return nil
}

// loneJobs measures from submission to the moment that the process was started, one job at a time.
func loneJobs(b *bench, j *jobs) error {
	var took []time.Duration
	for range b.n(200) {
		began := time.Now()
		done, err := j.run(b.ctx, spec([]string{"/bin/true"}, 0))
		if err != nil {
			return err
		}
		took = append(took, done.Started.Sub(began))
	}
	b.add(row{Bench: "spawn", Metric: "p50 of a lone job, submit to exec", Value: percentile(took, 50), Unit: "ms", Target: 1.5, Lower: true, Bound: boundSync})
	return nil
}

func spec(command []string, children int32) *job.Spec {
	s := &job.Spec{
		Name:   "bench-",
		Groups: []job.Group{{Name: "main", Replicas: 1, Process: job.Process{Command: command, Resources: job.Resources{MilliCPU: 1000}}}},
	}
	if children > 0 {
		s.Array = &job.Array{Size: children}
	}
	return s
}

// jobs is the job layer over SQLite and the local engine, with a runner of its own.
type jobs struct {
	*system
	dispatch *dispatch.Dispatcher
	engine   *local.Engine
	ended    chan *job.Job
	stopJobs context.CancelFunc
	done     chan error
}

// slots is how many processes may run at once. Each asks for a whole processor: with less it would compete with less than
// its share of the machine, and the row would measure what else happens to run.
const slots = 64

func openJobs(ctx context.Context, dir string) (*jobs, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	j := &jobs{ended: make(chan *job.Job, 16), done: make(chan error, 1)}
	runnerDir := filepath.Join(dir, "runner")
	if err := os.MkdirAll(runnerDir, 0o755); err != nil {
		return nil, err
	}
	j.engine, err = local.Open(ctx, local.Config{
		Dir:       runnerDir,
		Command:   []string{self, "runner", runnerDir},
		Capacity:  local.Capacity{MilliCPU: slots * 1000, Memory: 8 << 30},
		AllowRoot: true,
	})
	if err != nil {
		return nil, err
	}
	if j.system, err = prepare(ctx, filepath.Join(dir, "store"), nil); err != nil {
		return nil, err
	}
	j.dispatch = dispatch.New(dispatch.Options{
		Store: j.store, Writer: j.writer, Engine: j.engine, Log: slog.New(slog.DiscardHandler), Now: time.Now, DefaultCPU: 1000,
	})
	j.writer.Listen(func(units []*store.Unit, _ []store.Verdict) {
		for _, u := range units {
			for _, c := range u.Jobs {
				if c.Job.State.Ended() {
					j.ended <- c.Job
				}
			}
		}
	})
	if err := j.dispatch.Load(ctx, time.Now()); err != nil {
		return nil, err
	}
	j.system.run(ctx)
	jobsCtx, stop := context.WithCancel(ctx)
	j.stopJobs = stop
	go func() { j.done <- j.dispatch.Run(jobsCtx) }()
	return j, nil
}

// timed are the parts of which times tells the processor time.
var timed = [...]string{"the server", "the runner", "the processes"}

// times is the processor time, user and system, that each part has used so far.
func (j *jobs) times(ctx context.Context) (t [len(timed)]time.Duration, err error) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return t, err
	}
	t[0] = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	facts, err := j.engine.Facts(ctx)
	if err != nil {
		return t, err
	}
	t[1], t[2], err = processTimes(facts.PID)
	return t, err
}

// run submits a job and waits for its end.
func (j *jobs) run(ctx context.Context, s *job.Spec) (*job.Job, error) {
	if _, err := j.dispatch.Submit(ctx, "root", s, ""); err != nil {
		return nil, err
	}
	done := <-j.ended
	if done.State != job.Succeeded {
		return nil, fmt.Errorf("job %s: %v: %s", done.Name, done.State, done.Why)
	}
	return done, nil
}

func (j *jobs) close() error {
	j.stopJobs()
	if err := <-j.done; err != nil {
		return err
	}
	if err := j.engine.Shutdown(context.Background()); err != nil {
		return err
	}
	return j.system.close()
}

// runWorker is a helper's process: a runner, as servers start it too, or a server.
func runWorker(what, dir string) int {
	var err error
	switch what {
	case "runner":
		err = runner.Main(context.Background(), runner.Config{Dir: dir})
	case "server":
		err = runServer(dir)
	default:
		err = errors.New("there is no such helper")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", what, err)
		return 1
	}
	return 0
}
