package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

func (h *handler) registerJobs() {
	huma.Register(h.api, operation(http.MethodGet, "/jobs", "list-jobs", "jobs", "List jobs, latest first", 200), h.listJobs)
	huma.Register(h.api, h.large(operation(http.MethodPost, "/jobs", "submit-job", "jobs", "Submit the job that a manifest describes", 201)), h.submitJob)
	huma.Register(h.api, operation(http.MethodGet, "/jobs/{job}", "get-job", "jobs", "Read a job", 200), h.getJob)
	huma.Register(h.api, operation(http.MethodGet, "/jobs/{job}/replicas", "list-replicas", "jobs", "List where a job's processes stand", 200), h.listReplicas)
	huma.Register(h.api, operation(http.MethodPost, "/jobs/{job}/stop", "stop-job", "jobs", "Ask for a job to stop", 202), h.stopJob)
	huma.Register(h.api, operation(http.MethodPost, "/jobs/{job}/suspend", "suspend-job", "jobs", "Ask for a job to start nothing more until it is resumed", 202), h.hold((*dispatch.Dispatcher).Suspend))
	huma.Register(h.api, operation(http.MethodPost, "/jobs/{job}/resume", "resume-job", "jobs", "Ask for a suspended job to go on", 202), h.hold((*dispatch.Dispatcher).Resume))
}

// JobRef names a job. It is exported, as are all parts of inputs, for huma to see it.
type JobRef struct {
	Job int64 `path:"job" doc:"the job's id"`
}

func (h *handler) listJobs(ctx context.Context, in *struct {
	Paging
	Owner     string `query:"owner"`
	Queue     string `query:"queue"`
	Namespace string `query:"namespace"`
	Name      string `query:"name"`
	State     string `query:"state" enum:"Held,Queued,Starting,Running,Stopping,Succeeded,Failed,Cancelled"`
	Label     string `query:"label" doc:"name=value"`
	Run       int64  `query:"run" doc:"only jobs that this run ordered"`
}) (*answer[client.Page[client.Job]], error) {
	f := store.JobFilter{
		Owner: auth.From(ctx).Scope(in.Owner), Queue: in.Queue, Space: in.Namespace, Name: in.Name, Run: run.ID(in.Run),
		Before: job.ID(in.Before), Limit: in.Limit,
	}
	if s, ok := job.ParseState(in.State); ok {
		f.States = []job.State{s}
	}
	var err error
	if f.Label, err = label(in.Label); err != nil {
		return nil, err
	}
	jobs, err := h.Store.Jobs(ctx, f)
	if err != nil {
		return nil, explain("list of jobs", err)
	}
	out := &answer[client.Page[client.Job]]{}
	out.Body.Items = make([]client.Job, len(jobs))
	for i, j := range jobs {
		out.Body.Items[i] = h.withReason(j)
	}
	if len(jobs) == in.Limit {
		out.Body.Next = int64(jobs[len(jobs)-1].ID)
	}
	return out, nil
}

// job reads a job that the caller may see.
func (h *handler) job(ctx context.Context, id int64) (*job.Job, error) {
	j, err := h.Store.Job(ctx, job.ID(id))
	if errors.Is(err, store.ErrNotFound) || err == nil && !auth.From(ctx).May(j.Owner) {
		return nil, notFound("job", id)
	}
	if err != nil {
		return nil, explain("job", err)
	}
	return j, nil
}

// withReason is a job as it is shown, with what it waits for.
func (h *handler) withReason(j *job.Job) client.Job {
	out := jobOf(j)
	if !j.State.Ended() && out.Why == "" {
		out.Why = h.Dispatch.Explain(j.ID)
	}
	return out
}

func (h *handler) getJob(ctx context.Context, in *JobRef) (*answer[client.Job], error) {
	j, err := h.job(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	return &answer[client.Job]{h.withReason(j)}, nil
}

func (h *handler) listReplicas(ctx context.Context, in *struct {
	JobRef
	Child int32  `query:"child" default:"-1" doc:"of this child of the array; -1: of all"`
	State string `query:"state" enum:"Held,Queued,Starting,Running,Stopping,Succeeded,Failed,Cancelled"`
	After string `query:"after" doc:"only beyond this CHILD/REPLICA"`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}) (*answer[client.Page[client.Replica]], error) {
	j, err := h.job(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	f := store.ReplicaFilter{Job: j.ID, Child: in.Child, After: [2]int32{-1, -1}, Limit: in.Limit}
	if s, ok := job.ParseState(in.State); ok {
		f.States = []job.State{s}
	}
	if in.After != "" {
		if _, err := fmt.Sscanf(in.After, "%d/%d", &f.After[0], &f.After[1]); err != nil {
			return nil, fail(http.StatusBadRequest, "Write it as CHILD/REPLICA, such as 12/0.", "after %q is no place in the list", in.After)
		}
	}
	replicas, err := h.Store.Replicas(ctx, f)
	if err != nil {
		return nil, explain("list of replicas", err)
	}
	out := &answer[client.Page[client.Replica]]{}
	out.Body.Items = make([]client.Replica, len(replicas))
	for i, r := range replicas {
		out.Body.Items[i] = replicaOf(j.Spec, r)
	}
	return out, nil
}

func (h *handler) stopJob(ctx context.Context, in *struct {
	JobRef
	Body struct {
		Why string `json:"why,omitempty"`
	}
}) (*struct{}, error) {
	j, err := h.job(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	why := in.Body.Why
	if why == "" {
		why = "stopped by " + auth.From(ctx).Owner
	}
	return nil, explain("job", h.Dispatch.Cancel(ctx, j.ID, why))
}

// hold suspends or resumes a job.
func (h *handler) hold(ask func(*dispatch.Dispatcher, context.Context, job.ID) error) func(context.Context, *JobRef) (*struct{}, error) {
	return func(ctx context.Context, in *JobRef) (*struct{}, error) {
		j, err := h.job(ctx, in.Job)
		if err != nil {
			return nil, err
		}
		return nil, explain("job", ask(h.Dispatch, ctx, j.ID))
	}
}

func (h *handler) submitJob(ctx context.Context, in *struct {
	Idempotent
	Body client.File
}) (*answer[client.Job], error) {
	if p := h.Refuse(); p != nil {
		return nil, &problem{*p}
	}
	docs, problems, err := h.read(ctx, in.Body, "")
	if err != nil {
		return nil, err
	}
	if manifest.Broken(problems) {
		return nil, refused("manifest", problems)
	}
	if len(docs) != 1 || docs[0].Kind != manifest.KindJob {
		return nil, fail(http.StatusUnprocessableEntity, "Send one job, or use 'tutti apply -f FILE'.", "the manifest is not one job")
	}
	j, err := h.submit(ctx, docs[0], in.Key)
	if err != nil {
		return nil, err
	}
	return &answer[client.Job]{jobOf(j)}, nil
}

// submit hands a job over. key, where there is one, makes doing it twice harmless.
func (h *handler) submit(ctx context.Context, d manifest.Parsed, key string) (*job.Job, error) {
	owner := auth.From(ctx).Owner
	if key != "" {
		key = "api/" + owner + "/" + key
	}
	j, err := h.Dispatch.Submit(ctx, owner, d.Spec, key)
	if err != nil {
		return nil, explain("job "+d.Name, err)
	}
	return j, nil
}
