package aws

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/tutti-ml/tutti/internal/value"
)

// Error is an error that clients see.
type Error struct {
	Namespace string // that the code is from; empty: the service's
	Code      string // as SDKs know it, such as StateMachineDoesNotExist
	Message   string
	Status    int // of HTTP; 0: 400
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus is the status of the response.
func (e *Error) HTTPStatus() int { return cmp.Or(e.Status, http.StatusBadRequest) }

// With is e with a message made of format and args.
func (e *Error) With(format string, args ...any) *Error {
	with := *e
	with.Message = fmt.Sprintf(format, args...)
	return &with
}

// body is the error as it is sent; namespace is the service's.
func (e *Error) body(namespace string) []byte {
	members := []value.Member{{Name: "__type", Value: value.NewString(cmp.Or(e.Namespace, namespace) + "#" + e.Code)}}
	if e.Message != "" {
		members = append(members, value.Member{Name: "message", Value: value.NewString(e.Message)})
	}
	return value.NewObject(members...).AppendJSON(nil)
}

// coral is the namespace of errors that come before a service is asked.
const coral = "com.amazon.coral.service"

// The errors that all services have, as AWS spells them.
var (
	ErrUnknownOperation = &Error{Namespace: coral, Code: "UnknownOperationException"}
	ErrSerialization    = &Error{Namespace: coral, Code: "SerializationException"}
	ErrValidation       = &Error{Namespace: "com.amazon.coral.validate", Code: "ValidationException"}
	ErrTooLarge         = &Error{Namespace: coral, Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge}
	ErrInternalFailure  = &Error{Namespace: coral, Code: "InternalFailure", Status: http.StatusInternalServerError}
	ErrThrottling       = &Error{Namespace: "com.amazon.coral.availability", Code: "ThrottlingException", Message: "Rate exceeded"}
	ErrUnavailable      = &Error{Namespace: "com.amazon.coral.availability", Code: "ServiceUnavailableException", Status: http.StatusServiceUnavailable}
)

// The errors of who calls.
var (
	ErrNoToken             = &Error{Namespace: coral, Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	ErrUnrecognizedClient  = &Error{Namespace: coral, Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	ErrInvalidSignature    = &Error{Namespace: coral, Code: "InvalidSignatureException"}
	ErrIncompleteSignature = &Error{Namespace: coral, Code: "IncompleteSignatureException"}
	ErrAccessDenied        = &Error{Namespace: coral, Code: "AccessDeniedException", Status: http.StatusForbidden}
)
