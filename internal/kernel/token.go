package kernel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// A task token is what ends a task from outside: the numbers of run and task, and a code over them that only a holder of
// the store's secret can make. It says nothing that must be kept secret, and needs no row of its own.

// codeSize is the length of a token's code in bytes.
const codeSize = 16

// Errors of calls with a task's token.
var (
	// ErrToken means that a text is no token that this server gave.
	ErrToken = errors.New("not a task token of this server")
	// ErrTaskClosed means that a token was used already, or that its task has ended otherwise.
	ErrTaskClosed = errors.New("the task has ended")
)

// Token is the token of a task.
func (k *Kernel) Token(id run.ID, task run.TaskID) string {
	raw := binary.AppendUvarint(nil, uint64(id))
	raw = binary.AppendUvarint(raw, uint64(task))
	return base64.RawURLEncoding.EncodeToString(append(raw, k.code(raw)...))
}

func (k *Kernel) code(of []byte) []byte {
	mac := hmac.New(sha256.New, k.o.Store.Secret())
	mac.Write(of)
	return mac.Sum(nil)[:codeSize]
}

// readToken is the inverse of Token.
func (k *Kernel) readToken(text string) (run.ID, run.TaskID, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= codeSize {
		return 0, 0, ErrToken
	}
	raw, code := raw[:len(raw)-codeSize], raw[len(raw)-codeSize:]
	if !hmac.Equal(code, k.code(raw)) {
		return 0, 0, ErrToken
	}
	id, n := binary.Uvarint(raw)
	task, m := binary.Uvarint(raw[max(n, 0):])
	if n <= 0 || m <= 0 {
		return 0, 0, ErrToken
	}
	return run.ID(id), run.TaskID(task), nil
}

// IsToken reports whether text is a token that this server gave, whatever became of its task.
func (k *Kernel) IsToken(text string) bool {
	_, _, err := k.readToken(text)
	return err == nil
}

// EndTask ends the task that a token names, as its holder says. It returns when that is durable. A task ends once: with
// the first outcome, whoever brings it.
func (k *Kernel) EndTask(ctx context.Context, token string, o run.Outcome) error {
	return k.await(ctx, token, run.Input{Kind: run.TaskEnded, Outcome: o})
}

// BeatTask says that the task that a token names is alive. It returns when that is durable.
func (k *Kernel) BeatTask(ctx context.Context, token string) error {
	return k.await(ctx, token, run.Input{Kind: run.TaskBeat})
}

// TakeTask has a worker take up a task that a Queue offers; by is what the worker says of itself. It returns the task's
// token and payload when that is durable. Taking a task up again changes nothing.
func (k *Kernel) TakeTask(ctx context.Context, id run.ID, task run.TaskID, by value.Value) (token string, payload value.Value, err error) {
	a := newAsk(run.Input{Kind: run.TaskSubmitted, Task: task, Value: by})
	if err := k.ask(id, a); err != nil {
		return "", value.Value{}, err
	}
	if err := k.answer(ctx, a); err != nil {
		return "", value.Value{}, err
	}
	return k.Token(id, task), a.task.Payload, nil
}

// Tell gives a run an input about the task that a token names: TaskEnded, TaskBeat, or TaskSubmitted by a worker. told
// gets one answer, when the input is durable, or ErrTaskClosed where the task is not open any more.
func (k *Kernel) Tell(token string, in run.Input) (told <-chan error, err error) {
	a, err := k.tell(token, in)
	if err != nil {
		return nil, err
	}
	return a.told, nil
}

func (k *Kernel) tell(token string, in run.Input) (*ask, error) {
	id, task, err := k.readToken(token)
	if err != nil {
		return nil, err
	}
	in.Task = task
	a := newAsk(in)
	return a, k.ask(id, a)
}

// await tells a run something, and waits for the answer.
func (k *Kernel) await(ctx context.Context, token string, in run.Input) error {
	a, err := k.tell(token, in)
	if err != nil {
		return err
	}
	return k.answer(ctx, a)
}

// ask is an input from outside about a task that is open, and whose sender waits to hear that it is durable.
type ask struct {
	in   run.Input
	told chan error    // takes one answer without waiting
	task run.StartTask // that it is about, known with the answer

	// Of a redrive: the token that it is known by, or, where a parent asks its child, the parent, whose task is in's; and
	// whether that has lost interest, which Kernel.mu guards.
	token   string
	parent  run.ID
	revoked bool
}

func newAsk(in run.Input) *ask { return &ask{in: in, told: make(chan error, 1)} }

// ask queues a for a run.
func (k *Kernel) ask(id run.ID, a *ask) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refuses(); err != nil {
		return err
	}
	r := k.find(id)
	r.asks = append(r.asks, a)
	k.enqueue(r)
	return nil
}

// answer waits for the answer.
func (k *Kernel) answer(ctx context.Context, a *ask) error {
	select {
	case err := <-a.told:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-k.o.Writer.Down():
		return k.o.Writer.Err()
	}
}

// reply is the answer to an ask, on its way with the unit that it rests on.
type reply struct {
	*ask
	err error
}

// answerAll answers what rests on a step. The caller holds mu.
func (k *Kernel) answerAll(s *step) {
	for _, a := range s.replies {
		a.told <- a.err
		k.settleAsked(s.r.id, a.ask, a.err)
	}
}

// hear feeds what was asked, where its task is open. The end of a task whose call is still under way is kept in the run's
// inbox until the call has come back: what the call gave comes before what its receiver made of it.
func (s *step) hear(a *ask) error {
	if a.in.Kind == run.Redrive {
		return s.redrive(a)
	}
	t, open := s.r.tasks[a.in.Task]
	a.task = t
	switch {
	case !open || a.in.Kind == run.TaskEnded && s.r.held[t.Task]:
		s.replies = append(s.replies, reply{a, ErrTaskClosed})
		return nil
	case a.in.Kind == run.TaskEnded && t.Callback && !t.Submitted:
		s.hold(a.in)
		s.replies = append(s.replies, reply{a, nil})
		return nil
	}
	s.replies = append(s.replies, reply{a, nil})
	_, err := s.feedAll(a.in)
	return err
}

// hold keeps an outcome in the run's inbox.
func (s *step) hold(in run.Input) {
	if s.r.held == nil {
		s.r.held = make(map[run.TaskID]bool)
	}
	s.r.held[in.Task] = true
	s.unit.Inbox = append(s.unit.Inbox, outcomeRow(s.r.id, in.Task, in.Outcome))
}

// isHeld reports whether the outcome that is in the inbox for a task has to wait for its call.
func (s *step) isHeld(task run.TaskID) bool {
	t, open := s.r.tasks[task]
	return open && t.Callback && !t.Submitted
}

// callOver marks that the call of a task has come back, and looks for an outcome that waits for that.
func (s *step) callOver(t run.StartTask) {
	t.Submitted = true
	s.r.tasks[t.Task] = t
	if s.r.held[t.Task] {
		s.look = true
	}
}
