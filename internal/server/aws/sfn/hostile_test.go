package sfn_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tutti-ml/tutti/internal/value"
)

// Definitions whose expressions would take for ever, or more memory than there is, fail by themselves, with the error
// that Step Functions has for expressions, and the executions of others go on meanwhile.
func TestHostileExpressions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *setup) { o.wide = true })
	quick := w.machine("ada", "quick", pass)
	var running []string
	for i, expression := range []string{
		`($f := function($n) { 1 + $f($n + 1) }; $f(0))`,
		`($f := function() { $f() }; $f())`,
		`$pad('x', 1000000000)`,
		`$join([1..10000000].$pad('x', 1000))`,
		`($f := function($s) { $f($s & $s) }; $f('ab'))`,
		`($s := $pad('', 4000000, 'a'); $map([1..10000000], function($i) { $contains($s, /(a*)*b/) }))`,
		`$match($pad('', 50000000, 'a'), /(a|aa|aaa)*$/)`,
		`[1..10000000]#$i#$j`,
		`$range(1, 1000000000, 1)`,
	} {
		text := value.NewString("{% " + expression + " %}").JSON()
		m := w.machine("bob", "hostile-"+strconv.Itoa(i), `{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":`+text+`,"End":true}}}`)
		running = append(running, w.start("bob", m, "x", `{}`))
	}
	many := value.NewString("{% $sum([1..10000000].($ * 2)) %}").JSON()
	m := w.machine("bob", "many", `{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":[`+strings.Repeat(many+",", 1000)+many+`],"End":true}}}`)
	running = append(running, w.start("bob", m, "x", `{}`))

	for i := range 20 {
		began := time.Now()
		if got := w.ended("ada", w.start("ada", quick, strconv.Itoa(i), `{}`)); got.Status != "SUCCEEDED" {
			t.Errorf("another's execution: %s", got.Status)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("another's execution took %v", took)
		}
	}
	for _, x := range running {
		if got := w.ended("bob", x); got.Status != "FAILED" || *got.Error != "States.QueryEvaluationError" {
			t.Errorf("%s: %s %v %v", x, got.Status, got.Error, got.Cause)
		}
	}
}

// Definitions and inputs that are made to break a reader are refused, or run.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *setup) { o.wide = true })
	quick := w.machine("ada", "quick", pass)
	for name, input := range map[string]string{
		"broken":    `{"a":`,
		"deep":      strings.Repeat("[", 100_000),
		"twice":     `{"a":1}{"a":2}`,
		"a literal": `undefined`,
	} {
		_, err := w.as("ada").StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: &quick, Input: &input})
		if w.refused(err, "InvalidExecutionInput", "Invalid State Machine Execution Input: '"); t.Failed() {
			t.Fatal(name)
		}
	}
	huge := `[1e999999999,` + strings.Repeat("9", 100_000) + `,"\u0000",-0.0]`
	if got := w.ended("ada", w.start("ada", quick, "huge", huge)); got.Status != "SUCCEEDED" || *got.Output != huge {
		t.Errorf("numbers beyond all bounds: %s", got.Status)
	}
	for name, definition := range map[string]string{
		"broken":     `{"StartAt":`,
		"deep":       strings.Repeat(`{"States":`, 50_000),
		"no object":  `[]`,
		"recursive":  `{"StartAt":"A","States":{"A":` + strings.Repeat(`{"Type":"Parallel","End":true,"Branches":[{"StartAt":"A","States":{"A":`, 2_000),
		"expression": `{"QueryLanguage":"JSONata","StartAt":"P","States":{"P":{"Type":"Pass","Output":"{% ` + strings.Repeat("(", 100_000) + ` %}","End":true}}}`,
		"path":       `{"StartAt":"P","States":{"P":{"Type":"Pass","InputPath":"$` + strings.Repeat("[?(@", 50_000) + `","End":true}}}`,
	} {
		_, err := w.as("ada").CreateStateMachine(t.Context(), &awssfn.CreateStateMachineInput{Name: ptr("hostile"), Definition: &definition, RoleArn: ptr(role)})
		if w.refused(err, "InvalidDefinition", "Invalid State Machine Definition: '"); t.Failed() {
			t.Fatal(name)
		}
	}
}
