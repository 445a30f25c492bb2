package asl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/sharedtest"
	"github.com/tutti-ml/tutti/internal/value"
)

// TestRecordedHistories runs what was recorded on AWS, as far as it needs no task and no API: each execution of a case
// gives the history that GetExecutionHistory gave there, event by event, with ids and texts.
func TestRecordedHistories(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range recordedCases(t) {
		if !c.runs() {
			continue
		}
		compared++
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			for key, start := range c.histories() {
				want := c.At("recorded", key, "events")
				got := c.history(t, start)
				var faults faults
				if c.sorts() {
					want, got = withinParallels(want), withinParallels(got)
				}
				faults.compare("$.events", want, got, c.masks())
				for _, f := range faults {
					t.Errorf("%s%s", key, f)
				}
			}
		})
	}
	if compared < 160 {
		t.Errorf("compared %d cases only", compared)
	}
}

// recordedCase is one case of the recordings: calls, and what AWS answered.
type recordedCase struct{ value.Value }

func recordedCases(t *testing.T) []recordedCase {
	t.Helper()
	var cases []recordedCase
	for _, c := range sharedtest.Recordings(t).Elements() {
		cases = append(cases, recordedCase{c})
	}
	return cases
}

func (c recordedCase) name() string {
	id := c.At("id").Text()
	return id[strings.LastIndex(id, "::")+2:]
}

// runs reports whether the case is about executions that need nothing outside: no task, no other service, no call that
// changes what runs.
func (c recordedCase) runs() bool {
	has := map[string]bool{}
	for _, s := range c.At("steps").Elements() {
		has[s.At("api").Text()] = true
		if d := s.At("args", "definition").Text(); strings.Contains(d, `"Task"`) || strings.Contains(d, "DISTRIBUTED") {
			return false
		}
	}
	return has["GetExecutionHistory"] && !has["StopExecution"] && !has["UpdateStateMachine"] && !has["CreateStateMachineAlias"] && c.At("needs").Len() == 0
}

// call is the step of the case that made the call with this id.
func (c recordedCase) call(id string) value.Value {
	for _, s := range c.At("steps").Elements() {
		if s.At("id").Text() == id {
			return s
		}
	}
	return value.Value{}
}

// origin is the call whose answer v refers to.
func (c recordedCase) origin(v value.Value) value.Value {
	if id := v.At("$call"); !id.IsAbsent() {
		return c.call(id.Text())
	}
	return c.call(c.At("tokens", v.At("$tok").Text(), "base").Text())
}

// histories are the calls of StartExecution whose histories were recorded, by the keys of the recordings.
func (c recordedCase) histories() map[string]value.Value {
	found := map[string]value.Value{}
	for _, s := range c.At("steps").Elements() {
		if s.At("op").Text() != "match" {
			continue
		}
		asked := c.origin(s.At("value"))
		if asked.At("api").Text() == "GetExecutionHistory" && !asked.At("args", "reverseOrder").Bool() {
			found[s.At("key").Text()] = c.origin(asked.At("args", "executionArn"))
		}
	}
	return found
}

// masks are the words that stand in the recordings for what differs from execution to execution.
func (c recordedCase) masks() []string {
	masks := []string{"timestamp", "date", "snf_role_arn", "sfn_role_arn"}
	for _, s := range c.At("steps").Elements() {
		if tr := s.At("transform"); tr.At("ref").Kind() == value.Bool {
			masks = append(masks, tr.At("repl").Text())
		}
	}
	return masks
}

// history is what the execution that start begins gives, as GetExecutionHistory writes it.
func (c recordedCase) history(t *testing.T, start value.Value) value.Value {
	create := c.origin(start.At("args", "stateMachineArn"))
	def, err := Language{Limits: AWSLimits}.Compile([]byte(create.At("args", "definition").Text()))
	if err != nil {
		t.Fatal(err)
	}
	dr := newDriver(t, def.(*Definition), "")
	input := "{}"
	if v := start.At("args", "input"); !v.IsAbsent() {
		input = v.Text()
	}
	dr.schedule(0, run.Input{
		Kind:  run.Start,
		Name:  "<ExecArnPart_0idx>",
		Value: parse(t, input),
		Attributes: value.NewObject(
			member(AttributeExecution, value.NewString("arn:<partition>:states:<region>:111111111111:execution:<ArnPart_0idx>:<ExecArnPart_0idx>")),
			member(AttributeRole, create.At("args", "roleArn")),
			member(AttributeInput, value.NewString(input)),
		),
	})
	dr.run()
	if dr.end == nil {
		t.Fatal("the execution does not end")
	}
	var events []value.Value
	for _, ev := range dr.events {
		for _, h := range History(ev.Fact) {
			e := value.NewObject(
				member("id", value.NewInt(int64(h.ID))),
				member("previousEventId", value.NewInt(int64(h.Previous))),
				member("timestamp", value.NewString("timestamp")),
				member("type", value.NewString(h.Type)),
			)
			if h.Member != "" {
				e = e.With(h.Member, h.Details)
			}
			events = append(events, unfolded(e))
		}
	}
	return value.NewArray(events...)
}

// unfolded is v as the recorder writes it: a member that is an object of JSON as a string becomes that object, in which
// strings stay what they are.
func unfolded(v value.Value) value.Value {
	if v.Kind() != value.Object {
		return v
	}
	for name, m := range v.Members() {
		if parsed, err := value.Parse([]byte(m.Text())); m.Kind() == value.String && err == nil && parsed.Kind() == value.Object {
			v = v.With(name, parsed)
			continue
		}
		v = v.With(name, unfolded(m))
	}
	return v
}

// sorts reports whether the recorder put the events of branches into an order of its own.
func (c recordedCase) sorts() bool {
	for _, s := range c.At("steps").Elements() {
		if s.At("transform", "t").Text() == "parallel" {
			return true
		}
	}
	return false
}

// withinParallels is events without the numbers of what happened between the start of a Parallel and its end, sorted, and
// without ParallelStateSucceeded: the recorder lost it, as the numbers of what follows show.
func withinParallels(events value.Value) value.Value {
	list := make([]value.Value, 0, events.Len())
	start := -1
	for _, e := range events.Elements() {
		switch typ := e.At("type").Text(); {
		case typ == "ParallelStateStarted":
			start = len(list) + 1
		case strings.HasPrefix(typ, "ParallelState") && typ != "ParallelStateEntered":
			if start >= 0 {
				slices.SortFunc(list[start:], func(a, b value.Value) int { return strings.Compare(a.JSON(), b.JSON()) })
			}
			start = -1
			if typ == "ParallelStateSucceeded" {
				continue
			}
		case start >= 0:
			e = sortedMembers(e.With("id", value.NewInt(0)).With("previousEventId", value.NewInt(0)))
		}
		list = append(list, e)
	}
	return value.NewArray(list...)
}

// sortedMembers is v with the members of every object in order of their names.
func sortedMembers(v value.Value) value.Value {
	if v.Kind() != value.Object {
		return v
	}
	var members []value.Member
	for name, m := range v.Members() {
		members = append(members, member(name, sortedMembers(m)))
	}
	slices.SortFunc(members, func(a, b value.Member) int { return strings.Compare(a.Name, b.Name) })
	return value.NewObject(members...)
}

// faults are the places where an answer differs from its recording.
type faults []string

func (f *faults) add(at string, want, got value.Value) {
	*f = append(*f, fmt.Sprintf("%s: want %s got %s", at, orAbsent(want), orAbsent(got)))
}

func orAbsent(v value.Value) string {
	if v.IsAbsent() {
		return "(absent)"
	}
	return v.JSON()
}

// compare holds got against want, in which <words> in angle brackets and masks stand for anything.
func (f *faults) compare(at string, want, got value.Value, masks []string) {
	switch {
	case got.IsAbsent():
		f.add(at, want, got)
	case want.Kind() == value.String && (slices.Contains(masks, want.Text()) || matchesText(want.Text(), got)):
	case want.Kind() == value.Object && got.Kind() == value.Object:
		for name, w := range want.Members() {
			g, _ := got.Get(name)
			f.compare(at+"."+name, w, g, masks)
		}
		for name, g := range got.Members() {
			if _, ok := want.Get(name); !ok {
				f.add(at+"."+name, value.Value{}, g)
			}
		}
	case want.Kind() == value.Array && got.Kind() == value.Array:
		for i := range max(want.Len(), got.Len()) {
			f.compare(fmt.Sprintf("%s[%d]", at, i), elementOf(want, i), elementOf(got, i), masks)
		}
	case !value.Equal(want, got):
		f.add(at, want, got)
	}
}

func elementOf(list value.Value, i int) value.Value {
	if i < list.Len() {
		return list.Index(i)
	}
	return value.Value{}
}

var placeholder = regexp.MustCompile(`<[A-Za-z_][A-Za-z0-9_./: -]*>`)

func matchesText(want string, got value.Value) bool {
	parts := placeholder.Split(want, -1)
	if len(parts) == 1 || got.Kind() != value.String {
		return got.Kind() == value.String && got.Text() == want
	}
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".+?") + `$`).MatchString(got.Text())
}
