// Package awssdk calls AWS services, or whatever stands for them at the endpoints that the configuration names: any
// action of any service that has a model (aws-sdk:), and the optimised integrations of Step Functions on top of that.
//
// A task's parameters are checked against the model, written in the service's protocol, signed and sent; the answer comes
// back as Step Functions spells it. Nothing is sent anywhere that the configuration does not name, and nothing is sent
// again: repeating is the state machine's decision.
package awssdk

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Options are what a Client works with.
type Options struct {
	Config Config
	// Transport carries requests; nil: http.DefaultTransport.
	Transport http.RoundTripper
	// Self answers calls of services that this server is itself, by their names (sfn), for the owner of a run. An endpoint
	// that the configuration has for the service itself goes before it.
	Self map[string]func(owner string) http.RoundTripper
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger     // the audit log: who acts in which role, and calls over which connection; nil: there is none
}

// Client calls services.
type Client struct {
	o     Options
	http  *http.Client
	roles roles
}

// New returns a client.
func New(o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	// A redirect is an answer like any other: it is not followed to where nobody has configured an endpoint.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{o: o, http: &http.Client{Transport: o.Transport, CheckRedirect: stay}}
}

// Find gives the integration of a resource; nil where it is none of AWS's (see Known).
func (c *Client) Find(resource string) kernel.Integration {
	if isHTTP(resource) {
		return &httpInvoke{c}
	}
	if isAPI(resource) {
		return &apiInvoke{c}
	}
	r, err := parse(resource)
	if err != nil {
		return nil
	}
	in := integration{client: c, resource: r}
	if r.syncs {
		return &synced{in}
	}
	return &in
}

// Missing says what the configuration lacks for a resource to work; nil: nothing.
func (c *Client) Missing(resource string) error {
	if isAPI(resource) {
		resource = statesPrefix + sdkPrefix + apiGateway + ":getRestApis" // the same service
	}
	r, err := parse(resource)
	if err != nil {
		return nil
	}
	_, err = c.endpoint(r.service)
	return err
}

// integration is one resource.
type integration struct {
	client   *Client
	resource resource
}

// Class implements kernel.Integration: what only reads may be repeated, and so may what carries a token that the service
// knows it again by.
func (i *integration) Class() kernel.Class {
	switch {
	case reads(i.resource.op.Name):
		return kernel.AtLeastOnce
	case idempotencyToken(i.resource.op) != "":
		return kernel.Idempotent
	}
	return kernel.AtMostOnce
}

// reads reports whether an operation changes nothing, by the verb that its name begins with.
func reads(operation string) bool {
	for _, verb := range []string{"Get", "List", "Describe", "Head", "BatchGet", "Search", "Lookup", "Query", "Scan", "Select", "Filter", "Preview", "Estimate"} {
		rest, ok := strings.CutPrefix(operation, verb)
		if ok && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z') {
			return true
		}
	}
	return false
}

// idempotencyToken is the member by which a service knows a call again; empty: there is none.
func idempotencyToken(op *awsmodel.Operation) string {
	if op.Input == nil {
		return ""
	}
	for name, m := range op.Input.Shape.Members {
		if m.IdempotencyToken {
			return name
		}
	}
	return ""
}

// Check implements kernel.Checker.
func (i *integration) Check(_ context.Context, t kernel.Task) (*run.Failure, error) {
	return i.resource.check(t), nil
}

// Do implements kernel.Doer.
func (i *integration) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	if no := i.resource.check(t); no != nil {
		return run.Outcome{Failure: no}
	}
	output, err := i.client.call(ctx, t, i.resource, i.resource.adapted(t))
	if err != nil {
		return i.resource.failure(err)
	}
	if a := i.resource.action; a != nil && a.finish != nil {
		return a.finish(output)
	}
	return run.Done(output)
}

// call makes the call of a resource for a task.
func (c *Client) call(ctx context.Context, t kernel.Task, r resource, in value.Value) (value.Value, error) {
	if _, err := c.endpoint(r.service); err != nil {
		return value.Value{}, &clientError{err} // before a role is assumed for nothing
	}
	keys, err := c.credentials(ctx, t)
	if err != nil {
		return value.Value{}, err
	}
	return c.callWith(ctx, t, r, in, keys)
}

// callWith makes a call that is signed with keys.
func (c *Client) callWith(ctx context.Context, t kernel.Task, r resource, in value.Value, keys aws.Credentials) (value.Value, error) {
	e, err := c.endpoint(r.service)
	if err != nil {
		return value.Value{}, &clientError{err}
	}
	m, err := r.encode(in, t.Key)
	if err != nil {
		return value.Value{}, &clientError{err}
	}
	a, err := c.send(ctx, t, r, e, m, keys)
	if err != nil {
		return value.Value{}, err
	}
	if a.status >= 300 {
		return value.Value{}, r.fault(a)
	}
	output, err := r.decode(a)
	if err == nil && r.optimised() {
		output = withHTTP(output, a)
	}
	return output, err
}
