package sfn

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) historyActions() map[string]aws.Action {
	return map[string]aws.Action{
		"GetExecutionHistory": {Do: s.getExecutionHistory, Input: input("GetExecutionHistory",
			aws.Required("executionArn", arnShape),
			aws.Optional("maxResults", maxResultsShape),
			aws.Optional("reverseOrder", aws.Boolean()),
			aws.Optional("nextToken", tokenShape),
			aws.Optional("includeExecutionData", aws.Boolean()))},
	}
}

func (s *service) getExecutionHistory(ctx context.Context, in value.Value) (value.Value, error) {
	r, err := s.execution(ctx, in)
	if err != nil {
		return value.Value{}, err
	}
	reverse := in.At("reverseOrder").Bool()
	p, err := readPage(in, "GetExecutionHistory", runText(r.ID), strconv.FormatBool(reverse))
	if err != nil {
		return value.Value{}, err
	}
	events, more, err := s.historyPage(ctx, r, p, reverse)
	if err != nil {
		return value.Value{}, err
	}
	data := in.At("includeExecutionData")
	shown := make([]value.Value, len(events))
	for i, e := range events {
		shown[i] = historyEvent(e, data.IsAbsent() || data.IsNull() || data.Bool())
	}
	members := []value.Member{of("events", value.NewArray(shown...))}
	if more {
		members = append(members, p.next(strconv.FormatUint(events[len(events)-1].ID, 10)))
	}
	return object(members...), nil
}

// historyPage is a page of a run's history. It costs what it reads: about a page, wherever that is.
func (s *service) historyPage(ctx context.Context, r *store.Run, p page, reverse bool) (events []asl.HistoryEvent, more bool, err error) {
	after := uint64(p.number())
	if !reverse {
		events, err = s.events(ctx, r, after+1, math.MaxUint64, p.limit+1)
		if more = len(events) > p.limit; more {
			events = events[:p.limit]
		}
		return events, more, err
	}
	last := after - 1
	if after == 0 {
		if last, err = s.lastEvent(ctx, r); err != nil {
			return nil, false, err
		}
	}
	for {
		first := last - min(last, uint64(p.limit)) + 1
		events, err = s.events(ctx, r, first, last, p.limit)
		if len(events) > 0 || first == 1 || err != nil {
			slices.Reverse(events)
			return events, first > 1, err
		}
		last = first - 1 // a page of nothing but what is hidden
	}
}

// hidden is an event that histories recorded on AWS do not show, though its number is taken (docs/adr/0010).
const hidden = "ParallelStateSucceeded"

// events are those of a run's history with ids from first to last, at most so many.
func (s *service) events(ctx context.Context, r *store.Run, first, last uint64, most int) (events []asl.HistoryEvent, err error) {
	frame, err := s.Store.FrameAt(ctx, r.ID, first-1)
	if notFound(err) {
		return nil, nil // nothing has happened yet
	}
	if err != nil {
		return nil, err
	}
	err = s.Kernel.Events(ctx, r.ID, frame.First, func(_ uint64, f run.Fact) bool {
		for _, e := range asl.History(f) {
			if e.ID > last || len(events) == most {
				return false
			}
			if e.ID >= first && e.Type != hidden {
				events = append(events, e)
			}
		}
		return len(events) < most
	})
	return events, err
}

// lastEvent is the id of the latest event; 0 where there is none.
func (s *service) lastEvent(ctx context.Context, r *store.Run) (uint64, error) {
	frame, err := s.Store.FrameAt(ctx, r.ID, math.MaxInt64)
	if notFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	last := frame.Position
	err = s.Kernel.Events(ctx, r.ID, frame.First, func(_ uint64, f run.Fact) bool {
		for _, e := range asl.History(f) {
			last = e.ID
		}
		return true
	})
	return last, err
}

// payloads are the members of an event's details that are execution data.
var payloads = []string{"input", "output", "parameters", "assignedVariables"}

func historyEvent(e asl.HistoryEvent, data bool) value.Value {
	members := []value.Member{
		date("timestamp", e.Time),
		text("type", e.Type),
		of("id", value.NewInt(int64(e.ID))),
		of("previousEventId", value.NewInt(int64(e.Previous))),
	}
	if e.Member == "" {
		return value.NewObject(members...)
	}
	details := e.Details
	if !data {
		details = withoutData(details)
	}
	return value.NewObject(append(members, of(e.Member, details))...)
}

// withoutData is an event's details less its execution data.
func withoutData(details value.Value) value.Value {
	for _, name := range payloads {
		details = details.Without(name)
	}
	return details
}
