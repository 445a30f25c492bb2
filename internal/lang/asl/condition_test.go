package asl

import (
	"fmt"
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
)

// TestComparisons holds each operator of a Choice against values that it takes and values that it does not.
func TestComparisons(t *testing.T) {
	t.Parallel()
	cases := []struct {
		operator string // as in the file
		yes, no  []string
	}{
		{`"StringEquals": "b"`, []string{`"b"`}, []string{`"a"`, `1`, `null`}},
		{`"StringLessThan": "b"`, []string{`"a"`, `""`}, []string{`"b"`, `"c"`, `1`}},
		{`"StringGreaterThan": "b"`, []string{`"c"`, `"ba"`}, []string{`"b"`, `"a"`}},
		{`"StringLessThanEquals": "b"`, []string{`"a"`, `"b"`}, []string{`"c"`, `true`}},
		{`"StringGreaterThanEquals": "b"`, []string{`"c"`, `"b"`}, []string{`"a"`}},
		{`"NumericEquals": 10`, []string{`10`, `10.0`, `1e1`}, []string{`"10"`, `11`, `null`}},
		{`"NumericLessThan": 10`, []string{`9.99`, `-1`}, []string{`10`, `"9"`}},
		{`"NumericGreaterThan": 10`, []string{`10.000000000000000000001`}, []string{`10`, `9`}},
		{`"NumericLessThanEquals": 10`, []string{`10`, `9`}, []string{`10.5`}},
		{`"NumericGreaterThanEquals": 10`, []string{`10`, `1e400`}, []string{`9`}},
		{`"BooleanEquals": true`, []string{`true`}, []string{`false`, `"true"`, `1`}},
		{`"BooleanEquals": false`, []string{`false`}, []string{`true`, `null`}},
		{`"TimestampEquals": "2026-03-14T01:59:00Z"`, []string{`"2026-03-14T02:59:00+01:00"`, `"2026-03-14T01:59:00.000Z"`}, []string{`"2026-03-14T01:59:01Z"`, `"soon"`, `5`}},
		{`"TimestampLessThan": "2026-03-14T01:59:00Z"`, []string{`"2026-03-14T01:58:59.999Z"`}, []string{`"2026-03-14T01:59:00Z"`}},
		{`"TimestampGreaterThan": "2026-03-14T01:59:00Z"`, []string{`"2027-01-01T00:00:00Z"`}, []string{`"2026-03-14T01:59:00Z"`}},
		{`"TimestampLessThanEquals": "2026-03-14T01:59:00Z"`, []string{`"2026-03-14T01:59:00Z"`}, []string{`"2026-03-14T01:59:01Z"`}},
		{`"TimestampGreaterThanEquals": "2026-03-14T01:59:00Z"`, []string{`"2026-03-14T01:59:00Z"`}, []string{`"2026-03-14"`}},
		{`"IsNull": true`, []string{`null`}, []string{`0`, `""`}},
		{`"IsNull": false`, []string{`0`}, []string{`null`}},
		{`"IsPresent": true`, []string{`null`, `0`}, nil},
		{`"IsPresent": false`, nil, []string{`null`}},
		{`"IsNumeric": true`, []string{`0`, `-1.5e3`}, []string{`"0"`}},
		{`"IsString": true`, []string{`""`}, []string{`0`}},
		{`"IsBoolean": true`, []string{`false`}, []string{`"false"`}},
		{`"IsTimestamp": true`, []string{`"2026-03-14T01:59:00Z"`}, []string{`"2026-03-14T01:59:00"`, `1`}},
		{`"IsTimestamp": false`, []string{`"2026-03-14 01:59:00Z"`}, []string{`"2026-03-14T01:59:00+09:00"`}},
		{`"StringMatches": "log-*.txt"`, []string{`"log-.txt"`, `"log-a.txt.txt"`}, []string{`"log-.tx"`, `"alog-.txt"`}},
		{`"StringMatches": "*"`, []string{`""`, `"a*b"`}, []string{`1`}},
		{`"StringMatches": "a\\*b*c"`, []string{`"a*bc"`, `"a*bxxc"`}, []string{`"axbc"`, `"a\\*bc"`}},
		{`"StringMatches": "a\\\\*"`, []string{`"a\\"`, `"a\\b"`}, []string{`"a"`, `"a*"`}},
		{`"StringMatches": "*ab*ab*"`, []string{`"abab"`, `"xabxabx"`}, []string{`"aab"`}},
		// The twins that take their operand from the input, where it is 10, "b", true or a timestamp.
		{`"NumericEqualsPath": "$.num"`, []string{`10`}, []string{`11`}},
		{`"NumericLessThanPath": "$.num"`, []string{`9`}, []string{`10`}},
		{`"NumericGreaterThanPath": "$.num"`, []string{`11`}, []string{`10`}},
		{`"NumericLessThanEqualsPath": "$.num"`, []string{`10`}, []string{`11`}},
		{`"NumericGreaterThanEqualsPath": "$.num"`, []string{`10`}, []string{`9`}},
		{`"StringEqualsPath": "$.str"`, []string{`"b"`}, []string{`"c"`, `10`}},
		{`"StringLessThanPath": "$.str"`, []string{`"a"`}, []string{`"b"`}},
		{`"StringGreaterThanPath": "$.str"`, []string{`"c"`}, []string{`"b"`}},
		{`"StringLessThanEqualsPath": "$.str"`, []string{`"b"`}, []string{`"c"`}},
		{`"StringGreaterThanEqualsPath": "$.str"`, []string{`"b"`}, []string{`"a"`}},
		{`"StringEqualsPath": "$.num"`, nil, []string{`10`, `"10"`}},
		{`"BooleanEqualsPath": "$.yes"`, []string{`true`}, []string{`false`}},
		{`"TimestampEqualsPath": "$.time"`, []string{`"2026-03-14T01:59:00Z"`}, []string{`"2026-03-14T01:59:01Z"`}},
		{`"TimestampLessThanPath": "$.time"`, []string{`"2026-03-14T01:58:00Z"`}, []string{`"2026-03-14T01:59:00Z"`}},
		{`"TimestampGreaterThanPath": "$.time"`, []string{`"2026-03-14T02:00:00Z"`}, []string{`"2026-03-14T01:59:00Z"`}},
		{`"TimestampLessThanEqualsPath": "$.time"`, []string{`"2026-03-14T01:59:00Z"`}, []string{`"2026-03-14T02:00:00Z"`}},
		{`"TimestampGreaterThanEqualsPath": "$.time"`, []string{`"2026-03-14T01:59:00Z"`}, []string{`"2026-03-14T01:58:00Z"`}},
	}
	tried := make(map[string]bool)
	for _, c := range cases {
		name, _, _ := cutQuoted(c.operator)
		tried[name] = true
		for _, v := range c.yes {
			if !holds(t, c.operator, v) {
				t.Errorf("%s does not hold for %s", c.operator, v)
			}
		}
		for _, v := range c.no {
			if holds(t, c.operator, v) {
				t.Errorf("%s holds for %s", c.operator, v)
			}
		}
	}
	for _, name := range comparators {
		if !tried[name] {
			t.Errorf("no case tries %s", name)
		}
	}
}

// cutQuoted is the text between the first two quotes of s.
func cutQuoted(s string) (name string, rest string, ok bool) {
	var n int
	n, err := fmt.Sscanf(s, "%q: %s", &name, &rest)
	return name, rest, err == nil && n == 2
}

// holds runs a Choice with one rule over {"v": v, …}.
func holds(t *testing.T, operator, v string) bool {
	t.Helper()
	d := compile(t, `{"StartAt": "C", "States": {
		"C": {"Type": "Choice", "Choices": [{"Variable": "$.v", `+operator+`, "Next": "Yes"}], "Default": "No"},
		"Yes": {"Type": "Succeed"}, "No": {"Type": "Fail", "Error": "No"}}}`)
	dr := newDriver(t, d, `start x {"v":`+v+`,"num":10,"str":"b","yes":true,"time":"2026-03-14T01:59:00Z"}`)
	dr.run()
	if dr.end.Status != run.Succeeded && dr.end.Failure.Error != "No" {
		t.Fatalf("%s with %s: %v", operator, v, dr.end.Failure)
	}
	return dr.end.Status == run.Succeeded
}

// TestAbsentVariable holds what a rule does where Variable leads nowhere: IsPresent answers, all others fail.
func TestAbsentVariable(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		`"IsPresent": false, "Next": "Yes"`:        "",
		`"IsPresent": true, "Next": "Yes"`:         "States.Runtime",
		`"NumericEquals": 1, "Next": "Yes"`:        "States.Runtime",
		`"IsNull": false, "Next": "Yes"`:           "States.Runtime",
		`"IsTimestamp": false, "Next": "Yes"`:      "States.Runtime",
		`"StringEqualsPath": "$.x", "Next": "Yes"`: "States.Runtime",
	} {
		d := compile(t, `{"StartAt": "C", "States": {"C": {"Type": "Choice", "Choices": [{"Variable": "$.absent", `+rule+`}]}, "Yes": {"Type": "Succeed"}}}`)
		dr := newDriver(t, d, "start x {}")
		dr.run()
		got := ""
		if dr.end.Failure != nil {
			got = dr.end.Failure.Error
		}
		if got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
}
