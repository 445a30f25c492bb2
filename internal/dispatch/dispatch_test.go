package dispatch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sched"
)

func ptr[T any](v T) *T { return &v }

// array makes a job an array.
func array(s *job.Spec, size, maxRunning int32) *job.Spec {
	s.Array = &job.Array{Size: size, MaxRunning: maxRunning}
	return s
}

func retry(s *job.Spec, r job.Retry) *job.Spec {
	s.Retry = r
	return s
}

func after(s *job.Spec, deps ...job.Dependency) *job.Spec {
	s.After = deps
	return s
}

// scenarios are jobs and what becomes of them: as in the store, when nothing more happens.
var scenarios = []struct {
	name    string
	options []worldOption
	jobs    []*job.Spec // submitted together; the first has number 1
	cancel  map[time.Duration]job.ID
	want    string
}{
	{
		name: "one process", jobs: []*job.Spec{one("a", 1, "sleep 5")},
		want: `
a Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "one process that fails", jobs: []*job.Spec{one("a", 1, "exit 3")},
		want: `
a Failed f1 failures=1 at 0s: main exited with code 3
  0.0#1 Failed n1 Exited 3`,
	},
	{
		name: "first come first served",
		jobs: []*job.Spec{one("a", 3, "sleep 5"), one("b", 4, "sleep 5"), one("c", 1, "sleep 5")},
		want: `
a Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0
b Succeeded s1 at 10s
  0.0#1 Succeeded n1 Exited 0
c Succeeded s1 at 15s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "priority goes first",
		jobs: []*job.Spec{one("a", 4, "sleep 5"), with(one("b", 4, "sleep 5"), func(s *job.Spec) { s.Priority = 1 })},
		want: `
a Succeeded s1 at 10s
  0.0#1 Succeeded n1 Exited 0
b Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name:    "a queue's bound holds though nodes have room",
		options: []worldOption{withNodes(node("n1", 64, 0)), withQueue(sched.Queue{Name: "q", Max: sched.Amount{MilliCPU: 4000}})},
		jobs:    []*job.Spec{with(array(one("a", 4, "sleep 5"), 3, 0), func(s *job.Spec) { s.Queue = "q" })},
		want: `
a Succeeded s3 at 15s
  0.0#1 Succeeded n1 Exited 0
  1.0#1 Succeeded n1 Exited 0
  2.0#1 Succeeded n1 Exited 0`,
	},
	{
		name:    "GPUs are exclusive",
		options: []worldOption{withNodes(node("n1", 64, 2))},
		jobs: []*job.Spec{
			with(one("a", 1, "sleep 5"), func(s *job.Spec) { s.Groups[0].Process.Resources.GPUs = 1 }),
			with(one("b", 1, "sleep 5"), func(s *job.Spec) { s.Groups[0].Process.Resources.GPUs = 1 }),
			with(one("c", 1, "sleep 5"), func(s *job.Spec) {
				s.Groups[0].Process.Resources = job.Resources{GPUs: 2, GPUKind: "h100"}
			}),
		},
		want: `
a Succeeded s1 at 5s
  0.0#1 Succeeded n1[0] Exited 0
b Succeeded s1 at 5s
  0.0#1 Succeeded n1[1] Exited 0
c Succeeded s1 at 10s
  0.0#1 Succeeded n1[0 1] Exited 0`,
	},
	{
		name: "an array's children, as many as it allows",
		jobs: []*job.Spec{array(one("a", 1, "sleep 5"), 4, 2)},
		want: `
a Succeeded s4 at 10s
  0.0#1 Succeeded n1 Exited 0
  1.0#1 Succeeded n1 Exited 0
  2.0#1 Succeeded n1 Exited 0
  3.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "an array of none and of one",
		jobs: []*job.Spec{array(one("a", 1, "true"), 0, 0), array(one("b", 1, "true"), 1, 0)},
		want: `
a Succeeded at 0s: an array without children
b Succeeded s1 at 0s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "only children that failed run again",
		jobs: []*job.Spec{retry(array(one("a", 1, "true", "FAIL_ATTEMPTS=${tutti:index}"), 4, 0), job.Retry{Attempts: 3})},
		want: `
a Failed s3 f1 failures=6 at 0s: 1 of 4 children failed: child 3: main exited with code 1 (attempt 3 of 3)
  0.0#1 Succeeded n1 Exited 0
  1.0#2 Succeeded n1 Exited 0
  2.0#3 Succeeded n1 Exited 0
  3.0#3 Failed n1 Exited 1`,
	},
	{
		name: "delays double up to their bound",
		jobs: []*job.Spec{retry(one("a", 1, "exit 1"), job.Retry{Attempts: 5, Delay: time.Second, MaxDelay: 3 * time.Second})},
		want: `
a Failed f1 failures=5 at 9s: main exited with code 1 (attempt 5 of 5)
  0.0#5 Failed n1 Exited 1`,
	},
	{
		name: "a job that is delayed does not hold up the others",
		jobs: []*job.Spec{
			retry(one("a", 4, "true", "FAIL_ATTEMPTS=1"), job.Retry{Attempts: 2, Delay: 10 * time.Second}), one("b", 4, "sleep 20"),
		},
		want: `
a Succeeded s1 failures=1 at 20s
  0.0#2 Succeeded n1 Exited 0
b Succeeded s1 at 20s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "a spent budget ends the whole job",
		jobs: []*job.Spec{retry(array(one("a", 1, "sleep 60", "FAIL_ATTEMPTS=9", "RUN_FOR=${tutti:index}0s"), 3, 0),
			job.Retry{Attempts: 9, Budget: ptr(int32(2))})},
		want: `
a Failed f3 failures=3 at 0s: 1 of 3 children failed: child 0: main exited with code 1 (attempt 3; of the job's failures only 2 are retried)
  0.0#3 Failed n1 Exited 1
  1.0#1 Cancelled n1 Cancelled 143
  2.0#1 Cancelled n1 Cancelled 143`,
	},
	{
		name: "the first rule that matches decides",
		jobs: []*job.Spec{
			retry(one("a", 1, "exit 12"), job.Retry{Attempts: 3, When: []job.RetryRule{{ExitCode: "1*"}, {Exit: true}}}),
			retry(one("b", 1, "exit 2"), job.Retry{Attempts: 3, When: []job.RetryRule{{ExitCode: "1*"}, {Exit: true}}}),
			retry(one("c", 1, "exit 2"), job.Retry{Attempts: 3, When: []job.RetryRule{{ExitCode: "1", Exit: true}}}),
			retry(one("d", 1, "true", "EXIT_REASON=OutOfMemory"), job.Retry{Attempts: 3, When: []job.RetryRule{{Reason: "OutOfMemoryError*", Exit: true}}}),
		},
		want: `
a Failed f1 failures=3 at 0s: main exited with code 12 (attempt 3 of 3)
  0.0#3 Failed n1 Exited 12
b Failed f1 failures=1 at 0s: main exited with code 2 (attempt 1 of 3)
  0.0#1 Failed n1 Exited 2
c Failed f1 failures=3 at 0s: main exited with code 2 (attempt 3 of 3)
  0.0#3 Failed n1 Exited 2
d Failed f1 failures=1 at 0s: main was killed at its memory limit (attempt 1 of 3)
  0.0#1 Failed n1 OutOfMemory 137`,
	},
	{
		name: "a timeout is not retried",
		jobs: []*job.Spec{with(retry(one("a", 1, "sleep 60"), job.Retry{Attempts: 3}), func(s *job.Spec) { s.Timeout = 10 * time.Second })},
		want: `
a Failed f1 failures=1 at 10s: main ran longer than its timeout of 10s (attempt 1 of 3)
  0.0#1 Failed n1 TimedOut 143`,
	},
	{
		name: "a deadline counts over all attempts",
		jobs: []*job.Spec{with(retry(array(one("a", 2, "false", "RUN_FOR=4s"), 2, 0), job.Retry{Attempts: 99}),
			func(s *job.Spec) { s.Deadline = 10 * time.Second })},
		want: `
a Failed f2 failures=4 at 10s: ran longer than its deadline of 10s
  0.0#3 Failed n1 TimedOut 143
  1.0#3 Failed n1 TimedOut 143`,
	},
	{
		name: "the master decides", jobs: []*job.Spec{gangOf("a", 2, job.RestartNever, process(1, "sleep 5"), process(1, "sleep 60"))},
		want: `
a Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0
  0.1#1 Cancelled n1 GangStopped 143
  0.2#1 Cancelled n1 GangStopped 143`,
	},
	{
		name: "a worker's failure ends the gang",
		jobs: []*job.Spec{gangOf("a", 2, job.RestartNever, process(1, "sleep 60"), process(1, "exit 3", "RUN_FOR=${tutti:rank}s"))},
		want: `
a Failed f1 failures=1 at 1s: worker 0 exited with code 3
  0.0#1 Cancelled n1 GangStopped 143
  0.1#1 Failed n1 Exited 3
  0.2#1 Cancelled n1 GangStopped 143`,
	},
	{
		name: "a gang without one that decides ends with its last",
		jobs: []*job.Spec{{Name: "a", Groups: []job.Group{{Name: "worker", Replicas: 3, Process: process(1, "true", "RUN_FOR=${tutti:replica}s")}}}},
		want: `
a Succeeded s1 at 2s
  0.0#1 Succeeded n1 Exited 0
  0.1#1 Succeeded n1 Exited 0
  0.2#1 Succeeded n1 Exited 0`,
	},
	{
		name: "a gang restarts together",
		jobs: []*job.Spec{retry(gangOf("a", 1, job.RestartGang, process(1, "sleep 5"), process(1, "sleep 1", "FAIL_ATTEMPTS=1")), job.Retry{Attempts: 2})},
		want: `
a Succeeded s1 failures=1 at 6s
  0.0#2 Succeeded n1 Exited 0
  0.1#2 Succeeded n1 Exited 0`,
	},
	{
		name: "a member restarts alone, in its place",
		jobs: []*job.Spec{
			retry(gangOf("a", 1, job.RestartMember, process(2, "sleep 9"), process(2, "sleep 1", "FAIL_ATTEMPTS=2")),
				job.Retry{Attempts: 3, Delay: time.Second}),
			one("b", 1, "true"),
		},
		want: `
a Succeeded s1 failures=2 at 9s
  0.0#1 Succeeded n1 Exited 0
  0.1#3 Succeeded n1 Exited 0
b Succeeded s1 at 9s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "a member that may not restart again ends the gang",
		jobs: []*job.Spec{retry(gangOf("a", 1, job.RestartMember, process(1, "sleep 9"), process(1, "sleep 1", "FAIL_ATTEMPTS=9")), job.Retry{Attempts: 2})},
		want: `
a Failed f1 failures=2 at 2s: worker exited with code 1 (attempt 2 of 2)
  0.0#1 Cancelled n1 GangStopped 143
  0.1#2 Failed n1 Exited 1`,
	},
	{
		name: "cancelled while some run and some wait",
		jobs: []*job.Spec{array(one("a", 2, "sleep 60"), 5, 0), one("b", 1, "true")}, cancel: map[time.Duration]job.ID{7 * time.Second: 1},
		want: `
a Cancelled f5 at 7s: cancelled: enough
  0.0#1 Cancelled n1 Cancelled 143
  1.0#1 Cancelled n1 Cancelled 143
b Succeeded s1 at 7s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "cancelled while it will not go",
		jobs: []*job.Spec{one("a", 1, "sleep 60", "IGNORE_TERM=1")}, cancel: map[time.Duration]job.ID{7 * time.Second: 1},
		want: `
a Cancelled f1 at 17s: cancelled: enough
  0.0#1 Cancelled n1 Cancelled 137`,
	},
	{
		name: "cancelled, and then its deadline comes",
		jobs: []*job.Spec{with(array(one("a", 1, "sleep 60", "IGNORE_TERM=1"), 1, 0), func(s *job.Spec) { s.Deadline = 9 * time.Second }),
			one("b", 4, "sleep 2")},
		cancel: map[time.Duration]job.ID{7 * time.Second: 1},
		want: `
a Cancelled f1 at 17s: cancelled: enough
  0.0#1 Cancelled n1 Cancelled 137
b Succeeded s1 at 19s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "members that all wait to restart make room",
		jobs: []*job.Spec{
			retry(with(one("a", 4, "sleep 1", "FAIL_ATTEMPTS=1"), func(s *job.Spec) { s.Groups[0].Restart = job.RestartMember }),
				job.Retry{Attempts: 2, Delay: 10 * time.Second}),
			one("b", 4, "sleep 5"),
		},
		want: `
a Succeeded s1 failures=1 at 12s
  0.0#2 Succeeded n1 Exited 0
b Succeeded s1 at 6s
  0.0#1 Succeeded n1 Exited 0`,
	},
	{
		name: "cancelled between two attempts",
		jobs: []*job.Spec{retry(one("a", 1, "false"), job.Retry{Attempts: 2, Delay: time.Minute})}, cancel: map[time.Duration]job.ID{7 * time.Second: 1},
		want: `
a Cancelled f1 failures=1 at 7s: cancelled: enough
  0.0#1 Cancelled n1 Exited 1`,
	},
	{
		name: "after another ended well, or at all",
		jobs: []*job.Spec{
			one("a", 1, "sleep 5"), one("b", 1, "exit 1", "RUN_FOR=5s"),
			after(one("c", 1, "true"), job.Dependency{Job: 1}),
			after(one("d", 1, "true"), job.Dependency{Job: 1}, job.Dependency{Job: 2}),
			after(one("e", 1, "true"), job.Dependency{Job: 1}, job.Dependency{Job: 2, Type: "any"}),
			after(one("f", 1, "true"), job.Dependency{Job: 4}),
		},
		want: `
a Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0
b Failed f1 failures=1 at 5s: main exited with code 1
  0.0#1 Failed n1 Exited 1
c Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0
d Failed f1 at 5s: job b, which was to end well first, ended as Failed
e Succeeded s1 at 5s
  0.0#1 Succeeded n1 Exited 0
f Failed f1 at 5s: job d, which was to end well first, ended as Failed`,
	},
	{
		name: "children one after another",
		jobs: []*job.Spec{
			after(array(one("a", 1, "sleep 2"), 3, 0), job.Dependency{Type: "SEQUENTIAL"}),
			after(array(one("b", 1, "exit 1"), 3, 0), job.Dependency{Type: "SEQUENTIAL"}),
		},
		want: `
a Succeeded s3 at 6s
  0.0#1 Succeeded n1 Exited 0
  1.0#1 Succeeded n1 Exited 0
  2.0#1 Succeeded n1 Exited 0
b Failed f3 failures=1 at 0s: 1 of 3 children failed: child 0: main exited with code 1; those after it were not to start
  0.0#1 Failed n1 Exited 1`,
	},
	{
		name: "children after their counterparts",
		jobs: []*job.Spec{
			array(one("a", 1, "true", "RUN_FOR=${tutti:index}s"), 3, 0),
			after(array(one("b", 1, "sleep 2"), 3, 0), job.Dependency{Job: 1, Type: "N_TO_N"}),
			array(one("c", 1, "false"), 1, 0),
			after(array(one("d", 1, "true"), 1, 0), job.Dependency{Job: 3, Type: "N_TO_N"}),
		},
		want: `
a Succeeded s3 at 2s
  0.0#1 Succeeded n1 Exited 0
  1.0#1 Succeeded n1 Exited 0
  2.0#1 Succeeded n1 Exited 0
b Succeeded s3 at 4s
  0.0#1 Succeeded n1 Exited 0
  1.0#1 Succeeded n1 Exited 0
  2.0#1 Succeeded n1 Exited 0
c Failed f1 failures=1 at 0s: 1 of 1 children failed: child 0: main exited with code 1
  0.0#1 Failed n1 Exited 1
d Failed f1 at 0s: 1 of 1 children failed: child 0: child 0 of job 3, which was to end well first, did not`,
	},
	{
		name: "what cannot be run is not left waiting",
		jobs: []*job.Spec{one("a", 9, "true"), with(one("b", 1, "true"), func(s *job.Spec) { s.Queue = "none" })},
		want: `
a Failed f1 at 0s: cannot be run: a replica of group "main" asks for 9 CPUs; the most that a node has is 4 CPUs
b Failed f1 at 0s: cannot be run: there is no queue "none"`,
	},
	{
		name: "what cannot be started fails",
		jobs: []*job.Spec{one("a", 1, "true", "EXIT_REASON=NotStarted")},
		want: `
a Failed f1 failures=1 at 0s: main could not be started: scripted not to start
  0.0#1 Failed n1 NotStarted 1`,
	},
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s.options...)
			ids := w.submitAll(s.jobs)
			for at, id := range s.cancel {
				w.until(at)
				w.cancel(id, "enough")
			}
			w.finish()
			if diff := cmp.Diff(strings.TrimPrefix(s.want, "\n")+"\n", w.show(ids...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
