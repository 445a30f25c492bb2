package sqlite

import (
	"context"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
)

// pruneStep bounds how many runs and jobs one Prune removes, and with them how long commits wait for it.
const pruneStep = 20

// pruning is what Prune runs; all statements take the id of a run or job. What a run or a job still waits for is kept:
// it may ask how its children and jobs ended.
const (
	prunableRuns = `SELECT id FROM run WHERE ended < ? AND ended IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM run p WHERE p.id = run.parent AND p.ended IS NULL) LIMIT ?`
	prunableJobs = `SELECT id FROM job WHERE ended < ? AND ended IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM run p WHERE p.id = job.run AND p.ended IS NULL) LIMIT ?`
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
func (s *Store) Prune(_ context.Context, runsBefore, jobsBefore time.Time) (more bool, err error) {
	err = s.transact(func() error {
		runs, err := s.remove(prunableRuns, runsBefore, pruneRun)
		if err != nil {
			return err
		}
		jobs, err := s.remove(prunableJobs, jobsBefore, pruneJob)
		if err != nil {
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

// remove runs the statements for each id that a query finds, and gives the ids.
func (s *Store) remove(query string, before time.Time, statements []string) ([]int64, error) {
	find, err := s.write.prepare(query)
	if err != nil {
		return nil, err
	}
	defer find.close()
	ids, err := find.numbers(millis(before), int64(pruneStep))
	if len(ids) == 0 || err != nil {
		return nil, err
	}
	for _, text := range statements {
		st, err := s.write.prepare(text)
		if err != nil {
			return nil, err
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
			return nil, err
		}
	}
	return ids, nil
}
