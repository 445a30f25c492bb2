package sfn

import (
	"context"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) mapRunActions() map[string]aws.Action {
	return map[string]aws.Action{
		"DescribeMapRun": {Do: s.describeMapRun, Input: input("DescribeMapRun",
			aws.Required("mapRunArn", longARNShape))},
		"ListMapRuns": {Do: s.listMapRuns, Input: input("ListMapRuns",
			aws.Required("executionArn", arnShape),
			aws.Optional("maxResults", maxResultsShape),
			aws.Optional("nextToken", tokenShape))},
		"UpdateMapRun": {Do: s.updateMapRun, Input: input("UpdateMapRun",
			aws.Required("mapRunArn", longARNShape),
			aws.Optional("maxConcurrency", aws.Integer(0, -1)),
			aws.Optional("toleratedFailurePercentage", aws.Float(0, 100)),
			aws.Optional("toleratedFailureCount", aws.Integer(0, -1)))},
	}
}

// findMapRun finds the run that a map run's ARN names: arn:…:mapRun:MACHINE/LABEL:NAME.
func (s *service) findMapRun(ctx context.Context, text string) (*store.Run, error) {
	a, err := parseARN(text, typeMapRun)
	if err != nil {
		return nil, err
	}
	if s.here(a) {
		r, err := s.runByName(ctx, a.name, a.more)
		if err == nil && asl.IsMapRun(r.Part) || err != nil && !notFound(err) {
			return r, err
		}
	}
	return nil, errNoResource.of(text)
}

// runByName finds a run of the caller's, or for an administrator anybody's.
func (s *service) runByName(ctx context.Context, machine, name string) (*store.Run, error) {
	r, err := s.Store.RunByName(ctx, by(ctx).Owner, machine, name)
	if notFound(err) && by(ctx).Admin {
		r, err = s.Store.RunByName(ctx, "", machine, name)
	}
	return r, err
}

func (s *service) mapRunARN(r *store.Run) string {
	return s.Catalog.ARN("states", typeMapRun+":"+r.Machine+":"+r.Name)
}

func (s *service) describeMapRun(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.findMapRun(ctx, in.At("mapRunArn").Text())
	if err != nil {
		return value.Value{}, err
	}
	state, err := s.Kernel.State(ctx, r.ID)
	if err != nil {
		return value.Value{}, err
	}
	p, _ := asl.ProgressOf(state)
	return object(
		text("mapRunArn", s.mapRunARN(r)),
		of("executionArn", r.Attributes.At(asl.AttributeExecution)),
		text("status", status(r)),
		date("startDate", r.Started),
		date("stopDate", r.Ended),
		of("maxConcurrency", value.NewInt(int64(p.MaxConcurrency))),
		of("toleratedFailurePercentage", value.NewFloat(p.ToleratedFailurePercentage)),
		of("toleratedFailureCount", value.NewInt(p.ToleratedFailureCount)),
		of("itemCounts", counts(p.Items)),
		of("executionCounts", counts(p.Executions)),
		of("redriveCount", value.NewInt(int64(r.Redrives))),
		date("redriveDate", r.Redriven),
	), nil
}

func counts(c asl.MapRunCounts) value.Value {
	number := func(name string, n int64) value.Member { return of(name, value.NewInt(n)) }
	return value.NewObject(
		number("pending", c.Pending),
		number("running", c.Running),
		number("succeeded", c.Succeeded),
		number("failed", c.Failed),
		number("timedOut", c.TimedOut),
		number("aborted", c.Aborted),
		number("total", c.Total),
		number("resultsWritten", c.ResultsWritten),
		number("failuresNotRedrivable", 0),
		number("pendingRedrive", c.PendingRedrive),
	)
}

func (s *service) listMapRuns(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.execution(ctx, in)
	if err != nil {
		return value.Value{}, err
	}
	p, err := readPage(in, "ListMapRuns", runText(r.ID))
	if err != nil {
		return value.Value{}, err
	}
	mapRuns, err := s.childrenOf(ctx, r.ID, p, asl.IsMapRun)
	if err != nil {
		return value.Value{}, err
	}
	return list(p, "mapRuns", mapRuns, func(m *store.Run) (string, value.Value) {
		return place(m), object(
			of("executionArn", m.Attributes.At(asl.AttributeExecution)),
			text("mapRunArn", s.mapRunARN(m)),
			text("stateMachineArn", s.machineARN(m.Machine)),
			date("startDate", m.Started),
			date("stopDate", m.Ended),
		)
	}), nil
}

// childrenOf are a page of a run's children, the latest first, of the parts that are wanted; one more than the page has
// room for, where there is one.
func (s *service) childrenOf(ctx context.Context, parent run.ID, p page, wanted func(part string) bool) (found []*store.Run, err error) {
	f := store.RunFilter{Parent: parent, Before: run.ID(p.number())}
	return s.someRuns(ctx, f, p.limit, func(r *store.Run) bool { return wanted(r.Part) })
}

func (s *service) updateMapRun(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.findMapRun(ctx, in.At("mapRunArn").Text())
	if err != nil {
		return value.Value{}, err
	}
	change := value.EmptyObject
	for _, name := range []string{"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"} {
		if v, ok := given(in, name); ok {
			change = change.With(name, v)
		}
	}
	switch {
	case change.Len() == 0:
		return value.Value{}, errMissing.of("Must provide at least one of maxConcurrency, toleratedFailureCount or toleratedFailurePercentage")
	case r.Status.Ended():
		return value.Value{}, errValidation.of("Map Run " + s.mapRunARN(r) + " is not running")
	}
	return value.Value{}, s.explain(s.Kernel.Signal(ctx, r.ID, uuid.New(), asl.SignalUpdate, change))
}
