package asl

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// TestRecordedVerdicts holds what is said of every definition in the recordings against what Step Functions said: faults
// word for word, and none where the definition was taken.
func TestRecordedVerdicts(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, c := range recordedCases(t) {
		given := c.definitions()
		refused := 0
		for name, recorded := range c.At("recorded").Members() {
			want, is := verdictOf(recorded)
			if !is {
				continue
			}
			refused++
			if diff := cmp.Diff(want, given[0].verdict(want)); diff != "" {
				t.Errorf("%s, %s:\n%s", c.name(), name, diff)
			}
		}
		seen += refused
		for _, d := range given {
			if refused == 0 && d.api != "TestState" && !isValid(d.problems()) {
				t.Errorf("%s: %s refuses what was taken: %s\n%s", c.name(), d.api, Refusal([]byte(d.source), d.problems()), d.source)
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d verdicts are in the recordings, there were more", seen)
	}
}

// handedIn is a definition in a call.
type handedIn struct{ api, source, machineType string }

func (d handedIn) problems() run.Problems {
	return Check([]byte(d.source), Terms{Express: d.machineType == "EXPRESS"})
}

// verdict is what Step Functions says of a definition: a message, or diagnostics.
type verdict struct {
	Message     string
	Result      string
	Truncated   bool
	Diagnostics []Diagnostic
}

// verdict is ours, in the form of the one that is wanted.
func (d handedIn) verdict(want verdict) verdict {
	problems := d.problems()
	if want.Message != "" {
		return verdict{Message: Refusal([]byte(d.source), problems)}
	}
	list, ok, truncated := Diagnose(problems, false, 100)
	v := verdict{Result: "FAIL", Truncated: truncated, Diagnostics: list}
	if ok {
		v.Result = "OK"
	}
	return v
}

// verdictOf is the verdict in an answer, if there is one.
func verdictOf(answer value.Value) (verdict, bool) {
	if result := answer.At("result").Text(); result != "" && !answer.At("diagnostics").IsAbsent() {
		v := verdict{Result: result, Truncated: answer.At("truncated").Bool()}
		for _, d := range answer.At("diagnostics").Elements() {
			v.Diagnostics = append(v.Diagnostics, Diagnostic{
				d.At("severity").Text(), d.At("code").Text(), d.At("message").Text(), d.At("location").Text(),
			})
		}
		return v, true
	}
	message := answer.At("message").Text()
	if message == "" {
		_, message, _ = strings.Cut(answer.At("exception_value").Text(), "operation: ")
	}
	return verdict{Message: message}, strings.HasPrefix(message, "Invalid State Machine Definition") || strings.HasPrefix(message, "Error=ValueError")
}

// definitions are those that the calls of the case hand in. An ARN of an earlier answer stands in them as a token.
func (c recordedCase) definitions() (list []handedIn) {
	for _, s := range c.At("steps").Elements() {
		if source := s.At("args", "definition").Text(); source != "" {
			source = strings.ReplaceAll(source, `"@@T`, `"arn:aws:states:us-east-1:111111111111:activity:@@T`)
			list = append(list, handedIn{s.At("api").Text(), source, s.At("args", "type").Text()})
		}
	}
	return list
}

func isValid(problems run.Problems) bool {
	return !slices.ContainsFunc(problems, func(p run.Problem) bool { return !p.Warning })
}
