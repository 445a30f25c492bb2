// Package sqlite is the store on one machine: a SQLite database in WAL mode, made durable by one sync a commit. It is an
// adapter: it stores what it is given and decides nothing.
//
// One connection writes, driven by the one caller of Commit; a pool of others reads beside it. The frame table is the
// feed and all logs at once: it is only ever appended to, and its index by (kind, subject, first) is what finds a log.
// Everything a commit needs to know (where logs end, which names are taken) the store.Guard holds or reads before the
// first row is written, so that a transaction is never rolled back for one stale unit.
//
// What it costs (BenchmarkCommit, two cores, frames of 300 bytes, CPU): a unit alone 0.1 to 0.17 ms besides the sync, one
// of 64 in a batch 12 µs, one of 500 7 µs; with 4 KB of its own 35 µs, with 4 KB that another run has stored 10 µs. Half
// of it is pages copied to the log, which is why keys are small. A read of a few rows is 10 to 30 µs (BenchmarkRead).
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// FileName is the database within its directory.
const FileName = "tutti.db"

// Sizes. The log is copied into the database every checkpointPages pages (16 MiB), in the commit that reaches them: more
// would join more writes of one page and make that commit longer.
const (
	readers         = 8
	writerCacheKiB  = 32 << 10
	readerCacheKiB  = 4 << 10
	checkpointPages = 4000
	busyMillis      = 10_000
	headsKept       = 1 << 16 // of runs, of jobs and of objects, in the guard
	digestsKept     = 1 << 14
)

// Options are what a store is opened with.
type Options struct {
	// Blobs hold values that store.Writer moved out of the units; nil where it moves none.
	Blobs store.Blobs
}

// Store is a store.Store.
type Store struct {
	dir    string
	blobs  store.Blobs
	values valueCache
	lock   *os.File
	epoch  int64
	secret []byte
	read   *sql.DB
	query  queries

	lastRun, lastJob atomic.Int64 // highest ids that were ever stored

	mu     sync.Mutex // guards what follows: the writing side
	write  *conn
	do     statements
	guard  *store.Guard
	failed error
	stats  Stats
	// Highest numbers in use.
	lastSeq, lastInbox, lastValue, lastObject int64
	valueIDs                                  map[value.Digest]int64 // some of the values stored
}

// Open opens the store in dir, which must exist, and makes it where there is none. It answers store.ErrLocked,
// store.ErrNewer or store.ErrCorrupt, having changed nothing, where the data are not for us to write.
func Open(ctx context.Context, dir string, o Options) (_ *Store, err error) {
	s := &Store{dir: dir, blobs: o.Blobs, valueIDs: make(map[value.Digest]int64)}
	if s.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	path := filepath.Join(dir, FileName)
	if err := checkHeader(path); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if err := s.openWriter(path); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, explain(err))
	}
	s.read, err = sql.Open("sqlite", dsn(path, fmt.Sprintf("cache_size(-%d)", readerCacheKiB), "query_only(1)"))
	if err != nil {
		return nil, err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.query.prepare(ctx, s.read); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, explain(err))
	}
	return s, nil
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyMillis)}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// checkHeader refuses a file that SQLite would take for an empty database or overwrite.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	magic := "SQLite format 3\x00"
	header := make([]byte, len(magic))
	n, err := f.Read(header)
	if n == 0 { // made by a server that died before it wrote anything
		return nil
	}
	if err != nil {
		return err
	}
	if string(header) != magic {
		return fmt.Errorf("%w: not a database: restore a backup, or choose another directory", store.ErrCorrupt)
	}
	return nil
}

func (s *Store) openWriter(path string) (err error) {
	s.write, err = openConn(dsn(path,
		"synchronous(FULL)", "temp_store(MEMORY)",
		fmt.Sprintf("cache_size(-%d)", writerCacheKiB), fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages)))
	if err != nil {
		return err
	}
	if err := migrate(s.write); err != nil {
		return err
	}
	if err := s.do.prepare(s.write); err != nil {
		return err
	}
	for _, n := range []struct {
		to    *int64
		query string
	}{
		// At least the time in seconds: the epoch of a store that was restored from a backup is above those since then.
		{&s.epoch, "UPDATE meta SET value = max(value + 1, unixepoch()) WHERE name = 'epoch' RETURNING value"},
		{&s.lastSeq, "SELECT max(coalesce((SELECT max(seq) FROM frame), 0), (SELECT value FROM meta WHERE name = 'pruned'))"},
		{&s.lastInbox, "SELECT coalesce(max(id), 0) FROM inbox"},
		{&s.lastValue, "SELECT coalesce(max(id), 0) FROM value"},
		{&s.lastObject, "SELECT coalesce(max(id), 0) FROM object"},
	} {
		if *n.to, err = s.write.number(n.query); err != nil {
			return err
		}
	}
	if err := s.readSecret(); err != nil {
		return err
	}
	lastRun, err := s.write.number("SELECT max(coalesce((SELECT max(id) FROM run), 0), (SELECT value FROM meta WHERE name = 'last_run'))")
	if err != nil {
		return err
	}
	lastJob, err := s.write.number("SELECT max(coalesce((SELECT max(id) FROM job), 0), (SELECT value FROM meta WHERE name = 'last_job'))")
	if err != nil {
		return err
	}
	s.lastRun.Store(lastRun)
	s.lastJob.Store(lastJob)
	s.guard = store.NewGuard(facts{s})
	return nil
}

// Epoch implements store.Store.
func (s *Store) Epoch() int64 { return s.epoch }

// Secret implements store.Store.
func (s *Store) Secret() []byte { return s.secret }

// readSecret reads the store's secret; it draws one for data that have none yet.
func (s *Store) readSecret() error {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return err
	}
	// One statement: what is there stays, and is what comes back.
	st, err := s.write.prepare("INSERT INTO meta VALUES ('secret', ?) ON CONFLICT DO UPDATE SET value = value RETURNING value")
	if err != nil {
		return err
	}
	defer st.close()
	row, err := st.row(fresh)
	if err != nil {
		return err
	}
	s.secret = row[0].([]byte)
	return nil
}

// Last implements store.Store.
func (s *Store) Last(context.Context) (run.ID, job.ID, error) {
	return run.ID(s.lastRun.Load()), job.ID(s.lastJob.Load()), nil
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, units []*store.Unit) ([]store.Verdict, error) {
	ctx = context.WithoutCancel(ctx)
	verdicts := make([]store.Verdict, len(units))
	err := s.transact(func() error {
		for i, u := range units {
			v, err := s.guard.Judge(ctx, u)
			if err != nil {
				return err
			}
			if v == store.OK {
				if err := s.store(ctx, u); err != nil {
					return err
				}
			}
			verdicts[i] = v
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

// transact runs f in a transaction of the writer. Whatever fails, fails the store: what is on the disk is unknown, and
// what is remembered here may be wrong.
func (s *Store) transact(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if err := s.transactLocked(f); err != nil {
		s.failed = fmt.Errorf("committing to %s: %w", filepath.Join(s.dir, FileName), explain(err))
		_ = s.do.rollback.exec() // fails where SQLite has rolled back already
		return s.failed
	}
	s.guard.Committed(headsKept)
	if len(s.valueIDs) > digestsKept {
		clear(s.valueIDs)
	}
	s.stats.Commits++
	return nil
}

func (s *Store) transactLocked(f func() error) error {
	if err := s.do.begin.exec(); err != nil {
		return err
	}
	row, err := s.do.epoch.row()
	if err != nil {
		return err
	}
	if row[0].(int64) != s.epoch {
		return fmt.Errorf("epoch %d, now %d: %w", s.epoch, row[0], store.ErrFenced)
	}
	if err := f(); err != nil {
		return err
	}
	return s.do.commit.exec()
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = store.ErrStopped
	}
	var errs []error
	if s.read != nil {
		errs = append(errs, s.query.close(), s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.do.close(), s.write.close())
		s.write = nil
	}
	if s.lock != nil {
		errs = append(errs, unlockDir(s.lock))
		s.lock = nil
	}
	return errors.Join(errs...)
}

var _ store.Store = (*Store)(nil)
