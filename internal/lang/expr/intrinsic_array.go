package expr

import (
	"errors"
	"fmt"
	"hash/maphash"

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

func arrayGetItem(_ *Scope, args []value.Value) (value.Value, error) {
	i, ok := args[1].Int64()
	if !ok {
		return value.Value{}, fmt.Errorf("the index must be an integer, but it is %s", args[1])
	}
	if n := args[0].Len(); i < 0 || i >= int64(n) {
		return value.Value{}, fmt.Errorf("the index %d is out of bounds of an array of %d", i, n)
	}
	return args[0].Index(int(i)), nil
}

func arrayLength(_ *Scope, args []value.Value) (value.Value, error) {
	return value.NewInt(int64(args[0].Len())), nil
}

func arrayPartition(_ *Scope, args []value.Value) (value.Value, error) {
	size, ok := args[1].Int64()
	if !ok || size <= 0 {
		return value.Value{}, fmt.Errorf("the chunk size must be a positive integer, but it is %s", args[1])
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
		if n[i], err = rounded(a); err != nil {
			return value.Value{}, err
		}
	}
	first, last, by := n[0], n[1], n[2]
	if by == 0 {
		return value.Value{}, errors.New("the increment must not be 0")
	}
	var list []value.Value
	for i := first; by > 0 && i <= last || by < 0 && i >= last; i += by {
		if len(list) == maxRange {
			return value.Value{}, fmt.Errorf("the array must not have more than %d elements", maxRange)
		}
		list = append(list, value.NewInt(i))
	}
	return value.NewArray(list...), nil
}

func arrayUnique(_ *Scope, args []value.Value) (value.Value, error) {
	seen := make(map[uint64][]value.Value, args[0].Len())
	var list []value.Value
next:
	for _, e := range args[0].Elements() {
		k := bucket(e)
		for _, other := range seen[k] {
			if value.Equal(e, other) {
				continue next
			}
		}
		seen[k] = append(seen[k], e)
		list = append(list, e)
	}
	return value.NewArray(list...), nil
}

var seed = maphash.MakeSeed()

// bucket is the same number for values that are Equal. It differs from process to process, and no result depends on it.
func bucket(v value.Value) uint64 {
	switch v.Kind() {
	case value.Number:
		f, _ := v.Float64()
		return maphash.Comparable(seed, f)
	case value.Array:
		h := uint64(value.Array)
		for _, e := range v.Elements() {
			h = h*31 + bucket(e)
		}
		return h
	case value.Object:
		h := uint64(value.Object)
		for name, m := range v.Members() {
			h += bucket(m) * (2*maphash.String(seed, name) + 1)
		}
		return h
	}
	return maphash.String(seed, v.Text()) + uint64(v.Kind())
}
