package sfn

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// logExpress writes the execution's events to the log groups of its state machine, as far as its level wants them.
func (s *service) logExpress(ctx context.Context, e *expressExecution) error {
	logging := e.Data.At("loggingConfiguration")
	wanted := logLevels[logging.At("level").Text()]
	groups := logGroups(logging)
	if wanted == nil || len(groups) == 0 {
		return nil
	}
	data := logging.At("includeExecutionData").Bool()
	var lines []byte
	err := s.Express.Kernel.Events(ctx, e.begun.ID, 1, func(_ uint64, f run.Fact) bool {
		for _, event := range asl.History(f) {
			if wanted(event.Type) {
				lines = append(logLine(event, e.arn, data).AppendJSON(lines), '\n')
			}
		}
		return true
	})
	if err != nil || len(lines) == 0 {
		return err
	}
	for _, group := range groups {
		s.Express.Log(group, lines)
	}
	return nil
}

// logLevels say which events a level logs; of those that are not here, none.
var logLevels = map[string]func(eventType string) bool{
	"ALL": func(string) bool { return true },
	"ERROR": func(t string) bool {
		return strings.HasSuffix(t, "Failed") || strings.HasSuffix(t, "TimedOut") || strings.HasSuffix(t, "Aborted")
	},
	"FATAL": func(t string) bool {
		return slices.Contains([]string{"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}, t)
	},
}

// logGroups are the names of the log groups that a state machine logs to.
func logGroups(logging value.Value) (names []string) {
	for _, d := range logging.At("destinations").Elements() {
		arn := d.At("cloudWatchLogsLogGroup", "logGroupArn").Text()
		if _, name, ok := strings.Cut(arn, ":log-group:"); ok {
			names = append(names, strings.TrimSuffix(name, ":*"))
		}
	}
	return names
}

// logLine is an event as Step Functions writes it to CloudWatch Logs.
func logLine(e asl.HistoryEvent, execution string, data bool) value.Value {
	id := func(n uint64) value.Value { return value.NewString(strconv.FormatUint(n, 10)) }
	details := e.Details
	if details.IsAbsent() {
		details = value.EmptyObject
	}
	if !data {
		details = withoutData(details)
	}
	return value.NewObject(
		of("id", id(e.ID)),
		text("type", e.Type),
		of("details", details),
		text("redrive_count", "0"),
		of("previous_event_id", id(e.Previous)),
		text("event_timestamp", strconv.FormatInt(e.Time.UnixMilli(), 10)),
		text("execution_arn", execution),
	)
}
