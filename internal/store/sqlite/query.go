package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/store"
)

// defaultLimit is the length of a page where a filter names none.
const defaultLimit = 100

const (
	runColumns   = "id, owner, machine, coalesce(name, ''), parent, status, resident, data"
	frameColumns = "seq, kind, subject, first, count, position, data"
	logFrames    = " FROM frame WHERE kind = 1 AND subject = ?1 AND count > 0"
)

// queries are what readers ask often. Lists that depend on a filter are put together when they are asked for.
type queries struct {
	run, snapshot, frames, frameBefore, lastFirst *sql.Stmt
	inbox, value, job, jobByKey, jobByName        *sql.Stmt
	object, changes, lastChange, pruned           *sql.Stmt
	openJobs, resident, timers                    *sql.Stmt
	prepared                                      []*sql.Stmt
}

// readQuery is where a query goes and its text.
type readQuery struct {
	to   **sql.Stmt
	text string
}

func (q *queries) all() []readQuery {
	const jobs = "SELECT job.data, job_spec.data FROM job JOIN job_spec ON job_spec.job = job.id WHERE "
	return []readQuery{
		{&q.run, "SELECT " + runColumns + " FROM run WHERE id = ?"},
		{&q.snapshot, "SELECT next, version, data FROM snapshot WHERE run = ?"},
		{&q.frames, "SELECT " + frameColumns + logFrames +
			" AND first >= coalesce((SELECT max(first)" + logFrames + " AND first <= ?2), 0) AND first + count > ?2 ORDER BY first LIMIT ?3"},
		{&q.frameBefore, "SELECT first, position" + logFrames + " AND first <= ?2 ORDER BY first DESC LIMIT 1"},
		{&q.lastFirst, "SELECT coalesce(max(first), 0)" + logFrames},
		{&q.inbox, "SELECT id, key, kind, task, ref, name, data FROM inbox WHERE run = ? ORDER BY id"},
		{&q.value, "SELECT text FROM value WHERE key = ? AND digest = ?"},
		{&q.job, jobs + "job.id = ?"},
		{&q.jobByKey, jobs + "job.key = ?"},
		{&q.jobByName, jobs + "job.owner = ? AND job.space = ? AND job.name = ?"},
		{&q.object, "SELECT " + objectColumns + objectTables + " WHERE o.kind = ?1 AND o.space = ?2 AND o.name = ?3" +
			" AND (v.version = ?4 OR ?4 = 0 AND v.version = o.latest AND o.deleted = 0)"},
		{&q.changes, "SELECT " + frameColumns + " FROM frame WHERE seq > ? ORDER BY seq LIMIT ?"},
		{&q.pruned, "SELECT value FROM meta WHERE name = 'pruned'"},
		{&q.openJobs, "SELECT job.data, job_spec.data FROM job JOIN job_spec ON job_spec.job = job.id" +
			" WHERE job.ended IS NULL AND job.id > ? ORDER BY job.id LIMIT ?"},
		{&q.resident, "SELECT id FROM run WHERE resident = 1 UNION SELECT run FROM inbox ORDER BY 1"},
		{&q.timers, "SELECT run, timer, at FROM timer WHERE (at, run, timer) > (?, ?, ?) AND at <= ? ORDER BY at, run, timer LIMIT ?"},
		{&q.lastChange, "SELECT max(coalesce((SELECT max(seq) FROM frame), 0), (SELECT value FROM meta WHERE name = 'pruned'))"},
	}
}

func (q *queries) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range q.all() {
		s, err := db.PrepareContext(ctx, p.text)
		if err != nil {
			return err
		}
		*p.to = s
		q.prepared = append(q.prepared, s)
	}
	return nil
}

func (q *queries) close() error {
	var errs []error
	for _, s := range q.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// scanner is a row of an answer.
type scanner interface{ Scan(...any) error }

// collect scans every row of an answer.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, explain(err)
	}
	return all, nil
}

// one scans a row that is named by format and args where it is not found.
func one[T any](row *sql.Row, scan func(scanner) (T, error), format string, args ...any) (T, error) {
	v, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, fmt.Errorf(format+": %w", append(slices.Clone(args), store.ErrNotFound)...)
	}
	return v, explain(err)
}

// selection is a list with what narrows it down.
type selection struct {
	where []string
	args  []any
}

func (q *selection) and(condition string, args ...any) {
	q.where = append(q.where, condition)
	q.args = append(q.args, args...)
}

// text narrows the list to rows whose column has value, unless that is empty.
func (q *selection) text(column, value string) {
	if value != "" {
		q.and(column+" = ?", value)
	}
}

// number does so for a positive number, and says that it is one: the index has no others.
func (q *selection) number(column string, value int64) {
	if value != 0 {
		q.and(column+" = ? AND "+column+" > 0", value)
	}
}

// among narrows the list to rows whose column has one of values, unless there are none.
func among[T ~uint8](q *selection, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = int64(v)
	}
	q.and(column+" IN (?"+strings.Repeat(",?", len(values)-1)+")", args...)
}

// query is the text of the list.
func (q *selection) query(columns, from, order string, limit int) (string, []any) {
	text := "SELECT " + columns + " FROM " + from
	if len(q.where) > 0 {
		text += " WHERE " + strings.Join(q.where, " AND ")
	}
	if limit == 0 {
		limit = defaultLimit
	}
	return text + " ORDER BY " + order + " LIMIT ?", append(q.args, limit)
}
