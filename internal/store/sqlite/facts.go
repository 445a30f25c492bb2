package sqlite

import (
	"context"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// facts answers the guard from the writing connection. The guard asks with s.mu held.
type facts struct{ s *Store }

func (f facts) RunHead(_ context.Context, id run.ID) (store.RunHead, error) {
	if int64(id) > f.s.lastRun.Load() {
		return store.RunHead{}, nil
	}
	row, err := f.s.do.runHead.row(int64(id))
	if row == nil || err != nil {
		return store.RunHead{}, err
	}
	h := store.RunHead{Next: 1, Ended: row[0].(int64) == 1}
	if next, ok := row[1].(int64); ok {
		h.Next = uint64(next)
	}
	return h, nil
}

func (f facts) JobHead(_ context.Context, id job.ID) (store.JobHead, error) {
	if int64(id) > f.s.lastJob.Load() {
		return store.JobHead{}, nil
	}
	row, err := f.s.do.jobHead.row(int64(id))
	if row == nil || err != nil {
		return store.JobHead{}, err
	}
	return store.JobHead{Version: row[0].(int64), Ended: row[1].(int64) == 1}, nil
}

func (f facts) ObjectHead(_ context.Context, n store.ObjectName) (int64, error) {
	row, err := f.s.do.objectHead.row(n.Kind, n.Space, n.Name)
	if row == nil || err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

func (f facts) RunNamed(_ context.Context, n store.RunName) (bool, error) {
	row, err := f.s.do.runNamed.row(n.Owner, n.Machine, n.Name)
	return row != nil, err
}

func (f facts) JobNamed(_ context.Context, n store.JobName) (bool, error) {
	row, err := f.s.do.jobNamed.row(n.Owner, n.Space, n.Name)
	return row != nil, err
}

func (f facts) JobKeyed(_ context.Context, key string) (bool, error) {
	row, err := f.s.do.jobKeyed.row(key)
	return row != nil, err
}
