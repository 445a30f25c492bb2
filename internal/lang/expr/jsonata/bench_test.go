package jsonata

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// document is that of make bench.
func document(b *testing.B) value.Value {
	b.Helper()
	text, err := os.ReadFile("../../../../test/bench/testdata/orders.json")
	if err != nil {
		b.Fatal(err)
	}
	return value.MustParse(string(text))
}

// benchmarks are the expressions of make bench.
func benchmarks(b *testing.B) (all []struct{ Name, Text string }) {
	b.Helper()
	text, err := os.ReadFile("../../../../test/bench/testdata/expr.json")
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		b.Fatal(err)
	}
	return all
}

func BenchmarkEval(b *testing.B) {
	input := document(b)
	for _, bench := range benchmarks(b) {
		b.Run(bench.Name, func(b *testing.B) {
			e, err := Compile(bench.Text)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := e.Eval(Scope{Input: input}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	text := benchmarks(b)[8].Text
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(text); err != nil {
			b.Fatal(err)
		}
	}
}
