package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

func (h *handler) registerLogs() {
	o := operation(http.MethodGet, "/logs", "read-logs", "jobs", "Read the output of a job, or of all jobs of a run", 200)
	o.Responses = map[string]*huma.Response{"200": {
		Description: "One JSON object a line",
		Content: map[string]*huma.MediaType{"application/x-ndjson": {
			Schema: h.api.OpenAPI().Components.Schemas.Schema(typeOf[client.Line](), true, "Line"),
		}},
	}}
	huma.Register(h.api, o, h.logs)
}

type logsInput struct {
	Run     int64 `query:"run" minimum:"0"`
	Job     int64 `query:"job" minimum:"0"`
	Child   int32 `query:"child" default:"-1" doc:"only of this child of an array; -1: of all"`
	Replica int32 `query:"replica" default:"-1" doc:"only of this replica; -1: of all"`
	Attempt int32 `query:"attempt" minimum:"0" doc:"of this attempt; 0: of the latest"`
	Tail    int   `query:"tail" minimum:"0" doc:"only the last lines of each process; 0: all"`
	Follow  bool  `query:"follow" doc:"go on until everything has ended"`
}

func (h *handler) logs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	switch {
	case in.Run != 0 && in.Job == 0:
		if _, err := h.run(ctx, in.Run); err != nil {
			return nil, err
		}
	case in.Job != 0 && in.Run == 0:
		if _, err := h.job(ctx, in.Job); err != nil {
			return nil, err
		}
	default:
		return nil, fail(http.StatusBadRequest, "Give one of run= and job=.", "it is not said whose logs to read")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "application/x-ndjson")
		f := &follower{h: h, in: in, out: json.NewEncoder(w), flush: http.NewResponseController(w), seen: map[job.Proc]bool{}}
		ctx, stop := h.Feed.Stream(r.Context())
		defer stop()
		if err := f.run(ctx); err != nil && ctx.Err() == nil {
			h.Log.Warn("reading logs broke off", "run", in.Run, "job", in.Job, "error", err)
		}
	}}, nil
}

// follower writes the output of a request's processes: of each as it comes, of all at the same time when it follows.
type follower struct {
	h    *handler
	in   *logsInput
	seen map[job.Proc]bool

	mu    sync.Mutex // guards out, flush, broken
	out   *json.Encoder
	flush *http.ResponseController
	// broken says that the caller is gone.
	broken bool
}

// run reads the processes that there are and, when it follows, those that come, until all has ended.
func (f *follower) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var readers sync.WaitGroup
	defer readers.Wait()
	for {
		next := f.h.Feed.Next()
		ended, err := f.ended(ctx)
		if err != nil {
			return err
		}
		procs, err := f.procs(ctx, ended || !f.in.Follow)
		if err != nil {
			return err
		}
		for _, p := range procs {
			if f.seen[p] {
				continue
			}
			f.seen[p] = true
			if !f.in.Follow {
				if err := f.copy(ctx, p); err != nil {
					return err
				}
				continue
			}
			readers.Go(func() {
				if err := f.copy(ctx, p); err != nil && ctx.Err() == nil {
					f.h.Log.Warn("following a process broke off", "process", p, "error", err)
				}
			})
		}
		if ended || !f.in.Follow {
			readers.Wait()
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil
		}
	}
}

// ended reports whether no further process can come.
func (f *follower) ended(ctx context.Context) (bool, error) {
	if f.in.Run != 0 {
		r, err := f.h.Store.Run(ctx, run.ID(f.in.Run))
		return err == nil && r.Status.Ended(), err
	}
	j, err := f.h.Store.Job(ctx, job.ID(f.in.Job))
	return err == nil && j.State.Ended(), err
}

// procs are the attempts that were started and are asked for: all of them, or as many as are followed at a time.
func (f *follower) procs(ctx context.Context, all bool) ([]job.Proc, error) {
	ids := []job.ID{job.ID(f.in.Job)}
	if f.in.Run != 0 {
		var err error
		if ids, err = f.jobs(ctx, all); err != nil {
			return nil, err
		}
	}
	var procs []job.Proc
	for _, id := range ids {
		list := store.ReplicaFilter{Job: id, Child: f.in.Child, After: [2]int32{-1, -1}, Limit: maxFollowed}
		for more := true; more; {
			replicas, err := f.h.Store.Replicas(ctx, list)
			if err != nil {
				return nil, err
			}
			for i := range replicas {
				if p, ok := f.wanted(&replicas[i]); ok {
					procs = append(procs, p)
				}
			}
			if more = all && len(replicas) == list.Limit; more {
				last := replicas[len(replicas)-1].Proc
				list.After = [2]int32{last.Child, last.Replica}
			}
		}
	}
	return procs, nil
}

// jobs are those of the run, in the order of submission.
func (f *follower) jobs(ctx context.Context, all bool) ([]job.ID, error) {
	var ids []job.ID
	list := store.JobFilter{Run: run.ID(f.in.Run), Limit: maxFollowed}
	for more := true; more; {
		jobs, err := f.h.Store.Jobs(ctx, list)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			ids = append(ids, j.ID)
		}
		if more = all && len(jobs) == list.Limit; more {
			list.Before = jobs[len(jobs)-1].ID
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// wanted gives the attempt of a replica that is asked for, if it was started.
func (f *follower) wanted(r *job.Replica) (p job.Proc, ok bool) {
	p = r.Proc
	started := p.Attempt > 0 && (r.State == job.Running || r.State == job.Stopping || r.Exit != nil)
	if f.in.Attempt > 0 {
		started = started && f.in.Attempt <= p.Attempt
		p.Attempt = f.in.Attempt
	}
	return p, started && (f.in.Replica < 0 || f.in.Replica == p.Replica)
}

// maxFollowed bounds the processes, and the jobs, of which output is followed at the same time. What is beyond it is read
// when everything has ended.
const maxFollowed = 1000

func (f *follower) copy(ctx context.Context, p job.Proc) error {
	return f.h.Logs(ctx, engine.LogRequest{Proc: p, Tail: f.in.Tail, Follow: f.in.Follow}, func(l engine.Line) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.broken {
			return false
		}
		err := f.out.Encode(client.Line{
			Job: int64(p.Job), Child: p.Child, Replica: p.Replica, Attempt: p.Attempt,
			Time: l.Time, Stream: l.Stream, Text: l.Text, Continued: l.Continued,
		})
		if err == nil && f.in.Follow {
			err = f.flush.Flush()
		}
		f.broken = err != nil
		return !f.broken
	})
}
