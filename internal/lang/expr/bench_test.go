package expr

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

func BenchmarkPath(b *testing.B) {
	for _, text := range []string{"$.store.bicycle.color", "$..price", "$.store.book[?(@.price < 10 && @.isbn)].title"} {
		b.Run(text, func(b *testing.B) {
			p, err := ParsePath(text)
			if err != nil {
				b.Fatal(err)
			}
			s := scopeOf(library)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTemplate(b *testing.B) {
	tmpl, problems := ParseTemplate(value.MustParse(`{
	  "JobName.$": "States.Format('train-{}', $.limit)",
	  "Queue": "default",
	  "Overrides": {"Environment": [{"Name": "N", "Value.$": "$.limit"}, {"Name": "MODE", "Value": "fast"}]}
	}`))
	if problems != nil {
		b.Fatal(problems)
	}
	s := scopeOf(library)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Eval(s); err != nil {
			b.Fatal(err)
		}
	}
}
