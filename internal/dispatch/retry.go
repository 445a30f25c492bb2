package dispatch

import (
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// retries reports whether what ended with exit in its attempt'th attempt gets another; failures are the job's, this one
// included.
func (j *openJob) retries(attempt, failures int32, exit *job.Exit) bool {
	r := &j.spec.Retry
	switch {
	case j.ending != nil || attempt >= r.Attempts:
		return false
	case r.Budget != nil && failures > *r.Budget:
		return false
	case exit.Reason == job.ReasonTimeout || exit.Reason == job.ReasonCancelled:
		return false
	}
	for i := range r.When {
		if matches(&r.When[i], exit) {
			return !r.When[i].Exit
		}
	}
	return true
}

// spent reports whether the job has had more failures than it may.
func (j *openJob) spent() bool {
	return j.spec.Retry.Budget != nil && j.row.Failures > *j.spec.Retry.Budget
}

// delayAfter is the time from the end of the attempt'th attempt to the next one: Delay, doubled with each.
func delayAfter(r *job.Retry, attempt int32) time.Duration {
	d := r.Delay
	for range attempt - 1 {
		if d > r.MaxDelay && r.MaxDelay > 0 || d > longestDelay {
			break
		}
		d *= 2
	}
	if r.MaxDelay > 0 {
		d = min(d, r.MaxDelay)
	}
	return d
}

// longestDelay is where doubling stops in any case.
const longestDelay = 24 * time.Hour

// matches reports whether a rule applies to an exit. What it calls a reason and a status reason are our word for it, or
// the sentence that AWS Batch has for the case.
func matches(r *job.RetryRule, exit *job.Exit) bool {
	reason, status := awsReasons(exit)
	return matchText(r.ExitCode, strconv.Itoa(int(exit.Code))) &&
		(matchText(r.Reason, string(exit.Reason)) || matchText(r.Reason, reason)) &&
		(matchText(r.StatusReason, status) || matchText(r.StatusReason, exit.Text))
}

// awsReasons gives what AWS Batch says of an attempt: the container's reason, and the attempt's.
func awsReasons(exit *job.Exit) (reason, status string) {
	status = "Essential container in task exited"
	switch exit.Reason {
	case job.ReasonMemory:
		reason = "OutOfMemoryError: Container killed due to memory usage"
	case job.ReasonNoStart:
		reason, status = "CannotStartContainerError: "+exit.Text, "Task failed to start"
	case job.ReasonLost:
		status = "Host EC2 (instance lost) terminated."
	}
	return reason, status
}

// matchText matches text against a pattern that may end in "*"; the empty pattern matches everything.
func matchText(pattern, text string) bool {
	if start, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(text, start)
	}
	return pattern == "" || pattern == text
}
