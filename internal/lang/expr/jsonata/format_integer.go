package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// numbering is how an integer is written.
type numbering uint8

const (
	decimalNumbering numbering = iota
	letterNumbering
	romanNumbering
	wordNumbering
	unknownNumbering
)

type letterCase uint8

const (
	lowerCase letterCase = iota
	upperCase
	titleCase
)

// integerFormat is how a picture of an integer is read, by the rules of fn:format-integer in XPath 3.1.
type integerFormat struct {
	numbering  numbering
	letters    letterCase
	ordinal    bool
	picture    string
	zero       rune
	mandatory  int // digits
	optional   int
	every      int         // digits between separators, where that is regular
	separators []separator // from the right
}

// separator stands before so many digits.
type separator struct {
	place int
	char  rune
}

// parseIntegerPicture reads "#,##0", "001;o", "Ww" and the like.
func parseIntegerPicture(picture string) (*integerFormat, error) {
	f := &integerFormat{picture: picture, zero: '0'}
	if i := strings.LastIndexByte(picture, ';'); i >= 0 {
		f.picture = picture[:i]
		f.ordinal = strings.HasPrefix(picture[i+1:], "o")
	}
	switch f.picture {
	case "A", "a":
		f.numbering = letterNumbering
	case "I", "i":
		f.numbering = romanNumbering
	case "W", "w", "Ww":
		f.numbering = wordNumbering
	default:
		return f, f.parseDigits()
	}
	switch f.picture {
	case "A", "I", "W":
		f.letters = upperCase
	case "Ww":
		f.letters = titleCase
	}
	return f, nil
}

// parseDigits reads a picture of digits, the rightmost first.
func (f *integerFormat) parseDigits() error {
	runes := []rune(f.picture)
	places := 0
	for i := len(runes) - 1; i >= 0; i-- {
		zero := digitFamily(runes[i])
		switch {
		case zero != 0 && f.mandatory > 0 && zero != f.zero:
			return fail("D3131")
		case zero != 0:
			f.zero = zero
			f.mandatory++
			places++
		case runes[i] == '#':
			f.optional++
			places++
		default:
			f.separators = append(f.separators, separator{places, runes[i]})
		}
	}
	if f.mandatory == 0 {
		f.numbering = unknownNumbering
	}
	f.every = f.regularity()
	return nil
}

// digitFamily is the zero of the decimal digits that r belongs to, 0 where it is none.
func digitFamily(r rune) rune {
	for _, zero := range [...]rune{
		0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
		0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
		0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
	} {
		if r >= zero && r <= zero+9 {
			return zero
		}
	}
	return 0
}

// regularity is the distance at which one separator repeats, and 0 where it does not or there are several.
func (f *integerFormat) regularity() int {
	places := make([]int, len(f.separators))
	for i, s := range f.separators {
		if s.char != f.separators[0].char {
			return 0
		}
		places[i] = s.place
	}
	return regularity(places)
}

func formatInteger(c *call, v float64) (any, error) {
	picture := c.orElse(1, "")
	if err := c.payPicture(picture); err != nil {
		return nil, err
	}
	f, err := parseIntegerPicture(picture)
	if err != nil {
		return nil, err
	}
	s, err := c.formatInteger(f, math.Floor(v))
	return s, err
}

// maxRoman bounds what is written in Roman numerals, a thousand of which are a letter.
const maxRoman = 1e9

// formatInteger writes v, a whole number.
func (m *machine) formatInteger(f *integerFormat, v float64) (string, error) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return "", outOfRange()
	}
	size := math.Abs(v)
	text := ""
	switch f.numbering {
	case letterNumbering:
		text = lettersOf(size)
	case romanNumbering:
		if size > maxRoman {
			return "", outOfRange()
		}
		text = romanOf(int(size))
	case wordNumbering:
		text = words(size, f.ordinal, "")
	case decimalNumbering:
		text = f.digits(size)
	default:
		return "", failWith("D3130", f.picture)
	}
	switch {
	case f.numbering == decimalNumbering:
	case f.letters == upperCase:
		text = strings.ToUpper(text)
	case f.letters == lowerCase:
		text = strings.ToLower(text)
	}
	if v < 0 {
		text = "-" + text
	}
	return text, m.grow(len(text))
}

// digits writes v with digits of the family and the separators.
func (f *integerFormat) digits(v float64) string {
	plain := leftPad(numberText(v), f.mandatory)
	var b strings.Builder
	for i, d := range plain {
		f.separate(&b, len(plain)-i, i == 0)
		if d >= '0' && d <= '9' {
			d += f.zero - '0'
		}
		b.WriteRune(d)
	}
	f.separate(&b, 0, false)
	if f.ordinal {
		b.WriteString(ordinalSuffix(plain))
	}
	return b.String()
}

// separate writes what stands before the last so many digits. One that repeats does not stand before the first digit.
func (f *integerFormat) separate(b *strings.Builder, place int, first bool) {
	if f.every > 0 {
		if place > 0 && !first && place%f.every == 0 {
			b.WriteRune(f.separators[0].char)
		}
		return
	}
	for _, s := range slices.Backward(f.separators) {
		if s.place == place {
			b.WriteRune(s.char)
		}
	}
}

func ordinalSuffix(digits string) string {
	if n := len(digits); n < 2 || digits[n-2] != '1' {
		switch digits[n-1] {
		case '1':
			return "st"
		case '2':
			return "nd"
		case '3':
			return "rd"
		}
	}
	return "th"
}

// lettersOf counts a, b, ... z, aa, ab.
func lettersOf(v float64) string {
	var letters []byte
	for v >= 1 {
		letters = append([]byte{byte('a' + int(math.Mod(v-1, 26)))}, letters...)
		v = math.Floor((v - 1) / 26)
	}
	return string(letters)
}

func lettersValue(letters string) float64 {
	v := 0.0
	for _, l := range strings.ToLower(letters) {
		v = v*26 + float64(l-'a'+1)
	}
	return v
}

var romanNumerals = []struct {
	value int
	text  string
}{
	{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"},
	{9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"},
}

func romanOf(v int) string {
	var b strings.Builder
	for _, n := range romanNumerals {
		b.WriteString(strings.Repeat(n.text, v/n.value))
		v %= n.value
	}
	return b.String()
}

// romanValue adds numerals from the right; a smaller one before a larger one is taken away.
func romanValue(roman string) float64 {
	values := map[byte]float64{'M': 1000, 'D': 500, 'C': 100, 'L': 50, 'X': 10, 'V': 5, 'I': 1}
	roman = strings.ToUpper(roman)
	total, most := 0.0, 1.0
	for i := len(roman) - 1; i >= 0; i-- {
		v, ok := values[roman[i]]
		if !ok {
			return math.NaN()
		}
		if v < most {
			total -= v
		} else {
			most = v
			total += v
		}
	}
	return total
}

func parseInteger(c *call, text string) (any, error) {
	picture := c.orElse(1, "")
	if err := c.payPicture(picture); err != nil {
		return nil, err
	}
	if err := c.grow(8 * len(text)); err != nil {
		return nil, err
	}
	f, err := parseIntegerPicture(picture)
	if err != nil {
		return nil, err
	}
	if f.numbering == unknownNumbering {
		return nil, failWith("D3130", f.picture)
	}
	v := f.parse(text)
	if math.IsNaN(v) {
		return nil, nil
	}
	return v, nil
}

// parse is the number that text is in this format, NaN where it is none.
func (f *integerFormat) parse(text string) float64 {
	switch f.numbering {
	case letterNumbering:
		return lettersValue(text)
	case romanNumbering:
		return romanValue(text)
	case wordNumbering:
		return wordsValue(strings.ToLower(text))
	}
	if f.ordinal && len(text) > 2 {
		text = text[:len(text)-2]
	}
	for _, s := range f.separators {
		text = strings.ReplaceAll(text, string(s.char), "")
	}
	text = strings.Map(func(r rune) rune {
		if digitFamily(r) == f.zero {
			return r - f.zero + '0'
		}
		return r
	}, text)
	return leadingInteger(text)
}

// leadingInteger is the whole number that text begins with, NaN where it begins with none.
func leadingInteger(text string) float64 {
	text = strings.TrimLeft(text, " \t\n\r")
	end := 0
	if end < len(text) && (text[0] == '-' || text[0] == '+') {
		end++
	}
	first := end
	for end < len(text) && text[end] < utf8.RuneSelf && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if end == first {
		return math.NaN()
	}
	v, _ := strconv.ParseFloat(text[:end], 64)
	return v
}
