package asl

import (
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/value"
)

// queryFunctions are the functions that Step Functions adds to JSONata, without $random. Numbers are rounded towards
// zero. A result that is absent is undefined there.
var queryFunctions = map[string]struct {
	signature string
	arity     int
	call      func(s *step, args []value.Value) (value.Value, error)
}{
	"partition": {"<an?:a>", 2, partition},
	"range":     {"<nnn?:x>", 3, numberRange},
	"hash":      {"<ss?:s>", 2, hash},
	"parse":     {"<s?:x>", 1, parseText},
	"uuid":      {"<:s>", 0, uuid},
}

// argumentError is how a function refuses its arguments, as Step Functions words it.
type argumentError string

func (e argumentError) Error() string { return string(e) }

// maxRange is how many numbers $range gives, as many as JSONata's own [a..b].
const maxRange = 1_000_000

// The calls of intrinsic functions for an array of the arguments.
var (
	callHash = mustCall("States.Hash($[0], $[1])")
	callUUID = mustCall("States.UUID()")
)

func mustCall(text string) *expr.Call {
	c, err := expr.ParseCall(text)
	if err != nil {
		panic(fmt.Sprintf("parsing %q: %v", text, err))
	}
	return c
}

// function is one of those that Step Functions adds, for expressions of the step.
func (s *step) function(name string) (jsonata.Function, bool) {
	if name == "random" {
		return jsonata.Function{Signature: "<n?:n>", Arity: 1, Call: s.random}, true
	}
	f, ok := queryFunctions[name]
	return jsonata.Function{Signature: f.signature, Arity: f.arity, Call: func(args []value.Value) (value.Value, error) {
		return f.call(s, args)
	}}, ok
}

// partition cuts an array into chunks of a size: nothing where it is empty or the size 0, one chunk where no size is given.
func partition(_ *step, args []value.Value) (value.Value, error) {
	list := args[0]
	size := list.Len()
	if !args[1].IsAbsent() {
		size = int(min(truncated(args[1]), int64(size)))
	}
	switch {
	case size < 0:
		return value.Value{}, argumentError("Second argument must be zero or greater")
	case size == 0:
		return value.Value{}, nil
	}
	chunks := make([]value.Value, 0, (list.Len()+size-1)/size)
	for from := 0; from < list.Len(); from += size {
		chunk := make([]value.Value, 0, size)
		for i := from; i < min(from+size, list.Len()); i++ {
			chunk = append(chunk, list.Index(i))
		}
		chunks = append(chunks, value.NewArray(chunk...))
	}
	return value.NewArray(chunks...), nil
}

// numberRange is the numbers from the first to the second by steps of the third: nothing where no step leads there, and
// the number alone where it is one.
func numberRange(_ *step, args []value.Value) (value.Value, error) {
	from, to := truncated(args[0]), truncated(args[1])
	by := int64(0)
	if !args[2].IsAbsent() {
		by = truncated(args[2])
	}
	if by == 0 || by > 0 && from > to || by < 0 && from < to {
		return value.Value{}, nil
	}
	// The distance and the width of a step may be more than an int64 holds.
	distance, width := uint64(to)-uint64(from), uint64(by)
	if by < 0 {
		distance, width = -distance, -width
	}
	steps := distance / width
	if steps >= maxRange {
		return value.Value{}, jsonata.OutOfMemory()
	}
	list := make([]value.Value, steps+1)
	for i := range list {
		list[i] = value.NewInt(from + int64(i)*by)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return value.NewArray(list...), nil
}

// truncated is the number v, rounded towards zero, or the nearest int64.
func truncated(v value.Value) int64 {
	f, _ := v.Float64()
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

// hash is the hash of a text by an algorithm; nothing where no algorithm is given.
func hash(_ *step, args []value.Value) (value.Value, error) {
	if args[1].IsAbsent() {
		return value.Value{}, nil
	}
	v, err := callHash.Eval(&expr.Scope{Input: value.NewArray(args...)})
	if err != nil {
		return v, argumentError(fmt.Sprintf("Cannot hash by the algorithm %q", args[1].Text()))
	}
	return v, nil
}

// parseText is the value that a text of JSON stands for; nothing where no text is given.
func parseText(_ *step, args []value.Value) (value.Value, error) {
	if args[0].IsAbsent() {
		return value.Value{}, nil
	}
	text := []byte(args[0].Text())
	v, err := value.Parse(text)
	if err != nil || !jsontext.Value(text).IsValid() { // which two members of one name are not
		return value.Value{}, argumentError("Invalid JSON")
	}
	return v, nil
}

func uuid(s *step, _ []value.Value) (value.Value, error) {
	return callUUID.Eval(&expr.Scope{Entropy: s.draw()})
}

// random is a number in [0, 1): of a seed always the same, the one that java.util.Random has for it, as in Step Functions.
func (s *step) random(args []value.Value) (value.Value, error) {
	if args[0].IsAbsent() {
		return value.NewFloat(fraction(s.draw())), nil
	}
	const factor, addend, mask = 0x5deece66d, 0xb, 1<<48 - 1
	state := (uint64(truncated(args[0])) ^ factor) & mask
	state = (state*factor + addend) & mask
	high := state >> 22
	state = (state*factor + addend) & mask
	return value.NewFloat(float64(high<<27+state>>21) / (1 << 53)), nil
}

// draw is the step's next random number.
func (s *step) draw() uint64 {
	s.drawn++
	return scatter(s.in.Entropy + s.drawn)
}

// scatter is the finishing function of SplitMix64 (Steele, Lea and Flood, 2014): near seeds give far numbers.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fraction is a number in [0, 1) made of the upper bits of x.
func fraction(x uint64) float64 { return float64(x>>11) / (1 << 53) }
