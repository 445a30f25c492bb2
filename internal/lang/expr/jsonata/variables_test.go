package jsonata

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"1 + 2":                            nil,
		"$x + $y.a[$z > 1]{$k: $v}":        {"k", "v", "x", "y", "z"},
		"$$.a ~> $sum":                     nil,
		"($t := $a; $t + $states.input.b)": {"a", "states"},
		"$map($list, function($v, $i) { $v * $factor })": {"factor", "list"},
		"orders@$o#$i.items[$o.id = $wanted]^(>$rank)":   {"rank", "wanted"},
		"$f ? $yes : $no":                       {"f", "no", "yes"},
		"$g(?, $p)":                             {"g", "p"},
		"[$a..$b]":                              {"a", "b"},
		"payload ~> |items|{'n': $n}, [$drop]|": {"drop", "n"},
		"-$n":                                   {"n"},
		"$uppercase($name)":                     {"name"},
	} {
		e, err := Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, e.Variables()); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}
