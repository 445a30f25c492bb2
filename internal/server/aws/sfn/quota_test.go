package sfn_test

import (
	"context"
	"strings"
	"testing"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
)

// AWS's limits on sizes, in force and not.
func TestSizes(t *testing.T) {
	t.Parallel()
	const most = 256 << 10
	text := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	long := func(size int) string { return pass + strings.Repeat(" ", size-len(pass)) }
	aws := newWorld(t, func(o *setup) { o.language = asl.AWSLimits })
	wide := newWorld(t, func(o *setup) { o.wide = true })
	m := aws.machine("ada", "m", pass)
	wide.machine("ada", "m", pass)

	for _, w := range []*world{aws, wide} {
		if got := w.ended("ada", w.start("ada", m, "fits", text(most))); got.Status != "SUCCEEDED" || len(*got.Output) != most {
			t.Errorf("256 KiB: %s, %d bytes", got.Status, len(*got.Output))
		}
	}
	_, err := aws.as("ada").StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: &m, Input: ptr(text(most + 1))})
	aws.refused(err, "ValidationException", "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have size less than or equal to 262144 bytes in UTF-8 encoding")
	if got := wide.ended("ada", wide.start("ada", m, "larger", text(8*most))); got.Status != "SUCCEEDED" || len(*got.Output) != 8*most {
		t.Errorf("2 MiB: %s, %d bytes", got.Status, len(*got.Output))
	}

	create := func(w *world, name, definition string) error {
		_, err := w.as("ada").CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{Name: &name, Definition: &definition, RoleArn: ptr(role)})
		return err
	}
	if err := create(aws, "fits", long(1<<20)); err != nil {
		t.Errorf("a definition of 1 MiB: %v", err)
	}
	aws.refused(create(aws, "large", long(1<<20+1)), "ValidationException", "at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576")
	if err := create(wide, "large", long(1<<20+1)); err != nil {
		t.Errorf("a larger definition: %v", err)
	}
}

// What an execution makes is bounded, and how much it does, with Step Functions' own errors.
func TestExecutionLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *setup) { o.language = asl.AWSLimits })
	for name, try := range map[string]struct {
		definition, error, cause string
	}{
		"a payload that doubles": {
			`{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a.$":"$","b.$":"$"},"Next":"A"}}}`,
			"States.DataLimitExceeded", "The state/task 'A' returned a result with a size exceeding the maximum number of bytes service limit.",
		},
		"a loop": {
			`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":0,"Next":"A"}}}`,
			"States.Runtime", "The execution reached the maximum number of history events (25000).",
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := w.start("ada", w.machine("ada", strings.ReplaceAll(name, " ", "-"), strings.ReplaceAll(try.definition, `"A"}}}`, `"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.never","IsPresent":true,"Next":"C"}],"Default":"A"},"C":{"Type":"Succeed"}}}`)), "x", `{"n":1}`)
			if got := w.ended("ada", x); got.Status != "FAILED" || *got.Error != try.error || *got.Cause != try.cause {
				t.Errorf("%s %v %v", got.Status, *got.Error, *got.Cause)
			}
			history := must[*awssfn.GetExecutionHistoryOutput](w)(w.as("ada").GetExecutionHistory(t.Context(), &awssfn.GetExecutionHistoryInput{
				ExecutionArn: &x, ReverseOrder: true, MaxResults: 2,
			}))
			if e := history.Events[0]; e.Type != types.HistoryEventTypeExecutionFailed || e.Id > 25_000 || name == "a loop" && (e.Id != 25_000 || e.PreviousEventId != 24_999) {
				t.Errorf("the last event: %+v", e)
			}
		})
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *setup) {
		o.quotas = sfn.Quotas{Machines: 2, Activities: 1, Versions: 1, Aliases: 1, Pollers: 1}
	})
	ada := w.as("ada")
	m := w.machine("ada", "one", pass)
	w.machine("bob", "two", pass)
	w.machine("ada", "one", pass) // it is there
	_, err := ada.CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{Name: ptr("three"), Definition: ptr(pass), RoleArn: ptr(role)})
	w.refused(err, "StateMachineLimitExceeded", "state machines")

	version := must[*awssfn.PublishStateMachineVersionOutput](w)(ada.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: &m}))
	must[*awssfn.UpdateStateMachineOutput](w)(ada.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: &m, Definition: ptr(stand)}))
	_, err = ada.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: &m})
	w.refused(err, "ServiceQuotaExceededException", "versions")

	alias := func(name string) error {
		_, err := ada.CreateStateMachineAlias(t.Context(), &awssfn.CreateStateMachineAliasInput{
			Name: &name, RoutingConfiguration: []types.RoutingConfigurationListItem{{StateMachineVersionArn: version.StateMachineVersionArn, Weight: 100}},
		})
		return err
	}
	if err := alias("a"); err != nil {
		t.Error(err)
	}
	w.refused(alias("b"), "ServiceQuotaExceededException", "aliases")

	activity := must[*awssfn.CreateActivityOutput](w)(ada.CreateActivity(t.Context(), &awssfn.CreateActivityInput{Name: ptr("a")}))
	_, err = ada.CreateActivity(t.Context(), &awssfn.CreateActivityInput{Name: ptr("b")})
	w.refused(err, "ActivityLimitExceeded", "activities")

	poll := func(ctx context.Context) error {
		_, err := ada.GetActivityTask(ctx, &awssfn.GetActivityTaskInput{ActivityArn: activity.ActivityArn})
		return err
	}
	// Of two workers one waits, and the other is sent away.
	ctx, stop := context.WithCancel(t.Context())
	polled := make(chan error, 2)
	for range 2 {
		go func() { polled <- poll(ctx) }()
	}
	w.refused(<-polled, "ActivityWorkerLimitExceeded", "workers")
	stop()
	<-polled
}
