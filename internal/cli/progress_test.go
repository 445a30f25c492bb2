package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/client"
)

// shown is the tree as lines: depth, name, how it stands.
func shown(p *progress) string {
	var b strings.Builder
	for _, s := range p.steps {
		fmt.Fprintf(&b, "%s%s ended=%t", strings.Repeat(" ", s.depth), s.name, s.isEnded)
		if s.isMap {
			fmt.Fprintf(&b, " %d+%d/%d", s.done, s.broken, s.total)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func feed(p *progress, lines string) {
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		var e client.Event
		var details string
		_, err := fmt.Sscanf(strings.TrimSpace(line), "%d %d %s %s", &e.ID, &e.Previous, &e.Type, &details)
		if err != nil && details != "" {
			panic(err)
		}
		e.Details = []byte(details)
		e.Time = time.UnixMilli(e.ID)
		p.add(e)
	}
}

func TestProgressOfMap(t *testing.T) {
	t.Parallel()
	p := newProgress()
	// As Step Functions numbers them: the exit of the Map follows from its last iteration.
	feed(p, `
		1 0 ExecutionStarted {}
		2 0 MapStateEntered {"name":"M"}
		3 2 MapStateStarted {"length":2}
		4 3 MapIterationStarted {"name":"M","index":0}
		5 4 PassStateEntered {"name":"P"}
		6 3 MapIterationStarted {"name":"M","index":1}
		7 6 PassStateEntered {"name":"P"}
		8 5 PassStateExited {"name":"P"}
		9 8 MapIterationSucceeded {"name":"M","index":0}
		10 7 MapIterationFailed {"name":"M","index":1}`)
	if got, want := shown(p), "M ended=false 1+1/2\n"; got != want {
		t.Errorf("in the middle:\n%swant\n%s", got, want)
	}
	feed(p, `
		11 10 MapStateSucceeded {}
		12 10 MapStateExited {"name":"M"}
		13 12 SucceedStateEntered {"name":"S"}
		14 13 SucceedStateExited {"name":"S"}`)
	if got, want := shown(p), "M ended=true 1+1/2\nS ended=true\n"; got != want {
		t.Errorf("at the end:\n%swant\n%s", got, want)
	}
}

func TestProgressOfParallelInMap(t *testing.T) {
	t.Parallel()
	p := newProgress()
	feed(p, `
		1 0 ExecutionStarted {}
		2 0 ParallelStateEntered {"name":"Both"}
		3 2 ParallelStateStarted {}
		4 3 TaskStateEntered {"name":"L"}
		5 3 MapStateEntered {"name":"R"}
		6 5 MapStateStarted {"length":1}
		7 6 MapIterationStarted {"name":"R","index":0}
		8 7 ParallelStateEntered {"name":"Inner"}
		9 8 ParallelStateStarted {}
		10 9 PassStateEntered {"name":"Deep"}
		11 10 PassStateExited {"name":"Deep"}
		12 11 ParallelStateSucceeded {}
		13 12 ParallelStateExited {"name":"Inner"}
		14 13 MapIterationSucceeded {"name":"R","index":0}
		15 4 TaskScheduled {"resource":"x"}
		16 15 TaskFailed {"error":"Boom"}
		17 16 TaskScheduled {"resource":"x"}`)
	if got, want := shown(p), "Both ended=false\n L ended=false\n R ended=false 1+0/1\n"; got != want {
		t.Errorf("in the middle:\n%swant\n%s", got, want)
	}
	left := p.steps[1]
	if left.tries != 2 || left.failed != "Boom" {
		t.Errorf("the task has %d tries and failed with %q, want 2 and Boom", left.tries, left.failed)
	}
}

func TestProgressIgnoresWhatItKnows(t *testing.T) {
	t.Parallel()
	p := newProgress()
	for range 2 {
		feed(p, `
			1 0 ExecutionStarted {}
			2 0 PassStateEntered {"name":"A"}`)
	}
	if got, want := shown(p), "A ended=false\n"; got != want {
		t.Errorf("fed twice:\n%swant\n%s", got, want)
	}
}
