// Package blob keeps large values as files named by their digest. What was put is durable and never changes; reading
// checks that it is what its name says. Which files are still wanted only the store knows: see Sweep.
package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// FS is a directory of blobs: DIR/ab/abcd…, with files under way in DIR/tmp. All methods may be called from any
// goroutine of one process.
type FS struct {
	dir string
	// mu keeps Sweep from removing a file that a Put has just found there.
	mu sync.Mutex
}

const tmp = "tmp"

// Open opens the blobs in dir, which is made where there is none. What a crash left half written is removed.
func Open(dir string) (*FS, error) {
	if err := os.RemoveAll(filepath.Join(dir, tmp)); err != nil {
		return nil, fmt.Errorf("opening blobs: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, tmp), 0o700); err != nil {
		return nil, fmt.Errorf("opening blobs: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, fmt.Errorf("opening blobs: %w", err)
	}
	return &FS{dir: dir}, nil
}

func (b *FS) path(d value.Digest) string {
	name := d.String()
	return filepath.Join(b.dir, name[:2], name)
}

// Put makes data durable under its digest. Where it is there already it counts as new for Sweep.
func (b *FS) Put(d value.Digest, data []byte) error {
	if value.DigestOf(data) != d {
		return fmt.Errorf("putting blob %s: the data have another digest", d)
	}
	path := b.path(d)
	b.mu.Lock()
	now := time.Now()
	err := os.Chtimes(path, now, now)
	b.mu.Unlock()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := b.write(path, data); err != nil {
		return fmt.Errorf("putting blob %s: %w", d, err)
	}
	return nil
}

// write makes the file appear whole or not at all: the data are durable before the name is.
func (b *FS) write(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Join(b.dir, tmp), "")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	shard := filepath.Dir(path)
	if err := os.Mkdir(shard, 0o700); err == nil {
		err = syncDir(b.dir)
		if err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(shard)
}

// Get gives what was put under d: store.ErrNotFound where there is nothing, store.ErrCorrupt where it is something else.
func (b *FS) Get(d value.Digest) ([]byte, error) {
	data, err := os.ReadFile(b.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", d, store.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("getting blob %s: %w", d, err)
	}
	if value.DigestOf(data) != d {
		return nil, fmt.Errorf("blob %s: %w: the file %s was changed: restore it from a backup", d, store.ErrCorrupt, b.path(d))
	}
	return data, nil
}

// Delete removes what is under d, if anything.
func (b *FS) Delete(d value.Digest) error {
	if err := os.Remove(b.path(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting blob %s: %w", d, err)
	}
	return nil
}

// Sweep removes the blobs that were put before the given time and are not wanted, and says how many. The time must lie
// so far back that what was put before it was committed or given up long ago.
func (b *FS) Sweep(before time.Time, wanted func(value.Digest) (bool, error)) (removed int, err error) {
	err = b.each(func(d value.Digest, path string) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		info, err := os.Stat(path)
		if err != nil || !info.ModTime().Before(before) {
			return err
		}
		if keep, err := wanted(d); keep || err != nil {
			return err
		}
		removed++
		return b.Delete(d)
	})
	if err != nil {
		return removed, fmt.Errorf("sweeping blobs: %w", err)
	}
	return removed, nil
}

// Backup puts every blob into dir, a new directory, as a hard link where the file system allows it. Taken after the
// store's backup it holds all that that one names.
func (b *FS) Backup(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("backing up blobs: %w", err)
	}
	copies, err := Open(dir)
	if err != nil {
		return err
	}
	err = b.each(func(d value.Digest, path string) error {
		to := copies.path(d)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if os.Link(path, to) == nil {
			return syncDir(filepath.Dir(to))
		}
		data, err := b.Get(d)
		if err != nil {
			return err
		}
		return copies.Put(d, data)
	})
	if err != nil {
		return fmt.Errorf("backing up blobs: %w", err)
	}
	return syncDir(dir)
}

// each calls f for every blob, in the order of digests. Files of other names are none of ours.
func (b *FS) each(f func(d value.Digest, path string) error) error {
	return filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		d, err := value.ParseDigest(e.Name())
		if err != nil || e.IsDir() || path != b.path(d) {
			return nil
		}
		return f(d, path)
	})
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

var _ store.Blobs = (*FS)(nil)
