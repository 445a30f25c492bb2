package sfn

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/uuid"
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
		"DescribeStateMachineForExecution": {Do: s.describeMachineOf, Input: input("DescribeStateMachineForExecution",
			aws.Required("executionArn", arnShape),
			aws.Optional("includedData", includedShape))},
		"ListExecutions": {Do: s.listExecutions, Input: input("ListExecutions",
			aws.Optional("stateMachineArn", arnShape),
			aws.Optional("statusFilter", statusShape),
			aws.Optional("maxResults", maxResultsShape),
			aws.Optional("nextToken", aws.Text(1, 3096)),
			aws.Optional("mapRunArn", longARNShape),
			aws.Optional("redriveFilter", aws.Enum("REDRIVEN", "NOT_REDRIVEN")))},
		"StopExecution": {Do: s.stopExecution, Input: input("StopExecution",
			aws.Required("executionArn", arnShape),
			aws.Optional("error", errorShape),
			aws.Optional("cause", causeShape))},
	}
}

// The attributes of a run (store.Run.Attributes) that are the API's alone; the language's are asl's.
const (
	attributeTrace    = "traceHeader"
	attributeRevision = catalog.AttributeRevision
)

// target is what an execution is to run.
type target struct{ catalog.Target }

func (t target) kind() string { return machine{t.Object}.kind() }

// target finds what an ARN leads to.
func (s *service) target(ctx context.Context, a arn) (target, error) {
	if s.here(a) {
		t, err := s.Catalog.Target(ctx, by(ctx), a.text, s.Rand())
		if !notFound(err) {
			return target{t}, err
		}
	}
	return target{}, errNoMachine.of(a.text)
}

// asked is an execution that a request asks for.
type asked struct {
	target
	name    string
	payload value.Value // its input
	in      value.Value // the request
}

// asked reads a request to start an execution; express says that it must be one of an Express state machine.
func (s *service) asked(ctx context.Context, in value.Value, express bool) (*asked, error) {
	if err := s.Refuse(); err != nil {
		return nil, err
	}
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return nil, err
	}
	t, err := s.target(ctx, a)
	if err != nil {
		return nil, err
	}
	if express && t.kind() != typeOfExpress {
		return nil, errMachineType
	}
	name := in.At("name").Text()
	if name == "" {
		name = uuid.New()
	} else if !validName(name) {
		return nil, errInvalidName.of(name)
	}
	payload, err := executionInput(in)
	return &asked{t, name, payload, in}, err
}

func (s *service) startExecution(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := s.asked(ctx, in, false)
	if err != nil {
		return value.Value{}, err
	}
	if a.kind() == typeOfExpress {
		return s.startExpress(ctx, a)
	}
	arn := s.Catalog.ExecutionARN(a.Machine, a.name)
	r, err := s.Kernel.Create(ctx, a.request(ctx, arn, a.name))
	if errors.Is(err, kernel.ErrExists) {
		r, err = s.sameExecution(ctx, a.Machine, a.name, a.payload)
	}
	if err != nil {
		return value.Value{}, s.explain(err)
	}
	return object(text("executionArn", arn), date("startDate", r.Started)), nil
}

// request asks the kernel for the execution, by its ARN and the name of its run.
func (a *asked) request(ctx context.Context, arn, name string) kernel.StartRequest {
	attributes := a.Attributes(arn)
	for _, m := range []value.Member{words(asl.AttributeInput, written(a.in, a.payload)), of(attributeTrace, a.in.At("traceHeader"))} {
		if !m.Value.IsAbsent() {
			attributes = attributes.With(m.Name, m.Value)
		}
	}
	return kernel.StartRequest{
		Owner:      by(ctx).Owner,
		Name:       name,
		Machine:    a.Machine,
		Language:   a.Language(),
		Source:     a.Source(),
		Input:      a.payload,
		Labels:     a.Labels(),
		Attributes: attributes,
	}
}

// executionInput is the input of the execution that is asked for.
func executionInput(in value.Value) (value.Value, error) {
	text, ok := given(in, "input")
	if !ok {
		return value.EmptyObject, nil
	}
	v, err := value.Parse([]byte(text.Text()))
	if err != nil {
		return value.Value{}, errInvalidInput.of(asl.SyntaxFault([]byte(text.Text()), err))
	}
	return v, nil
}

// written is the text of the input where it is not what payload's own would be: clients get back what they gave.
func written(in, payload value.Value) string {
	if text := in.At("input").Text(); text != payload.JSON() {
		return text
	}
	return ""
}

// sameExecution is the execution of that name where it runs and has the same input: starting it again is no error.
func (s *service) sameExecution(ctx context.Context, machine, name string, payload value.Value) (*store.Run, error) {
	r, err := s.Store.RunByName(ctx, by(ctx).Owner, machine, name)
	if err == nil && (r.Status.Ended() || !value.Equal(r.Input, payload)) {
		err = errExecutionExists.of(s.Catalog.ExecutionARN(machine, name))
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
		r, err := s.runByName(ctx, a.name, a.more)
		if err == nil && !asl.IsMapRun(r.Part) || err != nil && !notFound(err) {
			return r, err
		}
	}
	return nil, errNoExecution.of(a.text)
}

// execution finds the run that a request names by its execution's ARN.
func (s *service) execution(ctx context.Context, in value.Value) (*store.Run, error) {
	a, err := parseARN(in.At("executionArn").Text(), typeExecution)
	if err != nil {
		return nil, err
	}
	return s.findExecution(ctx, a)
}

func (s *service) describeExecution(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.execution(ctx, in)
	if err != nil {
		return value.Value{}, err
	}
	members := append(s.executionSummary(r), of("traceHeader", r.Attributes.At(attributeTrace)))
	redrives, err := s.redriveMembers(ctx, r)
	if err != nil {
		return value.Value{}, err
	}
	members = append(members, redrives...)
	if f := r.Failure; f != nil && r.Status != run.TimedOut { // which says it all
		members = append(members, words("error", f.Error), words("cause", f.Cause))
	}
	return object(append(members, executionData(r, wantsData(in))...)...), nil
}

// executionSummary are the members that lists of executions and their descriptions share.
func (s *service) executionSummary(r *store.Run) []value.Member {
	return []value.Member{
		text("executionArn", s.Catalog.ExecutionARN(r.Machine, r.Name)),
		text("stateMachineArn", s.machineARN(r.Machine)),
		text("name", r.Name),
		text("status", status(r)),
		date("startDate", r.Started),
		date("stopDate", r.Ended),
		of("stateMachineVersionArn", r.Attributes.At(asl.AttributeVersion)),
		of("stateMachineAliasArn", r.Attributes.At(asl.AttributeAlias)),
		of("mapRunArn", r.Attributes.At(asl.AttributeMapRun)),
		of("redriveCount", value.NewInt(int64(r.Redrives))),
		date("redriveDate", r.Redriven),
	}
}

// executionData are the input and the output of an execution; where they are not wanted, only whether they are there.
func executionData(r *store.Run, wanted bool) []value.Member {
	included := value.NewObject(of("included", value.NewBool(wanted)))
	members := []value.Member{of("inputDetails", included)}
	if wanted {
		members = append(members, executionText(r))
	}
	if r.Status == run.Succeeded {
		members = append(members, of("outputDetails", included))
		if wanted {
			members = append(members, text("output", r.Output.JSON()))
		}
	}
	return members
}

// executionText is the input of an execution as it was written.
func executionText(r *store.Run) value.Member {
	input := r.Attributes.At(asl.AttributeInput)
	if input.IsAbsent() {
		input = value.NewString(r.Input.JSON())
	}
	return of("input", input)
}

// status is a run's status as the API names it: one that is quarantined has not ended.
func status(r *store.Run) string {
	if !r.Status.Ended() {
		return run.Running.String()
	}
	return r.Status.String()
}

// describeMachineOf describes the state machine of an execution as it was when the execution began.
func (s *service) describeMachineOf(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.execution(ctx, in)
	if err != nil {
		return value.Value{}, err
	}
	m, err := s.machineOf(ctx, r)
	if err != nil {
		return value.Value{}, err
	}
	members := append(m.settings(wantsData(in)),
		text("stateMachineArn", s.machineARN(r.Machine)), text("name", r.Machine), date("updateDate", m.updated()))
	if _, label, ok := strings.Cut(r.Machine, "/"); ok {
		members = append(members, of("mapRunArn", r.Attributes.At(asl.AttributeMapRun)), text("label", label))
	}
	return object(members...), nil
}

// machineOf is the state machine that a run began with, which may have changed or gone since.
func (s *service) machineOf(ctx context.Context, r *store.Run) (machine, error) {
	if version, ok := r.Attributes.At(attributeRevision).Int64(); ok {
		o, err := s.Store.Object(ctx, string(manifest.KindStateMachine), "", r.Machine, version)
		if !notFound(err) {
			return machine{o}, err
		}
	}
	// A run that another door started pins its definition alone.
	source, err := s.Kernel.Source(ctx, r)
	return machine{&store.Object{Name: r.Machine, Created: r.Started, Data: object(text("definition", source))}}, err
}

func (s *service) listExecutions(ctx context.Context, in value.Value) (value.Value, error) {
	p, err := readPage(in, "ListExecutions", in.At("stateMachineArn").Text(), in.At("mapRunArn").Text(), in.At("statusFilter").Text(), in.At("redriveFilter").Text())
	if err != nil {
		return value.Value{}, err
	}
	f, err := s.listedExecutions(ctx, in)
	if err != nil {
		return value.Value{}, err
	}
	switch status, ok := run.ParseStatus(in.At("statusFilter").Text()); {
	case ok && status == run.Running:
		f.Statuses = []run.Status{run.Running, run.Quarantined}
	case ok:
		f.Statuses = []run.Status{status}
	case in.At("statusFilter").Text() != "":
		return object(of("executions", value.EmptyArray)), nil // PENDING_REDRIVE: of map runs alone
	}
	f.Before = run.ID(p.number())
	runs, err := s.someRuns(ctx, f, p.limit, redriveFilter(in))
	if err != nil {
		return value.Value{}, err
	}
	return list(p, "executions", runs, func(r *store.Run) (string, value.Value) {
		return place(r), object(append(s.executionSummary(r), of("itemCount", r.Attributes.At(asl.AttributeItems)))...)
	}), nil
}

// listedExecutions selects the executions that are asked for: those of a state machine, or the children of a map run.
func (s *service) listedExecutions(ctx context.Context, in value.Value) (f store.RunFilter, err error) {
	named, ok := given(in, "stateMachineArn")
	mapRun, isMapRun := given(in, "mapRunArn")
	if ok == isMapRun {
		return f, errValidation.of("Must provide a StateMachine ARN or MapRun ARN")
	}
	if _, filtered := given(in, "redriveFilter"); filtered && !isMapRun {
		return f, errValidation.of("RedriveFilter is only supported with a MapRun ARN")
	}
	if isMapRun {
		r, err := s.findMapRun(ctx, mapRun.Text())
		if gone(err) {
			err = errNoReference
		}
		if err != nil {
			return f, err
		}
		return store.RunFilter{Parent: r.ID}, nil
	}
	a, err := parseARN(named.Text(), typeMachine)
	if err != nil {
		return f, err
	}
	return s.executionFilter(ctx, a)
}

// executionFilter selects the executions of what an ARN names: a state machine, its version or its alias.
func (s *service) executionFilter(ctx context.Context, a arn) (store.RunFilter, error) {
	f := store.RunFilter{Owner: auth.From(ctx).Scope(""), Machine: a.name}
	t, err := s.target(ctx, a)
	if err != nil {
		return f, err
	}
	switch {
	case t.kind() == typeOfExpress:
		return f, errMachineType
	case a.version() > 0:
		f.Label = [2]string{catalog.LabelVersion, a.more}
	case a.more != "":
		f.Label = [2]string{catalog.LabelAlias, a.more}
	}
	return f, nil
}

// place is a run's in lists of runs.
func place(r *store.Run) string { return strconv.FormatInt(int64(r.ID), 10) }

func (s *service) stopExecution(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.execution(ctx, in)
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
