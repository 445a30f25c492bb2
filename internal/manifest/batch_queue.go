package manifest

import (
	"math"
	"slices"

	"github.com/tutti-ml/tutti/internal/value"
)

// readJobQueue reads the input of CreateJobQueue and keeps it as it is.
func readJobQueue(r *reader, f *fields) Parsed {
	name := f.need("jobQueueName", "name the queue")
	r.checkBatchName(f.get("jobQueueName"), name)
	r.batchState(f)
	f.number("priority", 0, 9999, 1)
	for _, n := range f.list("computeEnvironmentOrder") {
		e := r.fields(n)
		e.number("order", 0, math.MaxInt32, 0)
		e.need("computeEnvironment", "give the compute environment's name or ARN")
		e.end()
	}
	f.ignore("jobQueueType", "jobQueueArn", "status", "statusReason")
	f.notice("the queue goes by priority, then first come, first served", "schedulingPolicyArn", "jobStateTimeLimitActions")
	f.refuse("give computeEnvironmentOrder", "serviceEnvironmentOrder")
	return Parsed{Kind: KindJobQueue, Name: name, Labels: f.dict("tags"), Data: f.n.value()}
}

// readComputeEnvironment reads the input of CreateComputeEnvironment and keeps it as it is. What counts here is
// maxvCpus, which bounds what its queues may run at once; the machines are the server's own.
func readComputeEnvironment(r *reader, f *fields) Parsed {
	name := f.need("computeEnvironmentName", "name the compute environment")
	r.checkBatchName(f.get("computeEnvironmentName"), name)
	r.batchState(f)
	if t := f.need("type", "give MANAGED or UNMANAGED"); t != "" && t != "MANAGED" && t != "UNMANAGED" {
		r.fault(f.get("type"), codeInvalid, "must be MANAGED or UNMANAGED, is %q", t)
	}
	f.number("unmanagedvCpus", 0, math.MaxInt32, 0)
	if c := f.sub("computeResources"); c.n != nil {
		if !c.has("maxvCpus") {
			c.missing("maxvCpus", "say how many vCPUs its jobs may use at once")
		}
		c.number("maxvCpus", 0, math.MaxInt32, 0)
	}
	f.ignore("serviceRole", "updatePolicy", "computeEnvironmentArn", "status", "statusReason", "context")
	f.refuse(notYet, "eksConfiguration")
	return Parsed{Kind: KindComputeEnvironment, Name: name, Labels: f.dict("tags"), Data: f.n.value()}
}

func (r *reader) batchState(f *fields) {
	if s := f.text("state"); s != "" && s != "ENABLED" && s != "DISABLED" {
		r.fault(f.get("state"), codeInvalid, "must be ENABLED or DISABLED, is %q", s)
	}
}

// QueueSettings are what a job queue's Data says.
type QueueSettings struct {
	Enabled      bool
	Priority     int32
	Environments []string // names or ARNs, in their order
}

// ReadQueue reads the Data of an object of KindJobQueue.
func ReadQueue(data value.Value) QueueSettings {
	priority, _ := data.At("priority").Int64()
	s := QueueSettings{Enabled: data.At("state").Text() != "DISABLED", Priority: int32(priority)}
	var order []value.Value
	for _, e := range data.At("computeEnvironmentOrder").Elements() {
		order = append(order, e)
	}
	slices.SortStableFunc(order, func(a, b value.Value) int { return value.CompareNumbers(a.At("order"), b.At("order")) })
	for _, e := range order {
		s.Environments = append(s.Environments, e.At("computeEnvironment").Text())
	}
	return s
}

// EnvironmentSettings are what a compute environment's Data says.
type EnvironmentSettings struct {
	Enabled bool
	VCPUs   int64 // that its jobs may use at once; 0: no bound of its own
}

// ReadEnvironment reads the Data of an object of KindComputeEnvironment.
func ReadEnvironment(data value.Value) EnvironmentSettings {
	vcpus, _ := data.At("computeResources", "maxvCpus").Int64()
	if data.At("type").Text() == "UNMANAGED" {
		vcpus, _ = data.At("unmanagedvCpus").Int64()
	}
	return EnvironmentSettings{Enabled: data.At("state").Text() != "DISABLED", VCPUs: vcpus}
}
