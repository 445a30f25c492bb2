package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

// What Step Functions' older integrations give is what AWS's first SDK for Java gives: the service's answer with how it
// came over HTTP, and errors with all that is known of the request. This is that for actions that are ours.

// overHTTP is an answer of ours with what an answer of size bytes of JSON would have come with. Its members are in order
// of their names.
func overHTTP(answer value.Value, size int, at time.Time) value.Value {
	return withHeaders(answer, uuid.New(),
		"Content-Length", strconv.Itoa(size),
		"Content-Type", "application/x-amz-json-1.0",
		"Date", at.UTC().Format(http.TimeFormat),
		"connection", "keep-alive")
}

// withHeaders is an answer of ours with the headers that it would have come with, as names and texts, in order of the
// names; the request's id is the last of them.
func withHeaders(answer value.Value, id string, texts ...string) value.Value {
	var headers []value.Member
	for i := 0; i < len(texts); i += 2 {
		headers = append(headers, value.Member{Name: texts[i], Value: value.NewString(texts[i+1])})
	}
	headers = append(headers, value.Member{Name: "x-amzn-RequestId", Value: value.NewString(id)})
	all := make([]value.Member, len(headers))
	for i, h := range headers {
		all[i] = value.Member{Name: h.Name, Value: value.NewArray(h.Value)}
	}
	metadata := object("AllHttpHeaders", value.NewObject(all...), "HttpHeaders", value.NewObject(headers...), "HttpStatusCode", 200)
	members := []value.Member{
		{Name: "SdkHttpMetadata", Value: metadata},
		{Name: "SdkResponseMetadata", Value: object("RequestId", id)},
	}
	for name, v := range answer.Members() {
		members = append(members, value.Member{Name: name, Value: v})
	}
	slices.SortFunc(members, func(a, b value.Member) int { return strings.Compare(a.Name, b.Name) })
	return value.NewObject(members...)
}

// sdkFailure is an error of a service in the SDK's words.
func sdkFailure(name, service, code, message string) run.Outcome {
	return run.Fail(name, fmt.Sprintf("%s (Service: %s; Status Code: 400; Error Code: %s; Request ID: %s; Proxy: null)",
		message, service, code, uuid.New()))
}
