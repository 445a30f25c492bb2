package runner

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What a helper mounts in the stage, within its own namespace.
const (
	rootDir  = "root"  // the new root
	filesDir = "files" // a file system in memory with the files of config maps
)

// makeMountDirs makes what a helper needs on disk: the directory of the Empty mounts, which all processes with the same
// Shared see, and one to put a root together on.
func (r *Runner) makeMountDirs(s *Start) (shared, stage string, err error) {
	stage = filepath.Join(r.cfg.Dir, "stage")
	for _, dir := range []string{rootDir, filesDir} {
		if err := os.MkdirAll(filepath.Join(stage, dir), 0o700); err != nil {
			return "", "", fmt.Errorf("making a directory for mounts: %w", err)
		}
	}
	name := s.Shared
	if name == "" {
		name = s.Key.file()
	}
	shared = filepath.Join(r.scratch.job(s.Key.Job), "shared."+url.PathEscape(name))
	if err := os.MkdirAll(shared, 0o711); err != nil {
		return "", "", fmt.Errorf("making a directory for mounts: %w", err)
	}
	for _, m := range s.Mounts {
		if m.Empty {
			if err := makeOwned(emptyDir(shared, m), s.User); err != nil {
				return "", "", err
			}
		}
	}
	return shared, stage, nil
}

// emptyDir is where an Empty mount has its files.
func emptyDir(shared string, m Mount) string { return filepath.Join(shared, url.PathEscape(m.Path)) }

// enterRoot gives this process, which has a mount namespace of its own, a root like the machine's with the plan's
// mounts in it. Nothing of it is seen outside.
func enterRoot(pl *plan) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	root := filepath.Join(pl.Stage, rootDir)
	if err := unix.Mount("/", root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("preparing a root: %w", err)
	}
	if err := unix.Mount("tmpfs", filepath.Join(pl.Stage, filesDir), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("preparing files: %w", err)
	}
	mounts := slices.Clone(pl.Start.Mounts)
	slices.SortStableFunc(mounts, func(a, b Mount) int { return strings.Compare(filepath.Clean(a.Path), filepath.Clean(b.Path)) })
	for i := range mounts {
		if err := mountOne(pl, &mounts[i], i); err != nil {
			return fmt.Errorf("mounting at %s: %w", mounts[i].Path, err)
		}
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err == nil {
		err = unix.Unmount(".", unix.MNT_DETACH)
		return errors.Join(err, os.Chdir("/"))
	}
	// The root of an initramfs cannot be pivoted away.
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("changing to the new root: %w", err)
	}
	return errors.Join(unix.Chroot("."), os.Chdir("/"))
}

func mountOne(pl *plan, m *Mount, i int) error {
	if !filepath.IsAbs(m.Path) || filepath.Clean(m.Path) == "/" {
		return errors.New("the path must be absolute and not the root")
	}
	source, done, err := openSource(pl, m, i)
	if err != nil {
		return err
	}
	defer done()
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	target, err := makeTarget(filepath.Join(pl.Stage, rootDir), m.Path, info.IsDir())
	if err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding %s: %w", m.Source, err)
	}
	if m.ReadOnly || m.Files != nil {
		return makeReadOnly(target)
	}
	return nil
}

func makeReadOnly(target string) error {
	err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err != unix.ENOSYS {
		return err
	}
	return unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "") // before Linux 5.12
}

// openSource opens what is to be bound, so that it is what was checked. A path of the host is opened with the rights of
// the process's owner, and must really lie in what was granted, wherever links lead.
func openSource(pl *plan, m *Mount, i int) (path string, done func(), err error) {
	var fd int
	switch {
	case m.Files != nil:
		dir := filepath.Join(pl.Stage, filesDir, strconv.Itoa(i))
		if err := writeFiles(dir, m.Files); err != nil {
			return "", nil, err
		}
		if fd, err = unix.Open(filepath.Join(dir, filepath.Clean("/"+m.SubPath)), unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
			return "", nil, fmt.Errorf("the files have no %q", m.SubPath)
		}
	case m.Empty:
		if fd, err = unix.Open(emptyDir(pl.Shared, *m), unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0); err != nil {
			return "", nil, err
		}
	default:
		if fd, err = openAs(pl.Start.User, filepath.Join(m.Source, filepath.Clean("/"+m.SubPath))); err != nil {
			return "", nil, err
		}
	}
	path = "/proc/self/fd/" + strconv.Itoa(fd)
	done = func() { unix.Close(fd) }
	if m.Source != "" && m.Within != "" {
		real, err := os.Readlink(path)
		if err != nil || !isWithin(real, m.Within) {
			done()
			return "", nil, fmt.Errorf("%s leads to %s, which is outside of %s", m.Source, real, m.Within)
		}
	}
	return path, done, nil
}

func isWithin(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// openAs opens a path with the file system rights of user.
func openAs(user *User, path string) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if user != nil {
		groups, err := unix.Getgroups()
		if err != nil {
			return -1, err
		}
		if err := unix.Setgroups(ints(user.Groups)); err != nil {
			return -1, err
		}
		unix.Setfsgid(int(user.GID))
		unix.Setfsuid(int(user.UID))
		defer func() {
			unix.Setfsuid(0)
			unix.Setfsgid(0)
			_ = unix.Setgroups(groups)
		}()
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", path, err)
	}
	return fd, nil
}

// writeFiles puts files into a directory that everyone may read.
func writeFiles(dir string, files map[string]string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if name != filepath.Base(name) || name == "." || name == ".." || name == "/" {
			return fmt.Errorf("%q cannot be the name of a file", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o444); err != nil {
			return err
		}
	}
	return nil
}

// makeTarget makes sure that path is there in root, without making anything on the machine: where it is not, the
// deepest directory that is there gets replaced by one in memory that has the same entries.
func makeTarget(root, path string, dir bool) (string, error) {
	at, rest, err := resolve(root, path)
	if err != nil {
		return "", err
	}
	if len(rest) > 0 {
		if err := replace(at); err != nil {
			return "", err
		}
		for _, name := range rest[:len(rest)-1] {
			at = filepath.Join(at, name)
			if err := os.Mkdir(at, 0o755); err != nil {
				return "", err
			}
		}
		at = filepath.Join(at, rest[len(rest)-1])
		if dir {
			return at, os.Mkdir(at, 0o755)
		}
		return at, makeFile(at)
	}
	info, err := os.Lstat(at)
	if err == nil && info.IsDir() != dir {
		return "", errors.New("a directory can be mounted only on a directory, and a file on a file")
	}
	return at, err
}

// makeFile makes an empty file to mount on. It touches none that is there: the owner of a directory above may put a link
// in its place at any time.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// resolve follows path inside root, links included, as far as it exists.
func resolve(root, path string) (at string, rest []string, err error) {
	at, rest = root, split(path)
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		switch {
		case os.IsNotExist(err):
			return at, rest, nil
		case err != nil:
			return "", nil, err
		case info.Mode()&os.ModeSymlink != 0:
			if links++; links > 40 {
				return "", nil, unix.ELOOP
			}
			to, err := os.Readlink(next)
			if err != nil {
				return "", nil, err
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join("/", strings.TrimPrefix(at, root), to)
			}
			at, rest = root, append(split(to), rest[1:]...)
		default:
			at, rest = next, rest[1:]
		}
	}
	return at, nil, nil
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.Clean("/"+path), func(r rune) bool { return r == '/' })
}

// replace covers a directory with one in memory that has the same entries, bound one by one. What is made directly in
// it from now on is in memory and ends with the process; what is made further down is where it always was.
func replace(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	old, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(old)
	var stat unix.Stat_t
	if err := unix.Fstat(old, &stat); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=%o", stat.Mode&0o7777)); err != nil {
		return fmt.Errorf("making room in %s: %w", info.Name(), err)
	}
	_ = os.Chown(dir, int(stat.Uid), int(stat.Gid)) // not ours to give in a user namespace
	for _, e := range entries {
		from := fmt.Sprintf("/proc/self/fd/%d/%s", old, e.Name())
		if err := replaceEntry(from, filepath.Join(dir, e.Name()), e); err != nil && !os.IsPermission(err) && !os.IsNotExist(err) {
			return fmt.Errorf("making room in %s: %w", info.Name(), err)
		}
	}
	return nil
}

func replaceEntry(from, to string, e os.DirEntry) error {
	switch {
	case e.Type()&os.ModeSymlink != 0:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(link, to)
	case e.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
	default:
		if err := makeFile(to); err != nil {
			return err
		}
	}
	return unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
}
