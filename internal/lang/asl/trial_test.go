package asl

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// trial is a state with what it is tried with, and what is to become of it.
type trialCase struct {
	name    string
	state   string // or a machine, with in
	in      string // the name of the state, where state is a machine
	input   string
	setup   TrialSetup
	outcome run.Outcome
	want    string
}

func TestTrial(t *testing.T) {
	t.Parallel()
	boom := run.Fail("Boom", "it broke")
	for _, c := range []trialCase{
		{
			name:  "Pass shows every step of its data",
			state: `{"Type": "Pass", "InputPath": "$.payload", "Parameters": {"data": 1}, "ResultPath": "$.result", "OutputPath": "$.result.data", "Next": "Another"}`,
			input: `{"payload":{"foo":"bar"}}`,
			want: `{"status":"SUCCEEDED","output":1,"next":"Another","input":{"payload":{"foo":"bar"}},"afterInputPath":{"foo":"bar"},
				"afterParameters":{"data":1},"afterResultSelector":{"data":1},"afterResultPath":{"payload":{"foo":"bar"},"result":{"data":1}}}`,
		},
		{
			name:  "Assign adds to the variables that were given",
			state: `{"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"b": "{% $a + 1 %}"}, "Output": "{% $a %}", "End": true}`,
			setup: TrialSetup{Variables: value.MustParse(`{"a":1}`)},
			want:  `{"status":"SUCCEEDED","output":1,"input":{},"variables":{"a":1,"b":2}}`,
		},
		{
			name:  "Choice without a match fails, in a text that names no event",
			state: `{"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}]}`,
			input: `{"n":2}`,
			want: `{"status":"FAILED","error":"States.Runtime","cause":"Failed to transition out of the state. The state does not point to a next state.",
				"input":{"n":2},"afterInputPath":{"n":2}}`,
		},
		{
			name:  "Wait ends at once",
			state: `{"Type": "Wait", "SecondsPath": "$.n", "Next": "On"}`,
			input: `{"n":86400}`,
			want:  `{"status":"SUCCEEDED","output":{"n":86400},"next":"On","input":{"n":86400},"afterInputPath":{"n":86400}}`,
		},
		{
			name:  "Fail takes its words from the input",
			state: `{"Type": "Fail", "QueryLanguage": "JSONata", "Error": "{% $states.input.e %}", "Cause": "c"}`,
			input: `{"e":"E"}`,
			want:  `{"status":"FAILED","error":"E","cause":"c","input":{"e":"E"}}`,
		},
		{
			name:    "Task shows its result",
			state:   `{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "QueryLanguage": "JSONata", "Arguments": {"x": "{% $states.context.State.Name %}"}, "Output": "{% $states.result.n + 1 %}", "Next": "N"}`,
			outcome: run.Done(value.MustParse(`{"n":1}`)),
			want:    `{"status":"SUCCEEDED","output":2,"next":"N","input":{},"afterArguments":{"x":"StateName"},"result":{"n":1}}`,
		},
		{
			name:    "Task with a token",
			state:   `{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"token.$": "$$.Task.Token"}, "End": true}`,
			setup:   TrialSetup{Token: "T"},
			outcome: run.Done(value.NewInt(1)),
			want: `{"status":"SUCCEEDED","output":1,"input":{},"afterInputPath":{},"afterParameters":{"token":"T"},
				"result":1,"afterResultSelector":1,"afterResultPath":1}`,
		},
		{
			name:    "a retrier that matches and is not used up",
			state:   `{"Type": "Task", "Resource": "arn:aws:lambda:r:a:function:f", "Retry": [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Boom"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10}], "End": true}`,
			setup:   TrialSetup{Retries: 1},
			outcome: boom,
			want:    `{"status":"RETRIABLE","error":"Boom","cause":"it broke","retrier":1,"backoff":6,"input":{},"afterInputPath":{},"afterParameters":{}}`,
		},
		{
			name: "a retrier that is used up, and a catcher after it",
			state: `{"Type": "Task", "Resource": "arn:aws:lambda:r:a:function:f", "Retry": [{"ErrorEquals": ["Boom"], "MaxAttempts": 1}],
				"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}], "End": true}`,
			input:   `{"a":1}`,
			setup:   TrialSetup{Retries: 1},
			outcome: boom,
			want: `{"status":"CAUGHT_ERROR","output":{"a":1,"error":{"Error":"Boom","Cause":"it broke"}},"error":"Boom","cause":"it broke","next":"Caught",
				"retrier":0,"catcher":0,"input":{"a":1},"afterInputPath":{"a":1},"afterParameters":{"a":1}}`,
		},
		{
			name:    "what Output cannot be made of fails the state, and can be caught",
			state:   `{"Type": "Task", "Resource": "arn:aws:lambda:r:a:function:f", "ResultSelector": {"x.$": "$.no"}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "End": true}`,
			outcome: run.Done(value.MustParse(`{"n":1}`)),
			want: `{"status":"FAILED","error":"States.Runtime","cause":"The JSONPath '$.no' specified for the field 'x.$' could not be found in the input '{\"n\":1}'",
				"input":{},"afterInputPath":{},"afterParameters":{},"result":{"n":1}}`,
		},
		{
			name: "Map shows what its iterations would get",
			state: `{"Type": "Map", "ItemsPath": "$.list", "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"}, "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"b": 1}},
				"MaxConcurrency": 3, "ToleratedFailurePercentage": 50, "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "ResultPath": "$.out", "End": true}`,
			input:   `{"list":["a","b","c"]}`,
			setup:   TrialSetup{FailedIterations: 1},
			outcome: run.Done(value.MustParse(`[1,2]`)),
			want: `{"status":"SUCCEEDED","output":{"list":["a","b","c"],"out":[1,2]},"input":{"list":["a","b","c"]},"afterInputPath":{"list":["a","b","c"]},
				"afterItemsPath":["a","b","c"],"afterItemSelector":[{"v":"a","i":0},{"v":"b","i":1},{"v":"c","i":2}],
				"afterItemBatcher":[{"BatchInput":{"b":1},"Items":[{"v":"a","i":0},{"v":"b","i":1}]},{"BatchInput":{"b":1},"Items":[{"v":"c","i":2}]}],
				"maxConcurrency":3,"toleratedFailurePercentage":50,"afterResultSelector":[1,2],"afterResultPath":{"list":["a","b","c"],"out":[1,2]}}`,
		},
		{
			name: "Map of which more fail than it tolerates",
			state: `{"Type": "Map", "QueryLanguage": "JSONata", "Items": "{% [1,2,3] %}", "ToleratedFailurePercentage": 50,
				"ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "Next": "N"}`,
			setup:   TrialSetup{FailedIterations: 2},
			outcome: run.Done(value.MustParse(`[1]`)),
			want: `{"status":"FAILED","error":"States.ExceedToleratedFailureThreshold","cause":"The specified tolerated failure threshold was exceeded",
				"input":{},"maxConcurrency":0,"toleratedFailurePercentage":50}`,
		},
		{
			name:  "Map of something that is no array",
			state: `{"Type": "Map", "ItemsPath": "$$.Execution", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "End": true}`,
			want:  `{"status":"FAILED","error":"States.Runtime","cause":"Reference path \"$.Execution\" must point to array.","input":{},"afterInputPath":{}}`,
		},
		{
			name:    "Parallel",
			state:   `{"Type": "Parallel", "Branches": [{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}], "ResultSelector": {"r.$": "$[0]"}, "End": true}`,
			outcome: run.Done(value.MustParse(`[1]`)),
			want:    `{"status":"SUCCEEDED","output":{"r":1},"input":{},"afterResultSelector":{"r":1},"afterResultPath":{"r":1}}`,
		},
		{
			name: "the item of a state in a Map is its input",
			state: `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {
				"P": {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}, "OutputPath": "$.v", "End": true}}}, "End": true}}}`,
			in:    "P",
			input: `7`,
			want: `{"status":"SUCCEEDED","output":7,"input":7,"afterInputPath":7,"afterParameters":{"i":0,"v":7},
				"afterResultSelector":{"i":0,"v":7},"afterResultPath":{"i":0,"v":7}}`,
		},
		{
			name: "a failure in a branch is the Parallel's to catch",
			state: `{"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}}],
				"Catch": [{"ErrorEquals": ["Other"], "Next": "D"}, {"ErrorEquals": ["E"], "Next": "D"}], "Next": "D"}, "D": {"Type": "Succeed"}}}`,
			in: "F",
			want: `{"status":"CAUGHT_ERROR","output":{"Error":"E","Cause":"c"},"error":"E","cause":"c","next":"D","catcher":1,
				"input":{},"afterInputPath":{}}`,
		},
		{
			name: "a failure in an iteration that the Map tolerates",
			state: `{"StartAt": "M", "States": {"M": {"Type": "Map", "ToleratedFailureCount": 2, "ItemProcessor": {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}},
				"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "D"}], "Next": "D"}, "D": {"Type": "Succeed"}}}`,
			in:    "F",
			setup: TrialSetup{FailedIterations: 1},
			want:  `{"status":"FAILED","error":"E","input":{},"afterInputPath":{}}`,
		},
		{
			name: "a failure in an iteration that is one too many",
			state: `{"StartAt": "M", "States": {"M": {"Type": "Map", "ToleratedFailureCount": 2, "ItemProcessor": {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}},
				"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "D"}], "Next": "D"}, "D": {"Type": "Succeed"}}}`,
			in:    "F",
			setup: TrialSetup{FailedIterations: 2},
			want: `{"status":"CAUGHT_ERROR","output":{"Error":"States.ExceedToleratedFailureThreshold","Cause":"The specified tolerated failure threshold was exceeded"},
				"error":"States.ExceedToleratedFailureThreshold","cause":"The specified tolerated failure threshold was exceeded","next":"D","catcher":0,"input":{},"afterInputPath":{}}`,
		},
		{
			name:  "a context that is given is all there is",
			state: `{"Type": "Pass", "OutputPath": "$$", "End": true}`,
			setup: TrialSetup{Context: value.MustParse(`{"mine":1}`)},
			want: `{"status":"SUCCEEDED","output":{"mine":1},"input":{},"afterInputPath":{},"afterParameters":{},
				"afterResultSelector":{},"afterResultPath":{}}`,
		},
		{
			name:  "the context that is made up",
			state: `{"Type": "Pass", "OutputPath": "$$", "End": true}`,
			setup: TrialSetup{ExecutionARN: "arn:aws:states:us-east-1:123456789012:express:Machine:Run", RoleARN: "arn:role"},
			want: `{"status":"SUCCEEDED","output":{
				"Execution":{"Id":"arn:aws:states:us-east-1:123456789012:express:Machine:Run","Input":{},"Name":"Run","RoleArn":"arn:role","StartTime":"2026-03-14T01:59:00.000Z"},
				"StateMachine":{"Id":"arn:aws:states:us-east-1:123456789012:stateMachine:Machine","Name":"Machine"},
				"State":{"Name":"StateName","EnteredTime":"2026-03-14T01:59:00.000Z"}},
				"input":{},"afterInputPath":{},"afterParameters":{},"afterResultSelector":{},"afterResultPath":{}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(value.MustParse(c.want).JSON(), c.run(t).JSON()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (c *trialCase) run(t *testing.T) value.Value {
	t.Helper()
	compile := CompileState
	if c.in != "" {
		compile = Compile
	} else {
		c.in = StateNamed
	}
	d, err := compile([]byte(c.state))
	if err != nil {
		t.Fatal(err)
	}
	c.setup.Now, c.setup.Input = epoch, value.EmptyObject
	if c.input != "" {
		c.setup.Input = value.MustParse(c.input)
	}
	trial := d.Try(c.in, c.setup)
	needs := c.outcome.Failure != nil || !c.outcome.Output.IsAbsent()
	if got := trial.Needs() != nil; got != needs {
		t.Fatalf("the trial needs an outcome: %v, want %v", got, needs)
	}
	if needs {
		trial.End(c.outcome)
	}
	if trial.Needs() != nil {
		t.Fatal("the trial has not ended")
	}
	return shown(trial.Result())
}

// shown is a result with what is there of it.
func shown(r TrialResult) value.Value {
	v := value.NewObject(member("status", value.NewString(string(r.Status))))
	add := func(name string, m value.Value) {
		if !m.IsAbsent() {
			v = v.With(name, m)
		}
	}
	word := func(s string) (m value.Value) {
		if s != "" {
			m = value.NewString(s)
		}
		return m
	}
	add("output", r.Output)
	if r.Failure != nil {
		add("error", word(r.Failure.Error))
		add("cause", word(r.Failure.Cause))
	}
	add("next", word(r.Next))
	if r.Handled.Retrier >= 0 {
		add("retrier", value.NewInt(int64(r.Handled.Retrier)))
	}
	if r.Handled.Backoff > 0 {
		add("backoff", value.NewFloat(r.Handled.Backoff.Seconds()))
	}
	if r.Handled.Catcher >= 0 {
		add("catcher", value.NewInt(int64(r.Handled.Catcher)))
	}
	for at, m := range r.Stages {
		add(Stage(at).String(), m)
	}
	return v
}

func TestCompileState(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`{"Type": "Pass"}`,
		`{"Type": "Nothing", "End": true}`,
		`{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}`,
		`[]`,
		`{`,
		`{"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}], "End": true}`,
	} {
		if _, err := CompileState([]byte(source)); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
}
