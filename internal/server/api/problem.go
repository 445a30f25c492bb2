package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// problem is a client.Problem as huma wants its errors.
type problem struct{ client.Problem }

func (p *problem) Error() string { return p.Problem.Error() }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// huma keeps the maker of its errors in a variable of the package; this is the only user in the binary.
func init() {
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		p := &problem{client.Problem{Title: http.StatusText(status), Status: status, Detail: detail, Remedy: remedies[status]}}
		for _, err := range errs {
			f := client.Fault{Text: err.Error()}
			if d := (huma.ErrorDetailer)(nil); errors.As(err, &d) {
				f = client.Fault{Pointer: d.ErrorDetail().Location, Text: d.ErrorDetail().Message}
			}
			p.Faults = append(p.Faults, f)
		}
		return p
	}
}

// remedies are what to do about errors that come from no operation of ours.
var remedies = map[int]string{
	http.StatusBadRequest:            "Correct the request; /api/openapi.json describes it.",
	http.StatusUnprocessableEntity:   "Correct the fields that are named; /api/openapi.json describes them.",
	http.StatusRequestEntityTooLarge: "Send less, or have limits.body raised in the server's configuration.",
	http.StatusUnsupportedMediaType:  "Send application/json.",
	http.StatusInternalServerError:   "This is a fault of the server: its log says more.",
}

func fail(status int, remedy, format string, args ...any) error {
	return &problem{client.Problem{
		Title:  http.StatusText(status),
		Status: status,
		Detail: fmt.Sprintf(format, args...),
		Remedy: remedy,
	}}
}

func notFound(what string, name any) error {
	return fail(http.StatusNotFound, fmt.Sprintf("List what there is with 'tutti get %ss'.", what), "there is no %s %v that you may see", what, name)
}

// refused is the answer to a file with faults.
func refused(what string, problems run.Problems) error {
	return &problem{client.Problem{
		Title:  http.StatusText(http.StatusUnprocessableEntity),
		Status: http.StatusUnprocessableEntity,
		Detail: what + " is not valid",
		Remedy: "Correct what is named, and check the file with 'tutti validate FILE'.",
		Faults: faultsOf("", problems),
	}}
}

func faultsOf(file string, problems run.Problems) []client.Fault {
	faults := make([]client.Fault, len(problems))
	for i, p := range problems {
		faults[i] = client.Fault{
			File: file, Pointer: p.Pointer, Line: p.Line, Column: p.Column, Code: p.Code, Text: p.Message(), Warning: p.Warning,
		}
	}
	return faults
}

// explain turns an error of the rooms below into a problem. what is the thing, such as `run "x"`.
func explain(what string, err error) error {
	problems := run.Problems(nil)
	status := huma.StatusError(nil)
	refusal := (*dispatch.Refusal)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return err
	case errors.As(err, &problems):
		return refused(what, problems)
	case errors.As(err, &refusal):
		for _, p := range refusal.Problems {
			problems = append(problems, run.Problem{Pointer: p.Field, Text: p.Text})
		}
		return refused(what, problems)
	case errors.Is(err, dispatch.ErrName):
		return fail(http.StatusConflict, "Give another name, or metadata.generateName to have one made up.", "%s exists already", what)
	case errors.Is(err, store.ErrNotFound):
		return fail(http.StatusNotFound, "Check the name and the namespace.", "there is no %s that you may see", what)
	case errors.Is(err, kernel.ErrExists):
		return fail(http.StatusConflict, "Give another name, or none to have one made up.", "%s exists already", what)
	case errors.Is(err, kernel.ErrStopping), errors.Is(err, store.ErrStopped):
		return fail(http.StatusServiceUnavailable, "Try again when it is up again.", "the server is shutting down")
	}
	return fail(http.StatusInternalServerError, remedies[http.StatusInternalServerError], "%s: %v", what, err)
}

// WriteProblem answers a request outside the operations with p.
func WriteProblem(w http.ResponseWriter, p client.Problem) {
	p.Title = http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller may be gone
}

// noOperation answers what none of mux's operations is for: an unknown path, or a known one with another method.
func noOperation(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := client.Problem{Status: http.StatusNotFound, Detail: "there is nothing at " + r.URL.Path, Remedy: remedies[http.StatusBadRequest]}
		_, none := mux.Handler(r)
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if _, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != none {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) > 0 {
			allow := strings.Join(allowed, ", ")
			w.Header().Set("Allow", allow)
			p.Status, p.Detail = http.StatusMethodNotAllowed, r.Method+" is not for "+r.URL.Path+", which takes "+allow
		}
		WriteProblem(w, p)
	}
}
