package jsonata

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	v := func(name, field string) Variable { return Variable{name, field} }
	for text, want := range map[string]References{
		"phone[0]":                            {Context: []string{"phone"}},
		"aaa + bbb.ccc":                       {Context: []string{"aaa", "bbb"}},
		"$.phone":                             {Context: []string{"$"}},
		"$$.a":                                {Root: true},
		"{a: b}":                              {Context: []string{"a", "b"}},
		"{'a': [b, -c]}":                      {Context: []string{"b", "c"}},
		"a ? b : c and d":                     {Context: []string{"a", "b", "c", "d"}},
		"$f(a) ~> $g":                         {Context: []string{"a"}, Functions: []string{"f", "g"}},
		"$sum(a) ~> $uuid":                    {Context: []string{"a"}, Functions: []string{"uuid"}},
		"$states.input.items[value > 3].name": {Variables: []Variable{v("states", "input")}},
		"$x[a=1]^(b){c: d}":                   {Variables: []Variable{v("x", "")}},
		"$map($states.input.a, function($x){ $x.b + c })":                    {Context: []string{"c"}, Variables: []Variable{v("states", "input")}},
		"($y := $z; $y.a; $states.result)":                                   {Variables: []Variable{v("z", ""), v("states", "result")}},
		"($f := function($n){ $n < 2 ? 1 : $n * $f($n-1) }; $f(5))":          {},
		"$states.input.a@$q.b[$q.c = 1]#$i[$i > 2]":                          {Variables: []Variable{v("states", "input")}},
		"$states.input ~> |items|{'x': y}, 'z'|":                             {Variables: []Variable{v("states", "input")}},
		"$states.context.Execution.Input.('a' & b)":                          {Variables: []Variable{v("states", "context")}},
		"$uppercase ~> $trim":                                                {},
		"function($a){ $a + $b }(1)":                                         {Variables: []Variable{v("b", "")}},
		"/ab+/ and 'text' & 1.5 & null & true":                               {},
		"$states.input.list[-1].(x; y) & $states.input.list.$string($) & ''": {Variables: []Variable{v("states", "input")}},
	} {
		e, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, e.References()); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}
