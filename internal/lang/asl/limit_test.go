package asl

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// TestDataLimit holds that loops which double an input, a payload or a variable end, and that States.ALL does not catch
// the failure.
func TestDataLimit(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"output":   `{"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "Next": "C"}`,
		"variable": `{"Type": "Pass", "Assign": {"x.$": "States.Array($x, $x)"}, "Next": "C"}`,
		"selector": `{"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}], "ResultSelector": {"a.$": "$[0]", "b.$": "$[0]"}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "End"}], "Next": "C"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := compile(t, `{"StartAt": "Set", "States": {
				"Set": {"Type": "Pass", "Assign": {"x": 1}, "Next": "A"},
				"A": `+state+`,
				"C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "End"}], "Default": "A"},
				"End": {"Type": "Succeed"}}}`)
			x := d.NewState()
			in := run.Input{Kind: run.Start, Now: epoch, Value: value.NewInt(1)}
			for range 1000 {
				events, err := x.Decide(in)
				if err != nil {
					t.Fatal(err)
				}
				for _, ev := range events {
					x.Apply(ev.Fact)
					for _, o := range ev.Orders {
						if end, ok := o.(run.EndRun); ok {
							if end.Failure == nil || end.Failure.Error != errDataLimitExceeded {
								t.Errorf("ended with %+v", end)
							}
							return
						}
					}
				}
				in = run.Input{Kind: run.Step, Now: epoch}
			}
			t.Error("it goes on and on")
		})
	}
}
