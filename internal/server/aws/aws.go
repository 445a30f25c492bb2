// Package aws is the front door for clients of AWS: what its JSON protocols have in common. It takes POST / with
// X-Amz-Target, finds the action, checks the request against the action's shape, and writes answers and errors as AWS
// does.
//
// What the actions do is a service's, in a package below. The package knows no runs and no jobs.
package aws

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

// Service is one AWS service over AWS JSON 1.0.
type Service struct {
	Target    string // what X-Amz-Target begins with, such as AWSStepFunctions
	Signing   string // the service's name in signatures, such as states
	Namespace string // of its errors, such as com.amazonaws.swf.service.v2.model
	Actions   map[string]Action
}

// Action is one operation of a service.
type Action struct {
	Input *Shape // a structure
	// Do carries the action out. Its input has the members of Input, checked; its errors are *Error, anything else is our
	// fault. The absent value is an empty answer.
	Do func(ctx context.Context, in value.Value) (value.Value, error)
}

// Options are what a Handler needs.
type Options struct {
	Services []Service
	MaxBody  int64 // bytes of one request
	Limits   bool  // AWS's quotas on sizes are in force too
	Callers  Callers
	// Origin refuses requests of foreign pages; nil: there can be none.
	Origin func(*http.Request) error
	Rate   func() Rate // of each principal, as it is configured just now
	Log    *slog.Logger
}

// Handler answers requests of AWS clients.
type Handler struct {
	o        Options
	actions  map[string]operation // by target, such as AWSStepFunctions.StartExecution
	throttle throttle
}

// operation is an action within its service.
type operation struct {
	Action
	service *Service
}

// New returns a handler for the services.
func New(o Options) *Handler {
	h := &Handler{o: o, actions: make(map[string]operation)}
	for _, s := range o.Services {
		for name, a := range s.Actions {
			h.actions[s.Target+"."+name] = operation{a, &s}
		}
	}
	return h
}

const contentType = "application/x-amz-json-1.0"

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.New()
	w.Header()["X-Amzn-Requestid"] = []string{id}
	w.Header()["Content-Type"] = []string{contentType}
	op, ok := h.actions[r.Header.Get("X-Amz-Target")]
	if !ok {
		op = operation{service: &Service{}}
	}
	out, err := h.answer(op, r)
	if err == nil {
		_, _ = w.Write(out) // the caller may be gone
		return
	}
	e := h.known(err, r, id)
	w.WriteHeader(e.HTTPStatus())
	_, _ = w.Write(e.body(op.service.Namespace))
}

// known is the error as the client is to see it. What is our own fault is logged, and told without its details.
func (h *Handler) known(err error, r *http.Request, id string) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	h.o.Log.Error("an AWS request failed", "target", r.Header.Get("X-Amz-Target"), "request", id, "error", err)
	return ErrInternalFailure
}

// answer is the body of the answer to a request. Who calls is known before anything is told, but that there is no such
// action. A request from inside the server says in its context whose it is.
func (h *Handler) answer(op operation, r *http.Request) ([]byte, error) {
	caller, inside := auth.Known(r.Context())
	if !inside && h.o.Origin != nil {
		if err := h.o.Origin(r); err != nil {
			return nil, ErrAccessDenied.With("Refused: %v. Address the server as localhost, or add its name under hosts in its configuration.", err)
		}
	}
	if op.Do == nil {
		return nil, ErrUnknownOperation.With("There is no action %q. The header X-Amz-Target names one, such as AWSStepFunctions.StartExecution.", r.Header.Get("X-Amz-Target"))
	}
	body, err := h.read(r)
	if err != nil {
		return nil, err
	}
	if !inside {
		if caller, err = h.o.Callers.caller(r, body, op.service.Signing); err != nil {
			return nil, err
		}
	}
	if !h.throttle.take(caller.Owner, h.o.Rate(), h.o.Callers.Now()) {
		return nil, ErrThrottling
	}
	in := value.EmptyObject
	if len(body) > 0 {
		if in, err = value.Parse(body); err != nil {
			return nil, ErrSerialization.With("The request cannot be read: %v", err)
		}
	}
	if err := op.Input.Check(in, h.o.Limits); err != nil {
		return nil, err
	}
	out, err := op.Do(auth.With(r.Context(), caller), in)
	if err != nil {
		return nil, err
	}
	if out.IsAbsent() {
		out = value.EmptyObject
	}
	return out.AppendJSON(make([]byte, 0, out.Size())), nil
}

func (h *Handler) read(r *http.Request) ([]byte, error) {
	tooLarge := func() error {
		return ErrTooLarge.With("The request has more than the %d bytes that limits.body of the server's configuration allows.", h.o.MaxBody)
	}
	if r.ContentLength > h.o.MaxBody {
		return nil, tooLarge()
	}
	body := make([]byte, 0, max(r.ContentLength, 0)+1)
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > h.o.MaxBody {
			return nil, tooLarge()
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, ErrSerialization.With("The request ended early.")
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}
