package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// pruneStep bounds how many runs and jobs one Prune removes, and with them how long commits wait for it.
const pruneStep = 20

// pruning is what Prune runs; all statements take the id of a run or job. What a run or a job still waits for is kept:
// it may ask how its children and jobs ended.
const (
	prunableRuns = `SELECT id FROM run WHERE ended < ? AND ended IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM run p WHERE p.id = run.parent AND p.ended IS NULL) LIMIT ?`
	prunableJobs = `SELECT id FROM (
			SELECT id, run FROM job WHERE ended < ? AND ended IS NOT NULL AND expires IS NULL
			UNION ALL SELECT id, run FROM job WHERE expires < ? AND expires IS NOT NULL) j
		WHERE NOT EXISTS (SELECT 1 FROM run p WHERE p.id = j.run AND p.ended IS NULL) LIMIT ?`
)

var pruneRun = []string{
	// The floor of the feed first.
	`UPDATE meta SET value = max(value,
		coalesce((SELECT max(seq) FROM frame WHERE kind = 1 AND subject = ?1 AND count > 0), 0),
		coalesce((SELECT max(seq) FROM frame WHERE kind = 1 AND subject = ?1 AND count = 0), 0)) WHERE name = 'pruned'`,
	`UPDATE meta SET value = max(value, ?1) WHERE name = 'last_run'`,
	`DELETE FROM frame WHERE kind = 1 AND subject = ?1 AND count > 0`,
	`DELETE FROM frame WHERE kind = 1 AND subject = ?1 AND count = 0`,
	`DELETE FROM value WHERE id IN (SELECT value FROM value_ref WHERE run = ?1)
		AND NOT EXISTS (SELECT 1 FROM value_ref o WHERE o.value = value.id AND o.run <> ?1)`,
	`DELETE FROM value_ref WHERE run = ?1`,
	`DELETE FROM snapshot WHERE run = ?1`,
	`DELETE FROM run_label WHERE run = ?1`,
	`DELETE FROM run WHERE id = ?1`,
}

var pruneJob = []string{
	`UPDATE meta SET value = max(value,
		coalesce((SELECT max(seq) FROM frame WHERE kind = 2 AND subject = ?1 AND count > 0), 0)) WHERE name = 'pruned'`,
	`UPDATE meta SET value = max(value, ?1) WHERE name = 'last_job'`,
	`DELETE FROM frame WHERE kind = 2 AND subject = ?1 AND count > 0`,
	`DELETE FROM replica WHERE job = ?1`,
	`DELETE FROM job_label WHERE job = ?1`,
	`DELETE FROM job_spec WHERE job = ?1`,
	`DELETE FROM job WHERE id = ?1`,
}

// Prune implements store.Store.
func (s *Store) Prune(ctx context.Context, now time.Time, keep store.Retention, forget func(job.ID) error) (more bool, err error) {
	jobs, err := s.prunable(ctx, prunableJobs, millis(now.Add(-keep.Jobs)), millis(now))
	if err != nil {
		return false, err
	}
	runs, err := s.prunable(ctx, prunableRuns, millis(now.Add(-keep.Runs)))
	if err != nil {
		return false, err
	}
	for _, id := range jobs {
		if err := forget(job.ID(id)); err != nil {
			return false, err
		}
	}
	err = s.transact(func() error {
		if err := s.remove(runs, pruneRun); err != nil {
			return err
		}
		if err := s.remove(jobs, pruneJob); err != nil {
			return err
		}
		for _, id := range runs {
			s.guard.ForgetRun(run.ID(id))
		}
		for _, id := range jobs {
			s.guard.ForgetJob(job.ID(id))
		}
		if len(runs) > 0 {
			clear(s.valueIDs)
		}
		more = len(runs) == pruneStep || len(jobs) == pruneStep
		return nil
	})
	return more, err
}

// prunable finds some of what can be removed: nothing that ended comes to be needed again.
func (s *Store) prunable(ctx context.Context, query string, before ...any) ([]int64, error) {
	rows, err := s.read.QueryContext(ctx, query, append(before, pruneStep)...)
	ids, err := collect(rows, err, func(row scanner) (id int64, err error) { return id, row.Scan(&id) })
	if err != nil {
		return nil, fmt.Errorf("looking for what can be removed: %w", err)
	}
	return ids, nil
}

// remove runs the statements for each id.
func (s *Store) remove(ids []int64, statements []string) error {
	if len(ids) == 0 {
		return nil
	}
	for _, text := range statements {
		st, err := s.write.prepare(text)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err == nil {
				err = st.exec(id)
			}
		}
		if e := st.close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}
