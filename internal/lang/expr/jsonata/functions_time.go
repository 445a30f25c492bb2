package jsonata

import (
	"math"
	"regexp"
	"strings"
	"time"
)

var timeFunctions = []*native{
	define("now", "<s?s?:s>", 2, now),
	define("millis", "<:n>", 0, func(c *call) (any, error) { return float64(c.scope.Now.UnixMilli()), nil }),
	define("fromMillis", "<n-s?s?:s>", 3, ofNumber(fromMillis)),
	define("toMillis", "<s-s?:n>", 2, ofString(toMillis)),
}

// isoPicture is how times are written where no picture is given.
const isoPicture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

// maxMillis is how far from 1970 a time may be.
const maxMillis = 8.64e15

func now(c *call) (any, error) {
	return c.formatTime(float64(c.scope.Now.UnixMilli()), c.arg(0), c.arg(1))
}

func fromMillis(c *call, millis float64) (any, error) {
	return c.formatTime(millis, c.arg(1), c.arg(2))
}

func (c *call) formatTime(millis float64, picture, zone any) (any, error) {
	text, ok := picture.(string)
	if !ok {
		text = isoPicture
	}
	if err := c.payPicture(text); err != nil {
		return nil, err
	}
	parts, err := parseTimePicture(text)
	if err != nil {
		return nil, err
	}
	offset := 0
	if z, ok := zone.(string); ok {
		f := leadingInteger(z)
		if math.IsNaN(f) || math.Abs(f) > 9999 {
			return nil, &Error{Code: "D3137", Message: "the timezone " + z + " is not of the form ±HHMM"}
		}
		offset = int(f)
	}
	millis += float64((offset/100*60 + offset%100) * 60 * 1000)
	if math.IsNaN(millis) || math.Abs(millis) > maxMillis {
		return nil, outOfRange()
	}
	at := time.UnixMilli(int64(math.Trunc(millis))).UTC()
	var b strings.Builder
	for _, p := range parts {
		s, err := c.formatPart(&p, at, offset)
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return c.text(b.String())
}

// formatPart writes a part of a time, whose zone is offset, hours and minutes as HHMM.
func (c *call) formatPart(p *timePart, at time.Time, offset int) (string, error) {
	switch p.component {
	case 0:
		return p.literal, nil
	case 'Z', 'z':
		return c.formatZone(p, offset)
	case 'P':
		half := "am"
		if at.Hour() >= 12 {
			half = "pm"
		}
		if p.letters == upperCase {
			half = strings.ToUpper(half)
		}
		return half, nil
	case 'C', 'E':
		return "ISO", nil
	}
	v := component(at, p.component)
	if p.byName {
		return p.name(v)
	}
	if p.component == 'Y' && p.places > 0 {
		v %= int(math.Pow10(min(p.places, 9)))
	}
	return c.formatInteger(p.integer, float64(v))
}

// name is the name of a month or a day.
func (p *timePart) name(v int) (string, error) {
	var name string
	switch p.component {
	case 'M', 'x':
		name = time.Month(v).String()
	case 'F':
		name = time.Weekday(v % 7).String()
	default:
		return "", failWith("D3133", string(p.component))
	}
	switch p.letters {
	case upperCase:
		name = strings.ToUpper(name)
	case lowerCase:
		name = strings.ToLower(name)
	}
	if p.maxWidth > 0 && len(name) > p.maxWidth {
		name = name[:p.maxWidth]
	}
	return name, nil
}

func (c *call) formatZone(p *timePart, offset int) (string, error) {
	if offset == 0 && p.traditional {
		return "Z", nil
	}
	if p.integer == nil {
		return "", failWith("D3133", string(p.component))
	}
	text, err := "", error(nil)
	switch digits := p.integer.mandatory; {
	case p.integer.every > 0 || digits == 3 || digits == 4:
		text, err = c.formatInteger(p.integer, float64(offset))
	case digits == 1 || digits == 2:
		text, err = c.formatInteger(p.integer, float64(offset/100))
		if minutes := offset % 100; minutes != 0 {
			text += ":" + leftPad(numberText(math.Abs(float64(minutes))), 2)
		}
	default:
		return "", failWith("D3134", float64(digits))
	}
	if offset >= 0 {
		text = "+" + text
	}
	if p.component == 'z' {
		text = "GMT" + text
	}
	return text, err
}

// component is a part of a time as a number. Weeks are those of ISO 8601, which has weeks of months too: the one that
// holds the first Thursday is the first.
func component(at time.Time, letter byte) int {
	switch letter {
	case 'Y':
		return at.Year()
	case 'M':
		return int(at.Month())
	case 'D':
		return at.Day()
	case 'd':
		return at.YearDay()
	case 'F':
		return isoWeekday(at)
	case 'W':
		_, week := at.ISOWeek()
		return week
	case 'X':
		year, _ := at.ISOWeek()
		return year
	case 'w':
		return (thursday(at).Day()-1)/7 + 1
	case 'x':
		return int(thursday(at).Month())
	case 'H':
		return at.Hour()
	case 'h':
		return (at.Hour()+11)%12 + 1
	case 'm':
		return at.Minute()
	case 's':
		return at.Second()
	case 'f':
		return at.Nanosecond() / int(time.Millisecond)
	}
	return 0
}

// isoWeekday counts from Monday, 1.
func isoWeekday(at time.Time) int { return (int(at.Weekday())+6)%7 + 1 }

// thursday is the day of the week of at that says what month the week belongs to.
func thursday(at time.Time) time.Time { return at.AddDate(0, 0, 4-isoWeekday(at)) }

var isoForm = regexp.MustCompile(
	`^(\d{4})(?:-([01]\d))?(?:-([0-3]\d))?(?:T([0-2]\d):([0-5]\d):([0-5]\d))?(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?$`)

func toMillis(c *call, text string) (any, error) {
	if err := c.step(1 + len(text)/10); err != nil {
		return nil, err
	}
	if picture, ok := c.arg(1).(string); ok {
		return c.parseTime(text, picture)
	}
	found := isoForm.FindStringSubmatch(text)
	if found == nil {
		return nil, failWith("D3110", text)
	}
	field := func(i, fallback int) int {
		if found[i] == "" {
			return fallback
		}
		return int(leadingInteger(found[i]))
	}
	month, day, hour := field(2, 1), field(3, 1), field(4, 0)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 {
		return nil, nil
	}
	at := time.Date(field(1, 0), time.Month(month), day, hour, field(5, 0), field(6, 0), 0, time.UTC).UnixMilli()
	if found[7] != "" {
		at += int64(leadingInteger((found[7] + "00")[1:4]))
	}
	return float64(at - zoneMillis(found[8])), nil
}

// zoneMillis is the offset ±HH:MM or ±HHMM; none for Z.
func zoneMillis(zone string) int64 {
	if zone == "" || zone == "Z" {
		return 0
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	minutes := int64(leadingInteger(digits[:2]))*60 + int64(leadingInteger(digits[2:]))
	if zone[0] == '-' {
		minutes = -minutes
	}
	return minutes * 60 * 1000
}
