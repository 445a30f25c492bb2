package integration

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// What a result shows of a job, so that it stays a small document: the replicas and lines that are the first to be asked
// for. All of them are with the job itself.
const (
	shownReplicas = 64
	shownLines    = 50
	shownBytes    = 16 << 10
)

// firstReplicas are the job's replicas that a result shows: those that failed, then the others, each in order.
func (d *Deps) firstReplicas(ctx context.Context, id job.ID) ([]job.Replica, error) {
	shown, err := d.replicas(ctx, id, -1, job.Failed)
	if err != nil || len(shown) == shownReplicas {
		return shown, err
	}
	others, err := d.replicas(ctx, id, -1)
	for _, r := range others {
		if r.State != job.Failed && len(shown) < shownReplicas {
			shown = append(shown, r)
		}
	}
	return shown, err
}

// replicas are the first ones of a child (-1: of all) in any of states, or in whichever.
func (d *Deps) replicas(ctx context.Context, id job.ID, child int32, states ...job.State) ([]job.Replica, error) {
	return d.Store.Replicas(ctx, store.ReplicaFilter{Job: id, Child: child, After: [2]int32{-1, -1}, States: states, Limit: shownReplicas})
}

// telling is the process whose output tells most about how a job ended: the one that decides of the first child, or the
// first that failed by itself.
func (d *Deps) telling(ctx context.Context, j *job.Job) (job.Replica, bool, error) {
	if j.State != job.Succeeded {
		failed, err := d.replicas(ctx, j.ID, -1, job.Failed)
		if err != nil {
			return job.Replica{}, false, err
		}
		for _, r := range failed {
			if r.Exit != nil && r.Exit.Reason != job.ReasonGang {
				return r, true, nil
			}
		}
	}
	all, err := d.replicas(ctx, j.ID, 0)
	if err != nil || len(all) == 0 {
		return job.Replica{}, false, err
	}
	for _, r := range all {
		if g, index := j.Spec.GroupOf(r.Proc.Replica); g != nil && g.Decides && index == 0 {
			return r, true, nil
		}
	}
	return all[0], true, nil
}

// tail gives the last lines of a process's output, within what a result shows. An engine that keeps nothing any more has
// no lines.
func (d *Deps) tail(ctx context.Context, p job.Proc, lines int) ([]string, error) {
	if d.Logs == nil {
		return nil, nil
	}
	all, err := d.Logs.Tail(ctx, p, lines)
	if errors.Is(err, engine.ErrUnknown) || errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(all))
	room := shownBytes
	for i := len(all) - 1; i >= 0; i-- {
		text := strings.ToValidUTF8(all[i].Text, "\uFFFD")
		if room -= len(text); room < 0 {
			cut := max(0, len(text)+room)
			for cut > 0 && !utf8.RuneStart(text[cut]) {
				cut--
			}
			texts[i] = text[:cut]
			return texts[i:], nil
		}
		texts[i] = text
	}
	return texts, nil
}

// lastLine is the last line that is not blank.
func lastLine(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.TrimSpace(lines[i]) != "" {
			return lines[i]
		}
	}
	return ""
}

// jsonLine is the value that a line of output holds, where it is a JSON object or array.
func jsonLine(line string) value.Value {
	v, err := value.Parse([]byte(line))
	if err != nil || v.Kind() != value.Object && v.Kind() != value.Array {
		return value.Value{}
	}
	return v
}
