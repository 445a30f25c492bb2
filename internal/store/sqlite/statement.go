package sqlite

import "errors"

// statements are what the writer runs. Tables that are only appended to have inserters; the others are written row by
// row, at once, so that a later unit of the transaction sees what an earlier one did.
type statements struct {
	begin, commit, rollback, epoch *stmt

	frames, inbox, values, refs, runLabels *inserter

	run, snapshot                          *stmt
	setTimer, clearTimer, clearTimers      *stmt
	consume, clearInbox                    *stmt
	insertJob, updateJob, spec, jobLabel   *stmt
	replica, request, clearRequests        *stmt
	insertObject, updateObject, newVersion *stmt

	// Facts.
	runHead, runNamed             *stmt
	jobHead, jobNamed, jobKeyed   *stmt
	objectHead, objectID, valueID *stmt
	prepared                      []*stmt
}

func (q *statements) prepare(c *conn) error {
	for _, p := range []struct {
		to    **stmt
		query string
	}{
		{&q.begin, "BEGIN IMMEDIATE"},
		{&q.commit, "COMMIT"},
		{&q.rollback, "ROLLBACK"},
		{&q.epoch, "SELECT value FROM meta WHERE name = 'epoch'"},

		{&q.run, `INSERT INTO run (id, owner, machine, name, parent, status, resident, ended, data) VALUES (?,?,?,?,?,?,?,?,?)
			ON CONFLICT (id) DO UPDATE SET status = excluded.status, resident = excluded.resident, ended = excluded.ended, data = excluded.data`},
		{&q.snapshot, "REPLACE INTO snapshot (run, next, version, data) VALUES (?,?,?,?)"},
		{&q.setTimer, "REPLACE INTO timer (run, timer, at) VALUES (?,?,?)"},
		{&q.clearTimer, "DELETE FROM timer WHERE run = ? AND timer = ?"},
		{&q.clearTimers, "DELETE FROM timer WHERE run = ?"},
		{&q.consume, "DELETE FROM inbox WHERE id = ? AND run = ?"},
		{&q.clearInbox, "DELETE FROM inbox WHERE run = ?"},

		{&q.insertJob, "INSERT INTO job (id, version, owner, space, name, key, queue, run, state, ended, data) VALUES (?,?,?,?,?,?,?,?,?,?,?)"},
		{&q.updateJob, "UPDATE job SET version = ?, state = ?, ended = ?, data = ? WHERE id = ?"},
		{&q.spec, "INSERT INTO job_spec (job, data) VALUES (?,?)"},
		{&q.jobLabel, "INSERT INTO job_label (name, value, job) VALUES (?,?,?)"},
		{&q.replica, "REPLACE INTO replica (job, child, replica, state, data) VALUES (?,?,?,?,?)"},
		{&q.request, "INSERT OR IGNORE INTO job_request (job, kind, why) VALUES (?,?,?)"},
		{&q.clearRequests, "DELETE FROM job_request WHERE job = ?"},

		{&q.insertObject, "INSERT INTO object (id, kind, space, name, latest, deleted) VALUES (?,?,?,?,?,?)"},
		{&q.updateObject, "UPDATE object SET latest = ?, deleted = ? WHERE id = ?"},
		{&q.newVersion, "INSERT INTO object_version (object, version, owner, created, updated, labels, deleted, data) VALUES (?,?,?,?,?,?,?,?)"},

		{&q.runHead, `SELECT ended IS NOT NULL, (SELECT first + count FROM frame
			WHERE kind = 1 AND subject = run.id AND count > 0 ORDER BY first DESC LIMIT 1) FROM run WHERE id = ?`},
		{&q.runNamed, "SELECT 1 FROM run WHERE owner = ? AND machine = ? AND name = ?"},
		{&q.jobHead, "SELECT version, ended IS NOT NULL FROM job WHERE id = ?"},
		{&q.jobNamed, "SELECT 1 FROM job WHERE owner = ? AND space = ? AND name = ?"},
		{&q.jobKeyed, "SELECT 1 FROM job WHERE key = ?"},
		{&q.objectHead, "SELECT latest FROM object WHERE kind = ? AND space = ? AND name = ?"},
		{&q.objectID, "SELECT id FROM object WHERE kind = ? AND space = ? AND name = ?"},
		{&q.valueID, "SELECT id FROM value WHERE digest = ?"},
	} {
		s, err := c.prepare(p.query)
		if err != nil {
			return err
		}
		*p.to = s
		q.prepared = append(q.prepared, s)
	}
	for _, p := range []struct {
		to      **inserter
		into    string
		columns int
	}{
		{&q.frames, "INSERT OR ROLLBACK INTO frame (seq, kind, subject, first, count, position, data)", 7},
		{&q.inbox, "INSERT OR IGNORE INTO inbox (id, run, key, kind, task, ref, name, data)", 8},
		{&q.values, "INSERT OR ROLLBACK INTO value (id, digest, text)", 3},
		{&q.refs, "INSERT OR IGNORE INTO value_ref (run, value)", 2},
		{&q.runLabels, "INSERT OR IGNORE INTO run_label (name, value, run)", 3},
	} {
		t, err := newInserter(c, p.into, p.columns)
		if err != nil {
			return err
		}
		*p.to = t
		q.prepared = append(q.prepared, t.one, t.many)
	}
	return nil
}

// flush writes what the inserters hold.
func (q *statements) flush() error {
	for _, t := range [...]*inserter{q.frames, q.inbox, q.values, q.refs, q.runLabels} {
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (q *statements) close() error {
	var errs []error
	for _, s := range q.prepared {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
