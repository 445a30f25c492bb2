package sfn

import (
	"context"
	"errors"
	"strconv"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) executionActions() map[string]aws.Action {
	return map[string]aws.Action{
		"StartExecution": {Do: s.startExecution, Input: input("StartExecution",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("name", nameShape),
			aws.Optional("input", dataShape),
			aws.Optional("traceHeader", traceShape))},
		"DescribeExecution": {Do: s.describeExecution, Input: input("DescribeExecution",
			aws.Required("executionArn", arnShape),
			aws.Optional("includedData", includedShape))},
		"StopExecution": {Do: s.stopExecution, Input: input("StopExecution",
			aws.Required("executionArn", arnShape),
			aws.Optional("error", errorShape),
			aws.Optional("cause", causeShape))},
	}
}

// The attributes of a run (store.Run.Attributes) that are the API's alone; the language's are asl's.
const (
	attributeTrace    = "traceHeader"
	attributeRevision = "machineVersion" // version of the catalogue's object
)

func (s *service) startExecution(ctx context.Context, in value.Value) (value.Value, error) {
	if err := s.Refuse(); err != nil {
		return value.Value{}, err
	}
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	name := in.At("name").Text()
	if name == "" {
		name = aws.NewUUID()
	} else if !validName(name) {
		return value.Value{}, errInvalidName.of(name)
	}
	payload, err := executionInput(in)
	if err != nil {
		return value.Value{}, err
	}
	m, err := s.findMachine(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	arn := s.executionARN(m.Name, name)
	r, err := s.Kernel.Create(ctx, kernel.StartRequest{
		Owner:    by(ctx).Owner,
		Name:     name,
		Machine:  m.Name,
		Language: m.Data.At("language").Text(),
		Source:   []byte(m.source()),
		Input:    payload,
		Attributes: object(
			text(asl.AttributeExecution, arn),
			words(asl.AttributeRole, m.Data.At("roleArn").Text()),
			of(attributeTrace, in.At("traceHeader")),
			of(attributeRevision, value.NewInt(m.Version)),
		),
	})
	if errors.Is(err, kernel.ErrExists) {
		r, err = s.sameExecution(ctx, m.Name, name, payload)
	}
	if err != nil {
		return value.Value{}, s.explain(err)
	}
	return object(text("executionArn", arn), date("startDate", r.Started)), nil
}

// executionInput is the input of the execution that is asked for.
func executionInput(in value.Value) (value.Value, error) {
	text, ok := given(in, "input")
	if !ok {
		return value.EmptyObject, nil
	}
	v, err := value.Parse([]byte(text.Text()))
	if err != nil {
		return value.Value{}, errInvalidInput.of(err.Error())
	}
	return v, nil
}

// sameExecution is the execution of that name where it runs and has the same input: starting it again is no error.
func (s *service) sameExecution(ctx context.Context, machine, name string, payload value.Value) (*store.Run, error) {
	r, err := s.Store.RunByName(ctx, by(ctx).Owner, machine, name)
	if err == nil && (r.Status.Ended() || !value.Equal(r.Input, payload)) {
		err = errExecutionExists.of(s.executionARN(machine, name))
	}
	return r, err
}

// explain turns errors of the kernel into the API's.
func (s *service) explain(err error) error {
	if errors.Is(err, kernel.ErrStopping) || errors.Is(err, store.ErrStopped) {
		return aws.ErrUnavailable
	}
	return err
}

// findExecution finds the run that an execution's ARN names.
func (s *service) findExecution(ctx context.Context, a arn) (*store.Run, error) {
	if s.here(a) {
		r, err := s.Store.RunByName(ctx, by(ctx).Owner, a.name, a.more)
		if notFound(err) && by(ctx).Admin {
			r, err = s.Store.RunByName(ctx, "", a.name, a.more)
		}
		if !notFound(err) {
			return r, err
		}
	}
	return nil, errNoExecution.of(a.text)
}

func (s *service) describeExecution(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("executionArn").Text(), typeExecution)
	if err != nil {
		return value.Value{}, err
	}
	r, err := s.findExecution(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	members := append(s.executionSummary(r), of("traceHeader", r.Attributes.At(attributeTrace)), of("redriveStatus", redriveStatus(r)),
		of("redriveStatusReason", redriveStatusReason(r)))
	if f := r.Failure; f != nil {
		members = append(members, words("error", f.Error), words("cause", f.Cause))
	}
	return object(append(members, executionData(r, in.At("includedData").Text() != "METADATA_ONLY")...)...), nil
}

// executionSummary are the members that lists of executions and their descriptions share.
func (s *service) executionSummary(r *store.Run) []value.Member {
	return []value.Member{
		text("executionArn", s.executionARN(r.Machine, r.Name)),
		text("stateMachineArn", s.machineARN(r.Machine)),
		text("name", r.Name),
		text("status", status(r)),
		date("startDate", r.Started),
		date("stopDate", r.Ended),
		of("stateMachineVersionArn", r.Attributes.At(asl.AttributeVersion)),
		of("stateMachineAliasArn", r.Attributes.At(asl.AttributeAlias)),
		of("redriveCount", value.NewInt(0)),
	}
}

// executionData are the input and the output of an execution; where they are not wanted, only whether they are there.
func executionData(r *store.Run, wanted bool) []value.Member {
	included := value.NewObject(of("included", value.NewBool(wanted)))
	members := []value.Member{of("inputDetails", included)}
	if wanted {
		members = append(members, text("input", r.Input.JSON()))
	}
	if r.Status == run.Succeeded {
		members = append(members, of("outputDetails", included))
		if wanted {
			members = append(members, text("output", r.Output.JSON()))
		}
	}
	return members
}

// status is a run's status as the API names it: one that is quarantined has not ended.
func status(r *store.Run) string {
	if !r.Status.Ended() {
		return run.Running.String()
	}
	return r.Status.String()
}

func redrivable(r *store.Run) bool { return r.Status.Ended() && r.Status != run.Succeeded }

func redriveStatus(r *store.Run) value.Value {
	if redrivable(r) {
		return value.NewString("REDRIVABLE")
	}
	return value.NewString("NOT_REDRIVABLE")
}

func redriveStatusReason(r *store.Run) value.Value {
	if redrivable(r) {
		return value.Value{}
	}
	return value.NewString("Execution is " + status(r) + " and cannot be redriven")
}

func (s *service) stopExecution(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("executionArn").Text(), typeExecution)
	if err != nil {
		return value.Value{}, err
	}
	r, err := s.findExecution(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	if !r.Status.Ended() {
		if err := s.Kernel.Stop(ctx, r.ID, run.Failure{Error: in.At("error").Text(), Cause: in.At("cause").Text()}); err != nil {
			return value.Value{}, s.explain(err)
		}
		if r, err = s.Kernel.Wait(ctx, r.ID); err != nil {
			return value.Value{}, s.explain(err)
		}
	}
	return object(date("stopDate", r.Ended)), nil
}

// runText names a run within the tokens of pages.
func runText(id run.ID) string { return strconv.FormatInt(int64(id), 36) }
