package dispatch

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/fake"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

// story is some jobs, submitted and cancelled at times.
type story struct {
	specs   []*job.Spec
	at      []time.Duration // beside specs
	cancels map[job.ID]time.Duration
}

func drawStory(t *rapid.T) *story {
	s := &story{cancels: map[job.ID]time.Duration{}}
	at := time.Duration(0)
	for i := range rapid.IntRange(1, 6).Draw(t, "jobs") {
		at += seconds(t, "pause", 0, 5)
		s.specs, s.at = append(s.specs, drawSpec(t, i)), append(s.at, at)
		if rapid.IntRange(0, 5).Draw(t, "cancelled") == 0 {
			s.cancels[job.ID(i+1)] = at + seconds(t, "cancel after", 0, 20)
		}
	}
	return s
}

func seconds(t *rapid.T, what string, least, most int) time.Duration {
	return time.Duration(rapid.IntRange(least, most).Draw(t, what)) * time.Second
}

func drawSpec(t *rapid.T, i int) *job.Spec {
	s := &job.Spec{Name: fmt.Sprintf("j%d", i+1), Priority: rapid.Int32Range(0, 1).Draw(t, "priority")}
	restarts := []job.Restart{job.RestartNever, job.RestartGang, job.RestartMember}
	for k := range rapid.IntRange(1, 2).Draw(t, "groups") {
		g := job.Group{
			Name: fmt.Sprintf("g%d", k), Replicas: rapid.Int32Range(1, 2).Draw(t, "replicas"),
			Restart: rapid.SampledFrom(restarts).Draw(t, "restart"), Decides: rapid.Bool().Draw(t, "decides"),
			Process: process(1, "true",
				fmt.Sprintf("RUN_FOR=%ds", rapid.IntRange(1, 9).Draw(t, "runs for")),
				fmt.Sprintf("EXIT_CODE=%d", rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "code")),
				fmt.Sprintf("FAIL_ATTEMPTS=%d", rapid.IntRange(0, 2).Draw(t, "failing attempts"))),
		}
		g.Process.Resources.GPUs = rapid.Int32Range(0, 1).Draw(t, "gpus")
		if rapid.IntRange(0, 4).Draw(t, "stubborn") == 0 {
			g.Process.Env = append(g.Process.Env, job.Env{Name: "IGNORE_TERM", Value: "1"})
		}
		s.Groups = append(s.Groups, g)
	}
	if rapid.Bool().Draw(t, "array") {
		array(s, rapid.Int32Range(0, 4).Draw(t, "size"), rapid.Int32Range(0, 2).Draw(t, "max running"))
	}
	s.Retry = job.Retry{Attempts: rapid.Int32Range(0, 3).Draw(t, "attempts"), Delay: seconds(t, "delay", 0, 3)}
	if rapid.Bool().Draw(t, "budget") {
		s.Retry.Budget = ptr(rapid.Int32Range(0, 3).Draw(t, "budget"))
	}
	s.Timeout, s.Deadline = seconds(t, "timeout", 0, 8), seconds(t, "deadline", 0, 15)
	if s.Deadline > 0 {
		s.Deadline += time.Second / 2 // at no moment at which anything ends by itself
	}
	if i > 0 && rapid.IntRange(0, 2).Draw(t, "depends") == 0 {
		after(s, job.Dependency{
			Job: job.ID(rapid.IntRange(1, i).Draw(t, "on")), Type: rapid.SampledFrom([]string{"", "any"}).Draw(t, "how"),
		})
	}
	if s.Array != nil && rapid.IntRange(0, 3).Draw(t, "in line") == 0 {
		after(s, append(s.After, job.Dependency{Type: "SEQUENTIAL"})...)
	}
	return s
}

// play lets a story happen, with some commits failing, and gives what became of it.
func (s *story) play(t *rapid.T, tb testing.TB, faults map[int]memory.Fault) (end string, commits int) {
	w := newWorld(tb, withNodes(node("n1", 3, 2), node("n2", 3, 1)))
	w.faults = faults
	var ids []job.ID
	for second := time.Duration(0); second <= time.Minute; second += time.Second {
		w.until(second)
		for i, at := range s.at {
			if at == second {
				ids = append(ids, w.submit(s.specs[i]))
			}
		}
		for id := range job.ID(len(s.specs) + 1) {
			if at, ok := s.cancels[id]; ok && at == second {
				w.cancel(id, "enough")
			}
		}
	}
	w.finish()
	for _, id := range ids {
		if j := w.job(id); !j.State.Ended() {
			t.Fatalf("job %s does not end: %s, %s", j.Name, j.State, w.d.Explain(id))
		}
	}
	for _, v := range w.engine.Violations() {
		t.Fatal(v)
	}
	for p, n := range w.engine.Starts() {
		if n > 1 {
			t.Fatalf("%s was started %d times", p, n)
		}
	}
	return chance.ReplaceAllString(w.show(ids...), ""), w.commits
}

// chance is what of show's text depends on what happened to come in one step: nodes and GPUs, and by which of several
// good reasons a process was stopped.
var chance = regexp.MustCompile(` (Failed|Cancelled) n[12](\[[0-9 ]+\])? (GangStopped|Cancelled|TimedOut) [0-9]+| n[12](\[[0-9 ]+\])?`)

// TestCrashesChangeNothing holds that any story ends as it would without crashes, whichever commits fail, lost or durable.
func TestCrashesChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		want, commits := s.play(rt, t, nil)
		faults := map[int]memory.Fault{}
		for range rapid.IntRange(1, 5).Draw(rt, "crashes") {
			faults[rapid.IntRange(1, max(1, commits)).Draw(rt, "crash at")] = rapid.SampledFrom([]memory.Fault{memory.Lost, memory.Durable}).Draw(rt, "how")
		}
		if got, _ := s.play(rt, t, faults); got != want {
			rt.Fatalf("with crashes at %v (-without +with)\n%s", faults, cmp.Diff(want, got))
		}
	})
}

// TestSlowReports holds that jobs end, and nothing is started twice or side by side that must not be, however late and
// often reports come.
func TestSlowReports(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		n := rapid.IntRange(0, 9).Draw(rt, "seed")
		w := newWorld(t, withNodes(node("n1", 3, 2), node("n2", 3, 1)), func(_ *world, c *fake.Config) {
			c.Faults.Lag = func(p job.Proc) time.Duration { return time.Duration((int(p.Job)+int(p.Replica)+n)%4) * time.Second }
			c.Faults.Repeat = func(r engine.Report) bool { return (r.Number+uint64(n))%3 == 0 }
			c.Faults.Break = func() bool { n++; return n%5 == 0 }
			c.Faults.Submit = func([]engine.Start) fake.SubmitFault { n++; return fake.SubmitFault(n % 3) }
		})
		ids := w.submitAll(s.specs)
		w.finish()
		for _, id := range ids {
			if j := w.job(id); !j.State.Ended() {
				rt.Fatalf("job %s does not end: %s, %s", j.Name, j.State, w.d.Explain(id))
			}
		}
		for p, n := range w.engine.Starts() {
			if n > 1 {
				rt.Fatalf("%s was started %d times", p, n)
			}
		}
	})
}
