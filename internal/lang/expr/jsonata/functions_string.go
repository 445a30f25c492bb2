package jsonata

import (
	"math"
	"strings"
	"unicode/utf8"
)

var stringFunctions = []*native{
	define("string", "<x-b?:s>", 1, stringify),
	define("substring", "<s-nn?:s>", 3, ofString(substring)),
	define("substringBefore", "<s-s:s>", 2, ofString(substringBefore)),
	define("substringAfter", "<s-s:s>", 2, ofString(substringAfter)),
	define("lowercase", "<s-:s>", 1, ofString(func(c *call, s string) (any, error) { return c.text(strings.ToLower(s)) })),
	define("uppercase", "<s-:s>", 1, ofString(func(c *call, s string) (any, error) { return c.text(strings.ToUpper(s)) })),
	define("length", "<s-:n>", 1, ofString(func(_ *call, s string) (any, error) { return float64(utf8.RuneCountInString(s)), nil })),
	define("trim", "<s-:s>", 1, ofString(func(c *call, s string) (any, error) { return c.text(collapse(s)) })),
	define("pad", "<s-ns?:s>", 3, ofString(pad)),
	define("join", "<a<s>s?:s>", 2, ofArray(join)),
}

func stringify(c *call) (any, error) {
	v := c.arg(0)
	if v == nil {
		return nil, nil
	}
	if pretty, _ := c.arg(1).(bool); !pretty {
		s, err := c.stringOf(v)
		return s, err
	}
	switch v.(type) {
	case *array, *object:
		s, err := c.stringify(v, "  ")
		return s, err
	}
	s, err := c.stringOf(v)
	return s, err
}

func substring(c *call, s string) (any, error) {
	size := float64(utf8.RuneCountInString(s))
	start, begins := c.arg(1).(float64)
	if size+start < 0 {
		start = 0
	}
	length, ends := c.arg(2).(float64)
	if !ends {
		return cut(s, start, size), nil
	}
	if length <= 0 || !begins {
		return "", nil
	}
	if start < 0 {
		start += size
	}
	return cut(s, start, start+length), nil
}

func substringBefore(c *call, s string) (any, error) {
	before, _, _ := strings.Cut(s, c.orElse(1, "undefined"))
	return before, nil
}

func substringAfter(c *call, s string) (any, error) {
	if _, after, ok := strings.Cut(s, c.orElse(1, "undefined")); ok {
		return after, nil
	}
	return s, nil
}

// pad fills s up to a width: behind it where the width is positive, else before it.
func pad(c *call, s string) (any, error) {
	width, _ := c.arg(1).(float64)
	with := c.orElse(2, " ")
	if with == "" {
		with = " "
	}
	missing := math.Abs(width) - float64(utf8.RuneCountInString(s))
	if missing <= 0 {
		return s, nil
	}
	if missing > float64(c.limits.Bytes) {
		return nil, c.grow(c.limits.Bytes + 1)
	}
	runes := int(missing)
	repeats := runes/utf8.RuneCountInString(with) + 1
	if err := c.grow(len(s) + repeats*len(with)); err != nil {
		return nil, err
	}
	padding := cut(strings.Repeat(with, repeats), 0, float64(runes))
	if width < 0 {
		return padding + s, nil
	}
	return s + padding, nil
}

func join(c *call, a *array) (any, error) {
	separator := c.orElse(1, "")
	parts := make([]string, a.len())
	size := len(separator) * len(parts)
	for i := range parts {
		parts[i], _ = a.at(i).(string)
		size += len(parts[i])
	}
	if err := c.grow(size); err != nil {
		return nil, err
	}
	return strings.Join(parts, separator), nil
}
