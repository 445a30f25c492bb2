package awssdk

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

// Formats of times, by the names that models give them.
const (
	iso8601       = "iso8601"
	rfc822        = "rfc822"
	unixTimestamp = "unixTimestamp"
)

// parseTime reads a time as a file gives it: ISO 8601 with an offset, or seconds since 1970 as a number.
func parseTime(v value.Value) (time.Time, bool) {
	if v.Kind() == value.Number {
		return parseSeconds(v.Text())
	}
	t, err := time.Parse(time.RFC3339Nano, v.Text())
	return t.UTC(), err == nil && v.Kind() == value.String
}

// parseSeconds reads seconds since 1970, whole milliseconds of them.
func parseSeconds(text string) (time.Time, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e12 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), true
}

// parseAny reads a time as services write it, whatever its format.
func parseAny(text string) (time.Time, bool) {
	if t, ok := parseSeconds(text); ok {
		return t, true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999-0700", time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// formatTime writes a time in the format of its shape, or else that of its place.
func formatTime(v value.Value, own, place string) string {
	t, ok := parseTime(v)
	if !ok {
		return text(v)
	}
	if own == "" {
		own = place
	}
	switch own {
	case unixTimestamp:
		return strings.TrimSuffix(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64), ".0")
	case rfc822:
		return t.Format(http.TimeFormat)
	}
	return isoTime(t)
}

// isoTime writes a time as Java does: no fraction where there is none, else three or more digits of it.
func isoTime(t time.Time) string {
	switch t = t.UTC(); {
	case t.Nanosecond() == 0:
		return t.Format("2006-01-02T15:04:05Z")
	case t.Nanosecond()%int(time.Millisecond) == 0:
		return t.Format("2006-01-02T15:04:05.000Z")
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}

// shownTime is a time in a result: as text in those of the SDK integrations, as milliseconds since 1970 in those of the
// optimised ones.
func (r resource) shownTime(text string) value.Value {
	t, ok := parseAny(text)
	switch {
	case !ok:
		return value.NewString(text)
	case r.optimised():
		return value.NewInt(t.UnixMilli())
	}
	return value.NewString(isoTime(t))
}
