package local

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/runner"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func key(p job.Proc) runner.Key {
	return runner.Key{Job: int64(p.Job), Child: p.Child, Replica: p.Replica, Attempt: p.Attempt}
}

func proc(k runner.Key) job.Proc {
	return job.Proc{Job: job.ID(k.Job), Child: k.Child, Replica: k.Replica, Attempt: k.Attempt}
}

// translate puts a start into the runner's words. What may not be started becomes one that the runner reports as not
// started, with the reason: so it is recorded as any other.
func (e *Engine) translate(s *engine.Start) runner.Start {
	out, err := e.permit(s)
	if err != nil {
		return runner.Start{Key: key(s.Proc), Refused: err.Error()}
	}
	return out
}

// permit checks what a start asks for and fills in whose rights and which environment it gets.
func (e *Engine) permit(s *engine.Start) (runner.Start, error) {
	p := &s.Process
	if err := e.cfg.Images.Check(p.Image); err != nil {
		return runner.Start{}, err
	}
	who, err := e.identify(s.Owner)
	if err != nil {
		return runner.Start{}, err
	}
	env, err := e.environment(s, who)
	if err != nil {
		return runner.Start{}, err
	}
	mounts, err := e.mounts(p.Mounts)
	if err != nil {
		return runner.Start{}, err
	}
	return runner.Start{
		Key: key(s.Proc), Argv: p.Command, Env: env, Dir: p.Dir, User: who.user,
		Memory: p.Resources.Memory, MilliCPU: p.Resources.MilliCPU, MaxCPU: p.Resources.MaxMilliCPU,
		Timeout: s.Timeout, Grace: cmp.Or(time.Duration(p.Grace)*time.Second, e.cfg.Grace),
		Shared: s.Scratch, Mounts: mounts,
	}, nil
}

// identity is whose rights a process gets.
type identity struct {
	user       *runner.User // nil: ours
	name, home string
}

// identify finds the rights of an owner, a user's name or "uid:" and a number. Only root can give a process other rights
// than its own.
func (e *Engine) identify(owner string) (identity, error) {
	if os.Geteuid() != 0 {
		return identify(strconv.Itoa(os.Geteuid()), false)
	}
	uid, numbered := strings.CutPrefix(owner, "uid:")
	if !numbered {
		u, err := user.Lookup(owner)
		if err != nil {
			return identity{}, fmt.Errorf("the owner %q is no user of this machine, so nothing can be run with their rights", owner)
		}
		uid = u.Uid
	}
	if uid == "0" && !e.cfg.AllowRoot {
		return identity{}, errors.New("jobs are not run as root; submit as another user, or set allowRoot: true in the configuration")
	}
	return identify(uid, true)
}

// identify looks a user id up. One without an entry has no groups but that of its own number, and no home.
func identify(uid string, assume bool) (identity, error) {
	n, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return identity{}, fmt.Errorf("%q is no user id", uid)
	}
	who, rights := identity{name: uid}, &runner.User{UID: uint32(n), GID: uint32(n)}
	if u, err := user.LookupId(uid); err == nil {
		who.name, who.home = u.Username, u.HomeDir
		groups, err := u.GroupIds()
		if err != nil {
			return identity{}, fmt.Errorf("finding the groups of %s: %w", u.Username, err)
		}
		rights.GID = number(u.Gid)
		for _, g := range groups {
			rights.Groups = append(rights.Groups, number(g))
		}
	}
	if assume {
		who.user = rights
	}
	return who, nil
}

func number(id string) uint32 {
	n, _ := strconv.ParseUint(id, 10, 32) // ids of Linux are numbers
	return uint32(n)
}

// cudaOrder makes the numbers in CUDA_VISIBLE_DEVICES those of nvidia-smi. Without it CUDA counts the fastest first (CUDA
// C++ Programming Guide, environment variables), and where kinds are mixed a job would get another GPU than it was given.
const cudaOrder = "CUDA_DEVICE_ORDER=PCI_BUS_ID"

// environment is all that a process sees: nothing of the server's own.
func (e *Engine) environment(s *engine.Start, who identity) ([]string, error) {
	gpus := make([]string, len(s.GPUs))
	for i, g := range s.GPUs {
		gpus[i] = strconv.Itoa(int(g))
	}
	visible := strings.Join(gpus, ",")
	env := []string{
		"PATH=" + cmp.Or(e.cfg.Path, defaultPath), "LANG=C.UTF-8", "USER=" + who.name, "LOGNAME=" + who.name,
		"CUDA_VISIBLE_DEVICES=" + visible, cudaOrder, "NVIDIA_VISIBLE_DEVICES=" + cmp.Or(visible, "void"),
	}
	if info, err := os.Stat(who.home); who.home != "" && err == nil && info.IsDir() {
		env = append(env, "HOME="+who.home) // otherwise the runner sets it to the scratch directory
	}
	seen := map[string]int{}
	for i, v := range env {
		name, _, _ := strings.Cut(v, "=")
		seen[name] = i
	}
	for _, v := range s.Process.Env {
		if v.Secret != nil && v.Value == "" {
			return nil, fmt.Errorf("the variable %s refers to the secret %q, which was not resolved", v.Name, v.Secret.Name)
		}
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
			return nil, fmt.Errorf("%q cannot be a variable: no name or value may hold a zero byte, and no name an equals sign", v.Name)
		}
		if i, again := seen[v.Name]; again {
			env[i] = v.Name + "=" + v.Value
			continue
		}
		seen[v.Name] = len(env)
		env = append(env, v.Name+"="+v.Value)
	}
	return env, nil
}

// mounts checks that paths of the host were granted.
func (e *Engine) mounts(mounts []job.Mount) ([]runner.Mount, error) {
	var out []runner.Mount
	for _, m := range mounts {
		to := runner.Mount{Path: m.Path, ReadOnly: m.ReadOnly, Files: m.Files, Empty: m.Empty, SubPath: m.SubPath}
		if m.HostPath != "" {
			within, err := e.granted(m.HostPath)
			if err != nil {
				return nil, err
			}
			to.Source, to.Within = m.HostPath, within
		}
		out = append(out, to)
	}
	return out, nil
}

// granted finds the granted directory that holds path; the runner checks again where links lead when it mounts.
func (e *Engine) granted(path string) (string, error) {
	for i, dir := range e.cfg.HostPaths {
		for _, d := range []string{filepath.Clean(dir), e.hosts[i]} {
			if clean := filepath.Clean(path); clean == d || strings.HasPrefix(clean, strings.TrimSuffix(d, "/")+"/") {
				return e.hosts[i], nil
			}
		}
	}
	return "", fmt.Errorf("the host path %s is not granted; add it to the configuration: hostPaths: [%s]", path, path)
}

// reportsOf puts reports into the port's words.
func reportsOf(in []runner.Report) []engine.Report {
	out := make([]engine.Report, len(in))
	for i, r := range in {
		out[i] = engine.Report{Proc: proc(r.Key), Number: r.Number, Started: r.Started, Tail: r.Tail}
		if r.Exit != nil {
			out[i].Exit = exitOf(r.Exit, r.Started)
		}
	}
	return out
}

var reasons = map[runner.Cause]job.Reason{
	runner.Exited:     job.ReasonExit,
	runner.Signalled:  job.ReasonSignal,
	runner.Memory:     job.ReasonMemory,
	runner.TimedOut:   job.ReasonTimeout,
	runner.Cancelled:  job.ReasonCancelled,
	runner.Lost:       job.ReasonLost,
	runner.NotStarted: job.ReasonNoStart,
}

func exitOf(x *runner.Exit, started time.Time) *job.Exit {
	reason := reasons[x.Cause]
	if x.Why != "" {
		reason = job.Reason(x.Why)
	}
	return &job.Exit{
		Reason: reason, Code: x.Code, Signal: x.Signal, Text: x.Text,
		Started: started, Ended: x.Ended, MaxRSS: x.MaxRSS, CPUTime: x.CPUTime,
	}
}

// Check says why an owner may not run a process here, and what to add to the configuration; nil: they may.
func (e *Engine) Check(owner string, p *job.Process) error {
	if err := e.cfg.Images.Check(p.Image); err != nil {
		return err
	}
	if _, err := e.identify(owner); err != nil {
		return err
	}
	_, err := e.mounts(p.Mounts)
	return err
}
