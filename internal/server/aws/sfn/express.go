package sfn

import (
	"context"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

// Express is where Express executions run: a kernel over a store in memory. They take minutes at most, are begun again
// by whoever wants them to be where the server dies, and leave nothing but what they log.
type Express struct {
	Kernel *kernel.Kernel
	// Go does what goes on after the request that it is of, until it is done or the server stops.
	Go func(func(context.Context))
	// Forget removes a run that has ended.
	Forget func(run.ID)
	// Log keeps lines of JSON, each with its end, under the name of a log group.
	Log func(group string, lines []byte)
}

const typeOfExpress = "EXPRESS"

const (
	maxExpress    = 5 * time.Minute
	billedMemory  = 64                     // MB, the least that AWS bills
	billedQuantum = 100 * time.Millisecond // AWS bills begun ones
)

func (s *service) expressActions() map[string]aws.Action {
	return map[string]aws.Action{
		"StartSyncExecution": {Do: s.startSyncExecution, Input: input("StartSyncExecution",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("name", nameShape),
			aws.Optional("input", dataShape),
			aws.Optional("traceHeader", traceShape),
			aws.Optional("includedData", includedShape))},
	}
}

// startExpress begins an Express execution that nobody waits for.
func (s *service) startExpress(ctx context.Context, a *asked) (value.Value, error) {
	e, err := s.beginExpress(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	return object(text("executionArn", e.arn), date("startDate", e.begun.Started)), nil
}

func (s *service) startSyncExecution(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := s.asked(ctx, in, true)
	if err != nil {
		return value.Value{}, err
	}
	e, err := s.beginExpress(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	select {
	case <-e.finished:
	case <-ctx.Done(): // it goes on when its caller does not
		return value.Value{}, ctx.Err()
	}
	if e.err != nil {
		return value.Value{}, s.explain(e.err)
	}
	return s.syncAnswer(e), nil
}

// expressExecution is one that has begun.
type expressExecution struct {
	*asked
	arn      string
	begun    *store.Run
	finished chan struct{} // closed when what follows is there
	ended    *store.Run
	err      error // what kept it from finishing
}

// beginExpress begins an execution, which is finished whether its caller waits or not. Names need not be new: what is
// unique is the end of the ARN.
func (s *service) beginExpress(ctx context.Context, a *asked) (*expressExecution, error) {
	unique := a.name + ":" + uuid.New()
	e := &expressExecution{asked: a, arn: s.Catalog.ARN("states", typeExpress+":"+a.Machine+":"+unique), finished: make(chan struct{})}
	q := a.request(ctx, e.arn, unique)
	q.Attributes = q.Attributes.With(asl.AttributeTimeLimit, value.NewInt(int64(maxExpress/time.Second)))
	var err error
	if e.begun, err = s.Express.Kernel.Create(context.WithoutCancel(ctx), q); err != nil {
		return nil, s.explain(err)
	}
	s.Express.Go(func(ctx context.Context) {
		defer close(e.finished)
		e.ended, e.err = s.finishExpress(ctx, e)
	})
	return e, nil
}

// finishExpress waits for the end, logs what the state machine wants logged, and forgets the run.
func (s *service) finishExpress(ctx context.Context, e *expressExecution) (*store.Run, error) {
	ended, err := s.Express.Kernel.Wait(ctx, e.begun.ID)
	if err != nil {
		return nil, err
	}
	defer s.Express.Forget(ended.ID)
	return ended, s.logExpress(ctx, e)
}

func (s *service) syncAnswer(e *expressExecution) value.Value {
	r, in := e.ended, e.in
	billed := (r.Ended.Sub(r.Started) + billedQuantum - 1) / billedQuantum * billedQuantum
	all := wantsData(in)
	included := value.NewObject(of("included", value.NewBool(all)))
	members := []value.Member{
		text("executionArn", e.arn),
		text("stateMachineArn", s.machineARN(e.Machine)),
		text("name", e.name),
		date("startDate", r.Started),
		date("stopDate", r.Ended),
		text("status", status(r)),
		of("inputDetails", included),
		of("outputDetails", included),
		of("traceHeader", in.At("traceHeader")),
		of("billingDetails", value.NewObject(
			of("billedMemoryUsedInMB", value.NewInt(billedMemory)),
			of("billedDurationInMilliseconds", value.NewInt(max(billed, billedQuantum).Milliseconds())),
		)),
	}
	if f := r.Failure; f != nil {
		members = append(members, words("error", f.Error), words("cause", f.Cause))
	}
	if all {
		members = append(members, executionText(r))
		if r.Status == run.Succeeded {
			members = append(members, text("output", r.Output.JSON()))
		}
	}
	return object(members...)
}
