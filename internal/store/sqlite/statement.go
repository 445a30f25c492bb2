package sqlite

import "errors"

// statements are what the writer runs. Each writes one row, at once, so that a later unit of the transaction sees what an
// earlier one did. An insert that cannot fail but for a fault of ours takes the whole transaction back (OR ROLLBACK):
// that spares SQLite the journal by which it would take back the statement alone.
type statements struct {
	begin, commit, rollback, epoch *stmt

	frame, inbox, value, ref, runLabel *stmt

	run, snapshot                          *stmt
	setTimer, clearTimer, clearTimers      *stmt
	consume, clearInbox                    *stmt
	insertJob, updateJob, spec, jobLabel   *stmt
	replica, request, answered             *stmt
	clearRequests                          *stmt
	insertObject, updateObject, newVersion *stmt

	// Facts.
	runHead, runNamed             *stmt
	jobHead, jobNamed, jobKeyed   *stmt
	objectHead, objectID, valueID *stmt
	prepared                      []*stmt
}

// writeQuery is where a statement goes and its text.
type writeQuery struct {
	to   **stmt
	text string
}

func (q *statements) all() []writeQuery {
	return []writeQuery{
		{&q.begin, "BEGIN IMMEDIATE"},
		{&q.commit, "COMMIT"},
		{&q.rollback, "ROLLBACK"},
		{&q.epoch, "SELECT value FROM meta WHERE name = 'epoch'"},

		{&q.frame, "INSERT OR ROLLBACK INTO frame (seq, kind, subject, first, count, position, data) VALUES (?,?,?,?,?,?,?)"},
		{&q.inbox, "INSERT OR IGNORE INTO inbox (id, run, key, kind, task, ref, name, data) VALUES (?,?,?,?,?,?,?,?)"},
		{&q.value, "INSERT OR ROLLBACK INTO value (id, key, digest, text) VALUES (?,?,?,?)"},
		{&q.ref, "INSERT OR IGNORE INTO value_ref (run, value) VALUES (?,?)"},
		{&q.runLabel, "INSERT OR IGNORE INTO run_label (name, value, run) VALUES (?,?,?)"},

		{&q.run, `INSERT INTO run (id, owner, machine, name, parent, status, resident, ended, data) VALUES (?,?,?,?,?,?,?,?,?)
			ON CONFLICT (id) DO UPDATE SET status = excluded.status, resident = excluded.resident, ended = excluded.ended, data = excluded.data`},
		{&q.snapshot, "REPLACE INTO snapshot (run, next, version, data) VALUES (?,?,?,?)"},
		{&q.setTimer, "REPLACE INTO timer (run, timer, at) VALUES (?,?,?)"},
		{&q.clearTimer, "DELETE FROM timer WHERE run = ? AND timer = ?"},
		{&q.clearTimers, "DELETE FROM timer WHERE run = ?"},
		{&q.consume, "DELETE FROM inbox WHERE id = ? AND run = ?"},
		{&q.clearInbox, "DELETE FROM inbox WHERE run = ?"},

		{&q.insertJob, "INSERT INTO job (id, version, owner, space, name, key, queue, run, state, ended, data) VALUES (?,?,?,?,?,?,?,?,?,?,?)"},
		{&q.updateJob, "UPDATE job SET version = ?, state = ?, ended = ?, expires = ?, data = ? WHERE id = ?"},
		{&q.spec, "INSERT INTO job_spec (job, data) VALUES (?,?)"},
		{&q.jobLabel, "INSERT INTO job_label (name, value, job) VALUES (?,?,?)"},
		{&q.replica, "REPLACE INTO replica (job, child, replica, state, data) VALUES (?,?,?,?,?)"},
		{&q.request, "INSERT OR IGNORE INTO job_request (job, kind, why) VALUES (?,?,?)"},
		{&q.answered, "DELETE FROM job_request WHERE job = ? AND kind = ?"},
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
		{&q.valueID, "SELECT id FROM value WHERE key = ? AND digest = ?"},
	}
}

func (q *statements) prepare(c *conn) error {
	for _, p := range q.all() {
		s, err := c.prepare(p.text)
		if err != nil {
			return err
		}
		*p.to = s
		q.prepared = append(q.prepared, s)
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
