package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A chroot or a container with a sys of its own mounts the hierarchies again, and takes those mounts away when it ends.
func TestCgroupMountsFirstCounts(t *testing.T) {
	t.Parallel()
	const info = `27 23 0:24 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
28 27 0:25 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
29 27 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
30 27 0:27 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
81 23 0:25 / /srv/chroot/sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
82 23 0:27 / /srv/chroot/sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	own := map[string]string{"": "/", "cpu": "/a", "memory": "/b"}
	got := map[string]string{}
	for controller, m := range parseCgroupMounts(own, strings.NewReader(info)) {
		got[controller] = m.point + " " + m.own
	}
	want := map[string]string{
		"":        "/sys/fs/cgroup/unified /",
		"cpu":     "/sys/fs/cgroup/cpu /a",
		"cpuacct": "/sys/fs/cgroup/cpu ",
		"memory":  "/sys/fs/cgroup/memory /b",
	}
	delete(got, "rw")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the hierarchies (-want +got):\n%s", diff)
	}
}

// TestWeight: who asks for next to nothing still gets to its exec beside others, and who asks for nothing gets as much as
// one processor's worth.
func TestWeight(t *testing.T) {
	t.Parallel()
	for share, want := range map[int64]int64{0: 1000, 1: leastCPU, leastCPU: leastCPU, 250: 250, 8000: 8000} {
		if got := (limits{share: share}).weight(); got != want {
			t.Errorf("the weight of a share of %d is %d, not %d", share, got, want)
		}
	}
}
