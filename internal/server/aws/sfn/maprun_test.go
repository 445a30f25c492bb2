package sfn

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/value"
)

// mapRunWorld is an execution of a distributed Map over four items, two at a time, whose children wait.
type mapRunWorld struct {
	t                 *testing.T
	actions           map[string]aws.Action
	execution, mapRun value.Value
}

func newMapRunWorld(t *testing.T) *mapRunWorld {
	t.Helper()
	s := workingService(t)
	s.Catalog.Site = catalog.Site{Account: "123456789012", Region: "us-east-1"}
	w := &mapRunWorld{t: t, actions: New(s.Options).Actions}
	machine := w.call("CreateStateMachine", text("name", "m"), text("roleArn", "arn:aws:iam::123456789012:role/r"), text("definition", `{"StartAt": "Each", "States": {"Each": {
		"Type": "Map", "Label": "L", "MaxConcurrency": 2, "End": true, "ItemProcessor": {
			"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 100, "End": true}}}}}}`))
	w.execution = w.call("StartExecution", of("stateMachineArn", machine.At("stateMachineArn")), text("input", `[1, 2, 3, 4]`)).At("executionArn")
	synctest.Wait()
	w.mapRun = w.call("ListMapRuns", of("executionArn", w.execution)).At("mapRuns").Index(0).At("mapRunArn")
	return w
}

func (w *mapRunWorld) call(action string, members ...value.Member) value.Value {
	w.t.Helper()
	return call(w.t, w.actions[action], object(members...))
}

// describe is what DescribeMapRun tells in a few words.
func (w *mapRunWorld) describe() string {
	w.t.Helper()
	d := w.call("DescribeMapRun", of("mapRunArn", w.mapRun))
	var b strings.Builder
	for _, name := range []string{"status", "maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"} {
		b.WriteString(d.At(name).Text() + " ")
	}
	for name, n := range d.At("itemCounts").Members() {
		if n.Text() != "0" {
			b.WriteString(name + " " + n.Text() + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

func (w *mapRunWorld) want(want string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.describe(); got != want {
		w.t.Errorf("the map run: %s; want %s", got, want)
	}
}

// A map run is described while it runs, changed, and its children are executions like others.
func TestMapRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newMapRunWorld(t)
		if arn := w.mapRun.Text(); !strings.HasPrefix(arn, "arn:aws:states:us-east-1:123456789012:mapRun:m/L:") {
			t.Errorf("the map run is %s", arn)
		}
		w.want("RUNNING 2 0 0 pending 2 running 2 total 4")
		w.call("UpdateMapRun", of("mapRunArn", w.mapRun), of("maxConcurrency", value.NewInt(3)), of("toleratedFailurePercentage", value.NewFloat(12.5)))
		w.want("RUNNING 3 0 12.5 pending 1 running 3 total 4")

		list := w.call("ListExecutions", of("mapRunArn", w.mapRun)).At("executions")
		if list.Len() != 3 {
			t.Fatalf("children %s", list)
		}
		child := list.Index(0)
		if arn := child.At("executionArn").Text(); !strings.HasPrefix(arn, "arn:aws:states:us-east-1:123456789012:execution:m/L:") || child.At("itemCount").Text() != "1" {
			t.Errorf("a child is listed as %s", child)
		}
		d := w.call("DescribeExecution", of("executionArn", child.At("executionArn")))
		if !value.Equal(d.At("mapRunArn"), w.mapRun) || d.At("stateMachineArn").Text() != "arn:aws:states:us-east-1:123456789012:stateMachine:m/L" || d.At("input").Text() != "3" {
			t.Errorf("a child is described as %s", d)
		}
		if all := w.call("ListExecutions", text("stateMachineArn", "arn:aws:states:us-east-1:123456789012:stateMachine:m")).At("executions"); all.Len() != 1 {
			t.Errorf("the machine's executions are %s", all)
		}

		w.call("StopExecution", of("executionArn", child.At("executionArn")))
		w.want("RUNNING 3 0 12.5 running 3 aborted 1 total 4")
		w.call("StopExecution", of("executionArn", w.execution), text("error", "Enough"))
		w.want("ABORTED 3 0 12.5 aborted 4 total 4")
		for _, c := range w.call("ListExecutions", of("mapRunArn", w.mapRun), text("statusFilter", "RUNNING")).At("executions").Elements() {
			t.Errorf("a child goes on: %s", c)
		}
		var history []string
		for _, e := range w.call("GetExecutionHistory", of("executionArn", w.execution)).At("events").Elements() {
			history = append(history, e.At("type").Text())
		}
		if got := strings.Join(history, " "); got != "ExecutionStarted MapStateEntered MapStateStarted MapRunStarted MapRunAborted ExecutionAborted" {
			t.Errorf("the history is %s", got)
		}
	})
}

// What is asked of map runs that cannot be.
func TestMapRunRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newMapRunWorld(t)
		asExecution := strings.Replace(w.mapRun.Text(), ":mapRun:", ":execution:", 1)
		gone := w.mapRun.Text() + "x"
		for _, c := range []struct {
			action  string
			members []value.Member
			want    string
		}{
			{"DescribeMapRun", []value.Member{text("mapRunArn", gone)}, "ResourceNotFound: Resource not found: '" + gone + "'"},
			{"DescribeMapRun", []value.Member{of("mapRunArn", w.execution)}, "InvalidArn: Invalid Arn: 'Resource type not valid in this context: execution'"},
			{"DescribeExecution", []value.Member{text("executionArn", asExecution)}, "ExecutionDoesNotExist: Execution Does Not Exist: '" + asExecution + "'"},
			{"ListExecutions", []value.Member{text("mapRunArn", gone)}, "ResourceNotFound: "},
			{"UpdateMapRun", []value.Member{of("mapRunArn", w.mapRun)}, "MissingRequiredParameter: "},
			{"UpdateMapRun", []value.Member{of("mapRunArn", w.mapRun), of("toleratedFailurePercentage", value.NewInt(101))}, "ValidationException: "},
		} {
			if got := w.call(c.action, c.members...).At("Error").Text(); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: %s; want %s", c.action, got, c.want)
			}
		}
		w.call("StopExecution", of("executionArn", w.execution))
		synctest.Wait()
		if got := w.call("UpdateMapRun", of("mapRunArn", w.mapRun), of("maxConcurrency", value.NewInt(1))).At("Error").Text(); !strings.HasPrefix(got, "ValidationException: ") {
			t.Errorf("a map run that ended is changed: %s", got)
		}
	})
}
