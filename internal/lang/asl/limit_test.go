package asl

import (
	"strings"
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

// TestPayloadLimits holds what may be how large, and where: on AWS 256 KiB everywhere; here far more, but for what a
// definition holds literally.
func TestPayloadLimits(t *testing.T) {
	t.Parallel()
	const most = 256 << 10
	text := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	result := func(size int) string { return `{"Type": "Pass", "Result": ` + text(size) + `, "End": true}` }
	echo := `{"Type": "Pass", "End": true}`
	for name, c := range map[string]struct {
		limits Limits
		state  string
		input  string
		fails  bool
	}{
		"AWS, an input":            {AWSLimits, echo, text(most), false},
		"AWS, a larger input":      {AWSLimits, echo, text(most + 1), true},
		"AWS, a literal":           {AWSLimits, result(most), `{}`, false},
		"AWS, a larger literal":    {AWSLimits, result(most + 1), `{}`, true},
		"ours, a larger input":     {Limits{}, echo, text(16 * most), false},
		"ours, a literal":          {Limits{}, result(most), `{}`, false},
		"ours, a larger literal":   {Limits{}, result(most + 1), `{}`, true},
		"configured, a literal":    {Limits{Literal: most + 1}, result(most + 1), `{}`, false},
		"configured, what is made": {Limits{Payload: 10}, `{"Type": "Pass", "Parameters": {"a.$": "$"}, "End": true}`, `"1234"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			def, err := Language{Limits: c.limits}.Compile([]byte(`{"StartAt": "A", "States": {"A": ` + c.state + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			dr := newDriver(t, def, "start x "+c.input)
			dr.run()
			if failed := dr.end.Failure != nil; failed != c.fails {
				t.Fatalf("ended with %+v", dr.end.Failure)
			}
			if c.fails && (dr.end.Failure.Error != errDataLimitExceeded || dr.end.Failure.Cause != tooLarge("A").Cause) {
				t.Errorf("ended with %+v", dr.end.Failure)
			}
		})
	}
}
