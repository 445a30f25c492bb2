package api

import (
	"encoding/json"
	"time"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// The shapes that the client sees, each from one of ours.

func raw(v value.Value) json.RawMessage {
	if v.IsAbsent() {
		return nil
	}
	return v.AppendJSON(nil)
}

func runOf(r *store.Run) client.Run {
	out := client.Run{
		ID: int64(r.ID), Name: r.Name, Owner: r.Owner, Language: r.Language, Machine: r.Machine, Parent: int64(r.Parent),
		Labels: r.Labels, Status: r.Status.String(), Started: r.Started, Ended: r.Ended,
		Input: raw(r.Input), Output: raw(r.Output), Note: r.Note, Redrives: r.Redrives, Redriven: r.Redriven,
	}
	if r.Failure != nil {
		out.Error, out.Cause = r.Failure.Error, r.Failure.Cause
	}
	return out
}

// shown is a time as the API gives it: all are to the millisecond.
func shown(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func jobOf(j *job.Job) client.Job {
	out := client.Job{
		ID: int64(j.ID), Name: j.Name, Owner: j.Owner, Run: j.Run, Step: j.Label, State: j.State.String(), Why: j.Why,
		Counts:   client.Counts{Queued: j.Counts.Queued, Active: j.Counts.Active, Succeeded: j.Counts.Succeeded, Failed: j.Counts.Failed},
		Failures: j.Failures, Submitted: shown(j.Submitted), Started: shown(j.Started), Ended: shown(j.Ended),
	}
	if s := j.Spec; s != nil {
		out.Namespace, out.Origin, out.Queue, out.Priority, out.Labels = s.Space, s.Origin, s.Queue, s.Priority, s.Labels
		out.Replicas = s.Replicas()
		if s.Array != nil {
			out.Children = s.Array.Size
		}
		out.Spec, _ = json.Marshal(s) // plain data
	}
	return out
}

func replicaOf(s *job.Spec, r job.Replica) client.Replica {
	out := client.Replica{
		Child: r.Proc.Child, Replica: r.Proc.Replica, Attempt: r.Proc.Attempt, State: r.State.String(), Node: r.Node, GPUs: r.GPUs,
	}
	if s != nil {
		if g, _ := s.GroupOf(r.Proc.Replica); g != nil {
			out.Group = g.Name
		}
	}
	if e := r.Exit; e != nil {
		out.Exit = &client.Exit{
			Reason: string(e.Reason), Code: e.Code, Signal: e.Signal, Text: e.Text, Started: shown(e.Started), Ended: shown(e.Ended),
			MaxRSS: e.MaxRSS, CPUTime: e.CPUTime,
		}
	}
	return out
}

func objectOf(o *store.Object) client.Object {
	return client.Object{
		Kind: o.Kind, Namespace: o.Space, Name: o.Name, Owner: o.Owner, Version: o.Version, Created: o.Created,
		Updated: o.Updated, Labels: o.Labels, Deleted: o.Deleted, Data: raw(o.Data),
	}
}

func amountOf(a sched.Amount) client.Amount { return client.Amount(a) }

// nodeOf shows an admin whose the GPUs are.
func nodeOf(n dispatch.NodeUse, admin bool) client.Node {
	out := client.Node{
		Name: n.Name, Ready: n.Ready, Why: n.Why, MilliCPU: n.MilliCPU, Memory: n.Memory, Used: amountOf(n.Used),
		Labels: n.Labels, Declared: n.Declared,
	}
	for i, g := range n.GPUs {
		shown := client.GPU{Index: g.Index, Kind: g.Kind, Memory: g.Memory}
		if admin {
			shown.Job = n.Holders[i]
		}
		out.GPUs = append(out.GPUs, shown)
	}
	return out
}

func queueOf(q sched.QueueUse) client.Queue {
	return client.Queue{
		Name: q.Name, Priority: int64(q.Priority), Closed: q.Closed, Waiting: q.Waiting, Used: amountOf(q.Used), Max: amountOf(q.Max),
	}
}
