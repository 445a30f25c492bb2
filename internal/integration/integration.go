// Package integration does what a task's resource means: Batch and EKS jobs, training jobs, functions, child runs. One
// file for each service; the table of resources is here.
//
// Work of ours is rows that the kernel inserts with the task's order (kernel.Ledger); what happens elsewhere is an act
// with a declared class of effect (kernel.Doer). No integration submits, commits or waits for jobs itself.
package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/integration/mapdata"
	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Logs reads the output of processes.
type Logs interface {
	// Tail gives the last lines of a process's output; none where nothing is kept of it.
	Tail(ctx context.Context, p job.Proc, lines int) ([]engine.Line, error)
}

// Deps is what integrations work with. HTTP may be nil: http.DefaultClient; AWS too: no service has an endpoint.
type Deps struct {
	Catalog    *catalog.Catalog
	Store      store.Store
	Logs       Logs
	Activities *activity.Pool
	HTTP       *http.Client
	Now        func() time.Time
	// S3 sends requests of map runs; nil: AWS does.
	S3 func(context.Context, kernel.Task, mapdata.Request) (*http.Response, error)
	// Environ is what every function's program sees besides its own variables, as NAME=VALUE; not more than a PATH as a
	// rule.
	Environ []string
	// AWS calls services elsewhere.
	AWS *awssdk.Client
}

// resources is the table: what a file calls a resource, and what does it. A name that ends in ":" covers all that begin
// with it.
var resources = []struct {
	name string
	make func(*Deps) kernel.Integration
}{
	{"arn:aws:states:::batch:submitJob", func(d *Deps) kernel.Integration { return &batchJob{Deps: d} }},
	{"arn:aws:states:::batch:submitJob.sync", func(d *Deps) kernel.Integration { return &batchJob{Deps: d, waits: true} }},
	{"arn:aws:states:::eks:runJob", func(d *Deps) kernel.Integration { return &eksJob{Deps: d} }},
	{"arn:aws:states:::eks:runJob.sync", func(d *Deps) kernel.Integration { return &eksJob{Deps: d, waits: true} }},
	{"arn:aws:states:::eks:call", func(d *Deps) kernel.Integration { return &eksCall{d} }},
	{"arn:aws:states:::aws-sdk:eks:describeCluster", func(d *Deps) kernel.Integration { return &describeCluster{d} }},
	{"arn:aws:states:::lambda:invoke", func(d *Deps) kernel.Integration { return &lambdaInvoke{d} }},
	{"arn:aws:lambda:", func(d *Deps) kernel.Integration { return &lambdaDirect{d} }},
	{"arn:aws:states:::states:startExecution", func(d *Deps) kernel.Integration { return &startExecution{Deps: d} }},
	{"arn:aws:states:::states:startExecution.sync", func(d *Deps) kernel.Integration { return &startExecution{Deps: d, waits: true} }},
	{"arn:aws:states:::states:startExecution.sync:2", func(d *Deps) kernel.Integration { return &startExecution{Deps: d, waits: true, parsed: true} }},
	{"arn:tutti:states:::job:run", func(d *Deps) kernel.Integration { return &jobRun{Deps: d} }},
	{"arn:tutti:states:::job:run.sync", func(d *Deps) kernel.Integration { return &jobRun{Deps: d, waits: true} }},
	{Noop, func(*Deps) kernel.Integration { return noop{} }},
}

// Known names the resources that there are, in order. One that ends in ":" covers those that begin with it.
func Known() []string {
	names := awssdk.Names()
	for _, r := range resources {
		names = append(names, r.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// IsKnown reports whether there is an integration for a resource.
func IsKnown(resource string) bool {
	return isActivity(resource) || ours(resource) || awssdk.Known(resource) == nil
}

// Hint says what a resource that is not known may be meant to be; empty: nothing better than one of Known.
func Hint(resource string) string {
	if err := awssdk.Known(resource); err != nil && strings.Contains(resource, ":::aws-sdk:") {
		return err.Error()
	}
	return ""
}

// call is the resource that does what a task of a resource does first. A task that waits for its token makes a call and no
// more: that somebody else ends it is the kernel's to know (run.StartTask.Callback).
func call(resource string) string {
	base, waits := strings.CutSuffix(resource, ".waitForTaskToken")
	if waits && !strings.Contains(base, ".sync") {
		return base
	}
	return resource
}

// ours reports whether a resource is in the table here.
func ours(resource string) bool {
	resource = call(resource)
	for _, r := range resources {
		if covers(r.name, resource) {
			return true
		}
	}
	return false
}

// remote reports whether a resource is done elsewhere, by a service of AWS's.
func remote(resource string) bool { return !ours(resource) && awssdk.Known(resource) == nil }

func covers(name, resource string) bool {
	return name == resource || strings.HasSuffix(name, ":") && strings.HasPrefix(resource, name)
}

// New returns what finds the integration of a resource.
func New(d Deps) kernel.Integrations {
	if d.AWS == nil {
		d.AWS = awssdk.New(awssdk.Options{})
	}
	if d.S3 == nil {
		d.S3 = func(ctx context.Context, t kernel.Task, q mapdata.Request) (*http.Response, error) {
			return d.AWS.S3(ctx, t, q.Method, q.Path, q.Query, q.Header, q.Body)
		}
	}
	if d.HTTP == nil {
		d.HTTP = http.DefaultClient
	}
	exact := map[string]kernel.Integration{}
	prefixes := map[string]kernel.Integration{}
	for _, r := range resources {
		if strings.HasSuffix(r.name, ":") {
			prefixes[r.name] = r.make(&d)
		} else {
			exact[r.name] = r.make(&d)
		}
	}
	for name, in := range mapdata.Integrations(mapdata.Deps{Runs: d.Store.Runs, S3: d.S3}) {
		exact[name] = in
	}
	waits := activityTask{&d}
	return func(resource string) kernel.Integration {
		if isActivity(resource) {
			return waits
		}
		own := call(resource)
		if in, ok := exact[own]; ok {
			return in
		}
		for name, in := range prefixes { // none is the beginning of another
			if strings.HasPrefix(own, name) {
				return in
			}
		}
		return d.AWS.Find(resource)
	}
}

// caller is whose rights a task has: its run's owner's.
func caller(t kernel.Task) catalog.Caller { return catalog.Caller{Owner: t.Run.Owner} }

// refusal is the outcome of a task that names what is not there or not well formed; an error that is none of the user's
// is handed on.
func refusal(name string, err error) (kernel.Rows, error) {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, catalog.ErrInvalid) || errors.Is(err, catalog.ErrForbidden) {
		return failed(name, "%v", err), nil
	}
	return kernel.Rows{}, err
}

// failed begins nothing.
func failed(name, format string, args ...any) kernel.Rows {
	o := run.Fail(name, fmt.Sprintf(format, args...))
	return kernel.Rows{Outcome: func(kernel.Ref) run.Outcome { return o }}
}

// faults is the text of all problems that are not warnings.
func faults(problems run.Problems) string {
	var lines []string
	for _, p := range problems {
		switch {
		case p.Warning:
		case p.Line > 0:
			lines = append(lines, fmt.Sprintf("line %d, column %d, %s", p.Line, p.Column, p))
		default:
			lines = append(lines, p.String())
		}
	}
	return strings.Join(lines, "\n")
}

// object builds a JSON object; absent values are left out.
func object(members ...any) value.Value {
	var list []value.Member
	for i := 0; i < len(members); i += 2 {
		if v := value.Of(members[i+1]); !v.IsAbsent() {
			list = append(list, value.Member{Name: members[i].(string), Value: v})
		}
	}
	return value.NewObject(list...)
}

// millis is a time as AWS writes it in results: milliseconds since 1970; absent for the zero time.
func millis(t time.Time) value.Value {
	if t.IsZero() {
		return value.Value{}
	}
	return value.NewInt(t.UnixMilli())
}

// timestamp is a time as text; absent for the zero time.
func timestamp(t time.Time) value.Value {
	if t.IsZero() {
		return value.Value{}
	}
	return value.NewString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}
