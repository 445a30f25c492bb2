package asl

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// payloads are inputs of about the given size, each with the members that the benchmarks' definitions use.
var payloads = map[string]value.Value{
	"64B": value.MustParse(`{"n":5,"list":[1,2,3],"s":"abc","pad":"xxxxxxxxxxxxxxxxxxxxx"}`),
	"4KB": value.MustParse(`{"n":5,"list":[1,2,3],"s":"abc","pad":"` + strings.Repeat("x", 4000) + `"}`),
}

// BenchmarkDecide takes one state through Decide, Apply and the encoding of its facts. The bound on each is 50 µs.
func BenchmarkDecide(b *testing.B) {
	kinds := []struct{ name, state string }{
		{"pass", `{"Type": "Pass", "Next": "A"}`},
		{"pass-parameters", `{"Type": "Pass", "Parameters": {"n.$": "$.n", "list.$": "$.list", "s.$": "States.Format('a{}', 'b')", "pad.$": "$.pad"}, "Next": "A"}`},
		{"pass-context", `{"Type": "Pass", "Parameters": {"x.$": "$$.State.Name"}, "ResultPath": "$.x", "Next": "A"}`},
		{"choice", `{"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "A"}, {"And": [{"Variable": "$.s", "IsString": true}, {"Variable": "$.s", "StringMatches": "a*c"}], "Next": "A"}]}`},
		{"assign", `{"Type": "Pass", "Assign": {"x.$": "$.n"}, "Next": "A"}`},
		{"task", `{"Type": "Task", "Resource": "arn:aws:states:::noop", "Parameters": {"n.$": "$.n"}, "ResultPath": "$.r", "Retry": [{"ErrorEquals": ["States.ALL"]}], "Next": "A"}`},
		{"wait", `{"Type": "Wait", "Seconds": 5, "Next": "A"}`},
		{"parallel", `{"Type": "Parallel", "ResultPath": null, "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}, {"StartAt": "C", "States": {"C": {"Type": "Pass", "End": true}}}], "Next": "A"}`},
		{"map", `{"Type": "Map", "ItemsPath": "$.list", "ResultPath": null, "Iterator": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}, "Next": "A"}`},
	}
	for _, k := range kinds {
		for _, size := range []string{"64B", "4KB"} {
			b.Run(k.name+"/"+size, func(b *testing.B) { benchmarkState(b, k.state, payloads[size]) })
		}
	}
}

func benchmarkState(b *testing.B, state string, input value.Value) {
	d := compile(b, `{"StartAt": "S", "States": {
		"S": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "End"}], "Default": "A"},
		"End": {"Type": "Succeed"},
		"A": `+state+`}}`)
	x := d.NewState()
	decides := 0
	var open []run.Order
	feed := func(in run.Input) bool {
		in.Now, in.Entropy = epoch, uint64(decides)
		events, err := x.Decide(in)
		if err != nil {
			b.Fatal(err)
		}
		for _, ev := range events {
			var e value.Encoder
			ev.Fact.Encode(&e)
			x.Apply(ev.Fact)
			open = append(open[:0], ev.Orders...)
		}
		decides++
		return len(events) > 0
	}
	feed(run.Input{Kind: run.Start, Name: "bench", Value: input})
	b.ReportAllocs()
	b.ResetTimer()
	decides = 0
	for decides < b.N {
		if feed(run.Input{Kind: run.Step}) {
			continue
		}
		for _, o := range open {
			switch o := o.(type) {
			case run.SetTimer:
				feed(run.Input{Kind: run.TimerFired, Timer: o.Timer})
			case run.StartTask:
				feed(run.Input{Kind: run.TaskEnded, Task: o.Task, Outcome: run.Done(value.NewInt(1))})
			}
		}
	}
}

// BenchmarkChain is a chain of 100 Pass states, start to end: Decide and Apply alone.
func BenchmarkChain(b *testing.B) {
	var states strings.Builder
	for i := range 99 {
		fmt.Fprintf(&states, `"S%d": {"Type": "Pass", "Next": "S%d"}, `, i, i+1)
	}
	d := compile(b, `{"StartAt": "S0", "States": {`+states.String()+`"S99": {"Type": "Pass", "End": true}}}`)
	b.ReportAllocs()
	for b.Loop() {
		drain(b, d.NewState(), payloads["64B"])
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "transitions/s")
}

// BenchmarkMap is one Map over 100,000 Pass items.
func BenchmarkMap(b *testing.B) {
	const items = 100_000
	list := make([]value.Value, items)
	for i := range list {
		list[i] = value.NewInt(int64(i))
	}
	input := value.NewArray(list...)
	d := compile(b, `{"StartAt": "M", "States": {"M": {"Type": "Map", "Iterator": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}, "End": true}}}`)
	b.ReportAllocs()
	for b.Loop() {
		x := d.NewState()
		drain(b, x, input)
		runtime.KeepAlive(x)
	}
}

func drain(b *testing.B, x run.State, input value.Value) {
	for in := (run.Input{Kind: run.Start, Now: epoch, Name: "bench", Value: input}); ; in = (run.Input{Kind: run.Step, Now: epoch}) {
		events, err := x.Decide(in)
		if err != nil {
			b.Fatal(err)
		}
		if len(events) == 0 {
			return
		}
		for _, ev := range events {
			x.Apply(ev.Fact)
		}
	}
}

// BenchmarkCompile is the reading of a definition of 100 states.
func BenchmarkCompile(b *testing.B) {
	var states strings.Builder
	for i := range 99 {
		fmt.Fprintf(&states, `"S%d": {"Type": "Pass", "Parameters": {"a.$": "$.a"}, "Next": "S%d"}, `, i, i+1)
	}
	source := []byte(`{"StartAt": "S0", "States": {` + states.String() + `"S99": {"Type": "Pass", "End": true}}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(source); err != nil {
			b.Fatal(err)
		}
	}
}
