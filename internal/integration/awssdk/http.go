package awssdk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

const httpInvokeName = statesPrefix + "http:invoke"

func isHTTP(resource string) bool { return resource == httpInvokeName }

// Connection is what http:invoke may call, and how it proves who calls; ConnectionArn names it.
type Connection struct {
	Endpoints []string // what the URLs of calls begin with, such as https://api.example/v1; others get nothing
	Users     []string // whose runs may call with it beside the server's own; "*" is everybody
	// Authorize puts what proves who calls on a request.
	Authorize func(*http.Request) error
	Own       func(owner string) bool // reports whether a run is the server's own user's
}

// httpInvoke is http:invoke: a call of any API of the world over a connection of the configuration.
type httpInvoke struct{ *Client }

// Class implements kernel.Integration.
func (*httpInvoke) Class() kernel.Class { return kernel.AtMostOnce }

// Check implements kernel.Checker.
func (h *httpInvoke) Check(_ context.Context, t kernel.Task) (*run.Failure, error) {
	var faults []string
	for field := range t.Order.Payload.Members() {
		if !slices.Contains([]string{"ApiEndpoint", "Method", "Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody", "Transform"}, field) {
			faults = append(faults, unsupported(field))
		}
	}
	for _, required := range []string{"ApiEndpoint", "Method"} {
		if t.Order.Payload.At(required).Kind() != value.String {
			faults = append(faults, missing(required))
		}
	}
	if connectionOf(t.Order.Payload) == "" {
		faults = append(faults, missing("ConnectionArn"))
	}
	return unusable(t, faults), nil
}

// connectionOf is the name of the connection that parameters name by its ARN or its name.
func connectionOf(in value.Value) string {
	arn := in.At("Authentication", "ConnectionArn").Text()
	if arn == "" {
		arn = in.At("InvocationConfig", "ConnectionArn").Text()
	}
	if _, name, ok := strings.Cut(arn, ":connection/"); ok {
		name, _, _ = strings.Cut(name, "/")
		return name
	}
	return arn
}

// Do implements kernel.Doer.
func (h *httpInvoke) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	in := t.Order.Payload
	q, err := httpRequest(ctx, in)
	if err != nil {
		return run.Fail("States.Runtime", err.Error())
	}
	x := exchangeOf(ctx)
	x.Plain = q.Clone(ctx)
	if err := h.authorize(t, connectionOf(in), q); err != nil {
		return run.Fail("States.Http.Authorization", err.Error())
	}
	x.Sent, x.RequestBody = q, requestBody(q)
	a, err := h.http.Do(q)
	if err != nil {
		return run.Fail("States.Http.Socket", fmt.Sprintf("%s did not answer: %v", q.URL.Host, plain(err)))
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	x.Answer, x.AnswerBody = a, body
	switch {
	case err != nil:
		return run.Fail("States.Http.Socket", fmt.Sprintf("the answer of %s broke off: %v", q.URL.Host, err))
	case len(body) > maxAnswer:
		return run.Fail("States.DataLimitExceeded", fmt.Sprintf("the answer of %s is longer than %d bytes", q.URL.Host, maxAnswer))
	case a.StatusCode/100 != 2:
		return run.Fail(fmt.Sprintf("States.Http.StatusCode.%d", a.StatusCode), string(bytes.ToValidUTF8(body, []byte("\uFFFD"))))
	}
	return run.Done(httpResult(a, body))
}

// httpResult is an answer as the result of the task.
func httpResult(a *http.Response, body []byte) value.Value {
	var headers []value.Member
	for name, texts := range a.Header {
		var list []value.Value
		for _, s := range texts {
			list = append(list, value.NewString(s))
		}
		headers = append(headers, value.Member{Name: strings.ToLower(name), Value: value.NewArray(list...)})
	}
	content, err := value.Parse(body)
	if err != nil || !strings.Contains(a.Header.Get("Content-Type"), "json") {
		content = value.NewString(string(body))
	}
	return value.NewObject(
		value.Member{Name: "Headers", Value: sorted(headers)},
		value.Member{Name: "ResponseBody", Value: content},
		value.Member{Name: "StatusCode", Value: value.NewInt(int64(a.StatusCode))},
		value.Member{Name: "StatusText", Value: value.NewString(http.StatusText(a.StatusCode))},
	)
}

// authorize puts the connection's credentials on a request, if its owner and its address may have them.
func (h *httpInvoke) authorize(t kernel.Task, name string, q *http.Request) error {
	c, ok := h.o.Config.Connections[name]
	owner := t.Run.Owner
	if !ok || !slices.Contains(c.Users, owner) && !slices.Contains(c.Users, "*") && (c.Own == nil || !c.Own(owner)) {
		return fmt.Errorf("there is no connection %q that %s may use: add to the configuration: aws: {connections: {%s: {endpoints: [URL], users: [%s]}}}", name, owner, name, owner)
	}
	if !slices.ContainsFunc(c.Endpoints, func(e string) bool { return under(q.URL, e) }) {
		return fmt.Errorf("the connection %q is not for %s://%s%s: its endpoints begin with %s", name, q.URL.Scheme, q.URL.Host, q.URL.Path, strings.Join(c.Endpoints, ", "))
	}
	h.o.Log.Info("a task calls over a connection", "owner", owner, "connection", name, "host", q.URL.Host, "run", t.Run.ID, "name", t.Run.Name)
	if c.Authorize == nil {
		return nil
	}
	return c.Authorize(q)
}

// under reports whether a URL is an endpoint or below it.
func under(u *url.URL, endpoint string) bool {
	e, err := url.Parse(endpoint)
	if err != nil || u.Scheme != e.Scheme || u.Host != e.Host || u.User != nil {
		return false
	}
	for _, part := range strings.Split(u.Path, "/") {
		if part == ".." || part == "." {
			return false
		}
	}
	base := strings.TrimSuffix(e.Path, "/")
	return u.Path == base || strings.HasPrefix(u.Path, base+"/")
}

// plain is an error of the HTTP client without the address, which may hold what is nobody else's business.
func plain(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

// httpRequest is the request that parameters describe.
func httpRequest(ctx context.Context, in value.Value) (*http.Request, error) {
	u, err := url.Parse(in.At("ApiEndpoint").Text())
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the value for the field 'ApiEndpoint' is no URL: %q", in.At("ApiEndpoint").Text())
	}
	query := u.Query()
	for name, v := range in.At("QueryParameters").Members() {
		if v.Kind() != value.Array {
			query.Add(name, text(v))
		}
		for _, inner := range v.Elements() {
			query.Add(name, text(inner))
		}
	}
	u.RawQuery = query.Encode()
	body, kind := httpBody(in)
	q, err := http.NewRequestWithContext(ctx, in.At("Method").Text(), u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	q.Header.Set("User-Agent", "tutti")
	for name, v := range in.At("Headers").Members() {
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Host") {
			return nil, fmt.Errorf("the header %s is not a task's to set: it is the connection's, or the endpoint's", name)
		}
		q.Header.Set(name, joined(v))
	}
	return q, nil
}

// joined is a text, or those of a list with commas between them.
func joined(v value.Value) string { return strings.Join(texts(v), ",") }

// httpBody is the body of a request, and what it is.
func httpBody(in value.Value) (body []byte, kind string) {
	v := in.At("RequestBody")
	switch {
	case v.IsAbsent():
		return nil, ""
	case in.At("Transform", "RequestBodyEncoding").Text() == "URL_ENCODED":
		return []byte(urlEncoded(v, in.At("Transform", "RequestEncodingOptions", "ArrayFormat").Text())), "application/x-www-form-urlencoded"
	}
	return blob(v), "application/json"
}

// urlEncoded writes an object as a form. Arrays are written in one of Step Functions' formats; INDICES where none is given.
func urlEncoded(v value.Value, arrays string) string {
	var pairs []string
	add := func(name, text string) { pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(text)) }
	var put func(name string, v value.Value)
	put = func(name string, v value.Value) {
		switch v.Kind() {
		case value.Object:
			for inner, v := range v.Members() {
				put(name+"["+inner+"]", v)
			}
		case value.Array:
			if arrays == "COMMAS" {
				add(name, joined(v))
				return
			}
			for i, inner := range v.Elements() {
				switch arrays {
				case "REPEAT":
					put(name, inner)
				case "BRACKETS":
					put(name+"[]", inner)
				case "NONE":
				default:
					put(fmt.Sprintf("%s[%d]", name, i), inner)
				}
			}
		default:
			add(name, text(v))
		}
	}
	for name, inner := range v.Members() {
		put(name, inner)
	}
	return strings.Join(pairs, "&")
}
