package app

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tutti-ml/tutti/internal/store/sqlite"
)

// A backup is a tar file with the store as store.db and the large values below blobs/.
const (
	backupStore = "store.db"
	backupBlobs = "blobs"
)

// backup writes everything, as of one moment, to w. What the runner has (logs, scratch directories, running processes)
// stays with the machine.
func (a *App) backup(ctx context.Context, w io.Writer) error {
	// A large value that is pruned meanwhile must not be missing from the copy.
	a.pruning.Lock()
	defer a.pruning.Unlock()
	dir, err := os.MkdirTemp(a.conf.Data, "backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The store first: every large value that it names was on the disk before.
	if err := a.store.Backup(ctx, filepath.Join(dir, backupStore)); err != nil {
		return err
	}
	blobs := filepath.Join(dir, backupBlobs)
	if err := a.blobs.Backup(blobs); err != nil {
		return err
	}
	t := tar.NewWriter(w)
	if err := t.AddFS(os.DirFS(dir)); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return t.Close()
}

// Restore puts a backup into a data directory that holds no store. The runner's files there, if any, stay: a server that
// is started on it adopts what runs.
func Restore(ctx context.Context, r io.Reader, data string) error {
	if data == "" {
		return errors.New("restoring: there is no directory to restore to; name one with --data")
	}
	if err := makeDirs(data); err != nil {
		return err
	}
	for _, d := range []string{storeDir(data), blobDir(data)} {
		if entries, err := os.ReadDir(d); err != nil || len(entries) > 0 {
			return errors.Join(err, fmt.Errorf("restoring to %s: there is something in it already; move it away, or name another directory with --data", d))
		}
	}
	dir, err := os.MkdirTemp(data, "restore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := untar(r, dir); err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	// The large values first: a store whose values are missing must never be seen.
	// os.Rename refuses a directory in its way, though it be empty.
	err = os.Remove(blobDir(data))
	if err == nil {
		err = os.Rename(filepath.Join(dir, backupBlobs), blobDir(data))
	}
	if err != nil {
		return fmt.Errorf("restoring the large values: %w", err)
	}
	if err := sqlite.Restore(ctx, filepath.Join(dir, backupStore), storeDir(data)); err != nil {
		return err
	}
	return nil
}

// untar unpacks plain files and directories into dir, and never beyond it.
func untar(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Mkdir(backupBlobs, 0o700); err != nil {
		return err
	}
	found := false
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) && found {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it holds no %s: is it one that 'tutti backup' wrote?", backupStore)
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(h.Name, "/")
		if h.Typeflag == tar.TypeDir {
			if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			continue
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is neither a file nor a directory", h.Name)
		}
		found = found || name == backupStore
		if err := unpack(root, name, t); err != nil {
			return err
		}
	}
}

func unpack(root *os.Root, name string, r io.Reader) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
