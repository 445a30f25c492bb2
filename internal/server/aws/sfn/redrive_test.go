package sfn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// failing is a machine of which one branch fails until the execution was redriven as often as its input says.
const failing = `{"QueryLanguage":"JSONata","StartAt":"A","States":{
	"A":{"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Pass","Output":"once","End":true}}},
		{"StartAt":"Q","States":{"Q":{"Type":"Pass","Output":"{% $states.context.Execution.RedriveCount >= $states.input.times ? $states.context.Execution.RedriveTime : $error('not yet') %}","End":true}}}],"End":true}}}`

func (w *world) redrive(user, execution, token string) (*awssfn.RedriveExecutionOutput, error) {
	return w.as(user).RedriveExecution(w.Context(), &awssfn.RedriveExecutionInput{ExecutionArn: &execution, ClientToken: &token})
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m := w.machine("ada", "m", failing)
	execution := w.start("ada", m, "e", `{"times":2}`)
	before := w.ended("ada", execution)
	if before.Status != "FAILED" || before.RedriveStatus != "REDRIVABLE" || before.RedriveStatusReason != nil || *before.RedriveCount != 0 || before.RedriveDate != nil {
		t.Errorf("before %+v", before)
	}
	first := must[*awssfn.RedriveExecutionOutput](w)(w.redrive("ada", execution, "one"))
	failed := w.ended("ada", execution)
	if failed.Status != "FAILED" || *failed.RedriveCount != 1 || !failed.RedriveDate.Equal(*first.RedriveDate) || !failed.StartDate.Equal(*before.StartDate) {
		t.Errorf("redriven once %+v", failed)
	}
	// The same request again redrives nothing.
	again := must[*awssfn.RedriveExecutionOutput](w)(w.redrive("ada", execution, "one"))
	if got := w.ended("ada", execution); *got.RedriveCount != 1 || !again.RedriveDate.Equal(*first.RedriveDate) {
		t.Errorf("the same token again: %+v", got)
	}
	must[*awssfn.RedriveExecutionOutput](w)(w.redrive("ada", execution, "two"))
	got := w.ended("ada", execution)
	want := fmt.Sprintf(`["once",%q]`, got.RedriveDate.UTC().Format("2006-01-02T15:04:05.000Z"))
	if got.Status != "SUCCEEDED" || *got.Output != want || got.Error != nil || *got.RedriveCount != 2 ||
		got.RedriveStatus != "NOT_REDRIVABLE" || *got.RedriveStatusReason != "Execution is SUCCEEDED and cannot be redriven" {
		t.Errorf("redriven twice %+v, want %s", got, want)
	}
	history := must[*awssfn.GetExecutionHistoryOutput](w)(ada.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{ExecutionArn: &execution}))
	var counts []int32
	var ids []int64
	for i, e := range history.Events {
		ids = append(ids, e.Id)
		if e.Type == types.HistoryEventTypeExecutionRedriven {
			counts = append(counts, *e.ExecutionRedrivenEventDetails.RedriveCount)
			if before := history.Events[i-1]; before.Type != "ExecutionFailed" || e.PreviousEventId != before.Id {
				t.Errorf("%v follows %v", e, before)
			}
		}
		if e.Type == "PassStateEntered" && i > 5 {
			t.Errorf("a state is entered again: event %d", e.Id)
		}
	}
	if want := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18}; !slices.Equal(ids, want) { // 16 is never shown
		t.Errorf("the history's ids are %v, want %v", ids, want)
	}
	if !slices.Equal(counts, []int32{1, 2}) {
		t.Errorf("redrives in the history: %v", counts)
	}
	summary := must[*awssfn.ListExecutionsOutput](w)(ada.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &m})).Executions[0]
	if *summary.RedriveCount != 2 || !summary.RedriveDate.Equal(*got.RedriveDate) || summary.Status != "SUCCEEDED" {
		t.Errorf("listed as %+v", summary)
	}
}

func TestRedriveRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m := w.machine("ada", "m", stand)
	standing := w.start("ada", m, "standing", "{}")
	_, err := w.redrive("ada", standing, "t")
	w.refused(err, "ExecutionNotRedrivable", "Execution is RUNNING and cannot be redriven")
	done := w.start("ada", w.machine("ada", "p", pass), "done", "{}")
	w.ended("ada", done)
	_, err = w.redrive("ada", done, "t")
	w.refused(err, "ExecutionNotRedrivable", "Execution is SUCCEEDED and cannot be redriven")
	_, err = w.redrive("bob", standing, "t")
	w.refused(err, "ExecutionDoesNotExist", standing)
	_, err = w.redrive("ada", m, "t")
	w.refused(err, "InvalidArn", "Resource type not valid in this context: stateMachine")
	_, err = w.redrive("ada", strings.Replace(standing, ":m:", ":m/Label:", 1), "t")
	w.refused(err, "ValidationException", "Labeled Execution ARNs are not supported for this API")
	_, err = w.redrive("ada", standing, "no blanks")
	w.refused(err, "ValidationException", "clientToken")
	_, err = ada.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &m, RedriveFilter: "REDRIVEN"})
	w.refused(err, "ValidationException", "RedriveFilter")

	// What was stopped goes on, and can be stopped again.
	for range 2 {
		must[*awssfn.StopExecutionOutput](w)(ada.StopExecution(t.Context(), &awssfn.StopExecutionInput{ExecutionArn: &standing}))
		must[*awssfn.RedriveExecutionOutput](w)(ada.RedriveExecution(t.Context(), &awssfn.RedriveExecutionInput{ExecutionArn: &standing}))
		if got := must[*awssfn.DescribeExecutionOutput](w)(ada.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: &standing})); got.Status != "RUNNING" ||
			got.StopDate != nil || *got.RedriveStatusReason != "Execution is RUNNING and cannot be redriven" {
			t.Errorf("redriven it is %+v", got)
		}
	}
	// Its name is its own all the while.
	if again := w.start("ada", m, "standing", "{}"); again != standing {
		t.Errorf("started again: %s", again)
	}
}

// An execution can be redriven for as long, and while its history has as few events, as the quotas say.
func TestRedriveQuotas(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]struct {
		quota func(*setup)
		want  string
	}{
		"started": {func(o *setup) { o.quotas.Open = time.Nanosecond }, "Execution has exceeded the max execution time"},
		"ended":   {func(o *setup) { o.quotas.Redrivable = time.Nanosecond }, "Execution redrivable period exceeded"},
		"long":    {func(o *setup) { o.quotas.Events = 8 }, "Execution history event limit exceeded"},
		"short":   {func(o *setup) { o.quotas.Events = 9 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, try.quota)
			execution := w.start("ada", w.machine("ada", "m", `{"StartAt":"A","States":{
				"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Fail"}}}`), "e", "{}") // seven events
			for try.want != "" && w.ended("ada", execution).RedriveStatus == "REDRIVABLE" {
				// Times are to the millisecond: one may have to pass.
			}
			_, err := w.redrive("ada", execution, "t")
			if try.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			w.refused(err, "ExecutionNotRedrivable", try.want)
			if got := w.ended("ada", execution); got.RedriveStatus != "NOT_REDRIVABLE" || *got.RedriveStatusReason != try.want {
				t.Errorf("described as %+v", got)
			}
		})
	}
}
