package catalog

import (
	"cmp"
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// DefaultQueue is the queue of jobs that name none, and LocalEnvironment the compute environment that is this machine.
// Both are there without having been stored.
const (
	DefaultQueue     = "default"
	LocalEnvironment = "local"
)

var implicitData = map[Kind]map[string]value.Value{
	manifest.KindJobQueue: {DefaultQueue: value.MustParse(`{"jobQueueName":"default","state":"ENABLED","priority":1,
		"computeEnvironmentOrder":[{"order":1,"computeEnvironment":"local"}]}`)},
	manifest.KindComputeEnvironment: {LocalEnvironment: value.MustParse(`{"computeEnvironmentName":"local","type":"UNMANAGED","state":"ENABLED"}`)},
}

// implicit is an object that is there without having been stored, with version 0; nil for all others.
func implicit(kind Kind, name string) *store.Object {
	data, ok := implicitData[kind][name]
	if !ok {
		return nil
	}
	return &store.Object{Kind: string(kind), Name: name, Data: data}
}

func implicitNames(kind Kind) []string {
	var names []string
	for name := range implicitData[kind] { // one at the most
		names = append(names, name)
	}
	return names
}

// Queue finds a queue by name or ARN, empty for the default one, for the scheduler. What its environments may run at
// once bounds the queue.
func (c *Catalog) Queue(ctx context.Context, nameOrARN string) (sched.Queue, error) {
	q, _, err := c.queue(ctx, nameOrARN)
	return q, err
}

// Place is where a submission to a queue goes: the names of the queue and of its first compute environment. A disabled
// queue takes no submissions.
func (c *Catalog) Place(ctx context.Context, nameOrARN string) (manifest.Place, error) {
	q, environment, err := c.queue(ctx, nameOrARN)
	if err == nil && q.Closed != "" {
		err = &Error{"submitting to", manifest.KindJobQueue, q.Name, ErrInvalid, q.Closed + "; enable it"}
	}
	return manifest.Place{Queue: q.Name, Environment: environment}, err
}

func (c *Catalog) queue(ctx context.Context, nameOrARN string) (q sched.Queue, environment string, err error) {
	by := Caller{} // queues are for everybody
	o, err := c.Resolve(ctx, by, manifest.KindJobQueue, cmp.Or(nameOrARN, DefaultQueue))
	if err != nil {
		return sched.Queue{}, "", err
	}
	settings := manifest.ReadQueue(o.Data)
	q = sched.Queue{Name: o.Name, Priority: settings.Priority}
	if !settings.Enabled {
		q.Closed = fmt.Sprintf("the queue %q is disabled", o.Name)
	}
	vcpus, unbounded := int64(0), len(settings.Environments) == 0
	open := unbounded
	for _, name := range settings.Environments {
		e, err := c.Resolve(ctx, by, manifest.KindComputeEnvironment, name)
		if err != nil {
			return sched.Queue{}, "", err
		}
		environment = cmp.Or(environment, e.Name)
		s := manifest.ReadEnvironment(e.Data)
		if s.Enabled {
			open = true
			vcpus += s.VCPUs
			unbounded = unbounded || s.VCPUs == 0
		}
	}
	if !open && q.Closed == "" {
		q.Closed = fmt.Sprintf("the compute environments of queue %q are disabled", o.Name)
	}
	if !unbounded {
		q.Max.MilliCPU = vcpus * 1000
	}
	return q, environment, nil
}
