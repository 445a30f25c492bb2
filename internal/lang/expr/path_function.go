package expr

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// pathFunction is a function that can end a path, as in $.list.length().
type pathFunction struct {
	least int // arguments
	apply func(v value.Value, args []value.Value) (value.Value, error)
}

const pathFunctionNames = "append, avg, concat, first, index, keys, last, length, max, min, size, stddev, sum"

// pathFunctions are Jayway's, with its answers: null where a function does not apply, doubles from those on numbers.
var pathFunctions = map[string]*pathFunction{
	"append": {1, appendTo},
	"avg":    {0, onNumbers(average)},
	"concat": {0, concatenate},
	"first":  {0, func(v value.Value, _ []value.Value) (value.Value, error) { return nth(v, 0), nil }},
	"index":  {1, indexOf},
	"keys":   {0, keysOf},
	"last":   {0, func(v value.Value, _ []value.Value) (value.Value, error) { return nth(v, -1), nil }},
	"length": {0, lengthOf},
	"max":    {0, onNumbers(func(n []float64) float64 { return fold(n, math.Inf(-1), math.Max) })},
	"min":    {0, onNumbers(func(n []float64) float64 { return fold(n, math.Inf(1), math.Min) })},
	"size":   {0, lengthOf},
	"stddev": {0, onNumbers(deviation)},
	"sum":    {0, onNumbers(sum)},
}

// call applies the path's function: to all that was found together where the path descends, to each of them where it is
// indefinite otherwise.
func (w *walk) call(p *Path, from value.Value) (value.Value, error) {
	args := make([]value.Value, len(p.args))
	for i := range p.args {
		args[i] = p.args[i].of(w, from)
	}
	descends := false
	for _, s := range p.steps {
		descends = descends || s.op == opDescend
	}
	targets := w.out
	if descends {
		targets = []value.Value{value.NewArray(w.out...)}
	}
	results := make([]value.Value, len(targets))
	for i, v := range targets {
		r, err := p.function.apply(v, args)
		if err != nil {
			return value.Value{}, err
		}
		results[i] = r
	}
	if !descends && !p.definite {
		return value.NewArray(results...), nil
	}
	return results[0], nil
}

func lengthOf(v value.Value, _ []value.Value) (value.Value, error) {
	if k := v.Kind(); k != value.Array && k != value.Object {
		return value.NullValue, nil
	}
	return value.NewInt(int64(v.Len())), nil
}

func keysOf(v value.Value, _ []value.Value) (value.Value, error) {
	if v.Kind() != value.Object {
		return value.NullValue, nil
	}
	names := make([]value.Value, v.Len())
	for i := range names {
		names[i] = value.NewString(v.Name(i))
	}
	return value.NewArray(names...), nil
}

func nth(v value.Value, i int) value.Value {
	if e, ok := element(v, i); ok {
		return e
	}
	return value.NullValue
}

func indexOf(v value.Value, args []value.Value) (value.Value, error) {
	i, ok := args[0].Int64()
	if !ok || i != int64(int32(i)) {
		return value.Value{}, fmt.Errorf("the index must be a whole number, not %s", args[0])
	}
	return nth(v, int(i)), nil
}

func appendTo(v value.Value, args []value.Value) (value.Value, error) {
	if v.Kind() != value.Array {
		return v, nil
	}
	list := make([]value.Value, 0, v.Len()+len(args))
	for _, e := range v.Elements() {
		list = append(list, e)
	}
	for _, a := range args {
		if !a.IsAbsent() {
			list = append(list, a)
		}
	}
	return value.NewArray(list...), nil
}

func concatenate(v value.Value, args []value.Value) (value.Value, error) {
	var b strings.Builder
	for _, e := range v.Elements() {
		if e.Kind() == value.String {
			b.WriteString(e.Text())
		}
	}
	for _, a := range args {
		b.WriteString(a.Text())
	}
	return value.NewString(b.String()), nil
}

// onNumbers makes a function of the numbers among an array's elements and the arguments.
func onNumbers(f func([]float64) float64) func(value.Value, []value.Value) (value.Value, error) {
	return func(v value.Value, args []value.Value) (value.Value, error) {
		var numbers []float64
		add := func(e value.Value) {
			if n, ok := e.Float64(); ok {
				numbers = append(numbers, n)
			}
		}
		for _, e := range v.Elements() {
			add(e)
		}
		for _, a := range args {
			add(a)
			for _, e := range a.Elements() {
				add(e)
			}
		}
		if len(numbers) == 0 {
			return value.Value{}, errors.New("an aggregation needs at least one number")
		}
		return double(f(numbers))
	}
}

// double is f as Java writes a double: whole numbers with a fraction.
func double(f float64) (value.Value, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return value.Value{}, errors.New("the result is too large for a number")
	}
	if f == math.Trunc(f) && math.Abs(f) < 1e7 {
		return value.NewNumber(strconv.FormatFloat(f, 'f', 1, 64))
	}
	return value.NewFloat(f), nil
}

func fold(numbers []float64, start float64, f func(a, b float64) float64) float64 {
	for _, n := range numbers {
		start = f(start, n)
	}
	return start
}

func sum(numbers []float64) float64 {
	return fold(numbers, 0, func(a, b float64) float64 { return a + b })
}

func average(numbers []float64) float64 { return sum(numbers) / float64(len(numbers)) }

// deviation is the standard deviation of a whole population.
func deviation(numbers []float64) float64 {
	mean := average(numbers)
	squares := fold(numbers, 0, func(a, n float64) float64 { return a + (n-mean)*(n-mean) })
	return math.Sqrt(squares / float64(len(numbers)))
}
