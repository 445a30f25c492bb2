package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

var (
	seed  = flag.Uint64("seed", 0, "try only this seed")
	seeds = flag.Int("seeds", 200, "how many seeds to try")
)

// result is what must not depend on crashes: how each run ended, and what was done outside.
type result struct {
	Runs []string
	Acts []string
}

// play runs a few random state machines in a world of the seed.
func play(t *testing.T, o Options, resources []string) (*World, result) {
	t.Helper()
	w, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := machines{rng: rand.New(rand.NewPCG(o.Seed, 2)), resources: resources}
	for i := range 1 + m.rng.IntN(3) {
		file := ""
		if o.Redrive {
			file = persistent(m.rng, resources)
		} else {
			file = m.file(2, 4)
		}
		w.Start(fmt.Sprintf("%c%d", 'a'+m.rng.IntN(2), i), file, value.MustParse(`{"items":[{"a":1},"two",3]}`))
	}
	if err := w.Run(t.Context()); err != nil {
		t.Fatalf("seed %d, crashes %v: %v", o.Seed, o.Crashes, err)
	}
	runs, err := w.mem.Runs(t.Context(), store.RunFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var r result
	for i := range runs {
		x := runs[len(runs)-1-i]
		r.Runs = append(r.Runs, fmt.Sprintf("%s %v %s %v", nameOf(x), x.Status, x.Output, x.Failure))
	}
	slices.Sort(r.Runs)
	r.Acts = append(w.acts.multiset(), processes(t, w)...)
	if wrong := w.engine.Violations(); wrong != nil {
		t.Errorf("seed %d, crashes %v: asked of the engine: %v", o.Seed, o.Crashes, wrong)
	}
	if broken := w.acts.broken(); broken != nil {
		t.Errorf("seed %d, crashes %v: done too often: %v", o.Seed, o.Crashes, broken)
	}
	return w, r
}

// processes are the process trees that were started, by what they belong to.
func processes(t *testing.T, w *World) (all []string) {
	t.Helper()
	for p, times := range w.engine.Starts() {
		j, err := w.mem.Job(t.Context(), p.Job)
		if err != nil {
			t.Fatal(err)
		}
		if times != 1 {
			t.Errorf("process %v was started %d times", p, times)
		}
		all = append(all, fmt.Sprintf("%s %v %d.%d#%d", j.Label, j.Spec.Groups[0].Process.Command, p.Child, p.Replica, p.Attempt))
	}
	slices.Sort(all)
	return all
}

// eachSeed tries a law with every seed, on several cores. A seed that fails is tried alone with -seed.
func eachSeed(t *testing.T, law func(t *testing.T, seed uint64)) {
	if *seed != 0 {
		law(t, *seed)
		return
	}
	const shards = 4
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for s := shard; s < *seeds; s += shards {
				law(t, uint64(s+1))
			}
		})
	}
}

var all = []string{
	prefix + "idempotent", prefix + "queryable", prefix + "atLeastOnce", prefix + "job.sync", prefix + "job.sync",
	prefix + "idempotent" + callback, prefix + "queryable" + callback, worked,
}

// moments are the commits to try of a play that makes so many: every step-th, and of a long play at most 50, spread over
// it, for a try costs a play. A seed that is tried alone has them all.
func moments(commits, step int) (list []int) {
	if *seed == 0 {
		step = max(step, (commits+49)/50)
	}
	for i := 0; i < commits; i += step {
		list = append(list, i)
	}
	return list
}

// TestCrashAtEveryCommit is the first law: whatever moment a server dies at, everything ends as if it had not.
func TestCrashAtEveryCommit(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, s uint64) {
		calm, want := play(t, Options{Seed: s}, all)
		for n, i := range moments(calm.commits, 1) {
			// And once more soon after: a server that has just taken up the work dies as well.
			o := Options{Seed: s, Crashes: []Crash{
				{Commit: i + 1, Durable: s%2 == uint64(n)%2},
				{Commit: i + 3, Durable: n%3 == 0},
			}}
			if _, got := play(t, o, all); !cmp.Equal(want, got) {
				t.Fatalf("seed %d, crashes %v (-calm +crashed):\n%s", s, o.Crashes, cmp.Diff(want, got))
			}
		}
	})
}

// TestRedriveAtEveryCommit is the first law for runs that fail and are redriven until they succeed.
func TestRedriveAtEveryCommit(t *testing.T) {
	t.Parallel()
	resources := []string{prefix + "idempotent", prefix + "queryable", prefix + "job.sync"}
	redriven := map[string]int{}
	for s := uint64(1); s <= uint64(min(*seeds, 20)); s++ {
		calm, want := play(t, Options{Seed: s, Redrive: true}, resources)
		for _, line := range want.Runs {
			if !strings.Contains(line, "SUCCEEDED") {
				t.Errorf("seed %d: %s", s, line)
			}
		}
		runs, err := calm.mem.Runs(t.Context(), store.RunFilter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			kind, _, _ := strings.Cut(r.Part, "/")
			redriven[kind] += r.Redrives
		}
		for i := range calm.commits {
			o := Options{Seed: s, Redrive: true, Crashes: []Crash{{Commit: i + 1, Durable: s%2 == uint64(i)%2}, {Commit: i + 4, Durable: i%3 == 0}}}
			if _, got := play(t, o, resources); !cmp.Equal(want, got) {
				t.Fatalf("seed %d, crashes %v (-calm +crashed):\n%s", s, o.Crashes, cmp.Diff(want, got))
			}
		}
	}
	if redriven[""] == 0 || redriven["maprun"] == 0 || redriven["item"] == 0 {
		t.Errorf("redrives of runs, map runs and their children: %v", redriven)
	}
}

// TestBudget is the second: how much a turn may do changes nothing.
func TestBudget(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, s uint64) {
		_, want := play(t, Options{Seed: s, Budget: 1000}, all)
		for _, budget := range []int{1, 3} {
			if _, got := play(t, Options{Seed: s, Budget: budget}, all); !cmp.Equal(want, got) {
				t.Fatalf("seed %d, budget %d (-1000):\n%s", s, budget, cmp.Diff(want, got))
			}
		}
	})
}

// TestAtMostOnce is the third: such a task is never done twice, and a run that cannot know goes on with an error.
func TestAtMostOnce(t *testing.T) {
	t.Parallel()
	once := []string{prefix + "once", prefix + "once" + callback}
	unknown := 0
	for s := uint64(1); s <= uint64(min(*seeds, 100)); s++ {
		calm, _ := play(t, Options{Seed: s}, once)
		for n, i := range moments(calm.commits, 3) {
			_, r := play(t, Options{Seed: s, Crashes: []Crash{{Commit: i + 1, Durable: n%2 == 0}}}, once)
			for _, line := range r.Runs {
				unknown += strings.Count(line, run.ErrOutcomeUnknown)
			}
		}
	}
	if unknown == 0 {
		t.Error("no crash left an outcome unknown: the test tries nothing")
	}
}
