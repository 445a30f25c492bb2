package dispatch

import (
	"testing"
)

func TestOneJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.submit(one("a", 1, "sleep 5"))
	w.finish()
	want := `a Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0
`
	if got := w.show(id); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
