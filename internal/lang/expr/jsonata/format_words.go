package jsonata

import (
	"math"
	"regexp"
	"strings"
)

var (
	smallWords = strings.Fields(`Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen
		Fifteen Sixteen Seventeen Eighteen Nineteen`)
	smallOrdinals = strings.Fields(`Zeroth First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth Eleventh
		Twelfth Thirteenth Fourteenth Fifteenth Sixteenth Seventeenth Eighteenth Nineteenth`)
	tensWords = strings.Fields(`Twenty Thirty Forty Fifty Sixty Seventy Eighty Ninety`)
	magnitude = strings.Fields(`Thousand Million Billion Trillion`)
)

// words writes v in English. What is joined to words before it is told how: "and" within a hundred, a comma elsewhere.
func words(v float64, ordinal bool, joint string) string {
	switch {
	case v < 20 && ordinal:
		return joint + smallOrdinals[int(v)]
	case v < 20:
		return joint + smallWords[int(v)]
	case v < 100:
		return joint + tens(int(v), ordinal)
	}
	unit, name := 100.0, "Hundred"
	if v >= 1000 {
		power := min(int(math.Floor(math.Log10(v)/3)), len(magnitude))
		unit, name = math.Pow(1000, float64(power)), magnitude[power-1]
	}
	if joint != "" {
		joint = ", "
	}
	many := math.Floor(v / unit)
	text := joint + words(many, false, "") + " " + name
	rest := v - many*unit
	switch {
	case rest > 0:
		return text + words(rest, ordinal, " and ")
	case ordinal:
		return text + "th"
	}
	return text
}

func tens(v int, ordinal bool) string {
	text := tensWords[v/10-2]
	switch {
	case v%10 > 0:
		return text + "-" + words(float64(v%10), ordinal, "")
	case ordinal:
		return strings.TrimSuffix(text, "y") + "ieth"
	}
	return text
}

// wordValues are the numbers that words stand for, in lower case.
var wordValues = func() map[string]float64 {
	values := map[string]float64{"hundred": 100, "hundredth": 100}
	for i := range smallWords {
		values[strings.ToLower(smallWords[i])] = float64(i)
		values[strings.ToLower(smallOrdinals[i])] = float64(i)
	}
	for i, w := range tensWords {
		w = strings.ToLower(w)
		values[w] = float64(i+2) * 10
		values[strings.TrimSuffix(w, "y")+"ieth"] = float64(i+2) * 10
	}
	for i, w := range magnitude {
		w = strings.ToLower(w)
		values[w] = math.Pow(1000, float64(i+1))
		values[w+"th"] = values[w]
	}
	return values
}()

var wordBreak = regexp.MustCompile(`,\s|\sand\s|[\s\\-]`)

// wordsValue is the number that words stand for, NaN where one of them stands for none.
func wordsValue(text string) float64 {
	segments := []float64{0}
	for _, word := range wordBreak.Split(text, -1) {
		v, ok := wordValues[word]
		if !ok {
			return math.NaN()
		}
		last := &segments[len(segments)-1]
		switch {
		case v >= 100:
			*last *= v
		case *last >= 1000:
			segments = append(segments, v)
		default:
			*last += v
		}
	}
	total := 0.0
	for _, s := range segments {
		total += s
	}
	return total
}
