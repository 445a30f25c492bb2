package expr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// maxRange is how many elements States.ArrayRange may give (AWS's limit).
const maxRange = 1000

func array(_ *Scope, args []value.Value) (value.Value, error) { return value.NewArray(args...), nil }

func arrayContains(_ *Scope, args []value.Value) (value.Value, error) {
	for _, e := range args[0].Elements() {
		if value.Equal(e, args[1]) {
			return value.True, nil
		}
	}
	return value.False, nil
}

// arrayGetItem takes an index without its fraction. Of an empty array every item is null.
func arrayGetItem(_ *Scope, args []value.Value) (value.Value, error) {
	i, err := truncated(args[1])
	n := args[0].Len()
	switch {
	case err != nil || i < 0 || n > 0 && i >= int64(n):
		return value.Value{}, errArguments
	case n == 0:
		return value.NullValue, nil
	}
	return args[0].Index(int(i)), nil
}

func arrayLength(_ *Scope, args []value.Value) (value.Value, error) {
	return value.NewInt(int64(args[0].Len())), nil
}

func arrayPartition(_ *Scope, args []value.Value) (value.Value, error) {
	size, err := truncated(args[1])
	if err != nil || size <= 0 {
		return value.Value{}, errArguments
	}
	n := int64(args[0].Len())
	var chunks []value.Value
	for from := int64(0); from < n; {
		to := from + min(size, n-from)
		chunk := make([]value.Value, 0, to-from)
		for ; from < to; from++ {
			chunk = append(chunk, args[0].Index(int(from)))
		}
		chunks = append(chunks, value.NewArray(chunk...))
	}
	return value.NewArray(chunks...), nil
}

func arrayRange(_ *Scope, args []value.Value) (value.Value, error) {
	var n [3]int64
	for i, a := range args {
		var err error
		if n[i], err = truncated(a); err != nil {
			return value.Value{}, err
		}
	}
	first, last, by := n[0], n[1], n[2]
	if by == 0 {
		return value.Value{}, errArguments
	}
	var list []value.Value
	for i := first; by > 0 && i <= last || by < 0 && i >= last; i += by {
		if len(list) == maxRange {
			return value.Value{}, errArguments
		}
		list = append(list, value.NewInt(i))
	}
	return value.NewArray(list...), nil
}

// arrayUnique keeps the first of elements that are the same JSON.
func arrayUnique(_ *Scope, args []value.Value) (value.Value, error) {
	seen := make(map[string]bool, args[0].Len())
	var list []value.Value
	var key []byte
	for _, e := range args[0].Elements() {
		if key = appendKey(key[:0], e); !seen[string(key)] {
			seen[string(key)] = true
			list = append(list, e)
		}
	}
	return value.NewArray(list...), nil
}

// appendKey appends a text that is the same for values that are value.Equal.
func appendKey(b []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Number:
		return appendNumberKey(b, v.Text())
	case value.Array:
		b = append(b, '[')
		for _, e := range v.Elements() {
			b = append(appendKey(b, e), ',')
		}
		return append(b, ']')
	case value.Object:
		places := make([]int, v.Len())
		for i := range places {
			places[i] = i
		}
		slices.SortFunc(places, func(i, j int) int { return strings.Compare(v.Name(i), v.Name(j)) })
		b = append(b, '{')
		for _, i := range places {
			b = append(strconv.AppendQuote(b, v.Name(i)), ':')
			b = append(appendKey(b, v.Index(i)), ',')
		}
		return append(b, '}')
	}
	return v.AppendJSON(b)
}

// appendNumberKey appends a number as digits without zeros around them and a power of ten.
func appendNumberKey(b []byte, text string) []byte {
	mantissa, power := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil {
			return append(b, text...)
		}
		mantissa, power = text[:i], n
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimRight(strings.TrimLeft(whole+fraction, "0"), "0")
	if digits == "" {
		return append(b, '0')
	}
	power += len(strings.TrimLeft(whole, "0"))
	if strings.Trim(whole, "0") == "" {
		power -= len(fraction) - len(strings.TrimLeft(fraction, "0"))
	}
	if negative {
		b = append(b, '-')
	}
	b = append(append(b, digits...), 'e')
	return strconv.AppendInt(b, int64(power), 10)
}
