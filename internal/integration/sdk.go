package integration

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

// What Step Functions' older integrations give is what AWS's first SDK for Java gives: the service's answer with how it
// came over HTTP, and errors with all that is known of the request. This is that for actions that are ours.

// overHTTP is an answer of ours with what an answer of size bytes of JSON would have come with.
func overHTTP(answer value.Value, size int, at time.Time) value.Value {
	return withHeaders(answer, map[string][]string{
		"Content-Length": {strconv.Itoa(size)},
		"Content-Type":   {"application/x-amz-json-1.0"},
		"Date":           {at.UTC().Format(http.TimeFormat)},
		"connection":     {"keep-alive"},
	})
}

// withHeaders is an answer of ours with the headers that it would have come with, to which the request's id is added.
func withHeaders(answer value.Value, headers map[string][]string) value.Value {
	id := uuid.New()
	headers["x-amzn-RequestId"] = []string{id}
	return awssdk.WithHTTP(answer, http.StatusOK, id, headers)
}

// sdkFailure is an error of a service in the SDK's words.
func sdkFailure(name, service, code, message string) run.Outcome {
	return run.Fail(name, awssdk.Cause(message, service, http.StatusBadRequest, code, uuid.New()))
}
