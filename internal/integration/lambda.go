package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Errors of functions that are not the function's own.
const (
	errNoFunction  = "Lambda.ResourceNotFoundException"
	errFunctionArg = "Lambda.InvalidParameterValueException"
	errFunctionEnd = "Runtime.ExitError" // the program ended badly and did not say why
	errNoResult    = "Runtime.InvalidResult"
	errTimeout     = "Sandbox.Timedout"
	errUnreachable = "Lambda.Unknown"
)

// maxResult is the longest result of a function in bytes, as on AWS.
const maxResult = 6 << 20

// lambdaInvoke is lambda:invoke. What a function does we do not know, so it is done at most once.
type lambdaInvoke struct{ *Deps }

// Class implements kernel.Integration.
func (*lambdaInvoke) Class() kernel.Class { return kernel.AtMostOnce }

// Check implements kernel.Checker.
func (l *lambdaInvoke) Check(ctx context.Context, t kernel.Task) (*run.Failure, error) {
	return l.AWS.Find(t.Order.Resource).(kernel.Checker).Check(ctx, t)
}

// Do implements kernel.Doer.
func (l *lambdaInvoke) Do(ctx context.Context, t kernel.Task, beat func()) run.Outcome {
	p := t.Order.Payload
	name := p.At("FunctionName").Text()
	if l.elsewhere(ctx, t, name) {
		return l.AWS.Find(t.Order.Resource).(kernel.Doer).Do(ctx, t, beat)
	}
	if kind := p.At("InvocationType").Text(); kind != "" && kind != "RequestResponse" {
		return run.Fail(errFunctionArg, fmt.Sprintf("InvocationType %q is not supported: only RequestResponse is", kind))
	}
	payload := p.At("Payload")
	if payload.IsAbsent() {
		payload = value.EmptyObject
	}
	o := l.invoke(ctx, t, name, payload)
	if o.Failure == nil {
		o.Output = l.overLambda(o.Output)
	}
	return o
}

// overLambda is what a function gave as Lambda answers an invocation.
func (d *Deps) overLambda(payload value.Value) value.Value {
	return withHeaders(object("ExecutedVersion", "$LATEST", "Payload", payload, "StatusCode", 200), map[string][]string{
		"Connection":                     {"keep-alive"},
		"Content-Length":                 {strconv.Itoa(payload.Size())},
		"Content-Type":                   {"application/json"},
		"Date":                           {d.Now().UTC().Format(http.TimeFormat)},
		"X-Amz-Executed-Version":         {"$LATEST"},
		"x-amzn-Remapped-Content-Length": {"0"},
	})
}

// lambdaDirect is a function's ARN as the resource itself: the payload is the function's, and so is the result.
type lambdaDirect struct{ *Deps }

// Class implements kernel.Integration.
func (*lambdaDirect) Class() kernel.Class { return kernel.AtMostOnce }

// Do implements kernel.Doer.
func (l *lambdaDirect) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	if l.elsewhere(ctx, t, t.Order.Resource) {
		return l.AWS.Invoke(ctx, t, t.Order.Resource)
	}
	return l.invoke(ctx, t, t.Order.Resource, t.Order.Payload)
}

// elsewhere reports whether a function is to be called at the endpoint of Lambda: there is one, and none of that name
// here.
func (d *Deps) elsewhere(ctx context.Context, t kernel.Task, name string) bool {
	if !d.AWS.HasLambda() {
		return false
	}
	_, err := d.Catalog.Function(ctx, caller(t), name)
	return errors.Is(err, store.ErrNotFound)
}

// invoke calls a function and waits for its result, as long as the function may take.
func (d *Deps) invoke(ctx context.Context, t kernel.Task, name string, payload value.Value) run.Outcome {
	f, err := d.Catalog.Function(ctx, caller(t), name)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, catalog.ErrInvalid) {
		return run.Fail(errNoFunction, "Function not found: "+name+". ("+err.Error()+")")
	}
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	limited, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	var o run.Outcome
	if f.URL != "" {
		o = d.post(limited, f, t, payload)
	} else {
		o = d.exec(limited, f, t, payload)
	}
	if o.Failure != nil && limited.Err() == context.DeadlineExceeded {
		return functionError(errTimeout, fmt.Sprintf("Task timed out after %.2f seconds", f.Timeout.Seconds()))
	}
	return o
}

// functionError fails as AWS Lambda words it: the error's type as its name, and both as the cause.
func functionError(kind, message string) run.Outcome {
	return run.Fail(kind, object("errorMessage", message, "errorType", kind).JSON())
}

// ownError is the error that a function itself reported: an object with errorMessage and errorType.
func ownError(v value.Value) (run.Outcome, bool) {
	if v.At("errorType").Text() == "" && v.At("errorMessage").Text() == "" {
		return run.Outcome{}, false
	}
	return awssdk.FunctionError(v), true
}
