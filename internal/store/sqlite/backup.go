package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	driversqlite "modernc.org/sqlite"
)

// Backup implements store.Store. It reads one state of the store while commits go on, and packs it tightly. The file
// appears under its name when it is complete and durable.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("backing up to %q: %w: name a new file", path, os.ErrExist)
	}
	part := path + ".part"
	defer func() {
		if err != nil {
			_ = os.Remove(part)
			err = fmt.Errorf("backing up to %q: %w", path, explain(err))
		}
	}()
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c, err := openConn(dsn(filepath.Join(s.dir, FileName)))
	if err != nil {
		return err
	}
	defer c.close()
	vacuum, err := c.prepare("VACUUM INTO ?")
	if err != nil {
		return err
	}
	defer vacuum.close()
	if _, err := vacuum.s.ExecContext(ctx, vacuum.bind([]driver.Value{part})); err != nil {
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncFile(filepath.Dir(path))
}

// Restore makes a store in dir, which must not have one, of a backup.
func Restore(ctx context.Context, backup, dir string) error {
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer unlockDir(lock)
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("restoring to %q: %w: move it away first", path, os.ErrExist)
	}
	if err := restore(ctx, backup, path); err != nil {
		return fmt.Errorf("restoring %q: %w", backup, explain(err))
	}
	return nil
}

func restore(ctx context.Context, backup, path string) error {
	if _, err := os.Stat(backup); err != nil {
		return err
	}
	if err := checkHeader(backup); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c, err := openConn(dsn(backup, "query_only(1)"))
	if err != nil {
		return err
	}
	defer c.close()
	b, err := c.c.(backuper).NewBackup("file:" + part)
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		if more, err = b.Step(1000); ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	if e := b.Finish(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(part)
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncFile(filepath.Dir(path))
}

type backuper interface {
	NewBackup(string) (*driversqlite.Backup, error)
}

// syncFile makes a file or the names in a directory durable.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
