package dispatch

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
)

// start gives a child its slots, and orders its processes for when that is durable.
func (d *Dispatcher) start(j *openJob, s sched.Start) {
	d.state.Apply(sched.ChildStarted(s))
	c := &j.children[s.Child]
	g := c.gang
	if g == nil {
		g = &gang{child: s.Child, members: make([]member, len(s.Slots))}
		c.gang = g
	}
	attempt := g.attempts() + 1
	for rank := range g.members {
		m := &g.members[rank]
		m.Proc = job.Proc{Job: j.row.ID, Child: s.Child, Replica: int32(rank), Attempt: attempt}
		m.State, m.Node, m.GPUs = job.Starting, s.Slots[rank].Node, s.Slots[rank].GPUs
	}
	c.state = job.Running
	j.row.Counts.Queued--
	j.row.Counts.Active++
	if j.meets {
		d.choosePort(g)
	}
	d.touch(j)
	j.touchGang(g, allMembers)
	for rank := range g.members {
		d.orders.starts = append(d.orders.starts, d.startOf(j, g, &g.members[rank]))
	}
}

// restartMember starts a member alone again, on the slot that it has, once its delay is over.
func (d *Dispatcher) restartMember(j *openJob, g *gang, m *member, now time.Time) {
	m.State = job.Queued
	m.restart = j.restartAt(m)
	if m.restart.After(now) {
		d.wakeAt(m.restart, j, g.child)
		return
	}
	d.startMember(j, g, m)
}

// restartAt is when a member that failed may start again.
func (j *openJob) restartAt(m *member) time.Time {
	return m.Exit.Ended.Add(delayAfter(&j.spec.Retry, m.Proc.Attempt))
}

func (d *Dispatcher) startMember(j *openJob, g *gang, m *member) {
	m.Proc.Attempt++
	m.State = job.Starting
	d.touch(j)
	j.touchGang(g, m.Proc.Replica)
	d.orders.starts = append(d.orders.starts, d.startOf(j, g, m))
}

// startOf is what the engine is asked for.
func (d *Dispatcher) startOf(j *openJob, g *gang, m *member) engine.Start {
	group, index := j.spec.GroupOf(m.Proc.Replica)
	s := engine.Start{
		Proc: m.Proc, Epoch: d.o.Store.Epoch(), Node: m.Node, GPUs: m.GPUs,
		Owner: j.row.Owner, Name: j.row.Name, Space: j.spec.Space,
		Process: group.Process, Timeout: j.spec.Timeout,
		Scratch: fmt.Sprintf("%d.%d.%d", m.Proc.Job, m.Proc.Child, g.attempt()),
	}
	at := slices.IndexFunc(j.spec.Groups, func(o job.Group) bool { return o.Name == group.Name })
	if x := j.dynamic[at]; x != (expanding{}) {
		v := variables{proc: m.Proc, index: index, world: j.spec.Replicas(), name: j.row.Name, port: g.port}
		if j.meets {
			v.address = d.o.Address(g.members[0].Node)
		}
		x.apply(&s.Process, &v)
	}
	if j.spec.Indexed != "" && j.spec.Array != nil {
		s.Process.Env = append(slices.Clip(s.Process.Env), job.Env{Name: j.spec.Indexed, Value: strconv.Itoa(int(m.Proc.Child))})
	}
	return s
}

// attempt counts the attempts of the gang as a whole; members may have been started more often.
func (g *gang) attempt() int32 {
	n := g.members[0].Proc.Attempt
	for i := range g.members {
		n = min(n, g.members[i].Proc.Attempt)
	}
	return n
}

// Placeholders stand in the environment, the command and the mounts of a process for what differs between replicas or is
// known only when they start: ${tutti:NAME}. Nothing else in a process is touched.
const (
	placeholder = "${tutti:"

	nameRank    = "rank"        // over all groups, from 0
	nameReplica = "replica"     // within its group, from 0
	nameWorld   = "world"       // replicas in all
	nameAddress = "master.addr" // where replica 0 is reached
	namePort    = "master.port" // a free TCP port there, the same for the whole attempt of a gang
	nameIndex   = "index"       // of the child in its array
	nameAttempt = "attempt"     // from 1
	nameJobID   = "job.id"
	nameJobName = "job.name"
)

// variables is what placeholders stand for.
type variables struct {
	proc    job.Proc
	index   int32
	world   int32
	name    string
	address string
	port    int32
}

// value is what a placeholder stands for; ok is false for one that we do not know.
func (v *variables) value(name string) (text string, ok bool) {
	number := func(n int32) (string, bool) { return strconv.Itoa(int(n)), true }
	switch name {
	case nameRank:
		return number(v.proc.Replica)
	case nameReplica:
		return number(v.index)
	case nameWorld:
		return number(v.world)
	case nameAddress:
		return v.address, true
	case namePort:
		return number(v.port)
	case nameIndex:
		return number(v.proc.Child)
	case nameAttempt:
		return number(v.proc.Attempt)
	case nameJobID:
		return strconv.FormatInt(int64(v.proc.Job), 10), true
	case nameJobName:
		return v.name, true
	}
	return "", false
}

// expand fills in text. A placeholder that is not known stays as it is.
func (v *variables) expand(text string) string {
	at := strings.Index(text, placeholder)
	if at < 0 {
		return text
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(text, placeholder) {
		b.WriteString(text[:at])
		text = text[at:]
		name, rest, closed := strings.Cut(text[len(placeholder):], "}")
		value, known := v.value(name)
		if !closed || !known {
			b.WriteString(placeholder)
			text = text[len(placeholder):]
			continue
		}
		b.WriteString(value)
		text = rest
	}
	b.WriteString(text)
	return b.String()
}

// expanding says which parts of a process hold placeholders, so that the many that hold none are not searched for every
// start.
type expanding struct{ env, command, mounts bool }

// expandings looks through all groups; meets reports whether a gang needs a port or an address.
func expandings(spec *job.Spec) (parts []expanding, meets bool) {
	look := func(text string, part *bool) {
		if strings.Contains(text, placeholder) {
			*part = true
			meets = meets || strings.Contains(text, placeholder+nameAddress+"}") || strings.Contains(text, placeholder+namePort+"}")
		}
	}
	parts = make([]expanding, len(spec.Groups))
	for i := range spec.Groups {
		p, x := &spec.Groups[i].Process, &parts[i]
		for _, e := range p.Env {
			look(e.Value, &x.env)
		}
		for _, arg := range p.Command {
			look(arg, &x.command)
		}
		for _, m := range p.Mounts {
			look(m.Path+"\n"+m.HostPath+"\n"+m.SubPath, &x.mounts)
		}
	}
	return parts, meets
}

// apply fills in a process, of which it copies what it changes.
func (x expanding) apply(p *job.Process, v *variables) {
	if x.env {
		p.Env = slices.Clone(p.Env)
		for i := range p.Env {
			p.Env[i].Value = v.expand(p.Env[i].Value)
		}
	}
	if x.command {
		p.Command = slices.Clone(p.Command)
		for i := range p.Command {
			p.Command[i] = v.expand(p.Command[i])
		}
	}
	if x.mounts {
		p.Mounts = slices.Clone(p.Mounts)
		for i := range p.Mounts {
			m := &p.Mounts[i]
			m.Path, m.HostPath, m.SubPath = v.expand(m.Path), v.expand(m.HostPath), v.expand(m.SubPath)
		}
	}
}

// portTries is how many ports are looked at that other gangs were given and may not have opened yet.
const portTries = 16

// choosePort finds a port for a gang to meet at. Where there is none it gets 0, and its processes say what they miss.
func (d *Dispatcher) choosePort(g *gang) {
	g.port = 0
	for range portTries {
		port, err := d.o.Port(g.members[0].Node)
		if err != nil {
			d.o.Log.Error("no port for a gang to meet at", "node", g.members[0].Node, "error", err)
			break
		}
		if !d.ports[port] {
			g.port = port
			d.ports[port] = true
			break
		}
	}
	g.members[0].Port = g.port
}

func (d *Dispatcher) freePort(g *gang) {
	delete(d.ports, g.port)
	g.port = 0
}

// freePort finds a TCP port that is free on this machine.
func freePort(string) (int32, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return int32(port), l.Close()
}

// describe says how the failure of a member came about.
func (j *openJob) describe(m *member) string {
	group, index := j.spec.GroupOf(m.Proc.Replica)
	who := group.Name
	if group.Replicas > 1 {
		who += " " + strconv.Itoa(int(index))
	}
	s := who + " " + exitText(m.Exit, j.spec.Timeout)
	switch attempts := j.spec.Retry.Attempts; {
	case attempts > 1 && j.spent():
		s += fmt.Sprintf(" (attempt %d; of the job's failures only %d are retried)", m.Proc.Attempt, *j.spec.Retry.Budget)
	case attempts > 1:
		s += fmt.Sprintf(" (attempt %d of %d)", m.Proc.Attempt, attempts)
	}
	return s
}

// exitText says how a process ended, as the rest of a sentence about it.
func exitText(e *job.Exit, timeout time.Duration) string {
	var s string
	switch e.Reason {
	case job.ReasonExit:
		s = fmt.Sprintf("exited with code %d", e.Code)
	case job.ReasonSignal:
		if s = fmt.Sprintf("was killed by signal %d", e.Signal); strings.HasPrefix("was "+e.Text, s) {
			return "was " + e.Text // the engine names the signal
		}
	case job.ReasonMemory:
		s = "was killed at its memory limit"
	case job.ReasonTimeout:
		if timeout > 0 {
			return "ran longer than its timeout of " + timeout.String()
		}
		s = "ran out of time"
	case job.ReasonLost:
		s = "was lost"
	case job.ReasonNoStart:
		s = "could not be started"
	default:
		s = "was stopped"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}
