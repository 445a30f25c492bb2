package catalog

import (
	"context"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
)

// arnForm is how AWS names things of a kind.
type arnForm struct {
	service  string
	resource string // with its separator, / or :
}

var arnForms = map[Kind]arnForm{
	manifest.KindStateMachine:       {"states", "stateMachine:"},
	manifest.KindJobDefinition:      {"batch", "job-definition/"},
	manifest.KindJobQueue:           {"batch", "job-queue/"},
	manifest.KindComputeEnvironment: {"batch", "compute-environment/"},
	manifest.KindCluster:            {"eks", "cluster/"},
	manifest.KindFunction:           {"lambda", "function:"},
	KindActivity:                    {"states", "activity:"},
}

// Site is where AWS's clients believe to be.
type Site struct {
	Region  string
	Account string // twelve digits
}

// ARN names something as AWS would, such as arn:aws:states:us-east-1:123456789012:stateMachine:train for the service
// states and the resource stateMachine:train.
func (s Site) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// ARNOf is the ARN of an object.
func (s Site) ARNOf(kind Kind, name string) string {
	form := arnForms[kind]
	return s.ARN(form.service, form.resource+name)
}

// ExecutionARN is the ARN of an execution of a state machine.
func (s Site) ExecutionARN(machine, name string) string {
	return s.ARN("states", "execution:"+machine+":"+name)
}

// Resolve finds an object by its name or, whatever its region and account, its ARN; a number behind a colon is a
// version.
func (c *Catalog) Resolve(ctx context.Context, by Caller, kind Kind, nameOrARN string) (*store.Object, error) {
	name, version, ok := split(kind, nameOrARN)
	if !ok {
		form := arnForms[kind]
		return nil, &Error{"finding", kind, nameOrARN, ErrInvalid, "this is no ARN of a " + string(kind) + "; they look like arn:aws:" +
			form.service + ":REGION:ACCOUNT:" + form.resource + "NAME"}
	}
	return c.Get(ctx, by, kind, "", name, version)
}

// split takes a name or an ARN apart; version is 0 where it has none.
func split(kind Kind, nameOrARN string) (name string, version int64, ok bool) {
	name = nameOrARN
	if strings.HasPrefix(name, "arn:") {
		form := arnForms[kind]
		parts := strings.SplitN(name, ":", 6)
		if len(parts) < 6 || parts[2] != form.service {
			return "", 0, false
		}
		if name, ok = strings.CutPrefix(parts[5], form.resource); !ok {
			return "", 0, false
		}
	}
	if before, after, found := strings.Cut(name, ":"); found {
		name = before
		// A function's alias names no version here; all of them mean the latest.
		if version, _ = strconv.ParseInt(after, 10, 64); version < 1 && (kind != manifest.KindFunction || after == "") {
			return "", 0, false
		}
	}
	return name, version, name != ""
}
