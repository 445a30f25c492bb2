package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
)

// scanJob reads a job's row and its spec.
func scanJob(row scanner) (*job.Job, error) {
	var data, spec []byte
	if err := row.Scan(&data, &spec); err != nil {
		return nil, err
	}
	j, err := unmarshal[job.Job](data)
	if err != nil {
		return nil, err
	}
	j.Spec, err = unmarshal[job.Spec](spec)
	return j, err
}

func unmarshal[T any](data []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("reading %T: %w: %w", v, store.ErrCorrupt, err)
	}
	return v, nil
}

// Job implements store.Store.
func (s *Store) Job(ctx context.Context, id job.ID) (*job.Job, error) {
	return one(s.query.job.QueryRowContext(ctx, id), scanJob, "job %d", id)
}

// JobByKey implements store.Store.
func (s *Store) JobByKey(ctx context.Context, key string) (*job.Job, error) {
	return one(s.query.jobByKey.QueryRowContext(ctx, key), scanJob, "job with key %q", key)
}

// JobByName implements store.Store.
func (s *Store) JobByName(ctx context.Context, owner, space, name string) (*job.Job, error) {
	return one(s.query.jobByName.QueryRowContext(ctx, owner, space, name), scanJob, "job %q", name)
}

// Jobs implements store.Store.
func (s *Store) Jobs(ctx context.Context, f store.JobFilter) ([]*job.Job, error) {
	text, args := selectJobs(f)
	rows, err := s.read.QueryContext(ctx, text, args...)
	return collect(rows, err, func(row scanner) (*job.Job, error) {
		var data []byte
		if err := row.Scan(&data); err != nil {
			return nil, err
		}
		return unmarshal[job.Job](data)
	})
}

func selectJobs(f store.JobFilter) (string, []any) {
	var q selection
	q.text("owner", f.Owner)
	q.text("queue", f.Queue)
	q.text("space", f.Space)
	q.text("name", f.Name)
	q.number("run", int64(f.Run))
	among(&q, "state", f.States)
	if f.Label[0] != "" {
		q.and("id IN (SELECT job FROM job_label WHERE name = ? AND value = ?)", f.Label[0], f.Label[1])
	}
	if f.Before > 0 {
		q.and("id < ?", int64(f.Before))
	}
	return q.query("data", "job", "id DESC", f.Limit)
}

// Replicas implements store.Store.
func (s *Store) Replicas(ctx context.Context, f store.ReplicaFilter) ([]job.Replica, error) {
	var q selection
	q.and("job = ?", int64(f.Job))
	if f.Child >= 0 {
		q.and("child = ?", int64(f.Child))
	}
	q.and("(child, replica) > (?, ?)", int64(f.After[0]), int64(f.After[1]))
	among(&q, "state", f.States)
	text, args := q.query("data", "replica", "child, replica", f.Limit)
	rows, err := s.read.QueryContext(ctx, text, args...)
	return collect(rows, err, func(row scanner) (job.Replica, error) {
		var data []byte
		if err := row.Scan(&data); err != nil {
			return job.Replica{}, err
		}
		r, err := unmarshal[job.Replica](data)
		if err != nil {
			return job.Replica{}, err
		}
		return *r, nil
	})
}

// OpenJobs implements store.Store. It holds no connection while it yields.
func (s *Store) OpenJobs(ctx context.Context, yield func(*job.Job) bool) error {
	const page = 100
	after := job.ID(0)
	for {
		rows, err := s.query.openJobs.QueryContext(ctx, after, page)
		jobs, err := collect(rows, err, scanJob)
		if err != nil {
			return fmt.Errorf("reading open jobs: %w", err)
		}
		for _, j := range jobs {
			if !yield(j) {
				return nil
			}
			after = j.ID
		}
		if len(jobs) < page {
			return nil
		}
	}
}

// JobRequests implements store.Store.
func (s *Store) JobRequests(ctx context.Context) ([]store.JobRequest, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT job, kind, why FROM job_request ORDER BY job, kind")
	return collect(rows, err, func(row scanner) (r store.JobRequest, err error) {
		return r, row.Scan(&r.Job, &r.Kind, &r.Why)
	})
}
