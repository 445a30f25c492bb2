package jsonata

import "math"

var aggregateFunctions = []*native{
	define("sum", "<a<n>:n>", 1, ofArray(func(_ *call, a *array) (any, error) { return sum(a), nil })),
	define("count", "<a:n>", 1, countOf),
	define("max", "<a<n>:n>", 1, ofArray(func(_ *call, a *array) (any, error) { return extreme(a, math.Max), nil })),
	define("min", "<a<n>:n>", 1, ofArray(func(_ *call, a *array) (any, error) { return extreme(a, math.Min), nil })),
	define("average", "<a<n>:n>", 1, ofArray(average)),
}

func sum(a *array) float64 {
	total := 0.0
	for i := range a.len() {
		f, _ := a.at(i).(float64)
		total += f
	}
	return total
}

func countOf(c *call) (any, error) {
	if c.arg(0) == nil {
		return 0.0, nil
	}
	return float64(asArray(c.arg(0)).len()), nil
}

func extreme(a *array, choose func(x, y float64) float64) any {
	if a.len() == 0 {
		return nil
	}
	best, _ := a.at(0).(float64)
	for i := 1; i < a.len(); i++ {
		f, _ := a.at(i).(float64)
		best = choose(best, f)
	}
	return best
}

func average(_ *call, a *array) (any, error) {
	if a.len() == 0 {
		return nil, nil
	}
	return sum(a) / float64(a.len()), nil
}
