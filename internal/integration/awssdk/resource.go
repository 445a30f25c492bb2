package awssdk

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/spell"
	"github.com/tutti-ml/tutti/internal/value"
)

// resource is what a Task names, taken apart.
type resource struct {
	service  *awsmodel.Service
	op       *awsmodel.Operation
	spelling awsmodel.Spelling
	// The optimised integration that it is of; nil: aws-sdk:.
	kind   *optimised
	action *optimisedAction
	syncs  bool
}

// statesPrefix begins the names of resources; sdkPrefix follows in those of the SDK integrations.
const (
	statesPrefix = "arn:aws:states:::"
	sdkPrefix    = "aws-sdk:"
)

// tokenSuffix ends the name of a resource whose tasks are ended by whoever holds their token. The call is the same.
const tokenSuffix = ".waitForTaskToken"

// Known says why there is no such resource, with one that may be meant; nil: there is one.
func Known(resource string) error {
	if isHTTP(resource) || isAPI(resource) {
		return nil
	}
	_, err := parse(resource)
	return err
}

// parse takes a resource apart: arn:aws:states:::aws-sdk:SERVICE:ACTION, or arn:aws:states:::SERVICE:ACTION of one that is
// optimised.
func parse(name string) (resource, error) {
	parts := strings.SplitN(name, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "states" {
		return resource{}, fmt.Errorf("%q is no resource of Step Functions, such as arn:aws:states:::aws-sdk:SERVICE:ACTION", name)
	}
	rest, waits := strings.CutSuffix(parts[5], tokenSuffix)
	if rest, ok := strings.CutPrefix(rest, sdkPrefix); ok {
		service, action, _ := strings.Cut(rest, ":")
		return sdkResource(service, action)
	}
	rest, syncs := strings.CutSuffix(rest, syncSuffix)
	service, action, _ := strings.Cut(rest, ":")
	kind, a := findOptimised(service, action)
	if kind == nil || syncs && (a.sync == nil || waits) || waits && !kind.tokens {
		return resource{}, fmt.Errorf("there is no resource %q%s", name, likely(name, Names()))
	}
	r, err := sdkResource(kind.service, action)
	r.spelling, r.kind, r.action, r.syncs = awsmodel.Capitalized, kind, a, syncs
	return r, err
}

// sdkResource is any action of any service.
func sdkResource(service, action string) (resource, error) {
	s, err := awsmodel.Lookup(service)
	if err != nil {
		return resource{}, fmt.Errorf("AWS has no service %q%s", service, likely(service, awsmodel.Names()))
	}
	op, err := s.Action(action)
	if err != nil {
		return resource{}, fmt.Errorf("AWS's service %q has no action %q%s", service, action, likely(action, s.Actions()))
	}
	return resource{service: s, op: op, spelling: awsmodel.PascalCase}, nil
}

// optimised reports whether the resource is one of an optimised integration.
func (r resource) optimised() bool { return r.kind != nil }

// adapted are the parameters of a task as the API has them.
func (r resource) adapted(t kernel.Task) value.Value {
	in := t.Order.Payload
	if in.IsAbsent() || in.IsNull() {
		in = value.EmptyObject
	}
	if r.action != nil && r.action.adapt != nil && in.Kind() == value.Object {
		return r.action.adapt(t, in)
	}
	return in
}

// likely is the candidate that a name was meant to be, as the end of a sentence; empty: none comes close.
func likely(name string, candidates []string) string {
	best := spell.Closest(name, candidates)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
