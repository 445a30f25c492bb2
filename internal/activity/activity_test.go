package activity_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/run"
)

func task(name string, id run.TaskID) activity.Task {
	return activity.Task{Activity: name, Run: 1, ID: id, Key: name + string(rune('0'+id))}
}

// next takes a task that is there.
func next(t *testing.T, p *activity.Pool, name string, want run.TaskID) activity.Task {
	t.Helper()
	got, err := p.Next(t.Context(), name, 0)
	if err != nil || got.ID != want {
		t.Fatalf("task %d (%v), want %d", got.ID, err, want)
	}
	return got
}

// none checks that there is no task now.
func none(t *testing.T, p *activity.Pool, name string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := p.Next(ctx, name, 0); !errors.Is(err, context.Canceled) {
		t.Fatalf("task %d (%v), want none", got.ID, err)
	}
}

func TestTasksInOrder(t *testing.T) {
	t.Parallel()
	p := activity.New()
	for _, id := range []run.TaskID{1, 2, 1, 3} {
		p.Offer(task("a", id))
	}
	p.Offer(task("b", 4))
	first := next(t, p, "a", 1)
	p.Offer(first) // its run was loaded meanwhile
	next(t, p, "a", 2)
	p.Return(first)
	p.Done(next(t, p, "a", 1))
	p.Withdraw(task("a", 3).Key)
	none(t, p, "a")
	next(t, p, "b", 4)
}

func TestWithdrawnWhileHandedOut(t *testing.T) {
	t.Parallel()
	p := activity.New()
	p.Offer(task("a", 1))
	got := next(t, p, "a", 1)
	p.Withdraw(got.Key)
	p.Return(got)
	none(t, p, "a")
}

// Workers are served in the order in which they came; one that leaves takes nothing with it.
func TestWorkersInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := activity.New()
		leaves, leave := context.WithCancel(t.Context())
		got := make(chan [2]run.TaskID, 4)
		wait := func(worker run.TaskID, ctx context.Context) {
			go func() {
				t, err := p.Next(ctx, "a", 0)
				if err != nil {
					got <- [2]run.TaskID{worker}
					return
				}
				got <- [2]run.TaskID{worker, t.ID}
			}()
			synctest.Wait()
		}
		want := func(worker, task run.TaskID) {
			t.Helper()
			synctest.Wait()
			if g := <-got; g != [2]run.TaskID{worker, task} {
				t.Errorf("worker %d got %d, want worker %d and %d", g[0], g[1], worker, task)
			}
		}
		wait(1, t.Context())
		wait(2, leaves)
		wait(3, t.Context())
		wait(4, t.Context())
		p.Offer(task("a", 5))
		want(1, 5)
		leave()
		want(2, 0)
		p.Offer(task("a", 6))
		want(3, 6)
		p.Close()
		want(4, 0)
		if _, err := p.Next(t.Context(), "a", 0); !errors.Is(err, activity.ErrClosed) {
			t.Errorf("a closed pool answers %v", err)
		}
	})
}
