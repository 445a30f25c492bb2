package value

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Numbers are compared as the decimals they are written as, whatever their length.
func TestCompareNumbersIsExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"1", "1.0", 0}, {"0", "-0", 0}, {"9007199254740993", "9007199254740992", 1}, {"0.1", "0.10000000000000001", -1},
		{"1e2", "100", 0}, {"1e998", "1e999", -1}, {"-1e-7", "0", -1}, {"1e99999", "1", 1},
	} {
		a, _ := NewNumber(tt.a)
		b, _ := NewNumber(tt.b)
		if got := CompareNumbers(a, b); got != tt.want {
			t.Errorf("%s and %s: got %d, want %d", a, b, got, tt.want)
		}
	}
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		v, _ := NewNumber(a)
		w, _ := NewNumber(b)
		if got, want := CompareNumbers(v, w), x.Cmp(y); got != want {
			t.Fatalf("%s and %s: got %d, want %d", a, b, got, want)
		}
	})
}
