package dispatch

import (
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

// A backup that is older than what runs is restored: the processes are adopted or stopped, and none is started twice.
func TestRestoredFromAnOlderBackup(t *testing.T) {
	t.Parallel()
	gpu := one("gpu", 1, "sleep 5")
	gpu.Groups[0].Process.Resources.GPUs = 1
	tests := []struct {
		name   string
		spec   *job.Spec
		at     time.Duration // when the backup, taken at the submission, is restored
		want   string
		starts int
	}{
		{"one that runs is adopted", one("a", 1, "sleep 5"), time.Second, "a Succeeded s1 at 5s\n  0.0#1 Succeeded n1 Exited 0\n", 1},
		{"an array", array(one("a", 1, "sleep 5"), 5, 0), time.Second,
			"a Succeeded s5 at 10s\n  0.0#1 Succeeded n1 Exited 0\n  1.0#1 Succeeded n1 Exited 0\n  2.0#1 Succeeded n1 Exited 0\n" +
				"  3.0#1 Succeeded n1 Exited 0\n  4.0#1 Succeeded n1 Exited 0\n", 5},
		{"a gang in its second attempt", retry(gangOf("a", 1, job.RestartGang, process(1, "sleep 5"), process(1, "sleep 2", "FAIL_ATTEMPTS=1")), job.Retry{Attempts: 3}),
			3 * time.Second, "a Succeeded s1 at 7s\n  0.0#2 Succeeded n1 Exited 0\n  0.1#2 Succeeded n1 Exited 0\n", 4},
		{"one that holds we cannot tell which GPU", gpu, time.Second, "gpu Succeeded s1 at 6s\n  0.0#2 Succeeded n1[0] Exited 0\n", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withNodes(node("n1", 4, 1)))
			id := w.submit(test.spec)
			row := w.job(id)
			w.until(test.at)

			w.engine.Disconnect()
			old := memory.New(memory.Options{})
			if _, err := old.Commit(w.ctx, []*store.Unit{{Jobs: []store.JobChange{{Job: row}}}}); err != nil {
				t.Fatal(err)
			}
			w.open(old)
			w.finish()
			if got := w.show(id); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
			starts := w.engine.Starts()
			for p, n := range starts {
				if n > 1 {
					t.Errorf("%s was started %d times", p, n)
				}
			}
			if len(starts) != test.starts {
				t.Errorf("%d processes were started, want %d", len(starts), test.starts)
			}
			if next := w.submit(one("next", 1, "true")); next <= id {
				t.Errorf("job %d was given a number that the engine knows", next)
			}
			w.finish()
			if list, err := w.engine.List(w.ctx); err != nil || len(list) > 0 {
				t.Errorf("left over: %v, %v", list, err)
			}
		})
	}
}
