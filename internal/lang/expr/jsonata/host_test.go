package jsonata

import (
	"errors"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// host is a scope with functions of the host: double doubles a number, fails for a text, and has no result for nothing;
// sum, which the language has too, is the same.
func host() Scope {
	double := Function{Signature: "<x?:x>", Arity: 1, Call: func(args []value.Value) (value.Value, error) {
		switch v := args[0]; v.Kind() {
		case value.Number:
			f, _ := v.Float64()
			return value.NewFloat(2 * f), nil
		case value.Absent:
			return value.Value{}, nil
		}
		return value.Value{}, errors.New("no number")
	}}
	return Scope{NoEval: true, Functions: func(name string) (Function, bool) { return double, name == "double" || name == "sum" }}
}

// Functions of the host are functions like those of the language, and come before them.
func TestFunctionsOfTheHost(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`$double(21)`:                     `42`,
		`[1, 2] ~> $map($double)`:         `[2,4]`,
		`($d := $double(?); $d(4))`:       `8`,
		`$sum(3)`:                         `6`,
		`[$double(), 1]`:                  `[1]`,
		`$type($double)`:                  `"function"`,
		`(1 ~> $double ~> $double) & "x"`: `"4x"`,
	} {
		if got := mustEval(t, text, host()); got.JSON() != want {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
}

// What they fail with is an error of the expression, and $eval is no function where it is not allowed.
func TestHostErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`$double("x")`:  "D3137: no number",
		`$double(1, 2)`: `T0410: Argument 2 of function "double" does not match function signature`,
		`$eval("1")`:    "T1006: Attempted to invoke a non-function",
		`$random()`:     "D3137: $random is not available here",
	} {
		e, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = e.Eval(host()); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
