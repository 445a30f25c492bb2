package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

var (
	seed  = flag.Uint64("seed", 0, "try only this seed")
	seeds = flag.Int("seeds", 300, "how many seeds to try")
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
		w.Start(fmt.Sprintf("%c%d", 'a'+m.rng.IntN(2), i), m.file(2, 4), value.MustParse(`{"items":[{"a":1},"two",3]}`))
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
		run := runs[len(runs)-1-i]
		r.Runs = append(r.Runs, fmt.Sprintf("%s %v %s %v", run.Name, run.Status, run.Output, run.Failure))
	}
	slices.Sort(r.Runs)
	r.Acts = w.acts.multiset()
	if broken := w.acts.broken(); broken != nil {
		t.Errorf("seed %d, crashes %v: done too often: %v", o.Seed, o.Crashes, broken)
	}
	return w, r
}

func tried() []uint64 {
	if *seed != 0 {
		return []uint64{*seed}
	}
	all := make([]uint64, *seeds)
	for i := range all {
		all[i] = uint64(i + 1)
	}
	return all
}

// TestCrashAtEveryCommit is the first law: whatever moment a server dies at, everything ends as if it had not.
func TestCrashAtEveryCommit(t *testing.T) {
	t.Parallel()
	resources := []string{prefix + "idempotent", prefix + "queryable", prefix + "atLeastOnce"}
	commits, crashes := 0, 0
	for _, s := range tried() {
		calm, want := play(t, Options{Seed: s}, resources)
		commits += calm.commits
		for i := range calm.commits {
			c := Crash{Commit: i + 1, Durable: s%2 == uint64(i)%2}
			o := Options{Seed: s, Crashes: []Crash{c, {Commit: i + 3, Durable: i%3 == 0}}}
			w, got := play(t, o, resources)
			crashes += w.crashes
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, crashes %v (-calm +crashed):\n%s", s, o.Crashes, diff)
			}
		}
	}
	t.Logf("%d commits, %d crashes", commits, crashes)
}

// TestBudget is the second: how much a turn may do changes nothing.
func TestBudget(t *testing.T) {
	t.Parallel()
	resources := []string{prefix + "idempotent", prefix + "queryable"}
	for _, s := range tried() {
		_, want := play(t, Options{Seed: s, Budget: 1000}, resources)
		for _, budget := range []int{1, 3} {
			if _, got := play(t, Options{Seed: s, Budget: budget}, resources); !cmp.Equal(want, got) {
				t.Fatalf("seed %d, budget %d (-1000):\n%s", s, budget, cmp.Diff(want, got))
			}
		}
	}
}

// TestAtMostOnce is the third: such a task is never done twice, and a run that cannot know goes on with an error.
func TestAtMostOnce(t *testing.T) {
	t.Parallel()
	for _, s := range tried() {
		calm, _ := play(t, Options{Seed: s}, []string{prefix + "once"})
		for i := 0; i < calm.commits; i += 3 {
			play(t, Options{Seed: s, Crashes: []Crash{{Commit: i + 1, Durable: i%2 == 0}}}, []string{prefix + "once"})
		}
	}
}
