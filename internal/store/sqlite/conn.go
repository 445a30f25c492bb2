package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	driversqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tutti-ml/tutti/internal/store"
)

// conn is the connection that writes. It speaks to the driver itself, without database/sql between: there is nothing to
// pool, and a row costs so little that sixteen of them in one statement gain less than a tenth.
type conn struct {
	c driver.Conn
}

func openConn(dsn string) (*conn, error) {
	c, err := new(driversqlite.Driver).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &conn{c}, nil
}

func (c *conn) close() error { return c.c.Close() }

// exec runs a script.
func (c *conn) exec(script string) error {
	s, err := c.prepare(script)
	if err != nil {
		return err
	}
	defer s.close()
	return s.exec()
}

// number gives the one number that a query answers.
func (c *conn) number(query string) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	defer s.close()
	row, err := s.row()
	if err != nil {
		return 0, err
	}
	if len(row) == 0 {
		return 0, fmt.Errorf("%s: no answer", query)
	}
	return row[0].(int64), nil
}

func (c *conn) prepare(query string) (*stmt, error) {
	s, err := c.c.Prepare(query)
	if err != nil {
		return nil, err
	}
	return &stmt{s: s.(driverStmt)}, nil
}

type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// stmt is a prepared statement of a conn.
type stmt struct {
	s    driverStmt
	args []driver.NamedValue // reused
}

func (s *stmt) close() error { return s.s.Close() }

// bind fills args from values of the driver's types: int64, string, []byte, nil.
func (s *stmt) bind(values []driver.Value) []driver.NamedValue {
	for len(s.args) < len(values) {
		s.args = append(s.args, driver.NamedValue{Ordinal: len(s.args) + 1})
	}
	args := s.args[:len(values)]
	for i, v := range values {
		args[i].Value = v
	}
	return args
}

// exec runs the statement. A transaction is never given up half way, so there is no context.
func (s *stmt) exec(values ...driver.Value) error {
	_, err := s.s.ExecContext(context.Background(), s.bind(values))
	return err
}

// row gives the columns of the first row that the statement answers; nil where there is none.
func (s *stmt) row(values ...driver.Value) ([]driver.Value, error) {
	rows, err := s.s.QueryContext(context.Background(), s.bind(values))
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, len(rows.Columns()))
	err = rows.Next(row)
	if e := rows.Close(); err == nil {
		err = e
	}
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return row, err
}

// explain turns an error of the database into one of the port, with what to do.
func explain(err error) error {
	var e *driversqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w: restore a backup, or choose another directory", store.ErrCorrupt, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: the disk is full: free some space and start again; nothing that was acknowledged is lost", err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: make the data directory writable for this user, or choose another one", err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: the disk failed or is full: see the system's log; nothing that was acknowledged is lost", err)
	}
	return err
}
