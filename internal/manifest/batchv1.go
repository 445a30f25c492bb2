package manifest

import (
	"math"
	"strconv"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/value"
)

// Kubernetes' numbers for batch/v1 Job.
const (
	backoffLimit  = 6
	retryDelay    = 10 * time.Second
	retryMaxDelay = 6 * time.Minute
)

// readBatchJob reads a Kubernetes Job. Each completion is a child of an array; a Job of one completion is no array unless
// it is Indexed.
func readBatchJob(r *reader, f *fields) Parsed {
	m := r.metadata(f, maxName, true)
	s := f.sub("spec")
	if s.n == nil {
		f.missing("spec", "describe the job")
		return Parsed{}
	}
	spec := &job.Spec{
		Origin:   "batch/v1 Job",
		Deadline: seconds(s.number("activeDeadlineSeconds", 1, math.MaxInt32, 0)),
		Suspend:  s.bool("suspend"),
		KeepFor:  r.keepFor(s),
		Retry:    job.Retry{Delay: retryDelay, MaxDelay: retryMaxDelay},
	}
	r.common(m, spec)
	r.completions(s, spec)
	r.backoff(s, spec)
	r.podFailurePolicy(s, spec)
	s.ignore("selector", "manualSelector", "podReplacementPolicy")
	s.refuse("split the job, or let each index decide by its exit code", "successPolicy", "maxFailedIndexes")
	s.refuse("remove it; this server runs the job", "managedBy")

	p := pod{space: m.space, name: AsJobName, labels: map[string]string{
		"job-name": AsJobName, "batch.kubernetes.io/job-name": AsJobName,
		"controller-uid": AsJobID, "batch.kubernetes.io/controller-uid": AsJobID,
	}}
	if spec.Indexed != "" {
		p.name = AsJobName + "-" + AsIndex
		p.labels["batch.kubernetes.io/job-completion-index"] = AsIndex
		p.given = []job.Env{{Name: spec.Indexed, Value: AsIndex}}
	}
	t := r.template(s, p)
	switch t.restartPolicy {
	case "Never", "OnFailure":
	default:
		r.fault(s.n.member("template"), codeInvalid, "restartPolicy must be Never or OnFailure, is %q", t.restartPolicy)
	}
	s.end()
	spec.Timeout = t.timeout
	spec.Groups = []job.Group{{Name: "main", Replicas: 1, Process: t.process}}
	out := m.parsed(KindJob)
	out.Spec = spec
	return out
}

// keepFor reads ttlSecondsAfterFinished; 0 means at once, which our 0 does not.
func (r *reader) keepFor(s *fields) time.Duration {
	if !s.has("ttlSecondsAfterFinished") {
		return 0
	}
	return max(time.Second, seconds(s.number("ttlSecondsAfterFinished", 0, math.MaxInt32, 0)))
}

// maxArray is the largest number of children of a job.
const maxArray = 1_000_000

func (r *reader) completions(s *fields, spec *job.Spec) {
	parallelism := s.number("parallelism", 0, math.MaxInt32, 1)
	completions := s.number("completions", 1, maxArray, 1)
	mode := s.text("completionMode")
	switch {
	case s.has("parallelism") && parallelism == 0:
		r.fault(s.get("parallelism"), codeUnsupported, "parallelism 0 is not supported: hold the job back with suspend: true")
	case !s.has("completions") && parallelism > 1:
		r.fault(s.get("parallelism"), codeUnsupported, "parallelism without completions (a work queue) is not supported: set completions to how often the pod is to run")
	case mode == "Indexed":
		if !s.has("completions") {
			s.missing("completions", "an Indexed job needs the number of its indexes")
		}
		spec.Indexed = "JOB_COMPLETION_INDEX"
	case mode != "" && mode != "NonIndexed":
		r.fault(s.get("completionMode"), codeInvalid, "must be Indexed or NonIndexed, is %q", mode)
	}
	if completions > 1 || spec.Indexed != "" {
		spec.Array = &job.Array{Size: int32(completions), MaxRunning: int32(min(parallelism, completions))}
	}
}

func (r *reader) backoff(s *fields, spec *job.Spec) {
	limit := s.number("backoffLimit", 0, math.MaxInt32, backoffLimit)
	if s.has("backoffLimitPerIndex") {
		each := s.number("backoffLimitPerIndex", 0, math.MaxInt32, 0)
		spec.Retry.Attempts = attempts(each)
		if !s.has("backoffLimit") {
			return
		}
	} else {
		spec.Retry.Attempts = attempts(limit)
	}
	budget := int32(limit)
	spec.Retry.Budget = &budget
}

// attempts is how many attempts a number of retries makes.
func attempts(retries int64) int32 { return int32(min(retries, math.MaxInt32-1)) + 1 }

// podFailurePolicy reads the rules on exit codes, which are those that can come true here.
func (r *reader) podFailurePolicy(s *fields, spec *job.Spec) {
	policy := s.sub("podFailurePolicy")
	for _, n := range policy.list("rules") {
		rule := r.fields(n)
		action := rule.text("action")
		if rule.has("onPodConditions") {
			rule.notice("no pod is disrupted on one machine", "onPodConditions")
			continue
		}
		codes := rule.sub("onExitCodes")
		codes.ignore("containerName")
		if op := codes.text("operator"); op != "In" {
			r.fault(codes.n, codeUnsupported, "the operator %q is not supported: list the exit codes with In", op)
		}
		exit := action == "FailJob" || action == "FailIndex"
		if !exit && action != "Count" {
			r.fault(n, codeUnsupported, "the action %q on exit codes is not supported: use FailJob, FailIndex or Count", action)
		}
		for _, v := range codes.list("values") {
			if _, err := strconv.ParseUint(v.text, 10, 8); err != nil || v.kind != value.Number {
				r.fault(v, codeInvalid, "must be an exit code from 0 to 255, is %s", v.value())
			}
			spec.Retry.When = append(spec.Retry.When, job.RetryRule{ExitCode: v.text, Exit: exit})
		}
		codes.end()
		rule.end()
	}
	policy.end()
}
