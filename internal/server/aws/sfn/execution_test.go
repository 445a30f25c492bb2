package sfn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

func TestStartAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m := w.machine("ada", "m", stand)
	start := func(input string) (*awssfn.StartExecutionOutput, error) {
		return ada.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: &m, Name: ptr("one"), Input: &input})
	}
	first := must[*awssfn.StartExecutionOutput](w)(start(`{"n":1}`))
	again := must[*awssfn.StartExecutionOutput](w)(start(` {"n": 1.0} `))
	if *first.ExecutionArn != *again.ExecutionArn || !first.StartDate.Equal(*again.StartDate) {
		t.Errorf("%+v, then %+v", first, again)
	}
	_, err := start(`{"n":2}`)
	w.refused(err, "ExecutionAlreadyExists", "Execution Already Exists: '"+*first.ExecutionArn+"'")
	stopped := must[*awssfn.StopExecutionOutput](w)(ada.StopExecution(t.Context(), &awssfn.StopExecutionInput{ExecutionArn: first.ExecutionArn, Error: ptr("E"), Cause: ptr("because")}))
	got := w.ended("ada", *first.ExecutionArn)
	if got.Status != "ABORTED" || *got.Error != "E" || *got.Cause != "because" || !got.StopDate.Equal(*stopped.StopDate) || got.Output != nil {
		t.Errorf("%+v", got)
	}
	_, err = start(`{"n":1}`)
	w.refused(err, "ExecutionAlreadyExists", *first.ExecutionArn)
	// What is wrong is told in AWS's order: shape, ARN, state machine, name, input.
	none := strings.Replace(m, ":m", ":none", 1)
	for _, try := range []struct {
		arn, name, input string
		code, text       string
	}{
		{none, strings.Repeat("n", 81), "{", "ValidationException", "at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"},
		{m, "n", `"` + strings.Repeat("x", 256<<10) + `"`, "ValidationException", "Value at 'input' failed to satisfy constraint: Member must have size less than or equal to 262144 bytes in UTF-8 encoding"},
		{"none", "a b", "{", "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: none'"},
		{*first.ExecutionArn, "a b", "{", "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: execution'"},
		{none, "a b", "{", "StateMachineDoesNotExist", "State Machine Does Not Exist: '" + none + "'"},
		{m + ":7", "a b", "{", "StateMachineDoesNotExist", m + ":7"},
		{m + ":x", "a b", "{", "StateMachineDoesNotExist", m + ":x"},
		{strings.Replace(m, "us-east-1", "eu-west-1", 1), "a b", "{", "StateMachineDoesNotExist", "eu-west-1"},
		{m, "a b", "{", "InvalidName", "Invalid Name: 'a b'"},
		{m, "b", "{", "InvalidExecutionInput", "Invalid State Machine Execution Input: 'Unexpected end-of-input: "},
		{m, "b", "hello", "InvalidExecutionInput", "Invalid State Machine Execution Input: 'Unrecognized token 'hello': was expecting " +
			"(JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"hello\"; line: 1, column: 6]'"},
		{m, "b", " ", "InvalidExecutionInput", "Invalid State Machine Execution Input: 'No content to map due to end-of-input\n at [Source: (String)\" \"; line: 1, column: 0]'"},
	} {
		_, err := ada.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: &try.arn, Name: &try.name, Input: &try.input})
		w.refused(err, try.code, try.text)
	}
}

func TestListExecutions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m, other := w.machine("ada", "m", pass), w.machine("ada", "other", stand)
	var want []string
	for i := range 7 {
		arn := w.start("ada", m, fmt.Sprint("e", i), "{}")
		w.ended("ada", arn)
		want = append([]string{arn}, want...)
	}
	waiting := w.start("ada", other, "w", "{}")
	in := awssfn.ListExecutionsInput{StateMachineArn: &m, MaxResults: 3, StatusFilter: "SUCCEEDED"}
	var got []string
	sizes := []int{}
	for {
		out := must[*awssfn.ListExecutionsOutput](w)(ada.ListExecutions(t.Context(), &in))
		sizes = append(sizes, len(out.Executions))
		for _, e := range out.Executions {
			got = append(got, *e.ExecutionArn)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(sizes, []int{3, 3, 1}) {
		t.Errorf("pages of %v: %v", sizes, got)
	}
	for status, n := range map[types.ExecutionStatus]int{"RUNNING": 1, "SUCCEEDED": 0, "PENDING_REDRIVE": 0, "": 1} {
		out := must[*awssfn.ListExecutionsOutput](w)(ada.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &other, StatusFilter: status}))
		if len(out.Executions) != n || n > 0 && *out.Executions[0].ExecutionArn != waiting {
			t.Errorf("%q: %+v", status, out.Executions)
		}
	}
	first := must[*awssfn.ListExecutionsOutput](w)(ada.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &m, MaxResults: 3}))
	// A token is good for its own list alone.
	for _, in := range []awssfn.ListExecutionsInput{
		{StateMachineArn: &other, NextToken: first.NextToken}, {StateMachineArn: &m, StatusFilter: "FAILED", NextToken: first.NextToken}, {StateMachineArn: &m, NextToken: ptr("x")},
	} {
		_, err := ada.ListExecutions(t.Context(), &in)
		w.refused(err, "InvalidToken", "Invalid Token: 'Invalid token'")
	}
	_, err := ada.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{})
	w.refused(err, "ValidationException", "Must provide a StateMachine ARN or MapRun ARN")
}

// Pages of a history, forward and backward, make the whole, and a page ends where the next begins.
func TestHistoryPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	// Many frames: each wait ends one.
	m := w.machine("ada", "m", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"A","States":{
		"A":{"Type":"Pass","Next":"W"},"W":{"Type":"Wait","Seconds":0,"Next":"B"},"B":{"Type":"Pass","End":true}}},"Next":"P"},
		"P":{"Type":"Parallel","Branches":[{"StartAt":"C","States":{"C":{"Type":"Pass","End":true}}}],"End":true}}}`)
	execution := w.start("ada", m, "e", "["+strings.Repeat("1,", 40)+"1]")
	w.ended("ada", execution)
	read := func(size int32, reverse bool) (ids []int64) {
		in := awssfn.GetExecutionHistoryInput{ExecutionArn: &execution, MaxResults: size, ReverseOrder: reverse}
		for {
			out := must[*awssfn.GetExecutionHistoryOutput](w)(ada.GetExecutionHistory(t.Context(), &in))
			if len(out.Events) == 0 || size > 0 && len(out.Events) > int(size) {
				t.Fatalf("a page of %d", len(out.Events))
			}
			for _, e := range out.Events {
				ids = append(ids, e.Id)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return ids
			}
		}
	}
	whole := read(1000, false)
	gaps := 0 // one: of what is hidden
	for i, id := range whole {
		for id != int64(i+1+gaps) {
			if gaps++; gaps > 1 {
				t.Fatalf("event %d has id %d", i, id)
			}
		}
	}
	if len(whole) < 300 {
		t.Fatalf("%d events", len(whole))
	}
	for _, size := range []int32{0, 1, 7, 100, int32(len(whole)), int32(len(whole)) - 1} {
		if size != 1 && !slices.Equal(read(size, false), whole) {
			t.Errorf("pages of %d differ from the whole", size)
		}
		back := read(max(size, 3), true)
		slices.Reverse(back)
		if !slices.Equal(back, whole) {
			t.Errorf("pages of %d, backward, differ from the whole", size)
		}
	}
	out := must[*awssfn.GetExecutionHistoryOutput](w)(ada.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{ExecutionArn: &execution, IncludeExecutionData: ptr(false), MaxResults: 2}))
	if d := out.Events[0].ExecutionStartedEventDetails; d.Input != nil || *d.RoleArn != role {
		t.Errorf("execution data that nobody wants: %+v", d)
	}
	_, err := ada.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{ExecutionArn: &execution, NextToken: out.NextToken, ReverseOrder: true})
	w.refused(err, "InvalidToken", "Invalid Token: 'Invalid token'")
}

// What belongs to one user looks to another as if it were not there.
func TestOwnersAreApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.machine("ada", "m", stand)
	must[*awssfn.PublishStateMachineVersionOutput](w)(w.as("ada").PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: &m}))
	execution := w.start("ada", m, "e", "{}")
	activity := *must[*awssfn.CreateActivityOutput](w)(w.as("ada").CreateActivity(t.Context(), &awssfn.CreateActivityInput{Name: ptr("a")})).ActivityArn
	bob := w.as("bob")
	for name, try := range map[string]struct {
		code string
		do   func() error
	}{
		"describe": {"StateMachineDoesNotExist", func() error {
			_, err := bob.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: &m})
			return err
		}},
		"describe version": {"StateMachineDoesNotExist", func() error {
			_, err := bob.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: ptr(m + ":1")})
			return err
		}},
		"update": {"StateMachineDoesNotExist", func() error {
			_, err := bob.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: &m, RoleArn: ptr(role)})
			return err
		}},
		"start": {"StateMachineDoesNotExist", func() error {
			_, err := bob.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: &m})
			return err
		}},
		"list executions": {"StateMachineDoesNotExist", func() error {
			_, err := bob.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &m})
			return err
		}},
		"list versions": {"StateMachineDoesNotExist", func() error {
			_, err := bob.ListStateMachineVersions(t.Context(), &awssfn.ListStateMachineVersionsInput{StateMachineArn: &m})
			return err
		}},
		"tag": {"ResourceNotFound", func() error {
			_, err := bob.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: &m})
			return err
		}},
		"execution": {"ExecutionDoesNotExist", func() error {
			_, err := bob.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: &execution})
			return err
		}},
		"history": {"ExecutionDoesNotExist", func() error {
			_, err := bob.GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{ExecutionArn: &execution})
			return err
		}},
		"stop": {"ExecutionDoesNotExist", func() error {
			_, err := bob.StopExecution(t.Context(), &awssfn.StopExecutionInput{ExecutionArn: &execution})
			return err
		}},
		"activity": {"ActivityDoesNotExist", func() error {
			_, err := bob.DescribeActivity(t.Context(), &awssfn.DescribeActivityInput{ActivityArn: &activity})
			return err
		}},
	} {
		if w.refused(try.do(), try.code, ""); t.Failed() {
			t.Fatal(name)
		}
	}
	must[*awssfn.DeleteStateMachineOutput](w)(bob.DeleteStateMachine(t.Context(), &awssfn.DeleteStateMachineInput{StateMachineArn: &m}))
	must[*awssfn.DeleteActivityOutput](w)(bob.DeleteActivity(t.Context(), &awssfn.DeleteActivityInput{ActivityArn: &activity}))
	if out := must[*awssfn.ListStateMachinesOutput](w)(bob.ListStateMachines(t.Context(), &awssfn.ListStateMachinesInput{})); len(out.StateMachines) != 0 {
		t.Errorf("bob lists %+v", out.StateMachines)
	}
	if out := must[*awssfn.ListActivitiesOutput](w)(bob.ListActivities(t.Context(), &awssfn.ListActivitiesInput{})); len(out.Activities) != 0 {
		t.Errorf("bob lists %+v", out.Activities)
	}
	// All of it is still there, for ada and for the admin.
	for _, user := range []string{"ada", "root"} {
		c := w.as(user)
		must[*awssfn.DescribeStateMachineOutput](w)(c.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: &m}))
		must[*awssfn.DescribeActivityOutput](w)(c.DescribeActivity(t.Context(), &awssfn.DescribeActivityInput{ActivityArn: &activity}))
		if got := must[*awssfn.DescribeExecutionOutput](w)(c.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: &execution})); got.Status != "RUNNING" {
			t.Errorf("%s sees %+v", user, got)
		}
		if out := must[*awssfn.ListExecutionsOutput](w)(c.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &m})); len(out.Executions) != 1 {
			t.Errorf("%s lists %+v", user, out.Executions)
		}
	}
}
