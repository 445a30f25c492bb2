package manifest

import (
	"math"
	"math/big"
	"regexp"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// quantityForm is a number of Kubernetes: digits, and a decimal or binary suffix or an exponent.
var quantityForm = regexp.MustCompile(`^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]{1,3})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$`)

var quantityUnits = map[string]string{
	"": "1", "n": "1/1000000000", "u": "1/1000000", "m": "1/1000",
	"k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12", "P": "1e15", "E": "1e18",
	"Ki": "1024", "Mi": "1048576", "Gi": "1073741824", "Ti": "1099511627776", "Pi": "1125899906842624", "Ei": "1152921504606846976",
}

// quantity reads such as 500m, 1.5 or 2Gi. ok is false where text is none or it is negative.
func quantity(text string) (q *big.Rat, ok bool) {
	m := quantityForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, false
	}
	q, ok = new(big.Rat).SetString(strings.TrimSuffix(m[1], ".") + m[2])
	unit, _ := new(big.Rat).SetString(quantityUnits[m[3]])
	if !ok || q.Sign() < 0 {
		return nil, false
	}
	return q.Mul(q, unit), true
}

// ceil is q, times scale, rounded up as Kubernetes rounds.
func ceil(q *big.Rat, scale int64) int64 {
	p := new(big.Rat).Mul(q, new(big.Rat).SetInt64(scale))
	n := new(big.Int).Add(p.Num(), new(big.Int).Sub(p.Denom(), big.NewInt(1)))
	n.Quo(n, p.Denom())
	if !n.IsInt64() {
		return math.MaxInt64
	}
	return n.Int64()
}

// amount is the quantity at n in units of 1/scale; 0 where n is nil.
func (r *reader) amount(n *node, scale int64) int64 {
	if n == nil {
		return 0
	}
	if n.kind == value.String || n.kind == value.Number {
		if q, ok := quantity(n.text); ok {
			return ceil(q, scale)
		}
	}
	r.fault(n, codeInvalid, "must be an amount such as 2, 500m, 1.5 or 8Gi, is %s", n.value())
	return 0
}
