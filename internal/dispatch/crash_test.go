package dispatch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/store/memory"
)

// TestCrashes kills the server at each commit of each scenario, before and after it became durable: everything ends as
// without the crash, and no process is started twice.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, fails := range []memory.Fault{memory.Lost, memory.Durable} {
				for n, crashed := 1, true; crashed; n++ {
					w := newWorld(t, s.options...)
					w.faults = map[int]memory.Fault{n: fails}
					ids := w.submitAll(s.jobs)
					for at, id := range s.cancel {
						w.until(at)
						w.cancel(id, "enough")
					}
					w.finish()
					crashed = w.commits >= n
					what := fmt.Sprintf("crash at commit %d (durable: %t)", n, fails == memory.Durable)
					if diff := cmp.Diff(strings.TrimPrefix(s.want, "\n")+"\n", w.show(ids...)); diff != "" {
						t.Fatalf("%s (-want +got)\n%s", what, diff)
					}
					for p, starts := range w.engine.Starts() {
						if starts > 1 {
							t.Errorf("%s: %s was started %d times", what, p, starts)
						}
					}
				}
			}
		})
	}
}
