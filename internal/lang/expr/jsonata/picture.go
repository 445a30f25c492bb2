package jsonata

import (
	"math"
	"strings"
)

// timePicture is how a date and time is written: literal texts and markers such as [Y0001], by the rules of
// fn:format-dateTime in XPath 3.1.
type timePicture []timePart

// timePart is a literal text or, where component is not 0, a marker.
type timePart struct {
	literal     string
	component   byte
	traditional bool // ends in t: a zone of no offset is Z
	byName      bool
	letters     letterCase // of names
	maxWidth    int        // of names; 0 for any
	integer     *integerFormat
	places      int // of Y, M and D: how many digits, 0 for any
}

// What a marker has where it says nothing.
var defaultPresentation = map[byte]string{
	'Y': "1", 'M': "1", 'D': "1", 'd': "1", 'F': "n", 'W': "1", 'w': "1", 'X': "1", 'x': "1", 'H': "1", 'h': "1",
	'P': "n", 'm': "01", 's': "01", 'f': "1", 'Z': "01:01", 'z': "01:01", 'C': "n", 'E': "n",
}

// numeric are the components that are numbers.
const numeric = "YMDdFWwXxHhmsf"

// parseTimePicture reads a picture. [[ and ]] stand for brackets.
func parseTimePicture(picture string) (timePicture, error) {
	var parts timePicture
	literal := func(text string) {
		if text != "" {
			parts = append(parts, timePart{literal: strings.ReplaceAll(text, "]]", "]")})
		}
	}
	for picture != "" {
		before, rest, found := strings.Cut(picture, "[")
		literal(before)
		if !found {
			break
		}
		if strings.HasPrefix(rest, "[") {
			literal("[")
			picture = rest[1:]
			continue
		}
		marker, after, closed := strings.Cut(rest, "]")
		if !closed {
			return nil, fail("D3135")
		}
		p, err := parseMarker(strings.Join(strings.Fields(marker), ""))
		if err != nil {
			return nil, err
		}
		parts = append(parts, *p)
		picture = after
	}
	return parts, nil
}

// parseMarker reads what stands in brackets: a component, how it is presented, and how wide.
func parseMarker(marker string) (*timePart, error) {
	p := &timePart{}
	presentation, width := marker, ""
	if i := strings.LastIndexByte(marker, ','); i >= 0 {
		presentation, width = marker[:i], marker[i+1:]
	}
	if marker != "" {
		p.component = marker[0]
	}
	standard, ok := defaultPresentation[p.component]
	if !ok {
		return nil, failWith("D3132", marker[:min(1, len(marker))])
	}
	presentation, modifier := splitModifier(presentation[min(1, len(presentation)):])
	if presentation == "" {
		presentation = standard
	}
	p.traditional = modifier == "t"
	low, high := parseWidth(width)
	p.maxWidth = max(0, high)
	return p, p.present(presentation, modifier, low, high)
}

// splitModifier takes a, t, c or o from the end of a presentation of several letters.
func splitModifier(s string) (presentation, modifier string) {
	if n := len(s); n > 1 && strings.IndexByte("atco", s[n-1]) >= 0 {
		return s[:n-1], s[n-1:]
	}
	return s, ""
}

// parseWidth reads min-max; what is left out or * is -1.
func parseWidth(width string) (low, high int) {
	least, most, _ := strings.Cut(width, "-")
	bound := func(s string) int {
		f := leadingInteger(s)
		if math.IsNaN(f) {
			return -1
		}
		return int(math.Min(math.Max(f, 0), 1000))
	}
	return bound(least), bound(most)
}

func (p *timePart) present(presentation, modifier string, low, high int) (err error) {
	switch {
	case presentation[0] == 'n':
		p.byName, p.letters = true, lowerCase
		return nil
	case strings.HasPrefix(presentation, "Nn"):
		p.byName, p.letters = true, titleCase
		return nil
	case presentation[0] == 'N':
		p.byName, p.letters = true, upperCase
		return nil
	case p.component == 'Z' || p.component == 'z':
		p.integer, err = parseIntegerPicture(presentation)
		return err
	case strings.IndexByte(numeric, p.component) < 0:
		return nil
	}
	if modifier != "" {
		presentation += ";" + modifier
	}
	if p.integer, err = parseIntegerPicture(presentation); err != nil {
		return err
	}
	p.integer.mandatory = max(p.integer.mandatory, low)
	if strings.IndexByte("YMD", p.component) >= 0 {
		if w := p.integer.mandatory + p.integer.optional; high >= 0 {
			p.places, p.integer.mandatory = high, high
		} else if w >= 2 {
			p.places = w
		}
	}
	return nil
}
