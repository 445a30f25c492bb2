package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// scratch makes the scratch directories: one for each process, its owner's alone, in one for each job. A directory in
// which nothing was left is used again under another name, for making and removing one costs a quarter of what starting
// a process does.
type scratch struct {
	dir string

	mu   sync.Mutex // guards all below
	jobs map[int64]bool
	free map[owner][]string
	last int
}

// owner is whose a directory is.
type owner struct{ uid, gid uint32 }

func ownerOf(u *User) owner {
	if u == nil {
		return owner{uint32(os.Geteuid()), uint32(os.Getegid())}
	}
	return owner{u.UID, u.GID}
}

// maxFreeDirs is how many empty directories are kept for one owner.
const maxFreeDirs = 64

func openScratch(dir string) (*scratch, error) {
	s := &scratch{dir: dir, jobs: map[int64]bool{}, free: map[owner][]string{}}
	if err := os.RemoveAll(s.freeDir()); err != nil {
		return nil, fmt.Errorf("removing unused scratch directories: %w", err)
	}
	if err := os.Mkdir(s.freeDir(), 0o700); err != nil {
		return nil, fmt.Errorf("making a place for unused scratch directories: %w", err)
	}
	return s, nil
}

func (s *scratch) freeDir() string { return filepath.Join(s.dir, "free") }

func (s *scratch) job(job int64) string { return filepath.Join(s.dir, strconv.FormatInt(job, 10)) }

func (s *scratch) path(k Key) string { return filepath.Join(s.job(k.Job), k.file()) }

// get makes the directory of a process.
func (s *scratch) get(k Key, user *User) (string, error) {
	if err := s.makeJob(k.Job); err != nil {
		return "", err
	}
	path, who := s.path(k), ownerOf(user)
	s.mu.Lock()
	free, old := s.free[who], ""
	if n := len(free); n > 0 {
		old, s.free[who] = free[n-1], free[:n-1]
	}
	s.mu.Unlock()
	if old != "" && unix.Rename(old, path) == nil {
		return path, nil
	}
	return path, makeOwned(path, user)
}

// makeJob makes the directory of a job, through which owners pass to those of their processes.
func (s *scratch) makeJob(job int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[job] {
		return nil
	}
	if err := os.MkdirAll(s.job(job), 0o711); err != nil {
		return fmt.Errorf("making a scratch directory: %w", err)
	}
	s.jobs[job] = true
	return nil
}

// makeOwned makes a directory that only user can enter.
func makeOwned(dir string, user *User) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a scratch directory: %w", err)
	}
	if user != nil {
		if err := os.Lchown(dir, int(user.UID), int(user.GID)); err != nil {
			return fmt.Errorf("giving a scratch directory to its owner: %w", err)
		}
	}
	return nil
}

// release takes the directory of a process that is gone back if it is as it was made, and leaves it otherwise.
func (s *scratch) release(k Key, user *User) {
	path, who := s.path(k), ownerOf(user)
	if !pristine(path, who) {
		return
	}
	s.mu.Lock()
	s.last++
	unused := filepath.Join(s.freeDir(), strconv.Itoa(s.last))
	full := len(s.free[who]) >= maxFreeDirs
	s.mu.Unlock()
	if full || unix.Rename(path, unused) != nil {
		_ = unix.Rmdir(path)
		return
	}
	s.mu.Lock()
	s.free[who] = append(s.free[who], unused)
	s.mu.Unlock()
}

// pristine reports whether a directory is empty and has the owner and rights that it was made with.
func pristine(path string, who owner) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if unix.Fstat(fd, &stat) != nil || stat.Mode&0o7777 != 0o700 || who != (owner{stat.Uid, stat.Gid}) {
		return false
	}
	var buf [1 << 10]byte
	n, err := unix.ReadDirent(fd, buf[:])
	if err != nil {
		return false
	}
	_, _, names := unix.ParseDirent(buf[:n], 1, nil)
	return len(names) == 0
}

// forget removes the directory of a job.
func (s *scratch) forget(job int64) error {
	s.mu.Lock()
	delete(s.jobs, job)
	s.mu.Unlock()
	return os.RemoveAll(s.job(job))
}
