package dispatch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
)

// Refusal is the error of a job that cannot be accepted, with everything that is wrong with it.
type Refusal struct{ Problems []Problem }

// Problem is one fault of a job.
type Problem struct {
	Field string // of the job.Spec as its JSON names it, such as groups[0].replicas
	Text  string // what is wrong, and what would be right
}

func (r *Refusal) Error() string {
	lines := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		lines[i] = p.Field + ": " + p.Text
	}
	return strings.Join(lines, "\n")
}

// Bounds of what a job may ask for, far beyond what is sensible.
const (
	maxName     = 128
	maxReplicas = 10_000
	maxAmount   = 1 << 50 // of anything that is counted
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Check says whether a job could be accepted. Its error is a *Refusal, unless something could not be read.
func (d *Dispatcher) Check(ctx context.Context, owner string, spec *job.Spec) error {
	c := &check{}
	c.spec(spec, d.o.MaxArray)
	for i := range spec.Groups {
		if err := d.o.CheckProcess(owner, &spec.Groups[i].Process); err != nil {
			c.say(fmt.Sprintf("groups[%d].process", i), "%s", err)
		}
	}
	for i, dep := range spec.After {
		if err := d.checkDependency(ctx, c, owner, spec, fmt.Sprintf("after[%d]", i), dep); err != nil {
			return err
		}
	}
	q, err := d.o.Queue(ctx, spec.Queue)
	if err != nil {
		c.say("queue", "%s", err)
	}
	d.mu.Lock()
	nodes := d.placingAll()
	d.mu.Unlock()
	if len(c.problems) == 0 && len(nodes) > 0 {
		if err := sched.Fits(sched.Shape(spec, d.o.DefaultCPU), groupNames(spec), nodes, q); err != nil {
			c.say("groups", "%s", err)
		}
	}
	if len(c.problems) > 0 {
		return &Refusal{c.problems}
	}
	return nil
}

// checkProcesses says what the owner of a job that came without Check, from a run, may not run.
func (d *Dispatcher) checkProcesses(owner string, spec *job.Spec) error {
	for i := range spec.Groups {
		if err := d.o.CheckProcess(owner, &spec.Groups[i].Process); err != nil {
			return err
		}
	}
	return nil
}

// check gathers what is wrong.
type check struct{ problems []Problem }

func (c *check) say(field, format string, args ...any) {
	c.problems = append(c.problems, Problem{field, fmt.Sprintf(format, args...)})
}

func (c *check) spec(s *job.Spec, maxArray int32) {
	if s.Name != "" {
		c.name("name", s.Name)
	}
	if len(s.Groups) == 0 {
		c.say("groups", "a job has at least one group of replicas")
	}
	seen := map[string]bool{}
	for i := range s.Groups {
		g, at := &s.Groups[i], fmt.Sprintf("groups[%d]", i)
		c.name(at+".name", g.Name)
		if seen[g.Name] {
			c.say(at+".name", "two groups are called %q", g.Name)
		}
		seen[g.Name] = true
		c.between(at+".replicas", int64(g.Replicas), 1, maxReplicas)
		if g.Restart != job.RestartNever && g.Restart != job.RestartGang && g.Restart != job.RestartMember {
			c.say(at+".restart", "%q is none of gang, member and nothing", g.Restart)
		}
		c.process(at+".process", &g.Process)
	}
	if s.Array != nil {
		c.between("array.size", int64(s.Array.Size), 0, int64(maxArray))
		c.between("array.maxRunning", int64(s.Array.MaxRunning), 0, int64(maxArray))
	}
	c.between("timeout", int64(s.Timeout), 0, maxAmount*1024)
	c.between("deadline", int64(s.Deadline), 0, maxAmount*1024)
	c.between("keepFor", int64(s.KeepFor), 0, maxAmount*1024)
	c.retry(&s.Retry)
}

func (c *check) retry(r *job.Retry) {
	c.between("retry.attempts", int64(r.Attempts), 0, 1<<31-1)
	if r.Budget != nil {
		c.between("retry.budget", int64(*r.Budget), 0, 1<<31-1)
	}
	c.between("retry.delay", int64(r.Delay), 0, int64(longestDelay))
	c.between("retry.maxDelay", int64(r.MaxDelay), 0, int64(longestDelay))
}

func (c *check) process(at string, p *job.Process) {
	if len(p.Command) == 0 {
		c.say(at+".command", "it names no program; the command of an image is not read, so give it here")
	}
	for i, e := range p.Env {
		if e.Name == "" || strings.ContainsAny(e.Name, "=\x00") {
			c.say(fmt.Sprintf("%s.env[%d].name", at, i), "%q cannot be the name of a variable", e.Name)
		}
	}
	if p.Dir != "" && !path.IsAbs(p.Dir) {
		c.say(at+".dir", "%q is not an absolute path", p.Dir)
	}
	r := p.Resources
	c.between(at+".resources.milliCPU", r.MilliCPU, 0, maxAmount)
	c.between(at+".resources.memory", r.Memory, 0, maxAmount)
	c.between(at+".resources.gpus", int64(r.GPUs), 0, maxReplicas)
	if r.GPUKind != "" && r.GPUs == 0 {
		c.say(at+".resources.gpuKind", "a kind of GPU is named, and no GPU asked for")
	}
	c.between(at+".grace", int64(p.Grace), 0, 1<<31-1)
	for i := range p.Mounts {
		c.mount(fmt.Sprintf("%s.mounts[%d]", at, i), &p.Mounts[i])
	}
}

func (c *check) mount(at string, m *job.Mount) {
	if !path.IsAbs(m.Path) {
		c.say(at+".path", "%q is not an absolute path", m.Path)
	}
	sources := 0
	for _, is := range []bool{m.Files != nil, m.HostPath != "", m.Empty} {
		if is {
			sources++
		}
	}
	if sources != 1 {
		c.say(at, "a mount has one of files, hostPath and empty")
	}
	if m.HostPath != "" && !path.IsAbs(m.HostPath) {
		c.say(at+".hostPath", "%q is not an absolute path", m.HostPath)
	}
	for _, part := range strings.Split(m.SubPath, "/") {
		if part == ".." {
			c.say(at+".subPath", "%q leads out of the volume", m.SubPath)
			break
		}
	}
}

func (c *check) name(field, name string) {
	if len(name) > maxName || !namePattern.MatchString(name) {
		c.say(field, "%q is not a name: up to %d letters, digits, '-', '_' and '.', the first a letter or digit", name, maxName)
	}
}

func (c *check) between(field string, n, least, most int64) {
	if n < least || n > most {
		c.say(field, "%d is not between %d and %d", n, least, most)
	}
}

// checkDependency returns only errors that are ours.
func (d *Dispatcher) checkDependency(ctx context.Context, c *check, owner string, spec *job.Spec, at string, dep job.Dependency) error {
	switch dep.Type {
	case sequential:
		if spec.Array == nil {
			c.say(at, "SEQUENTIAL orders the children of an array, and the job is none")
		}
		return nil
	case nToN, afterOK, afterAny:
	default:
		c.say(at+".type", "%q is none of any, SEQUENTIAL, N_TO_N and nothing", dep.Type)
		return nil
	}
	other, err := d.o.Store.Job(ctx, dep.Job)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && !d.o.MayRead(owner, other):
		c.say(at+".job", "there is no job %d", dep.Job)
	case err != nil:
		return fmt.Errorf("reading job %d: %w", dep.Job, err)
	case dep.Type == nToN && (spec.Array == nil || other.Spec.Array == nil || spec.Array.Size != other.Spec.Array.Size):
		c.say(at, "N_TO_N pairs arrays of one size: this job has %d children, job %d has %d", spec.Children(), dep.Job, other.Spec.Children())
	}
	return nil
}
