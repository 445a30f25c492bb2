package jsonata

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// document is 100 orders of three products each.
func document() value.Value {
	var b strings.Builder
	b.WriteString(`{"customer":{"name":"Ada","vip":true},"orders":[`)
	for i := range 100 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"o%03d","total":%d.25,"state":"%s","lines":[`, i, i*7%90, []string{"open", "paid", "sent"}[i%3])
		for j := range 3 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"sku":"p%d","quantity":%d,"price":%d.5}`, (i+j)%17, j+1, (i*j)%50)
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`]}`)
	return value.MustParse(b.String())
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
	input := document()
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
