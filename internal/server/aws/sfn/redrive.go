package sfn

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) redriveActions() map[string]aws.Action {
	return map[string]aws.Action{
		"RedriveExecution": {Do: s.redriveExecution, Input: input("RedriveExecution",
			aws.Required("executionArn", arnShape),
			aws.Optional("clientToken", aws.Text(1, 64).Matching(`[!-~]+`, `[!-~]+`)))},
	}
}

// redriveExecution has an execution go on that did not end well.
func (s *service) redriveExecution(ctx context.Context, in value.Value) (value.Value, error) {
	if err := s.Refuse(); err != nil {
		return value.Value{}, err
	}
	a, err := parseARN(in.At("executionArn").Text(), typeExecution)
	if err != nil {
		return value.Value{}, err
	}
	if a.labelled() {
		return value.Value{}, errValidation.of("Labeled Execution ARNs are not supported for this API")
	}
	r, err := s.findExecution(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	token := in.At("clientToken").Text()
	if !r.Redrove(token, s.now()) {
		if _, why, err := s.redriveStatus(ctx, r); err != nil || why != "" {
			return value.Value{}, notRedrivable(why, err)
		}
	}
	r, err = s.Kernel.Redrive(ctx, r.ID, token)
	if errors.Is(err, kernel.ErrNotRedrivable) { // somebody was faster
		return value.Value{}, errNotRedrivable.of(reasonRunning)
	}
	if err != nil {
		return value.Value{}, s.explain(err)
	}
	at := r.Redriven
	for _, x := range r.RecentRedrives {
		if x.Token == token {
			at = x.At
		}
	}
	return object(date("redriveDate", at)), nil
}

func notRedrivable(why string, err error) error {
	if err != nil {
		return err
	}
	return errNotRedrivable.of(why)
}

// What an execution's redriveStatus can be.
const (
	redrivable      = "REDRIVABLE"
	redrivableByMap = "REDRIVABLE_BY_MAP_RUN"
	notRedrivableAt = "NOT_REDRIVABLE"
)

// Why an execution is not redrivable (DescribeExecution in the API reference).
const (
	reasonRunning   = "Execution is RUNNING and cannot be redriven"
	reasonSucceeded = "Execution is SUCCEEDED and cannot be redriven"
	reasonFull      = "Execution history event limit exceeded"
	reasonTooOld    = "Execution has exceeded the max execution time"
	reasonTooLate   = "Execution redrivable period exceeded"
)

// redriveStatus says whether an execution can be redriven, and if not, why not.
func (s *service) redriveStatus(ctx context.Context, r *store.Run) (status, reason string, err error) {
	switch now := s.now(); {
	case !r.Status.Ended():
		return notRedrivableAt, reasonRunning, nil
	case r.Status == run.Succeeded:
		return notRedrivableAt, reasonSucceeded, nil
	case over(now.Sub(r.Started), s.Quotas.Open):
		return notRedrivableAt, reasonTooOld, nil
	case over(now.Sub(r.Ended), s.Quotas.Redrivable):
		return notRedrivableAt, reasonTooLate, nil
	}
	if s.Quotas.Events > 0 { // a redrive is an event, and something has to follow it
		last, err := s.lastEvent(ctx, r)
		if err != nil || last+2 > s.Quotas.Events {
			return notRedrivableAt, reasonFull, err
		}
	}
	if asl.IsItem(r.Part) {
		return redrivableByMap, "", nil
	}
	return redrivable, "", nil
}

func over(d, limit time.Duration) bool { return limit > 0 && d > limit }

// redriveMembers are what DescribeExecution tells of redrives.
func (s *service) redriveMembers(ctx context.Context, r *store.Run) ([]value.Member, error) {
	status, reason, err := s.redriveStatus(ctx, r)
	return []value.Member{text("redriveStatus", status), words("redriveStatusReason", reason)}, err
}

// redriveFilter is which executions of a list are wanted, by their redrives; nil: all.
func redriveFilter(in value.Value) func(*store.Run) bool {
	wanted, ok := given(in, "redriveFilter")
	if !ok {
		return nil
	}
	redriven := wanted.Text() == "REDRIVEN"
	return func(r *store.Run) bool { return r.Redrives > 0 == redriven }
}

// someRuns are a page of the runs that f selects and that are wanted; one more than the page has room for, where there is
// one.
func (s *service) someRuns(ctx context.Context, f store.RunFilter, limit int, wanted func(*store.Run) bool) (found []*store.Run, err error) {
	for f.Limit = limit + 1; len(found) <= limit; {
		runs, err := s.Store.Runs(ctx, f)
		if err != nil || len(runs) == 0 {
			return found, err
		}
		for _, r := range runs {
			if f.Before = r.ID; wanted == nil || wanted(r) {
				found = append(found, r)
			}
		}
		if len(runs) < f.Limit {
			break
		}
	}
	return found[:min(len(found), limit+1)], nil
}
