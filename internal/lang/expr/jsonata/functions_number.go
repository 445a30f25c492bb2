package jsonata

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

var numberFunctions = []*native{
	define("number", "<(nsb)-:n>", 1, number),
	define("floor", "<n-:n>", 1, ofNumber(func(_ *call, f float64) (any, error) { return math.Floor(f), nil })),
	define("ceil", "<n-:n>", 1, ofNumber(func(_ *call, f float64) (any, error) { return math.Ceil(f) + 0, nil })),
	define("round", "<n-n?:n>", 2, ofNumber(round)),
	define("abs", "<n-:n>", 1, ofNumber(func(_ *call, f float64) (any, error) { return math.Abs(f), nil })),
	define("sqrt", "<n-:n>", 1, ofNumber(sqrt)),
	define("power", "<n-n:n>", 2, ofNumber(power)),
	define("random", "<:n>", 0, random),
	define("formatBase", "<n-n?:s>", 2, ofNumber(formatBase)),
}

var (
	decimalForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?$`)
	radixForm   = regexp.MustCompile(`^0([xX][0-9A-Fa-f]+|[oO][0-7]+|[bB][01]+)$`)
)

func number(c *call) (any, error) {
	switch v := c.arg(0).(type) {
	case nil:
		return nil, nil
	case float64:
		return v, nil
	case bool:
		return float64(count(v)), nil
	case string:
		if err := c.step(len(v) / 100); err != nil {
			return nil, err
		}
		if decimalForm.MatchString(v) {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return f, nil
			}
		} else if radixForm.MatchString(v) {
			if i, ok := new(big.Int).SetString(v, 0); ok {
				f, _ := new(big.Float).SetInt(i).Float64()
				return f, nil
			}
		}
	}
	return nil, failWith("D3030", c.arg(0))
}

func round(c *call, f float64) (any, error) {
	precision, _ := c.arg(1).(float64)
	return roundTo(f, int(math.Max(-400, math.Min(400, precision)))), nil
}

// roundTo rounds to so many decimals, what is halfway to the even neighbour.
func roundTo(f float64, decimals int) float64 {
	f = shift(math.RoundToEven(shift(f, decimals)), -decimals)
	return f + 0 // -0 becomes 0
}

// shift is f with its decimal point moved to the right, without the error of a multiplication.
func shift(f float64, places int) float64 {
	if places == 0 || f == 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return f
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	shifted, _ := strconv.ParseFloat(mantissa+"e"+strconv.Itoa(e+places), 64)
	return shifted
}

func sqrt(_ *call, f float64) (any, error) {
	if f < 0 {
		return nil, failWith("D3060", f)
	}
	return math.Sqrt(f), nil
}

func power(c *call, base float64) (any, error) {
	exponent, ok := c.arg(1).(float64)
	if !ok {
		exponent = math.NaN()
	}
	f := math.Pow(base, exponent)
	if math.IsInf(f, 0) || math.IsNaN(f) || math.IsNaN(exponent) { // in Go, 1 to the power of NaN is 1
		return nil, failWith("D3061", base).with("exp", exponent)
	}
	return f, nil
}

func random(c *call) (any, error) {
	if c.scope.Random == nil {
		return nil, &Error{Code: "D3137", Message: "$random is not available here"}
	}
	return c.scope.Random(), nil
}

func formatBase(c *call, f float64) (any, error) {
	radix := 10.0
	if r, ok := c.arg(1).(float64); ok {
		radix = roundTo(r, 0)
	}
	if radix < 2 || radix > 36 {
		return nil, failWith("D3100", radix)
	}
	f = roundTo(f, 0)
	if radix == 10 || math.IsInf(f, 0) || math.IsNaN(f) {
		return numberText(f), nil
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i.Text(int(radix)), nil
}
