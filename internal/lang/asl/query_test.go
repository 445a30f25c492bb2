package asl

import (
	"strings"
	"testing"
)

// outcome runs one state of the language over {"n": 3, "text": "a"} and gives its output's JSON, or the cause of its failure
// without what Step Functions puts before it.
func outcome(t *testing.T, language, state string) string {
	t.Helper()
	d := compile(t, `{"QueryLanguage": "`+language+`", "StartAt": "S", "States": {"S": {`+state+`, "End": true}}}`)
	dr := newDriver(t, d, `start x {"n": 3, "half": 1.5, "text": "a", "list": [1, 2]}`)
	dr.run()
	if dr.end.Failure == nil {
		return dr.end.Output.JSON()
	}
	_, cause, _ := strings.Cut(dr.end.Failure.Cause, "(entered at the event id #2). ")
	if _, rest, ok := strings.Cut(cause, " specified for the field 'Output' "); ok {
		cause = rest
	}
	return dr.end.Failure.Error + ": " + cause
}

// TestQueryFunctions holds the functions that Step Functions adds to JSONata.
func TestQueryFunctions(t *testing.T) {
	t.Parallel()
	const undefined = "States.QueryEvaluationError: returned nothing (undefined)."
	threw := func(text string) string {
		return "States.QueryEvaluationError: threw an error during evaluation. " + text
	}
	for expression, want := range map[string]string{
		`$partition([1..5], 2)`:                      `[[1,2],[3,4],[5]]`,
		`$partition([1..5], 2.9)`:                    `[[1,2],[3,4],[5]]`,
		`$partition([1,2,3])`:                        `[[1,2,3]]`,
		`$partition([1,2], 1e300)`:                   `[[1,2]]`,
		`$partition([], 2)`:                          undefined,
		`$partition([1,2], 0)`:                       undefined,
		`$partition([1,2], -0.5)`:                    undefined,
		`$partition([1,2], -1)`:                      threw(`D3137: Second argument must be zero or greater`),
		`$partition([1,2], 1, 1)`:                    threw(`T0410: Argument 3 of function "partition" does not match function signature`),
		`$range(0, 10, 2)`:                           `[0,2,4,6,8,10]`,
		`$range(0, 5, 2)`:                            `[0,2,4]`,
		`$range(10, 0, -5)`:                          `[10,5,0]`,
		`$range(-1.7, 2, 1.9)`:                       `[-1,0,1,2]`,
		`$range(3, 3, 1)`:                            `3`,
		`$range(5, 1, 1)`:                            undefined,
		`$range(1, 5, -1)`:                           undefined,
		`$range(1, 5, 0)`:                            undefined,
		`$range(1, 5)`:                               undefined,
		`1/0`:                                        `"Infinity"`,
		`{'a': [-1/0, 0/0]}`:                         `{"a":["-Infinity","NaN"]}`,
		`1/0 + 1`:                                    threw(`D1001: Number out of range: null`),
		`($f := function($n) { 1 + $f($n) }; $f(1))`: `States.QueryEvaluationError: threw an error during evaluation: Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=5001 max=5000`,
		`$keys($states)`:                             `["input","context"]`,
		`$range(1)`:                                  threw(`T0410: Argument 2 of function "range" does not match function signature`),
		`$range(1, 2000000, 1)`:                      `States.QueryEvaluationError: threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage`,
		`$count($range(-1e300, 1e300, 9e18))`:        `3`,
		`$hash('Hello', 'MD5')`:                      `"8b1a9953c4611296a827abf8c47804d7"`,
		`$hash('Hello')`:                             undefined,
		`$hash('Hello', 'md5')`:                      threw(`D3137: Cannot hash by the algorithm "md5"`),
		`$hash(42, 'MD5')`:                           threw(`T0410: Argument 1 of function "hash" does not match function signature`),
		`$parse('{"b":1,"a":[2]}')`:                  `{"b":1,"a":[2]}`,
		`$parse('null')`:                             `null`,
		`$parse('')`:                                 threw(`D3137: Invalid JSON`),
		`$parse('1 2')`:                              threw(`D3137: Invalid JSON`),
		`$parse('{"a":1,"a":2}')`:                    threw(`D3137: Invalid JSON`),
		`$parse()`:                                   undefined,
		`$parse(null)`:                               threw(`T0410: Argument 1 of function "parse" does not match function signature`),
		`$map(['{"a":1}', '{"a":2}'], $parse).a`:     `[1,2]`,
		`$length($uuid())`:                           `36`,
		`$uuid('x')`:                                 threw(`T0410: Argument 1 of function "uuid" does not match function signature`),
		`$random(42)`:                                `0.7275636800328681`,
		`$random(0.9)`:                               `0.730967787376657`,
		`$random(7)`:                                 `0.7306990420600421`,
		`$random() < 1`:                              `true`,
		`$random(1, 2)`:                              threw(`T0410: Argument 2 of function "random" does not match function signature`),
	} {
		text := strings.ReplaceAll(expression, `"`, `\"`)
		if got := outcome(t, "JSONata", `"Type": "Pass", "Output": "{% `+text+` %}"`); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

// TestQueriedFields holds how fields that take no value of any kind refuse the result of an expression.
func TestQueriedFields(t *testing.T) {
	t.Parallel()
	const mapping = `"Type": "Map", "Items": [1], "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, `
	for state, want := range map[string]string{
		`"Type": "Wait", "Seconds": "{% $none %}"`:                                              `The JSONata expression '$none' specified for the field 'Seconds' returned nothing (undefined).`,
		`"Type": "Wait", "Seconds": "{% $states.input.text %}"`:                                 `The JSONata expression '$states.input.text' specified for the field 'Seconds' returned an unexpected result type. Expected 'number', but was 'string' for value: "a"`,
		`"Type": "Wait", "Seconds": "{% $states.input.half %}"`:                                 `The Seconds field cannot be parsed as an integer: 1.5`,
		`"Type": "Wait", "Seconds": "{% -$states.input.n %}"`:                                   `Seconds must be between 0 and 99999999 but was: -3`,
		`"Type": "Wait", "Timestamp": "{% $states.input.n %}"`:                                  `The JSONata expression '$states.input.n' specified for the field 'Timestamp' returned an unexpected result type. Expected 'timestamp', but was 'number' for value: 3`,
		`"Type": "Task", "Resource": "arn:aws:states:::noop", "TimeoutSeconds": "{% 1e8 %}"`:    `TimeoutSeconds must be between 0 and 99999999 but was: 100000000`,
		`"Type": "Task", "Resource": "arn:aws:states:::noop", "HeartbeatSeconds": "{% true %}"`: `The JSONata expression 'true' specified for the field 'HeartbeatSeconds' returned an unexpected result type. Expected 'number', but was 'boolean' for value: true`,
		mapping + `"MaxConcurrency": "{% -1 %}"`:                                                `MaxConcurrency must be at least 0 but was: -1`,
		mapping + `"ToleratedFailureCount": "{% 0.5 %}"`:                                        `The ToleratedFailureCount field cannot be parsed as an integer: 0.5`,
		mapping + `"ToleratedFailurePercentage": "{% 101 %}"`:                                   `ToleratedFailurePercentage must be between 0 and 100 but was: 101`,
	} {
		if got := outcome(t, "JSONata", state); got != errQuery+": "+want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
	}
}

// TestWaitPaths holds how a Wait refuses what a path leads to.
func TestWaitPaths(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		`"SecondsPath": "$.none"`:    `The SecondsPath parameter does not reference an input value: $.none`,
		`"SecondsPath": "$.text"`:    `The SecondsPath parameter cannot be parsed as a long value: $.text == a`,
		`"SecondsPath": "$.half"`:    `The SecondsPath parameter cannot be parsed as a long value: $.half == 1.5`,
		`"SecondsPath": "$.list[9]"`: `The SecondsPath parameter does not reference an input value: $.list[9]`,
		`"TimestampPath": "$.none"`:  `The TimestampPath parameter does not reference an input value: $.none`,
		`"TimestampPath": "$.text"`:  `The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.text == a`,
	} {
		if got := outcome(t, "JSONPath", `"Type": "Wait", `+field); got != "States.Runtime: "+want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
}
