package jsonata

import (
	"errors"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// FuzzEval holds that nothing crashes or escapes the limits, that errors have codes, and that an evaluation done again
// gives the same.
func FuzzEval(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	for _, text := range []string{
		`Account.Order[0].Product^(>Price).{"n": Name, "p": $round(Price * 1.1, 2)}`,
		`a.b@$x.c[$x.d=$].%.%`, `$[a=1]#$i{"x": $i}[]`, `$fromMillis(0, "[Y0001]-[FNn,3-3] [H#1]", "+0530")`,
		`$ ~> |**[x]|{"y": $sum(z)}, ["a","b"]|`, `$replace("abc", /(b)(c)?/i, "$2$1$$")`, `λ($x)<n-:n>{$x}`, "`a b`.\"c\"",
	} {
		f.Add(text)
	}
	input := value.MustParse(`{"a":[{"b":1,"c":{"d":[1,2,[3]]}},{"b":"x"}],"x":null,"z":[0.1,2e3,true]}`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text)
		if err != nil {
			checkError(t, text, err)
			return
		}
		eval := func() (value.Value, bool, error) {
			return e.Eval(Scope{Input: input, Random: newDice(), Limits: Limits{Steps: 20_000, Depth: 500, Bytes: 1 << 20}})
		}
		v, defined, err := eval()
		if err != nil {
			checkError(t, text, err)
		}
		again, definedAgain, errAgain := eval()
		if defined != definedAgain || v.JSON() != again.JSON() || (err == nil) != (errAgain == nil) {
			t.Fatalf("%s: first %v %v, then %v %v", text, v, err, again, errAgain)
		}
		if defined && !v.IsAbsent() {
			if _, err := value.Parse([]byte(v.JSON())); err != nil {
				t.Fatalf("%s: gave %v: %v", text, v, err)
			}
		}
	})
}

func checkError(t *testing.T, text string, err error) {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) || failed.Code == "" || failed.Message == "" {
		t.Fatalf("%s: an error without code or message: %#v", text, err)
	}
}
