package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// queue is a kernel.Queue that hands nothing out by itself. Tasks whose run is called "refused" are.
type queue struct{ tasks []kernel.Task }

func (*queue) Class() kernel.Class { return kernel.Durable }

func (q *queue) Offer(t kernel.Task) {
	q.Withdraw(t.Key)
	q.tasks = append(q.tasks, t)
}

func (q *queue) Withdraw(key string) {
	q.tasks = slices.DeleteFunc(q.tasks, func(t kernel.Task) bool { return t.Key == key })
}

func (q *queue) Check(_ context.Context, t kernel.Task) (*run.Failure, error) {
	if t.Run.Name == "refused" {
		return &run.Failure{Error: "No", Cause: "there is no such queue"}, nil
	}
	return nil, nil
}

// tell makes a call with a token, and gives its error once the server has come to rest.
func (s *server) tell(token string, in run.Input) error {
	s.t.Helper()
	told, err := s.kernel.Tell(token, in)
	if err != nil {
		return err
	}
	s.settle()
	select {
	case err := <-told:
		return err
	default:
		return errors.New("no answer")
	}
}

func (s *server) end(token, output string) error {
	s.t.Helper()
	return s.tell(token, run.Input{Kind: run.TaskEnded, Outcome: run.Done(value.NewString(output))})
}

// must checks the answer to a call.
func (s *server) must(err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("the answer is %v, want %v", err, want)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["callback", "echo"], ["callback", "echo"], ["wait", 60]]`)
	s.must(s.tell(s.world.tokens[0], run.Input{Kind: run.TaskBeat}), nil)
	s.must(s.end(s.world.tokens[0], "one"), nil)
	s.must(s.end(s.world.tokens[0], "two"), kernel.ErrTaskClosed)
	s.must(s.tell(s.world.tokens[0], run.Input{Kind: run.TaskBeat}), kernel.ErrTaskClosed)
	if len(s.world.tokens) != 2 || s.world.tokens[0] == s.world.tokens[1] {
		t.Fatalf("tokens of two tasks: %q", s.world.tokens)
	}
	s.must(s.end(s.world.tokens[1], "two"), nil)
	s.pass(time.Minute)
	s.want("a", run.Succeeded, `["submitted","beat","one","submitted","two","woke"]`)
	s.must(s.end(s.world.tokens[1], "late"), kernel.ErrTaskClosed)
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["callback", "echo"]]`)
	real := s.world.tokens[0]
	for i := range real {
		c := byte('A')
		if real[i] == c {
			c = 'B'
		}
		if forged := real[:i] + string(c) + real[i+1:]; forged != real {
			_, err := s.kernel.Tell(forged, run.Input{Kind: run.TaskEnded})
			s.must(err, kernel.ErrToken)
		}
	}
	for _, text := range []string{"", "no", real + "A", real[1:], real + "=", strings.Repeat("A", 2048), "NoSuchTaskToken", "\x00\xff"} {
		_, err := s.kernel.Tell(text, run.Input{Kind: run.TaskEnded})
		s.must(err, kernel.ErrToken)
	}
	other := newServer(t, nil)
	other.start("a", `[["callback", "echo"]]`)
	_, err := s.kernel.Tell(other.world.tokens[0], run.Input{Kind: run.TaskEnded})
	s.must(err, kernel.ErrToken)
	s.want("a", run.Running, "")
}

// Two holders of a token race: one is heard, the other is told so, and only when the first one's word is durable.
func TestTokenIsUsedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["callback", "echo"]]`)
	first, err := s.kernel.Tell(s.world.tokens[0], run.Input{Kind: run.TaskEnded, Outcome: run.Done(value.NewInt(1))})
	s.must(err, nil)
	second, err := s.kernel.Tell(s.world.tokens[0], run.Input{Kind: run.TaskEnded, Outcome: run.Done(value.NewInt(2))})
	s.must(err, nil)
	if _, err := s.kernel.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(first)+len(second) > 0 {
		t.Error("an answer came before the commit")
	}
	s.settle()
	s.must(<-first, nil)
	s.must(<-second, kernel.ErrTaskClosed)
	s.want("a", run.Succeeded, `["submitted",1]`)
}

// A run that waits for a token is on the disk alone, also after a restart, and the token goes on being good.
func TestTokenOutlivesServers(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["callback", "once"], ["callback", "submit"], ["pass", 1]]`)
	s.pass(3 * time.Second)
	s.pass(3 * time.Second)
	if got := s.kernel.Stats(); got.Resident != 0 || got.Effects != 0 {
		t.Errorf("%d runs and %d effects in memory while all wait for a token", got.Resident, got.Effects)
	}
	if ids, err := s.mem.Resident(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("a restart would load %v (%v)", ids, err)
	}
	s.crash()
	s.must(s.tell(s.world.tokens[0], run.Input{Kind: run.TaskBeat}), nil)
	s.crash()
	s.must(s.end(s.world.tokens[0], "one"), nil)
	s.crash()
	s.must(s.end(s.world.tokens[0], "two"), kernel.ErrTaskClosed)
	s.stop("a", run.Failure{})
	s.want("a", run.Aborted, "")
	if requests, err := s.mem.JobRequests(t.Context()); err != nil || len(requests) != 0 {
		t.Errorf("what was only submitted is stopped with the run: %v, %v", requests, err)
	}
}

// The receiver of a call may be faster than the call: its answer is durable at once, but comes after what the call gave.
func TestTokenBeforeTheCallIsBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		resource string
		crash    bool
		output   string
	}{
		{"echo", false, `["submitted","one"]`},
		{"echo", true, `["submitted","one"]`},
		{"look", true, `["submitted","one"]`},
		{"once", false, `["submitted","one"]`},
		{"once", true, `["one"]`},
	} {
		t.Run(fmt.Sprint(tt.resource, tt.crash), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, nil)
			s.world.hold = true
			s.start("a", `[["callback", "`+tt.resource+`"]]`)
			token := s.kernel.Token(s.run("a").ID, 1)
			s.must(s.end(token, "one"), nil)
			s.must(s.end(token, "two"), kernel.ErrTaskClosed)
			if tt.crash {
				s.crash()
				s.settle()
			}
			s.must(s.end(token, "three"), kernel.ErrTaskClosed)
			s.world.hold = false
			s.settle()
			s.want("a", run.Succeeded, tt.output)
			if rows, err := s.mem.Inbox(t.Context(), s.run("a").ID); err != nil || len(rows) != 0 {
				t.Errorf("rows are left in the inbox: %v, %v", rows, err)
			}
		})
	}
}

// A call that fails ends the task; but where its receiver has answered, what it was for is done.
func TestCallFails(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["callback", "nothing"]]`)
	s.want("a", run.Succeeded, `["States.Runtime"]`)
	s.world.hold = true
	s.start("b", `[["callback", "broken"]]`)
	token := s.kernel.Token(s.run("b").ID, 1)
	s.must(s.end(token, "done"), nil)
	s.world.hold = false
	s.settle()
	s.want("b", run.Succeeded, `["done"]`)
}

func TestCrashBetweenCallAndSubmission(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		resource string
		calls    int
		output   string
	}{
		{"echo", 2, `["submitted","one"]`},
		{"look", 1, `["submitted","one"]`},
		{"once", 1, `["Tutti.OutcomeUnknown"]`},
	} {
		s := newServer(t, nil)
		s.world.hold = true
		s.start("a", `[["callback", "`+tt.resource+`"]]`)
		s.effects[0]() // the call is made, but what it gave dies with the server
		s.crash()
		s.world.hold = false
		s.settle()
		want := error(nil)
		if s.run("a").Status != run.Running {
			want = kernel.ErrTaskClosed
		}
		s.must(s.end(s.world.tokens[0], "one"), want)
		s.want("a", run.Succeeded, tt.output)
		if len(s.world.done) != tt.calls {
			t.Errorf("%s: %d calls, want %d", tt.resource, len(s.world.done), tt.calls)
		}
	}
}

// What waits for a worker is offered again after every restart, until one has taken it up.
func TestQueue(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("a", `[["callback", "queue"]]`)
	s.start("b", `[["callback", "queue"]]`)
	s.pass(3 * time.Second)
	if got := s.kernel.Stats(); got.Resident != 0 {
		t.Errorf("%d runs in memory while they wait for a worker", got.Resident)
	}
	s.crash()
	s.settle()
	if len(s.queue.tasks) != 2 {
		t.Fatalf("%d tasks are offered after a restart, want 2", len(s.queue.tasks))
	}
	task := s.queue.tasks[0]
	token := s.kernel.Token(task.Run.ID, task.Order.Task)
	s.queue.Withdraw(task.Key)
	for range 2 {
		s.must(s.tell(token, run.Input{Kind: run.TaskSubmitted}), nil)
	}
	s.pass(3 * time.Second)
	s.pass(3 * time.Second)
	s.crash()
	s.settle()
	if len(s.queue.tasks) != 1 {
		t.Fatalf("%d tasks are offered after one was taken up, want 1", len(s.queue.tasks))
	}
	s.must(s.end(token, "done"), nil)
	s.want(task.Run.Name, run.Succeeded, `["submitted","done"]`)
	other := s.queue.tasks[0]
	s.stop(other.Run.Name, run.Failure{})
	if len(s.queue.tasks) != 0 {
		t.Error("a task is offered though its run was stopped")
	}
	s.must(s.tell(s.kernel.Token(other.Run.ID, other.Order.Task), run.Input{Kind: run.TaskSubmitted}), kernel.ErrTaskClosed)
}

func TestTaskIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.start("refused", `[["pass", 1], ["callback", "queue"]]`)
	r := s.run("refused")
	if r.Status != run.Failed || r.Failure == nil || r.Failure.Error != "No" || len(s.queue.tasks) != 0 {
		t.Errorf("the run is %v (%+v), %d tasks are offered", r.Status, r.Failure, len(s.queue.tasks))
	}
	facts := 0
	if err := s.kernel.Events(t.Context(), r.ID, 1, func(uint64, run.Fact) bool { facts++; return true }); err != nil || facts != 4 {
		t.Errorf("%d facts (%v), want 4: nothing tells of a task", facts, err)
	}
}
