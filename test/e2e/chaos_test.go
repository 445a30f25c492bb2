package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
)

// note is a line of a script that leaves a trace of the process: its run, its part of it, its index and its rank.
func note(s *server, run int, part string) string {
	return fmt.Sprintf("echo %d %s ${JOB_COMPLETION_INDEX:-0} ${RANK:-0} >>%s; ", run, part, filepath.Join(s.dir, "traces"))
}

// traces counts the lines that notes have left.
func traces(s *server) map[string]int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "traces"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		counts[strings.TrimSpace(line)]++
	}
	return counts
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// task is a state that runs a manifest to its end.
func task(manifest, more string) string {
	return fmt.Sprintf(`{"Type": "Task", "Resource": "arn:tutti:states:::job:run.sync", "Parameters": {"Manifest": %s}, "ResultPath": null, %s "End": true}`,
		manifest, more)
}

// everything is a machine with an array, a gang, a Map with waits and a job that fails twice, all at the same time.
func everything(s *server, run int) string {
	const short = "sleep 0.2"
	array := strings.Replace(job("array", note(s, run, "array")+short, 0), `"spec": {`,
		`"spec": {"completions": 4, "parallelism": 4, "completionMode": "Indexed", `, 1)
	failing := strings.Replace(job("failing", note(s, run, "failing")+"exit 3", 1), `"metadata": {`,
		`"metadata": {"annotations": {"tutti.dev/retry-delay": "50ms"}, `, 1)
	return fmt.Sprintf(`{"StartAt": "All", "States": {"All": {"Type": "Parallel", "ResultPath": null, "Next": "Last", "Branches": [
		{"StartAt": "Array", "States": {"Array": %s}},
		{"StartAt": "Gang", "States": {"Gang": %s}},
		{"StartAt": "Map", "States": {"Map": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true, "ItemProcessor":
			{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Item"}, "Item": %s}}}}},
		{"StartAt": "Failing", "States": {"Failing": %s, "Caught": {"Type": "Pass", "End": true}}}
		]}, "Last": %s}}`,
		task(array, ""),
		task(gang("OnFailure", note(s, run, "gang")+short, note(s, run, "gang")+short), ""),
		task(job("item", note(s, run, "item")+short, 0), ""),
		task(failing, `"Catch": [{"ErrorEquals": ["Tutti.JobFailed"], "Next": "Caught"}],`),
		task(job("last", note(s, run, "last"), 0), ""))
}

// kill -9 of the server again and again, wherever it happens to be: every run ends as it would have, and every process
// is started as often as without.
func TestServerKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage+"node: {cpu: 64, memory: 16Gi}\n")
	const runs, kills = 6, 12
	want := map[string]int{}
	var started []*client.Run
	for i := range runs {
		started = append(started, s.start(everything(s, i), `{"items": [1, 2, 3]}`))
		for _, process := range []string{"array 0 0", "array 1 0", "array 2 0", "array 3 0", "gang 0 0", "gang 0 1", "last 0 0"} {
			want[fmt.Sprint(i, " ", process)] = 1
		}
		want[fmt.Sprint(i, " item 0 0")] = 3
		want[fmt.Sprint(i, " failing 0 0")] = 2
	}
	for k := range kills {
		// Spread over the work, each at another distance from the last trace.
		await(t, "progress", func() bool { return total(traces(s)) >= k*total(want)/(kills+1) })
		s.kill()
		s.up()
	}
	for _, r := range started {
		s.succeeded(r.ID)
	}
	got := traces(s)
	for process, n := range want {
		if got[process] != n {
			t.Errorf("run and process %q: started %d times, want %d", process, got[process], n)
		}
	}
	if total(got) != total(want) {
		t.Errorf("%d starts in all, want %d", total(got), total(want))
	}
}

// kill -9 of the runner again and again: no attempt begins while anything of the one before it is left, daemons that
// left session and process group included.
func TestRunnerKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := newServer(t, workImage+"node: {cpu: 64, memory: 16Gi}\n")
	const runs, kills = 6, 4
	w := newWork(s, "work")
	// The daemon inherits the lock, and holds it as long as it lives.
	script := func(run int) string {
		return fmt.Sprintf(`exec 9>%[1]s.lock.%[2]d; flock -n 9 || echo %[2]d >>%[1]s.overlap
			(setsid sh -c "trap '' TERM HUP; (setsid sleep 1000 &); while :; do sleep 1; : %[1]s.daemon; done" &)
			%[3]s`, w.path(""), run, w.script())
	}
	var started []*client.Run
	for i := range runs {
		j := strings.Replace(job("daemons", script(i), 20), `"metadata": {`, `"metadata": {"annotations": {"tutti.dev/retry-delay": "10ms"}, `, 1)
		started = append(started, s.start(steps(j), "{}"))
	}
	for k := range kills {
		w.awaitStarts((k + 1) * runs)
		kill9(t, s.runner())
	}
	w.awaitStarts((kills + 1) * runs)
	w.open()
	for _, r := range started {
		s.succeeded(r.ID)
	}
	if text, err := os.ReadFile(w.path(".overlap")); err == nil {
		t.Errorf("attempts of these runs began while earlier ones were alive:\n%s", text)
	}
	if w.starts() != (kills+1)*runs || w.ends() != runs {
		t.Errorf("%d attempts of %d runs, %d of them to the end, with %d kills", w.starts(), runs, w.ends(), kills)
	}
	if left := processes(t, w.path(".daemon")); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}
