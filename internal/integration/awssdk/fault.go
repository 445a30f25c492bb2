package awssdk

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// serviceError is what a service itself said no with.
type serviceError struct {
	code     string // as on the wire
	message  string
	status   int
	request  string
	extended string // S3's second name of the request
}

func (e *serviceError) Error() string { return e.code + ": " + e.message }

// asService is an error that a service said; nil: it is of another kind.
func asService(err error) *serviceError {
	var e *serviceError
	errors.As(err, &e)
	return e
}

// clientError is what kept a call from being made, or its answer from being understood.
type clientError struct{ err error }

func (e *clientError) Error() string { return e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }

// fault reads the answer of a call that failed.
func (r resource) fault(a *answer) error {
	e := &serviceError{status: a.status, request: a.requestID(), extended: a.header.Get("X-Amz-Id-2")}
	switch r.service.Metadata.Protocol {
	case awsmodel.JSON, awsmodel.RESTJSON:
		e.readJSON(a)
	default:
		e.readXML(a)
	}
	if e.code == "" {
		e.code = r.byStatus(a.status)
	}
	return e
}

// readJSON reads an error of the JSON protocols: its code is in a header or in the body, perhaps with a namespace before
// it or an address behind it.
func (e *serviceError) readJSON(a *answer) {
	body, _ := value.Parse(a.body) // what is no JSON says nothing
	e.code = a.header.Get("X-Amzn-Errortype")
	for _, name := range []string{"__type", "code", "Code"} {
		if e.code == "" {
			e.code = body.At(name).Text()
		}
	}
	e.code, _, _ = strings.Cut(e.code, ":")
	e.code = e.code[strings.LastIndexByte(e.code, '#')+1:]
	for _, name := range []string{"message", "Message", "errorMessage"} {
		if e.message == "" {
			e.message = body.At(name).Text()
		}
	}
}

// readXML reads an error of the XML protocols: an element Error somewhere.
func (e *serviceError) readXML(a *answer) {
	root, err := parseXML(a.body)
	if err != nil {
		return
	}
	if id := first(root, "RequestId", "RequestID"); id != "" && e.request == "" {
		e.request = id
	}
	if root = root.find("Error"); root != nil {
		e.code, e.message = first(root, "Code"), first(root, "Message")
	}
}

// first is the text of the first element that has one of the names.
func first(e *element, names ...string) string {
	for _, name := range names {
		if found := e.find(name); found != nil {
			return strings.TrimSpace(found.text)
		}
	}
	return ""
}

// byStatus guesses the error of an answer without a body: the only one that the operation has for its status, or what
// HTTP calls it. HEAD of S3 fails so.
func (r resource) byStatus(status int) string {
	if status == http.StatusNotFound && len(r.op.ErrorNames) == 1 {
		return r.op.ErrorNames[0]
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// failure is the outcome of a task whose call failed, as Step Functions words it.
func (r resource) failure(err error) run.Outcome {
	if e := asService(err); e != nil {
		if r.optimised() {
			return r.optimisedFailure(e)
		}
		return run.Fail(r.exception(e), e.cause(r.service.Prefix))
	}
	prefix := r.service.Prefix
	if r.optimised() {
		prefix = r.kind.prefix
	}
	return run.Fail(prefix+".SdkClientException", err.Error())
}

// exception is the name of a service's error.
func (r resource) exception(e *serviceError) string {
	if s := r.service.Fault(r.op, e.code); s != nil {
		return r.service.Prefix + "." + awsmodel.Exception(s.Name)
	}
	return r.service.BaseException()
}

// cause is the text of a service's error as AWS's SDK for Java 2 has it.
func (e *serviceError) cause(service string) string {
	message := e.message
	if message == "" {
		message = "null"
	}
	text := fmt.Sprintf("%s (Service: %s, Status Code: %d, Request ID: %s", message, service, e.status, orNull(e.request))
	if e.extended != "" {
		text += ", Extended Request ID: " + e.extended
	}
	return text + ") (SDK Attempt Count: 1)"
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
