package rehearsal

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tutti-ml/tutti/internal/integration"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
	"github.com/tutti-ml/tutti/internal/value"
)

// stage is where one case is played: a kernel in one goroutine, over a store in memory, on a clock that jumps to
// whatever is due next.
type stage struct {
	now     time.Time
	store   *memory.Store
	writer  *store.Writer
	kernel  *kernel.Kernel
	effects []func()
	tick    time.Time // when the kernel's clock is to be called

	suite  *Suite
	mocks  map[string]string // response by state
	calls  map[string]int    // invocations of each state so far
	faults []string
}

// opening is when every case begins, so that two runs of it are the same.
var opening = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// maxMoves bounds a case that does not come to an end.
const maxMoves = 1_000_000

// play carries out one case.
func (s *Suite) play(ctx context.Context, m Machine, c Case, d machine) (outcome, error) {
	st := &stage{now: opening, tick: opening, store: memory.New(memory.Options{}), suite: s, mocks: make(map[string]string), calls: make(map[string]int)}
	for _, mock := range c.mocks {
		st.mocks[mock.state] = mock.response
	}
	var err error
	if st.writer, err = store.NewWriter(ctx, st.store); err != nil {
		return outcome{}, err
	}
	st.kernel = kernel.New(kernel.Options{
		Store: st.store, Writer: st.writer, Languages: []run.Language{asl.Language{}}, Log: slog.New(slog.DiscardHandler),
		Integrations: st.integrations(),
		Now:          func() time.Time { return st.now },
		Go:           func(f func()) { st.effects = append(st.effects, f) },
		Rand:         func() uint64 { return 0 },
	})
	row, _, err := st.kernel.Begin(kernel.StartRequest{
		Owner: "test", Name: c.Name, Machine: m.Name, Language: "asl", Source: []byte(d.source), Input: c.expect.input,
		Attributes: value.NewObject(value.Member{
			Name:  asl.AttributeExecution,
			Value: value.NewString("arn:aws:states:us-east-1:000000000000:execution:" + m.Name + ":" + c.Name),
		}),
	})
	if err != nil {
		return outcome{}, err
	}
	return st.run(ctx, row.ID)
}

// run goes on until the run has ended.
func (st *stage) run(ctx context.Context, id run.ID) (outcome, error) {
	for range maxMoves {
		moved, err := st.move(ctx)
		if err != nil {
			return outcome{}, err
		}
		if moved {
			continue
		}
		if row, err := st.store.Run(ctx, id); err != nil || row.Status.Ended() {
			return st.end(ctx, row, err)
		}
		if !st.tick.After(st.now) {
			return outcome{}, fmt.Errorf("nothing can happen any more")
		}
		st.now = st.tick
	}
	return outcome{status: run.Running, faults: []string{fmt.Sprintf("the execution has not ended after %d steps", maxMoves)}}, nil
}

// move makes one step of what is possible now; moved is false where nothing is, and tick is when something will be.
func (st *stage) move(ctx context.Context) (moved bool, err error) {
	switch {
	case st.kernel.Stats().Ready > 0:
		_, err = st.kernel.Work(ctx)
	case st.writer.Waiting() > 0:
		err = st.writer.Flush(ctx)
	case len(st.effects) > 0:
		f := st.effects[0]
		st.effects = st.effects[1:]
		f()
	default:
		st.tick, err = st.kernel.Tick(ctx)
		return st.kernel.Stats().Ready > 0, err
	}
	return true, err
}

// end is how the run ended.
func (st *stage) end(ctx context.Context, row *store.Run, err error) (outcome, error) {
	if err != nil {
		return outcome{}, err
	}
	o := outcome{status: row.Status, output: row.Output, faults: st.faults}
	if row.Failure != nil {
		o.failure = *row.Failure
	}
	err = st.kernel.Events(ctx, row.ID, 0, func(_ uint64, f run.Fact) bool {
		for _, h := range asl.History(f) {
			if h.Member == "stateEnteredEventDetails" {
				o.states = append(o.states, h.Details.At("name").Text())
			}
		}
		return true
	})
	return o, err
}

// integrations are the mocks, for everything that a task could do. Collecting the results of a distributed Map's
// children is no task of a file's.
func (st *stage) integrations() kernel.Integrations {
	real := integration.New(integration.Deps{Store: st.store, Now: func() time.Time { return st.now }})
	return func(resource string) kernel.Integration {
		if resource == asl.ResourceCollect {
			return real(resource)
		}
		return mocked{st}
	}
}

// mocked does whatever is asked of it by giving the response of the state.
type mocked struct{ *stage }

// Class implements kernel.Integration.
func (mocked) Class() kernel.Class { return kernel.AtLeastOnce }

// Do implements kernel.Doer.
func (m mocked) Do(_ context.Context, t kernel.Task, _ func()) run.Outcome {
	o := m.answer(t.Order.Label)
	if t.Order.Resource == asl.ResourceRead && o.Failure == nil {
		o.Output = value.NewObject(value.Member{Name: "items", Value: o.Output})
	}
	if !t.Order.Callback {
		return o
	}
	// Whoever holds the token ends the task; here the mock does, once its call has come back.
	if _, err := m.kernel.Tell(m.kernel.Token(t.Run.ID, t.Order.Task), run.Input{Kind: run.TaskEnded, Outcome: o}); err != nil {
		m.fault("ending the task of state %q: %v", t.Order.Label, err)
	}
	return run.Done(value.EmptyObject)
}

// answer is what the next invocation of a state gives.
func (m mocked) answer(state string) run.Outcome {
	n := m.calls[state]
	m.calls[state]++
	name, ok := m.mocks[state]
	if !ok {
		return m.fault("state %q is not mocked: name a response for it in the test case", state)
	}
	o, ok := m.suite.responses[name].at(n)
	if !ok {
		return m.fault("invocation %d of state %q has no answer in %q: add %q to it", n, state, name, fmt.Sprint(n))
	}
	return o
}

// fault notes what is wrong with the test itself, and fails the task that met it.
func (st *stage) fault(format string, args ...any) run.Outcome {
	text := fmt.Sprintf(format, args...)
	st.faults = append(st.faults, text)
	return run.Fail("Tutti.NotMocked", text)
}
