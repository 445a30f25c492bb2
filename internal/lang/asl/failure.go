package asl

import (
	"errors"
	"fmt"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// The error names that the language reserves.
const (
	errAll               = "States.ALL"
	errTimeout           = "States.Timeout"
	errHeartbeatTimeout  = "States.HeartbeatTimeout"
	errTaskFailed        = "States.TaskFailed"
	errRuntime           = expr.Runtime
	errDataLimitExceeded = "States.DataLimitExceeded"
	errQuery             = "States.QueryEvaluationError"
	errTolerated         = "States.ExceedToleratedFailureThreshold"
	errItemReader        = "States.ItemReaderFailed"
)

// reservedErrors are all names that begin with "States." and mean something.
var reservedErrors = []string{
	errAll, errTimeout, errHeartbeatTimeout, errTaskFailed, errRuntime, "States.NoChoiceMatched", errDataLimitExceeded, errTolerated,
	expr.ParameterPathFailure, expr.ResultPathMatchFailure, "States.IntrinsicFailure",
	"States.Permissions", "States.BranchFailed", errItemReader, "States.ResultWriterFailed",
	errQuery, "States.Http.Socket",
}

// stateError fails the state that it comes from.
type stateError struct {
	name  string
	cause string
}

func (e *stateError) Error() string { return e.name + ": " + e.cause }

func runtimeError(format string, args ...any) error {
	return &stateError{errRuntime, fmt.Sprintf(format, args...)}
}

// queryError fails the state because of an expression of JSONata, at a place in it such as "Output/total"; empty: at none.
type queryError struct {
	location string
	cause    string
}

func (e *queryError) Error() string { return errQuery + ": " + e.cause }

// failureOf words err, an error of a state's evaluation, as Step Functions does.
func (s *step) failureOf(err error) run.Failure {
	f := run.Failure{Error: errRuntime, Cause: err.Error()}
	var se *stateError
	var qe *queryError
	var ee *expr.Error
	switch {
	case errors.As(err, &qe):
		f = run.Failure{Error: errQuery, Cause: qe.cause}
	case errors.As(err, &se):
		f = run.Failure{Error: se.name, Cause: se.cause}
		if se.name == errDataLimitExceeded {
			return f // it names the state itself
		}
	case errors.As(err, &ee):
		f = run.Failure{Error: ee.Code, Cause: ee.Text}
	}
	if s.b.entered == 0 {
		return f // a trial: there is no history that could tell
	}
	f.Cause = place(s.b.state.name, s.b.entered) + f.Cause
	return f
}

// place is how a cause begins that tells where an execution was.
func place(state string, entered uint64) string {
	return fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). ", state, entered)
}

// errorOutput is what a catcher gets to see of f. What a failure does not say is there as an empty text, as with a task
// that timed out.
func errorOutput(f run.Failure) value.Value {
	return value.NewObject(member("Error", value.NewString(f.Error)), member("Cause", value.NewString(f.Cause)))
}
