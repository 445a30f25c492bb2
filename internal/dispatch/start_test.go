package dispatch

import (
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

func TestExitText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		exit    job.Exit
		timeout time.Duration
		want    string
	}{
		{job.Exit{Reason: job.ReasonExit, Code: 3}, 0, "exited with code 3"},
		{job.Exit{Reason: job.ReasonSignal, Signal: 9}, 0, "was killed by signal 9"},
		{job.Exit{Reason: job.ReasonSignal, Signal: 9, Text: "killed by signal 9 (SIGKILL)"}, 0, "was killed by signal 9 (SIGKILL)"},
		{job.Exit{Reason: job.ReasonSignal, Signal: 9, Text: "the node went down"}, 0, "was killed by signal 9: the node went down"},
		{job.Exit{Reason: job.ReasonTimeout, Text: "anything"}, time.Minute, "ran longer than its timeout of 1m0s"},
		{job.Exit{Reason: job.ReasonNoStart, Text: "no such file"}, 0, "could not be started: no such file"},
	} {
		if got := exitText(&c.exit, c.timeout); got != c.want {
			t.Errorf("%+v: %q, want %q", c.exit, got, c.want)
		}
	}
}
