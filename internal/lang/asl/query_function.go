package asl

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/value"
)

// queryFunctions are the functions that Step Functions adds to JSONata and that do what an intrinsic function does, by
// the call of that for an array of the arguments.
var queryFunctions = map[string]struct {
	signature string
	arity     int
	call      *expr.Call
}{
	"partition": {"<an:a>", 2, mustCall("States.ArrayPartition($[0], $[1])")},
	"range":     {"<nnn:a>", 3, mustCall("States.ArrayRange($[0], $[1], $[2])")},
	"hash":      {"<xs:s>", 2, mustCall("States.Hash($[0], $[1])")},
	"parse":     {"<s:x>", 1, mustCall("States.StringToJson($[0])")},
	"uuid":      {"<:s>", 0, mustCall("States.UUID()")},
}

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
		return f.call.Eval(&expr.Scope{Input: value.NewArray(args...), Entropy: s.draw()})
	}}, ok
}

// random is a number in [0, 1): of a seed always the same.
func (s *step) random(args []value.Value) (value.Value, error) {
	if seed, ok := args[0].Float64(); ok {
		return value.NewFloat(fraction(scatter(uint64(int64(seed))))), nil
	}
	return value.NewFloat(fraction(s.draw())), nil
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
