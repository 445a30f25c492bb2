package sqlite

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/store"
)

// Migrations are numbered from 0001 without a gap. One that was released is never changed.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a file as ours (PRAGMA application_id): "TUTI".
const applicationID = 0x54555449

// identify gives the version of the schema, 0 for an empty database, and refuses what is not ours. It changes nothing.
func identify(c *conn, latest int64) (version int64, err error) {
	application, err := c.number("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	tables, err := c.number("SELECT count(*) FROM sqlite_master")
	if err != nil {
		return 0, err
	}
	if tables > 0 && application != applicationID {
		return 0, fmt.Errorf("a database of another program: %w: choose another directory", store.ErrCorrupt)
	}
	if version, err = c.number("PRAGMA user_version"); err != nil {
		return 0, err
	}
	if version > latest {
		return 0, fmt.Errorf("schema %d where this release knows %d: %w: install that release or a later one",
			version, latest, store.ErrNewer)
	}
	return version, nil
}

// migrate makes the database ours and brings its schema up to date, in one transaction.
func migrate(c *conn) error {
	migrations, err := readMigrations()
	if err != nil {
		return err
	}
	latest := int64(len(migrations))
	version, err := identify(c, latest)
	if err != nil {
		return err
	}
	if err := c.exec("PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	if version == latest {
		return nil
	}
	var script strings.Builder
	script.WriteString("BEGIN IMMEDIATE;\n")
	for _, m := range migrations[version:] {
		script.WriteString(m)
	}
	fmt.Fprintf(&script, "PRAGMA application_id = %d;\nPRAGMA user_version = %d;\nCOMMIT;\n", applicationID, latest)
	return c.exec(script.String())
}

func readMigrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	scripts := make([]string, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d", name, i+1)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts[i] = string(text)
	}
	return scripts, nil
}
