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
	Store  store.Store
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
func (s *service) startExpress(ctx context.Context, t target, name string, in value.Value) (value.Value, error) {
	payload, err := executionInput(in)
	if err != nil {
		return value.Value{}, err
	}
	e, err := s.beginExpress(ctx, t, name, in, payload)
	if err != nil {
		return value.Value{}, err
	}
	go s.finishExpress(context.WithoutCancel(ctx), e)
	return object(text("executionArn", e.arn), date("startDate", e.row.Started)), nil
}

func (s *service) startSyncExecution(ctx context.Context, in value.Value) (value.Value, error) {
	if err := s.Refuse(); err != nil {
		return value.Value{}, err
	}
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	t, err := s.target(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	if t.kind() != typeOfExpress {
		return value.Value{}, errMachineType
	}
	name := in.At("name").Text()
	if name == "" {
		name = uuid.New()
	} else if !validName(name) {
		return value.Value{}, errInvalidName.of(name)
	}
	payload, err := executionInput(in)
	if err != nil {
		return value.Value{}, err
	}
	e, err := s.beginExpress(ctx, t, name, in, payload)
	if err != nil {
		return value.Value{}, err
	}
	r, err := s.finishExpress(context.WithoutCancel(ctx), e) // which goes on when the caller does not
	if err != nil {
		return value.Value{}, s.explain(err)
	}
	return s.syncAnswer(e, r, in), nil
}

// expressExecution is one that has begun.
type expressExecution struct {
	arn, name string
	target    target
	row       *store.Run
}

// beginExpress begins an execution. Names need not be new: what is unique is the end of the ARN.
func (s *service) beginExpress(ctx context.Context, t target, name string, in, payload value.Value) (*expressExecution, error) {
	e := &expressExecution{name: name, target: t}
	unique := name + ":" + uuid.New()
	e.arn = s.Catalog.ARN("states", typeExpress+":"+t.Machine+":"+unique)
	q := t.request(ctx, e.arn, unique, in, payload)
	q.Attributes = q.Attributes.With(asl.AttributeTimeLimit, value.NewInt(int64(maxExpress/time.Second)))
	var err error
	if e.row, err = s.Express.Kernel.Create(ctx, q); err != nil {
		return nil, s.explain(err)
	}
	return e, nil
}

// finishExpress waits for the end, logs what the state machine wants logged, and forgets the run.
func (s *service) finishExpress(ctx context.Context, e *expressExecution) (*store.Run, error) {
	r, err := s.Express.Kernel.Wait(ctx, e.row.ID)
	if err != nil {
		return nil, err
	}
	if err := s.logExpress(ctx, e); err != nil {
		return nil, err
	}
	s.Express.Forget(e.row.ID)
	return r, nil
}

func (s *service) syncAnswer(e *expressExecution, r *store.Run, in value.Value) value.Value {
	billed := (r.Ended.Sub(r.Started) + billedQuantum - 1) / billedQuantum * billedQuantum
	all := in.At("includedData").Text() != "METADATA_ONLY"
	included := value.NewObject(of("included", value.NewBool(all)))
	members := []value.Member{
		text("executionArn", e.arn),
		text("stateMachineArn", s.machineARN(e.target.Machine)),
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
