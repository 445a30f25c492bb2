package jsonata

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// parseTime reads a time as picture says, and completes it from the time of the evaluation.
func (c *call) parseTime(text, picture string) (any, error) {
	if err := c.payPicture(picture); err != nil {
		return nil, err
	}
	parts, err := parseTimePicture(picture)
	if err != nil {
		return nil, err
	}
	var form strings.Builder
	for i := range parts {
		f, err := parts[i].form()
		if err != nil {
			return nil, err
		}
		form.WriteString("(" + f + ")")
	}
	re, err := regexp.Compile("^(?i:" + form.String() + ")$")
	if err != nil {
		return nil, failWith("D3136", picture)
	}
	if err := c.step(len(text) * (1 + form.Len()/100)); err != nil {
		return nil, err
	}
	found := re.FindStringSubmatch(text)
	if found == nil {
		return nil, nil
	}
	read := components{}
	for i := range parts {
		if v := parts[i].parse(found[i+1]); !math.IsNaN(v) {
			read[parts[i].component] = v
		}
	}
	if len(read) == 0 {
		return nil, nil
	}
	return read.millis(c.scope.Now.UTC())
}

// form is the regular expression of what p matches.
func (p *timePart) form() (string, error) {
	switch {
	case p.component == 0:
		return regexp.QuoteMeta(p.literal), nil
	case p.component == 'Z' || p.component == 'z':
		return p.zoneForm(), nil
	case p.integer != nil:
		return p.integerForm()
	case strings.IndexByte("MxFP", p.component) >= 0:
		return "[a-zA-Z]+", nil
	}
	return "", failWith("D3133", string(p.component))
}

func (p *timePart) zoneForm() string {
	form := "[-+][0-9]+"
	if p.component == 'z' {
		form = "GMT" + form
	}
	if p.integer != nil && p.integer.every > 0 {
		form += regexp.QuoteMeta(string(p.integer.separators[0].char)) + "[0-9]+"
	}
	return form
}

func (p *timePart) integerForm() (string, error) {
	switch p.integer.numbering {
	case letterNumbering:
		return "[a-z]+", nil
	case romanNumbering:
		return "[mdclxvi]+", nil
	case wordNumbering:
		names := slices.Sorted(maps.Keys(wordValues))
		slices.Reverse(names) // the longer of two that begin alike comes first
		return "(?:" + strings.Join(names, "|") + "|and|[-, ])+", nil
	case unknownNumbering:
		return "", failWith("D3130", p.integer.picture)
	}
	times := "+"
	if p.places > 0 && p.integer.optional == 0 {
		times = fmt.Sprintf("{%d}", p.places)
	} else if p.places > 0 {
		times = fmt.Sprintf("{%d,%d}", max(0, p.places-p.integer.optional), p.places)
	}
	form := "[0-9]" + times
	if p.integer.ordinal {
		form += "(?:th|st|nd|rd)"
	}
	return form, nil
}

// parse is the number that text is for p; NaN for literals and for names that are none.
func (p *timePart) parse(text string) float64 {
	switch {
	case p.component == 0:
		return math.NaN()
	case p.component == 'Z' || p.component == 'z':
		return p.parseZone(text)
	case p.integer != nil:
		return p.integer.parse(text)
	case p.component == 'P':
		switch text {
		case "am", "AM":
			return 0
		case "pm", "PM":
			return 1
		}
		return math.NaN()
	}
	return p.parseName(text)
}

func (p *timePart) parseName(text string) float64 {
	most := 12
	if p.component == 'F' {
		most = 7
	}
	for v := 1; v <= most; v++ {
		named := *p
		named.letters = titleCase
		if name, err := named.name(v); err == nil && name == text {
			return float64(v)
		}
	}
	return math.NaN()
}

// parseZone is the offset in minutes.
func (p *timePart) parseZone(text string) float64 {
	if p.component == 'z' {
		text = text[len("GMT"):]
	}
	hours, minutes := text, ""
	if p.integer != nil && p.integer.every > 0 {
		hours, minutes, _ = strings.Cut(text, string(p.integer.separators[0].char))
	} else if len(text) > 3 {
		hours, minutes = text[:3], text[3:]
	}
	offset := leadingInteger(hours) * 60
	if m := leadingInteger(minutes); !math.IsNaN(m) {
		offset += m
	}
	return offset
}

// components are the parts of a time that were read, by their letters.
type components map[byte]float64

// within reports whether some of letters were read and are not zero, and none of others were that is not.
func (c components) within(letters, others string) bool {
	some := false
	for _, l := range letters {
		some = some || c[byte(l)] != 0
	}
	for _, l := range others {
		if c[byte(l)] != 0 && !strings.ContainsRune(letters, l) {
			return false
		}
	}
	return some
}

// Which components can tell a date, and a time of day.
const (
	dateLetters = "YXMxWwdD"
	timeLetters = "PHhmsf"
)

// millis is the time that c tells. What is larger than all that was read comes from now, what is smaller is the first
// of its kind; a gap between is an error, and so are dates by weeks.
func (c components) millis(now time.Time) (any, error) {
	date, clock := "YMD", "Hmsf"
	byDay := !c.within("YMD", dateLetters) && c.within("Yd", dateLetters)
	byHalf := !c.within("Hmsf", timeLetters) && c.within("Phmsf", timeLetters)
	switch {
	case byDay:
		date = "YD"
	case c.within("Xxw", dateLetters), c.within("XW", dateLetters):
		return nil, fail("D3136")
	}
	if byHalf {
		clock = "Phmsf"
	}
	if err := c.complete(date+clock, now); err != nil {
		return nil, err
	}
	if byDay {
		c['M'], c['D'] = 1, c['d']
	}
	if byHalf {
		c['H'] = math.Mod(c['h'], 12) + 12*c['P']
	}
	return c.join()
}

// complete fills in which of letters were not read.
func (c components) complete(letters string, now time.Time) error {
	started, ended := false, false
	for i := range len(letters) {
		l := letters[i]
		_, known := c[l]
		switch {
		case known && ended:
			return fail("D3136")
		case known:
			started = true
		case !started:
			c[l] = float64(component(now, l))
		case l == 'M' || l == 'D':
			c[l], ended = 1, true
		default:
			c[l], ended = 0, true
		}
	}
	return nil
}

// maxComponent bounds each component, so that no sum overflows.
const maxComponent = 1e6

func (c components) join() (any, error) {
	for _, l := range "YMDHmsfZz" {
		if math.Abs(c[byte(l)]) > maxComponent {
			return nil, nil
		}
	}
	at := func(l byte) int { return int(c[l]) }
	year := at('Y')
	if year >= 0 && year < 100 {
		year += 1900 // as JavaScript reads years of two digits
	}
	zone := at('Z')
	if zone == 0 {
		zone = at('z')
	}
	t := time.Date(year, time.Month(max(1, at('M'))), at('D'), at('H'), at('m')-zone, at('s'), 0, time.UTC)
	return float64(t.UnixMilli()) + c['f'], nil
}
