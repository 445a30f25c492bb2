package awssdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

const (
	apiInvokeName = statesPrefix + "apigateway:invoke"
	apiGateway    = "apigateway" // the service, in the configuration's endpoints
	apiPrefix     = "ApiGateway."
)

func isAPI(resource string) bool { return strings.TrimSuffix(resource, tokenSuffix) == apiInvokeName }

// apiInvoke is apigateway:invoke: a call of an API that API Gateway serves. Where the configuration has an endpoint of
// its own for the service, calls go there, with the API's name as the host that they are for.
type apiInvoke struct{ *Client }

// Class implements kernel.Integration.
func (*apiInvoke) Class() kernel.Class { return kernel.AtMostOnce }

// What apigateway:invoke takes; see the developer guide's "Create API Gateway REST APIs with Step Functions".
var (
	apiFields  = []string{"AllowNullValues", "ApiEndpoint", "AuthType", "Headers", "Method", "Path", "QueryParameters", "RequestBody", "Stage"}
	apiMethods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
	apiAuth    = []string{"IAM_ROLE", "NO_AUTH", "RESOURCE_POLICY"}
	apiHost    = regexp.MustCompile(`^[0-9a-z]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)
)

// apiReserved are headers that no task sets, beside those that begin as AWS's own do.
var apiReserved = []string{
	"authorization", "connection", "content-md5", "expect", "host", "max-forwards", "proxy-authenticate", "server", "te",
	"transfer-encoding", "trailer", "upgrade", "via", "www-authenticate",
}

// Check implements kernel.Checker.
func (a *apiInvoke) Check(_ context.Context, t kernel.Task) (*run.Failure, error) {
	in := t.Order.Payload
	var faults []string
	for field := range in.Members() {
		if !slices.Contains(apiFields, field) {
			faults = append(faults, unsupported(field))
		}
	}
	for _, required := range []string{"ApiEndpoint", "Method"} {
		if v := in.At(required); v.IsAbsent() || v.IsNull() {
			faults = append(faults, missing(required))
		}
	}
	for field, good := range map[string]bool{
		"ApiEndpoint":     isTextOf(in.At("ApiEndpoint"), nil),
		"Method":          isTextOf(in.At("Method"), apiMethods),
		"AuthType":        isTextOf(in.At("AuthType"), apiAuth),
		"Stage":           isTextOf(in.At("Stage"), nil),
		"Path":            isTextOf(in.At("Path"), nil),
		"Headers":         isLists(in.At("Headers")) && !hasReserved(in.At("Headers")),
		"QueryParameters": isLists(in.At("QueryParameters")),
	} {
		if !good {
			faults = append(faults, fmt.Sprintf("The value of the field '%s' has an invalid format", field))
		}
	}
	slices.Sort(faults)
	return unusable(t, faults), nil
}

// isTextOf reports whether v is not there, or one of the texts; any where there are none.
func isTextOf(v value.Value, texts []string) bool {
	return v.IsAbsent() || v.IsNull() || v.Kind() == value.String && (texts == nil || slices.Contains(texts, v.Text()))
}

// isLists reports whether v is not there, or an object of lists of scalars.
func isLists(v value.Value) bool {
	if v.IsAbsent() || v.IsNull() {
		return true
	}
	if v.Kind() != value.Object {
		return false
	}
	for _, list := range v.Members() {
		if list.Kind() == value.Object {
			return false
		}
		for _, inner := range list.Elements() {
			if inner.Kind() == value.Object || inner.Kind() == value.Array {
				return false
			}
		}
	}
	return true
}

func hasReserved(headers value.Value) bool {
	for name := range headers.Members() {
		name = strings.ToLower(name)
		if slices.Contains(apiReserved, name) || strings.HasPrefix(name, "x-amz") || strings.HasPrefix(name, "x-forwarded") {
			return true
		}
	}
	return false
}

// Do implements kernel.Doer.
func (a *apiInvoke) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	if no, _ := a.Check(ctx, t); no != nil {
		return run.Outcome{Failure: no}
	}
	q, err := a.request(ctx, t)
	if err != nil {
		return run.Fail(apiPrefix+"SdkClientException", err.Error())
	}
	answer, err := a.http.Do(q)
	if err != nil {
		return run.Fail(apiPrefix+"SdkClientException", fmt.Sprintf("%s did not answer: %v", q.URL.Host, plain(err)))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return run.Fail(apiPrefix+"SdkClientException", fmt.Sprintf("the answer of %s broke off: %v", q.URL.Host, err))
	case len(body) > maxAnswer:
		return run.Fail("States.DataLimitExceeded", fmt.Sprintf("the answer of %s is longer than %d bytes", q.URL.Host, maxAnswer))
	case answer.StatusCode/100 != 2:
		return run.Fail(fmt.Sprintf("%s%d", apiPrefix, answer.StatusCode), string(bytes.ToValidUTF8(body, []byte("\uFFFD"))))
	}
	content, err := value.Parse(body)
	if err != nil {
		content = value.NewString(string(bytes.ToValidUTF8(body, []byte("\uFFFD"))))
	}
	all, _ := shownHeaders(spelled(answer.Header))
	return run.Done(value.NewObject(
		value.Member{Name: "Headers", Value: all},
		value.Member{Name: "ResponseBody", Value: content},
		value.Member{Name: "StatusCode", Value: value.NewInt(int64(answer.StatusCode))},
		value.Member{Name: "StatusText", Value: value.NewString(http.StatusText(answer.StatusCode))},
	))
}

// request is the call that parameters describe, signed where they want it so.
func (a *apiInvoke) request(ctx context.Context, t kernel.Task) (*http.Request, error) {
	in := t.Order.Payload
	s, err := awsmodel.Lookup(apiGateway)
	if err != nil {
		return nil, err
	}
	e, err := a.endpoint(s)
	if err != nil {
		return nil, err
	}
	host := in.At("ApiEndpoint").Text()
	if e.public && !apiHost.MatchString(host) {
		return nil, fmt.Errorf("ApiEndpoint %q is no API of API Gateway, such as API-ID.execute-api.REGION.amazonaws.com", host)
	}
	body := apiBody(in)
	q, err := http.NewRequestWithContext(ctx, in.At("Method").Text(), apiURL(e, host, in).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Host = host
	q.Header.Set("User-Agent", "tutti")
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	for name, v := range in.At("Headers").Members() {
		q.Header[http.CanonicalHeaderKey(name)] = texts(v)
	}
	if auth := in.At("AuthType").Text(); auth == "" || auth == "NO_AUTH" {
		return q, nil
	}
	keys, err := a.credentials(ctx, t)
	if err != nil {
		return nil, err
	}
	return q, a.signAPI(ctx, q, body, e.region, keys)
}

// signAPI puts the signature on a call that API Gateway checks.
func (a *apiInvoke) signAPI(ctx context.Context, q *http.Request, body []byte, region string, keys aws.Credentials) error {
	if !keys.HasKeys() {
		return nil
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, keys, q, hex.EncodeToString(sum[:]), "execute-api", region, a.o.Now())
}

// apiURL is where a call goes: the stage and the path below the API's address.
func apiURL(e endpoint, host string, in value.Value) *url.URL {
	u := *e.url
	if e.public {
		u.Host = host
	}
	for _, part := range []string{in.At("Stage").Text(), in.At("Path").Text()} {
		if part = strings.Trim(part, "/"); part != "" {
			u.Path += "/" + part
		}
	}
	query := url.Values{}
	for name, v := range in.At("QueryParameters").Members() {
		query[name] = texts(v)
	}
	u.RawQuery = query.Encode()
	return &u
}

// apiBody is the body of a call; nil: there is none.
func apiBody(in value.Value) []byte {
	v := in.At("RequestBody")
	if v.IsAbsent() || v.IsNull() {
		return nil
	}
	if !in.At("AllowNullValues").Bool() {
		v = withoutNulls(v)
	}
	return blob(v)
}

// withoutNulls is v without the members of objects that are null.
func withoutNulls(v value.Value) value.Value {
	switch v.Kind() {
	case value.Object:
		var fields []value.Member
		for name, inner := range v.Members() {
			if !inner.IsNull() {
				fields = append(fields, value.Member{Name: name, Value: withoutNulls(inner)})
			}
		}
		return value.NewObject(fields...)
	case value.Array:
		var items []value.Value
		for _, inner := range v.Elements() {
			items = append(items, withoutNulls(inner))
		}
		return value.NewArray(items...)
	}
	return v
}

// texts are those of a list, or the one that v is.
func texts(v value.Value) []string {
	if v.Kind() != value.Array {
		return []string{text(v)}
	}
	var all []string
	for _, inner := range v.Elements() {
		all = append(all, text(inner))
	}
	return all
}
