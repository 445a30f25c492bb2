package runner

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cgroups are the cells of a machine on which we may write cgroups. The version 2 hierarchy holds trees together and
// kills them; limits come from it too where it has the controllers, and from version 1 hierarchies otherwise. Groups
// are used again: making and removing them for each process would cost half of the spawn rate.
type cgroups struct {
	base   string            // in the version 2 hierarchy; everything below it is ours
	lock   int               // of base, held as long as we live
	v2     map[string]bool   // controllers that base gives to its groups
	v1     map[string]string // controller to our base in its own hierarchy, for those that v2 does not have
	home   map[string]int    // tasks files of the groups in v1 that the runner itself is in
	record string            // file that names the bases for our successor
	log    *slog.Logger

	mu   sync.Mutex // guards free, made
	free []*cgroup
	made int
}

// The controllers that limits need.
var controllers = []string{"memory", "cpu"}

const (
	cpuPeriod = 100_000 // microseconds
	// leastCPU is the smallest limit and the smallest share that count, in thousandths: with a lower limit a program is
	// stopped for most of a second before it has begun, and with a lower share it starves beside any other on its way
	// to its exec, for which the thread that forks it waits.
	leastCPU = 100
)

// openCgroups finds where cgroups can be made.
func openCgroups(dir string, log *slog.Logger) (*cgroups, error) {
	g := &cgroups{
		v2: map[string]bool{}, v1: map[string]string{}, home: map[string]int{},
		record: cgroupRecord(dir), log: log, lock: -1,
	}
	mounts, err := cgroupMounts()
	if err != nil {
		return nil, err
	}
	name := basePrefix + strconv.FormatUint(uint64(hashPath(dir)), 16)
	if err := g.openV2(mounts, name); err != nil {
		return nil, err
	}
	if err := g.holdBase(); err != nil {
		return nil, err
	}
	removeAbandoned(mounts)
	for _, c := range controllers {
		if !g.v2[c] {
			g.openV1(mounts[c], c, name)
		}
	}
	bases := g.base + "\n"
	for _, c := range controllers {
		if base, ok := g.v1[c]; ok {
			bases += base + "\n"
		}
	}
	if err := os.WriteFile(g.record, []byte(bases), 0o600); err != nil {
		g.close()
		return nil, fmt.Errorf("noting the cgroups in use: %w", err)
	}
	if err := g.try(); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// basePrefix begins the names of all runners' bases.
const basePrefix = "tutti."

// holdBase locks the base against removeAbandoned of other runners, making it again if one was faster.
func (g *cgroups) holdBase() error {
	for {
		if err := os.Mkdir(g.base, 0o755); err == nil {
			enable(filepath.Dir(g.base), g.base)
		}
		fd, err := unix.Open(g.base, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening the cgroup %s: %w", g.base, err)
		}
		if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
			unix.Close(fd)
			return fmt.Errorf("locking the cgroup %s: %w", g.base, err)
		}
		if _, err := os.Stat(g.base); err == nil {
			g.lock = fd
			return nil
		}
		unix.Close(fd)
	}
}

// removeAbandoned removes the empty bases of runners that were killed and of which nobody has the directory any more.
func removeAbandoned(mounts map[string]cgroupMount) {
	for _, parent := range []string{mounts[""].dir(), mounts[""].point} {
		bases, _ := filepath.Glob(filepath.Join(parent, basePrefix+"*"))
		for _, base := range bases {
			fd, err := unix.Open(base, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && removeGroup(base) == nil {
				for _, c := range controllers {
					_ = removeGroup(filepath.Join(mounts[c].dir(), filepath.Base(base)))
				}
			}
			unix.Close(fd)
		}
	}
}

func hashPath(dir string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(dir))
	return h.Sum32()
}

func cgroupRecord(dir string) string { return filepath.Join(dir, "cgroups") }

// sweepCgroups ends everything in the groups of an earlier runner, and proves them empty. The first that the record
// names is the one that trees live in.
func sweepCgroups(dir string, log *slog.Logger) error {
	record := cgroupRecord(dir)
	data, err := os.ReadFile(record)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading which cgroups were in use: %w", err)
	}
	for i, base := range strings.Fields(string(data)) {
		if i == 0 {
			if err := clearGroup(base, log); err != nil {
				return err
			}
		}
		if err := removeGroup(base); err != nil {
			return err
		}
	}
	return os.Remove(record)
}

// cgroupMount is a mounted hierarchy and the path in it that this process is at.
type cgroupMount struct{ point, own string }

// dir is the group of this process; in a container that sees only a part of the hierarchy, the top of that part.
func (m cgroupMount) dir() string {
	dir := filepath.Join(m.point, m.own)
	if _, err := os.Stat(dir); err != nil {
		return m.point
	}
	return dir
}

// cgroupMounts finds the hierarchies by controller; that of version 2 is "".
func cgroupMounts() (map[string]cgroupMount, error) {
	own := map[string]string{}
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("finding cgroups: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for _, c := range strings.Split(f[1], ",") {
				own[c] = f[2]
			}
		}
	}
	info, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("finding cgroups: %w", err)
	}
	defer info.Close()
	return parseCgroupMounts(own, info), nil
}

// parseCgroupMounts reads the format of /proc/self/mountinfo. Of a hierarchy that is mounted several times the first
// counts: later ones belong to chroots and containers, which go, and their mounts with them.
func parseCgroupMounts(own map[string]string, info io.Reader) map[string]cgroupMount {
	mounts := map[string]cgroupMount{}
	add := func(controller, point string) {
		if _, ok := mounts[controller]; !ok {
			mounts[controller] = cgroupMount{point: point, own: own[controller]}
		}
	}
	for s := bufio.NewScanner(info); s.Scan(); {
		before, after, _ := strings.Cut(s.Text(), " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(g) < 3 {
			continue
		}
		switch g[0] {
		case "cgroup2":
			add("", f[4])
		case "cgroup":
			for _, c := range strings.Split(g[2], ",") {
				add(c, f[4])
			}
		}
	}
	return mounts
}

// openV2 makes the base, below the group that we are in or, where that gives no controllers, below the root.
func (g *cgroups) openV2(mounts map[string]cgroupMount, name string) error {
	m, ok := mounts[""]
	if !ok {
		return errors.New("no cgroup v2 hierarchy is mounted")
	}
	var why error
	for _, parent := range slices.Compact([]string{m.dir(), m.point}) {
		base := filepath.Join(parent, name)
		if err := os.Mkdir(base, 0o755); err != nil && !os.IsExist(err) {
			why = cmp.Or(why, err)
			continue
		}
		v2 := enable(parent, base)
		if g.base == "" || len(v2) > len(g.v2) {
			if g.base != "" {
				_ = removeGroup(g.base)
			}
			g.base, g.v2 = base, v2
		} else {
			_ = removeGroup(base)
		}
	}
	if g.base == "" {
		return fmt.Errorf("no cgroup can be made: %w", why)
	}
	return nil
}

// enable hands the controllers down from parent through base, as far as the machine lets us.
func enable(parent, base string) map[string]bool {
	for _, c := range controllers {
		_ = writeFile(filepath.Join(parent, "cgroup.subtree_control"), "+"+c)
		_ = writeFile(filepath.Join(base, "cgroup.subtree_control"), "+"+c)
	}
	data, _ := os.ReadFile(filepath.Join(base, "cgroup.subtree_control"))
	have := map[string]bool{}
	for _, c := range strings.Fields(string(data)) {
		have[c] = slices.Contains(controllers, c)
	}
	return have
}

// openV1 makes our base in the hierarchy of one controller. Without it there is no such limit; facts says so.
func (g *cgroups) openV1(m cgroupMount, controller, name string) {
	if m.point == "" {
		return
	}
	own := m.dir()
	base := filepath.Join(own, name)
	if err := os.Mkdir(base, 0o755); err != nil && !os.IsExist(err) {
		return
	}
	home, err := unix.Open(filepath.Join(own, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = removeGroup(base)
		return
	}
	g.v1[controller], g.home[controller] = base, home
}

// try starts a process in a group: kernels before 5.7 cannot, and sandboxes may forbid it.
func (g *cgroups) try() error {
	c, err := g.get(limits{})
	if err != nil {
		return err
	}
	defer c.release()
	_, err = c.start("/nonexistent", []string{"nonexistent"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{}})
	if !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("starting a process in a cgroup: %w", err)
	}
	return nil
}

func (g *cgroups) facts(f *Facts) {
	f.Contain = ContainCgroup
	of := func(controller string) string {
		switch {
		case g.v2[controller]:
			return "cgroup v2"
		case g.v1[controller] != "":
			return "cgroup v1"
		}
		f.Notes = append(f.Notes, "no limit of "+controller+": the "+controller+" controller cannot be used here")
		return ""
	}
	f.Memory, f.CPU = of("memory"), of("cpu")
}

func (g *cgroups) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.free {
		c.remove()
	}
	g.free = nil
	errs := []error{removeGroup(g.base)}
	if g.lock >= 0 {
		unix.Close(g.lock)
	}
	for _, c := range controllers {
		if base, ok := g.v1[c]; ok {
			unix.Close(g.home[c])
			errs = append(errs, removeGroup(base))
		}
	}
	if err := errors.Join(errs...); err != nil {
		g.log.Warn("cgroups are left behind", "error", err)
	}
	os.Remove(g.record)
}

// cgroup is one cell.
type cgroup struct {
	all    *cgroups
	dir    string
	fd     int // of dir
	events int // cgroup.events
	limits limits
	tasks  map[string]int // tasks files of the groups in v1; made when limits first ask for them
	oom    int64          // kills for memory before this use
	killed bool           // by kill or clear, at some time, or handed over by a runner that may have; see release
}

// maxFree is how many empty groups are kept for use.
const maxFree = 256

// get prefers a free group that has these limits already.
func (g *cgroups) get(l limits) (cell, error) {
	g.mu.Lock()
	var c *cgroup
	if n := len(g.free); n > 0 {
		i := slices.IndexFunc(g.free, func(c *cgroup) bool { return c.limits == l })
		i = max(i, 0)
		c = g.free[i]
		g.free[i] = g.free[n-1]
		g.free = g.free[:n-1]
	}
	g.mu.Unlock()
	if c == nil {
		var err error
		if c, err = g.make(); err != nil {
			return nil, err
		}
	}
	if err := c.limit(l); err != nil {
		c.remove()
		if c, err = g.make(); err != nil {
			return nil, err
		}
		if err = c.limit(l); err != nil {
			c.remove()
			return nil, err
		}
	}
	c.oom = c.oomKills()
	return c, nil
}

func (g *cgroups) make() (*cgroup, error) {
	g.mu.Lock()
	g.made++
	dir := filepath.Join(g.base, strconv.Itoa(g.made))
	g.mu.Unlock()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the cgroup %s: %w", dir, err)
	}
	c, err := g.open(dir)
	if err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// open opens a group that is there.
func (g *cgroups) open(dir string) (*cgroup, error) {
	c := &cgroup{all: g, dir: dir, fd: -1, events: -1, tasks: map[string]int{}}
	var err error
	if c.fd, err = unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		c.events, err = unix.Open(filepath.Join(dir, "cgroup.events"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return c, fmt.Errorf("opening the cgroup %s: %w", dir, err)
	}
	return c, nil
}

// limit sets the limits that differ from what the group has. Swap is no way around the limit of memory.
func (c *cgroup) limit(l limits) error {
	was := c.limits
	if l == was {
		return nil
	}
	c.limits = l
	if l.memory != was.memory {
		if err := c.limitMemory(l.memory); err != nil {
			return fmt.Errorf("limiting memory to %d bytes: %w", l.memory, err)
		}
	}
	if l.share != was.share || l.cpu != was.cpu {
		if err := c.limitCPU(l); err != nil {
			return fmt.Errorf("limiting the processors to %d thousandths: %w", l.cpu, err)
		}
	}
	return nil
}

func (c *cgroup) limitMemory(n int64) error {
	if c.all.v2["memory"] {
		text, swap := strconv.FormatInt(n, 10), "0"
		if n == 0 {
			text, swap = "max", "max"
		}
		_ = writeFile(filepath.Join(c.dir, "memory.swap.max"), swap) // not there without swap accounting
		_ = writeFile(filepath.Join(c.dir, "memory.oom.group"), "1") // not there before 4.19
		return writeFile(filepath.Join(c.dir, "memory.max"), text)
	}
	dir, err := c.v1("memory")
	if dir == "" || err != nil {
		return err
	}
	if n == 0 {
		n = -1
	}
	const plain, swap = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
	text := strconv.FormatInt(n, 10)
	// The limit with swap may never be below the one without: which is first depends on the direction.
	_ = writeFile(filepath.Join(dir, swap), text)
	err = writeFile(filepath.Join(dir, plain), text)
	_ = writeFile(filepath.Join(dir, swap), text)
	return err
}

// weight is the share that counts, in thousandths of a processor: whoever asks for none gets that of one.
func (l limits) weight() int64 { return max(cmp.Or(l.share, 1000), leastCPU) }

// limitCPU sets the share, in which a processor is 100 of version 2 and 1024 of version 1, and the limit.
func (c *cgroup) limitCPU(l limits) error {
	quota := max(l.cpu, leastCPU) * cpuPeriod / 1000
	share := l.weight()
	if c.all.v2["cpu"] {
		limit := "max"
		if l.cpu > 0 {
			limit = fmt.Sprintf("%d %d", quota, cpuPeriod)
		}
		return errors.Join(
			writeFile(filepath.Join(c.dir, "cpu.weight"), strconv.FormatInt(min(max(share/10, 1), 10_000), 10)),
			writeFile(filepath.Join(c.dir, "cpu.max"), limit))
	}
	dir, err := c.v1("cpu")
	if dir == "" || err != nil {
		return err
	}
	if l.cpu == 0 {
		quota = -1
	}
	return errors.Join(
		writeFile(filepath.Join(dir, "cpu.shares"), strconv.FormatInt(min(max(share*1024/1000, 2), 262_144), 10)),
		writeFile(filepath.Join(dir, "cpu.cfs_quota_us"), strconv.FormatInt(quota, 10)))
}

// v1 is the group's directory in the hierarchy of a controller, empty where there is none.
func (c *cgroup) v1(controller string) (string, error) {
	base, ok := c.all.v1[controller]
	if !ok {
		return "", nil
	}
	dir := filepath.Join(base, filepath.Base(c.dir))
	if _, made := c.tasks[controller]; made {
		return dir, nil
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return "", err
	}
	tasks, err := unix.Open(filepath.Join(dir, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	c.tasks[controller] = tasks
	return dir, nil
}

// start forks into the group: in version 2 the kernel does it; in version 1 a child begins where the thread is that
// forks it, so the thread goes there and back.
func (c *cgroup) start(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	runtime.LockOSThread()
	defer func() {
		for controller := range c.tasks {
			if _, back := unix.Write(c.all.home[controller], []byte("0")); back != nil {
				return // the thread is in a job's group for good: it stays locked and ends with its goroutine
			}
		}
		runtime.UnlockOSThread()
	}()
	for controller, tasks := range c.tasks {
		if _, err := unix.Write(tasks, []byte("0")); err != nil {
			return 0, fmt.Errorf("entering the cgroup of %s: %w", controller, err)
		}
	}
	attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, c.fd
	return syscall.ForkExec(path, argv, attr)
}

func (c *cgroup) needsInit() bool { return false }

func (c *cgroup) ending(e ending) ending { return e }

func (c *cgroup) kill() error {
	c.killed = true
	return killGroup(c.dir)
}

func (c *cgroup) empty() bool {
	populated, err := isPopulated(c.events)
	return err == nil && !populated
}

func (c *cgroup) clear() error {
	if c.empty() {
		return nil
	}
	c.killed = true
	return clearGroup(c.dir, c.all.log)
}

func (c *cgroup) pids() []int { return groupPIDs(c.dir) }

func (c *cgroup) outOfMemory() bool { return c.oomKills() > c.oom }

// oomKills counts the processes that the limit of memory killed.
func (c *cgroup) oomKills() int64 {
	if c.limits.memory == 0 {
		return 0
	}
	file := filepath.Join(c.dir, "memory.events")
	if !c.all.v2["memory"] {
		base, ok := c.all.v1["memory"]
		if !ok {
			return 0
		}
		file = filepath.Join(base, filepath.Base(c.dir), "memory.oom_control")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			return n
		}
	}
	return 0
}

// release keeps the group for the next process. One in which a job made groups of its own is not used again, nor one
// that was ever killed: Linux 6.18 takes a process that is cloned into such a group for one that was forked in it during
// the kill, and kills it too.
func (c *cgroup) release() {
	c.all.mu.Lock()
	var stat unix.Stat_t
	keep := !c.killed && len(c.all.free) < maxFree && unix.Fstat(c.fd, &stat) == nil && stat.Nlink <= 2
	if keep {
		c.all.free = append(c.all.free, c)
	}
	c.all.mu.Unlock()
	if !keep {
		c.remove()
	}
}

func (c *cgroup) remove() {
	for _, fd := range []int{c.fd, c.events} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	errs := []error{removeGroup(c.dir)}
	for controller, tasks := range c.tasks {
		unix.Close(tasks)
		errs = append(errs, removeGroup(filepath.Join(c.all.v1[controller], filepath.Base(c.dir))))
	}
	if err := errors.Join(errs...); err != nil {
		c.all.log.Warn("a cgroup is left behind; it is removed when the runner ends", "error", err)
	}
}

// killGroup sends SIGKILL to all processes of a group and of the groups below it.
func killGroup(dir string) error {
	err := writeFile(filepath.Join(dir, "cgroup.kill"), "1")
	if !os.IsNotExist(err) {
		return err
	}
	// Before Linux 5.14: frozen, so that none can fork away, they are killed one by one.
	_ = writeFile(filepath.Join(dir, "cgroup.freeze"), "1")
	for _, pid := range groupPIDs(dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return writeFile(filepath.Join(dir, "cgroup.freeze"), "0")
}

// clearGroup kills until the group says that nothing is left in it. A process that the kernel cannot end yet is waited
// for, however long it takes: what holds it may hold what the next attempt needs.
func clearGroup(dir string, log *slog.Logger) error {
	events, err := unix.Open(filepath.Join(dir, "cgroup.events"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil // no group, no process
	}
	if err != nil {
		return fmt.Errorf("looking whether the cgroup %s is empty: %w", dir, err)
	}
	defer unix.Close(events)
	for began, warned := time.Now(), false; ; {
		populated, err := isPopulated(events)
		if err != nil {
			return fmt.Errorf("looking whether the cgroup %s is empty: %w", dir, err)
		}
		if !populated {
			return nil
		}
		if err := killGroup(dir); err != nil {
			return fmt.Errorf("killing the cgroup %s: %w", dir, err)
		}
		if !warned && time.Since(began) > 10*time.Second {
			warned = true
			log.Warn("processes do not end although they were killed; waiting for them", "cgroup", dir, "pids", groupPIDs(dir))
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(events), Events: unix.POLLPRI}}, int(clearPause/time.Millisecond))
	}
}

func isPopulated(events int) (bool, error) {
	var buf [128]byte
	n, err := unix.Pread(events, buf[:], 0)
	if err != nil {
		return false, err
	}
	return !bytes.Contains(buf[:n], []byte("populated 0")), nil
}

func groupPIDs(dir string) []int {
	var pids []int
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if err != nil {
			return nil
		}
		for _, text := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(text); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// removeGroup removes a group with those below it.
func removeGroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
		return fmt.Errorf("removing the cgroup %s: %w", dir, err)
	}
	return nil
}

// writeFile writes to a file of the kernel's, which exists already.
func writeFile(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}
