package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tutti-ml/tutti/internal/store"
)

// lockDir takes the data directory for this process until the file is closed or the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "tutti.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking data directory %q: %w", dir, writable(err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking data directory %q: %w", dir, err)
		}
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		return nil, fmt.Errorf("data directory %q: %w (process %s): stop it, or choose another directory",
			dir, store.ErrLocked, bytes.TrimSpace(holder))
	}
	// The number is for people; the lock is what counts. A full disk must not keep the server from starting.
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid())
	}
	return f, nil
}

// unlockDir gives the directory free. Closing the file alone would leave it taken for as long as a child of this process
// that is between its fork and its exec has a copy of the descriptor.
func unlockDir(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

// writable adds to an error of opening a file for writing what to do about it.
func writable(err error) error {
	switch {
	case errors.Is(err, unix.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: make it writable for this user, or choose another directory", err)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: free some space, or choose another directory", err)
	}
	return err
}
