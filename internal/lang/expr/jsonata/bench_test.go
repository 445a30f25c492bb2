package jsonata

import (
	"fmt"
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

// The twelve expressions over a document of a hundred items.
var benchmarks = []struct{ name, text string }{
	{"field", `customer.name`},
	{"path", `orders.lines.price`},
	{"predicate", `orders[state="paid" and total > 50].id`},
	{"sum", `$sum(orders.lines.(quantity * price))`},
	{"map", `$map(orders, function($o, $i) { $i & ":" & $o.id })`},
	{"filter", `$filter(orders, function($o) { $count($o.lines[price > 20]) > 1 })`},
	{"sort", `orders^(>total, id).id`},
	{"group", `orders{state: $sum(total)}`},
	{"object", `orders.{"id": id, "total": $formatNumber(total, "#,##0.00"), "n": $count(lines)}`},
	{"reduce", `$reduce(orders.total, function($a, $b) { $a + $b }, 0)`},
	{"parent", `orders.lines[price > 40].{"order": %.id, "sku": sku}`},
	{"transform", `$ ~> |orders.lines|{"price": price * 1.2}, ["sku"]|`},
}

func BenchmarkEval(b *testing.B) {
	input := document()
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			e, err := Compile(bench.text)
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
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(benchmarks[8].text); err != nil {
			b.Fatal(err)
		}
	}
}
