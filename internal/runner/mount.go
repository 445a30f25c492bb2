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
	defer unix.Close(target)
	return bind(source, target, m.ReadOnly || m.Files != nil)
}

// bind mounts what source names, with all that is mounted below it, on what target is open on.
func bind(source string, target int, readOnly bool) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("opening what is to be mounted: %w", err)
	}
	defer unix.Close(tree)
	if err := mountOn(tree, target); err != nil || !readOnly {
		return err
	}
	const all = unix.AT_RECURSIVE | unix.AT_EMPTY_PATH
	if err = unix.MountSetattr(tree, "", all, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != unix.ENOSYS {
		return err
	}
	return unix.Mount("", fdPath(tree), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "") // before Linux 5.12
}

// mountOn puts a mount that is nowhere yet on what target is open on: no name is looked up that somebody could change.
func mountOn(mount, target int) error {
	if err := unix.MoveMount(mount, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("putting a mount into its place: %w", err)
	}
	return nil
}

// fdPath names what a descriptor is open on.
func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

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
	path = fdPath(fd)
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

// makeTarget opens path in root, without making anything on the machine: where it is not there, the deepest directory
// that is gets covered by one in memory that has the same entries. Owners of directories may put links into them at any
// time: everything is reached through descriptors that are held, and no link leads out of root.
func makeTarget(root, path string, dir bool) (fd int, err error) {
	top, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(top)
	at, rest, err := resolve(top, path)
	if err != nil {
		return -1, err
	}
	if len(rest) > 0 {
		defer unix.Close(at)
		return makeIn(at, rest, dir)
	}
	var stat unix.Stat_t
	if err = unix.Fstat(at, &stat); err == nil && (stat.Mode&unix.S_IFMT == unix.S_IFDIR) != dir {
		err = errors.New("a directory can be mounted only on a directory, and a file on a file")
	}
	if err != nil {
		unix.Close(at)
		return -1, err
	}
	return at, nil
}

// resolve opens as much of path as exists in the directory root, links included, as if that were the root directory.
func resolve(root int, path string) (at int, rest []string, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	names := split(path)
	for n := len(names); ; {
		at, err = unix.Openat2(root, filepath.Join(append([]string{"."}, names[:n]...)...), &how)
		switch {
		case err == nil:
			return at, names[n:], nil
		case err == unix.EAGAIN: // something was renamed meanwhile
		case err == unix.ENOENT && n > 0:
			n--
		case err == unix.ENOSYS:
			return -1, nil, errors.New("mounts need Linux 5.6 or later (openat2)")
		default:
			return -1, nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.Clean("/"+path), func(r rune) bool { return r == '/' })
}

// makeIn makes a path of names below a directory, which it covers, and opens its end.
func makeIn(dir int, names []string, asDir bool) (fd int, err error) {
	if fd, err = cover(dir); err != nil {
		return -1, err
	}
	for i, name := range names {
		last := i == len(names)-1
		if last && !asDir {
			err = makeFile(fd, name)
		} else {
			err = unix.Mkdirat(fd, name, 0o755)
		}
		at := fd
		if err == nil {
			fd, err = unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		}
		unix.Close(at)
		if err == unix.EEXIST {
			return -1, fmt.Errorf("%q is a link that leads nowhere", name)
		}
		if err != nil {
			return -1, fmt.Errorf("making %q: %w", name, err)
		}
	}
	return fd, nil
}

// makeFile makes an empty file to mount on. It touches none that is there.
func makeFile(dir int, name string) error {
	fd, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// cover mounts a directory in memory on one that is open, with the same entries, bound one by one, and opens it. What is
// made directly in it from now on is in memory and ends with the process; what is made further down is where it always
// was.
func cover(dir int) (fd int, err error) {
	var stat unix.Stat_t
	if err := unix.Fstat(dir, &stat); err != nil {
		return -1, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return -1, unix.ENOTDIR
	}
	entries, err := os.ReadDir(fdPath(dir))
	if err != nil {
		return -1, err
	}
	if fd, err = memoryDir(stat.Mode & 0o7777); err != nil {
		return -1, err
	}
	if err = mountOn(fd, dir); err == nil {
		_ = unix.Fchownat(fd, "", int(stat.Uid), int(stat.Gid), unix.AT_EMPTY_PATH) // not ours to give in a user namespace
		for _, e := range entries {
			if err = coverEntry(dir, fd, e); err != nil && !os.IsPermission(err) && !os.IsNotExist(err) {
				break
			}
			err = nil
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("making room in a directory: %w", err)
	}
	return fd, nil
}

// memoryDir makes a file system in memory that is mounted nowhere yet, and opens its root.
func memoryDir(mode uint32) (fd int, err error) {
	config, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("making a file system in memory: %w", err)
	}
	defer unix.Close(config)
	if err = unix.FsconfigSetString(config, "mode", strconv.FormatUint(uint64(mode), 8)); err == nil {
		err = unix.FsconfigCreate(config)
	}
	if err == nil {
		fd, err = unix.Fsmount(config, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	}
	if err != nil {
		return -1, fmt.Errorf("making a file system in memory: %w", err)
	}
	return fd, nil
}

// coverEntry makes an entry of the directory from stand in the directory to.
func coverEntry(from, to int, e os.DirEntry) error {
	source := fdPath(from) + "/" + e.Name()
	switch {
	case e.Type()&os.ModeSymlink != 0:
		link, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return unix.Symlinkat(link, to, e.Name())
	case e.IsDir():
		if err := unix.Mkdirat(to, e.Name(), 0o755); err != nil {
			return err
		}
	default:
		if err := makeFile(to, e.Name()); err != nil {
			return err
		}
	}
	// The entry may be a link by now: neither its other end nor anything but what it is may be bound.
	entry, err := unix.Openat(from, e.Name(), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(entry)
	target, err := unix.Openat(to, e.Name(), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return bind(fdPath(entry), target, false)
}
