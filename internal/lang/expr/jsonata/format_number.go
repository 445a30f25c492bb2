package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var formatFunctions = []*native{
	define("formatNumber", "<n-so?:s>", 3, ofNumber(formatNumber)),
	define("formatInteger", "<n-s:s>", 2, ofNumber(formatInteger)),
	define("parseInteger", "<s-s:n>", 2, ofString(parseInteger)),
}

// numberSymbols are the characters that mean something in a picture, by their names in XPath.
type numberSymbols map[string]string

var defaultSymbols = numberSymbols{
	"decimal-separator": ".", "grouping-separator": ",", "exponent-separator": "e", "infinity": "Infinity",
	"minus-sign": "-", "NaN": "NaN", "percent": "%", "per-mille": "\u2030", "zero-digit": "0", "digit": "#",
	"pattern-separator": ";",
}

func (s numberSymbols) of(name string, options *object) string {
	if options != nil {
		if v, ok := options.get(name).(string); ok {
			return v
		}
	}
	return s[name]
}

// numberFormat is how a picture string is read, by the rules of fn:format-number in XPath 3.1.
type numberFormat struct {
	decimal, grouping, exponent, minus, percent, perMille, digit, pattern, infinity, nan string

	zero rune
}

func newNumberFormat(options *object) *numberFormat {
	of := func(name string) string { return defaultSymbols.of(name, options) }
	zero, _ := utf8.DecodeRuneInString(of("zero-digit"))
	return &numberFormat{
		decimal: of("decimal-separator"), grouping: of("grouping-separator"), exponent: of("exponent-separator"),
		minus: of("minus-sign"), percent: of("percent"), perMille: of("per-mille"), digit: of("digit"),
		pattern: of("pattern-separator"), infinity: of("infinity"), nan: of("NaN"), zero: zero,
	}
}

// isDigit reports whether ch is of the family of digits that the zero begins.
func (n *numberFormat) isDigit(ch string) bool {
	r, _ := utf8.DecodeRuneInString(ch)
	return r >= n.zero && r < n.zero+10
}

// isPlace reports whether ch stands for a digit, whether it must be there or not.
func (n *numberFormat) isPlace(ch string) bool { return n.isDigit(ch) || ch == n.digit }

func (n *numberFormat) isActive(ch string) bool {
	return n.isPlace(ch) || slices.Contains([]string{n.decimal, n.exponent, n.grouping, n.pattern}, ch)
}

func countOfChars(s string, accept func(ch string) bool) int {
	total := 0
	for _, r := range s {
		total += count(accept(string(r)))
	}
	return total
}

// subPicture is one of the two halves of a picture, for positive and for negative numbers.
type subPicture struct {
	text, prefix, suffix, active, mantissa, integer, fraction, exponent string

	hasExponent bool
}

func (n *numberFormat) split(text string) (p subPicture, ok bool) {
	first, last := -1, -1
	for i, r := range text {
		if ch := string(r); n.isActive(ch) && ch != n.exponent {
			if first < 0 {
				first = i
			}
			last = i + len(ch)
		}
	}
	if first < 0 {
		return p, false
	}
	p = subPicture{text: text, prefix: text[:first], suffix: text[last:], active: text[first:last]}
	p.mantissa, p.exponent, p.hasExponent = strings.Cut(p.active, n.exponent)
	p.integer, p.fraction, _ = strings.Cut(p.mantissa, n.decimal)
	return p, true
}

// check is the code of what is wrong with p. Of several errors the last one counts.
func (n *numberFormat) check(p subPicture) string {
	percents, perMilles := strings.Count(p.text, n.percent), strings.Count(p.text, n.perMille)
	decimals := strings.Count(p.text, n.decimal)
	code := ""
	for _, rule := range []struct {
		broken bool
		code   string
	}{
		{decimals > 1, "D3081"},
		{percents > 1, "D3082"},
		{perMilles > 1, "D3083"},
		{percents > 0 && perMilles > 0, "D3084"},
		{countOfChars(p.mantissa, n.isPlace) == 0, "D3085"},
		{countOfChars(p.active, n.isActive) < utf8.RuneCountInString(p.active), "D3086"},
		{strings.Contains(p.text, n.grouping+n.decimal) || strings.Contains(p.text, n.decimal+n.grouping), "D3087"},
		{decimals == 0 && strings.HasSuffix(p.integer, n.grouping), "D3088"},
		{strings.Contains(p.text, n.grouping+n.grouping), "D3089"},
		{n.isOptionalAfterDigit(p.integer), "D3090"},
		{n.isDigitAfterOptional(p.fraction), "D3091"},
		{p.exponent != "" && percents+perMilles > 0, "D3092"},
		{p.hasExponent && (p.exponent == "" || countOfChars(p.exponent, n.isDigit) < utf8.RuneCountInString(p.exponent)), "D3093"},
	} {
		if rule.broken {
			code = rule.code
		}
	}
	return code
}

func (n *numberFormat) isOptionalAfterDigit(integer string) bool {
	before, _, ok := strings.Cut(integer, n.digit)
	return ok && countOfChars(before, n.isDigit) > 0
}

func (n *numberFormat) isDigitAfterOptional(fraction string) bool {
	i := strings.LastIndex(fraction, n.digit)
	return i >= 0 && countOfChars(fraction[i:], n.isDigit) > 0
}

// layout is what a half of a picture says of the digits.
type layout struct {
	subPicture

	scaling                               int // digits before the point of a number with an exponent
	minInteger, minFraction, maxFraction  int
	minExponent                           int
	every                                 int   // digits between separators of the integer part, where that is regular
	integerSeparators, fractionSeparators []int // places counted from the point
}

func (n *numberFormat) analyse(p subPicture) *layout {
	l := &layout{subPicture: p}
	l.minInteger = countOfChars(p.integer, n.isDigit)
	l.scaling = l.minInteger
	l.minFraction = countOfChars(p.fraction, n.isDigit)
	l.maxFraction = countOfChars(p.fraction, n.isPlace)
	switch {
	case l.minInteger == 0 && l.maxFraction == 0 && p.hasExponent:
		l.minFraction, l.maxFraction = 1, 1
	case l.minInteger == 0 && l.maxFraction == 0:
		l.minInteger = 1
	}
	if p.hasExponent && l.minInteger == 0 && strings.Contains(p.integer, n.digit) {
		l.minInteger = 1
	}
	if l.minInteger == 0 && l.minFraction == 0 {
		l.minFraction = 1
	}
	l.minExponent = countOfChars(p.exponent, n.isDigit)
	for i, part := range strings.Split(p.integer, n.grouping) {
		if i > 0 {
			for j := range l.integerSeparators {
				l.integerSeparators[j] += countOfChars(part, n.isPlace)
			}
			l.integerSeparators = append(l.integerSeparators, countOfChars(part, n.isPlace))
		}
	}
	places := 0
	parts := strings.Split(p.fraction, n.grouping)
	for _, part := range parts[:len(parts)-1] {
		places += countOfChars(part, n.isPlace)
		l.fractionSeparators = append(l.fractionSeparators, places)
	}
	l.every = regularity(l.integerSeparators)
	return l
}

// regularity is the distance at which separators repeat, and 0 where they do not.
func regularity(places []int) int {
	every := 0
	for _, p := range places {
		every = gcd(every, p)
	}
	for i := range places {
		if !slices.Contains(places, (i+1)*every) {
			return 0
		}
	}
	return every
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// layouts reads the one or two halves of a picture.
func (n *numberFormat) layouts(picture string) ([]*layout, error) {
	halves := strings.Split(picture, n.pattern)
	if len(halves) > 2 {
		return nil, fail("D3080")
	}
	var layouts []*layout
	for _, half := range halves {
		p, ok := n.split(half)
		if !ok {
			return nil, fail("D3085")
		}
		if code := n.check(p); code != "" {
			return nil, fail(code)
		}
		layouts = append(layouts, n.analyse(p))
	}
	return layouts, nil
}

func formatNumber(c *call, f float64) (any, error) {
	options, _ := c.arg(2).(*object)
	n := newNumberFormat(options)
	picture := c.orElse(1, "")
	layouts, known := c.pictures[picture]
	if !known || options != nil {
		if err := c.payPicture(picture); err != nil {
			return nil, err
		}
		var err error
		if layouts, err = n.layouts(picture); err != nil {
			return nil, err
		}
	}
	if !known && options == nil {
		if c.pictures == nil {
			c.pictures = make(map[string][]*layout)
		}
		c.pictures[picture] = layouts
	}
	l := *layouts[0]
	if f < 0 && len(layouts) == 2 {
		l = *layouts[1]
	} else if f < 0 {
		l.prefix = n.minus + l.prefix
	}
	return c.text(n.format(&l, f))
}

// payPicture counts the steps that a picture can cost: each of its characters is held against each.
func (c *call) payPicture(picture string) error { return c.step(len(picture) * len(picture) / 16) }

// format writes f as l says.
func (n *numberFormat) format(l *layout, f float64) string {
	f = math.Abs(f)
	switch {
	case math.IsInf(f, 0):
		return l.prefix + n.infinity + l.suffix
	case math.IsNaN(f):
		return n.nan
	case strings.Contains(l.subPicture.text, n.percent):
		f *= 100
	case strings.Contains(l.subPicture.text, n.perMille):
		f *= 1000
	}
	exponent := 0
	if l.minExponent > 0 {
		f, exponent = normalised(f, l.scaling)
	}
	digits := strconv.FormatFloat(roundTo(f, l.maxFraction), 'f', l.maxFraction, 64)
	integer, fraction, _ := strings.Cut(digits, ".")
	integer = leftPad(strings.TrimLeft(integer, "0"), l.minInteger)
	fraction = strings.TrimRight(fraction, "0")
	if missing := l.minFraction - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	var b strings.Builder
	b.WriteString(l.prefix)
	b.WriteString(n.grouped(integer, l.separatorsOf(len(integer)), true))
	if fraction != "" && strings.Contains(l.subPicture.text, n.decimal) {
		b.WriteString(n.decimal)
		b.WriteString(n.grouped(fraction, l.fractionSeparators, false))
	}
	if l.minExponent > 0 {
		b.WriteString(n.exponent)
		if exponent < 0 {
			b.WriteString(n.minus)
			exponent = -exponent
		}
		b.WriteString(n.grouped(leftPad(strconv.Itoa(exponent), l.minExponent), nil, false))
	}
	b.WriteString(l.suffix)
	return b.String()
}

// normalised is f with so many digits before the point, and the power of ten that is left.
func normalised(f float64, digits int) (mantissa float64, exponent int) {
	most, least := math.Pow10(digits), math.Pow10(digits-1)
	for ; f != 0 && f < least; exponent-- {
		f *= 10
	}
	for ; f > most && !math.IsInf(f, 0); exponent++ {
		f /= 10
	}
	return f, exponent
}

func leftPad(digits string, width int) string {
	return strings.Repeat("0", max(0, width-len(digits))) + digits
}

// separatorsOf are the places of separators in an integer part of so many digits.
func (l *layout) separatorsOf(digits int) []int {
	if l.every == 0 {
		return l.integerSeparators
	}
	var places []int
	for p := l.every; p < digits; p += l.every {
		places = append(places, p)
	}
	return places
}

// grouped writes digits in the family of the zero, with separators at places that count from the right or the left.
func (n *numberFormat) grouped(digits string, places []int, fromRight bool) string {
	var b strings.Builder
	for i, d := range digits {
		place := i
		if fromRight {
			place = len(digits) - i
		}
		if i > 0 && slices.Contains(places, place) {
			b.WriteString(n.grouping)
		}
		if d >= '0' && d <= '9' {
			d += n.zero - '0'
		}
		b.WriteRune(d)
	}
	return b.String()
}
