package jsonata

import (
	"errors"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// What the differential test against jsonata.js (test/oracle) once found.
func TestFoundByTheReference(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`$string($power(3.5, 10))`:             `"275854.735351563"`,
		`$string(-$power(3.5, 10))`:            `"-275854.735351563"`,
		`$substring("abc", nothing, 10)`:       `""`,
		`$substring("abc", nothing)`:           `"abc"`,
		`$split("one two", /x*/, 1)`:           `D1004`,
		`$replace("one two", /x*/, "", 1)`:     `D1004`,
		`$match("one", /x*/, 1)`:               `D1004`,
		`$match("one", /x*/, 0)`:               ``,
		`$contains("one", /x*/)`:               `true`,
		`$power(1, nothing)`:                   `D3061`,
		`$count($match("a1b2c3", /[0-9]/, 2))`: `2`,
	} {
		e, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := e.Eval(Scope{Input: value.EmptyObject})
		got := v.JSON()
		var failed *Error
		if errors.As(err, &failed) {
			got = failed.Code
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
