package kernel

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
)

// Owners take turns, and so do the families of an owner's runs: the children of one run, those of another, and the runs
// that nobody started.
func TestReadyQueueTakesTurns(t *testing.T) {
	t.Parallel()
	var q readyQueue
	push := func(id run.ID, owner string, parent run.ID) { q.push(&resident{id: id, owner: owner, parent: parent}) }
	for id := run.ID(1); id <= 4; id++ {
		push(id, "ann", 100)
	}
	push(5, "ann", 0)
	push(6, "ann", 200)
	push(7, "bob", 0)
	push(8, "bob", 0)
	var got []run.ID
	for r := q.pop(); r != nil; r = q.pop() {
		got = append(got, r.id)
		if r.id == 5 {
			push(9, "ann", 100) // behind its siblings
		}
	}
	if diff := cmp.Diff([]run.ID{1, 7, 5, 8, 6, 2, 3, 4, 9}, got); diff != "" {
		t.Error(diff)
	}
	if q.size != 0 || len(q.owners.turns) != 0 || len(q.owners.named) != 0 {
		t.Error("an empty queue holds " + fmt.Sprint(q))
	}
}

// A long queue keeps its order while it shrinks.
func TestReadyQueueOfMany(t *testing.T) {
	t.Parallel()
	var q readyQueue
	for id := run.ID(1); id <= 5000; id++ {
		q.push(&resident{id: id, owner: "ann"})
	}
	for id := run.ID(1); id <= 5000; id++ {
		if r := q.pop(); r.id != id {
			t.Fatalf("got %d in the place of %d", r.id, id)
		}
	}
}
