package jsonata

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var matchFunctions = []*native{
	define("match", "<s-f<s:o>n?:a<o>>", 3, ofString(matchAll)),
	define("contains", "<s-(sf):b>", 2, ofString(contains)),
	define("replace", "<s-(sf)(sf)n?:s>", 4, ofString(replace)),
	define("split", "<s-(sf)n?:a<s>>", 3, ofString(split)),
}

func matchAll(c *call, s string) (any, error) {
	limit, err := c.count(2, "D3040")
	if err != nil {
		return nil, err
	}
	out := sequenceOf()
	err = c.matches(c.arg(1), s, limit, func(found *match) error {
		o := &object{}
		o.set("match", found.text)
		o.set("index", float64(found.from))
		o.set("groups", arrayOf(found.groups...))
		out.push(o)
		return c.grow(3 * nodeBytes)
	})
	return out, err
}

func contains(c *call, s string) (any, error) {
	if part, ok := c.arg(1).(string); ok {
		return strings.Contains(s, part), nil
	}
	err := c.matches(c.arg(1), s, -1, func(*match) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// errFound ends a search that needs to know no more.
var errFound = errors.New("found")

func split(c *call, s string) (any, error) {
	limit, err := c.count(2, "D3020")
	if err != nil {
		return nil, err
	}
	out := &array{items: []any{}}
	if limit == 0 {
		return out, nil
	}
	if separator, ok := c.arg(1).(string); ok {
		if f, ok := c.arg(2).(float64); ok {
			limit = int(math.Min(f, 1<<31)) // rounded down here, and up everywhere else
		}
		return c.splitBy(s, separator, limit)
	}
	start := 0
	err = c.matches(c.arg(1), s, limit, func(found *match) error {
		out.push(s[start:max(start, found.start)])
		start = found.end
		return c.grow(itemBytes)
	})
	if limit < 0 || out.len() < limit {
		out.push(s[start:])
	}
	return out, err
}

// splitBy splits at a text, or between all characters where it is empty, and keeps at most limit parts.
func (c *call) splitBy(s, separator string, limit int) (any, error) {
	n := strings.Count(s, separator) + 1
	if err := c.grow(itemBytes * 2 * n); err != nil {
		return nil, err
	}
	parts := strings.Split(s, separator)
	if limit >= 0 && len(parts) > limit {
		parts = parts[:limit]
	}
	out := &array{items: make([]any, len(parts))}
	for i, p := range parts {
		out.items[i] = p
	}
	return out, nil
}

func replace(c *call, s string) (any, error) {
	pattern := c.arg(1)
	if pattern == "" {
		return nil, failWith("D3010", pattern)
	}
	limit, err := c.count(3, "D3011")
	if err != nil {
		return nil, err
	}
	if part, ok := pattern.(string); ok {
		return c.replaceText(s, part, limit)
	}
	var b strings.Builder
	end := 0
	err = c.matches(pattern, s, limit, func(found *match) error {
		with, err := c.replacement(found, s)
		if err != nil {
			return err
		}
		b.WriteString(s[end:max(end, found.start)])
		b.WriteString(with)
		end = max(end, found.end)
		return c.grow(len(found.text) + len(with))
	})
	if err != nil {
		return nil, err
	}
	b.WriteString(s[end:])
	return c.text(b.String())
}

// replaceText replaces a text, at most limit times. A function as the replacement is not called for a text.
func (c *call) replaceText(s, part string, limit int) (any, error) {
	n := strings.Count(s, part)
	if limit >= 0 {
		n = min(n, limit)
	}
	with, ok := c.arg(2).(string)
	switch {
	case n == 0:
		return s, nil
	case !ok:
		return nil, failWith("D3012", c.arg(2))
	}
	if grown := n * (len(with) - len(part)); grown > 0 {
		if err := c.grow(grown); err != nil {
			return nil, err
		}
	}
	return c.text(strings.Replace(s, part, with, limit))
}

// replacement is what stands for a match in s: what a function makes of it, or a text with $0, $1, ... and $$ filled in.
func (c *call) replacement(found *match, s string) (string, error) {
	if with, ok := c.arg(2).(string); ok {
		return found.expand(with), nil
	}
	o := &object{}
	o.set("match", found.text)
	o.set("start", float64(found.from))
	o.set("end", float64(found.to))
	o.set("groups", arrayOf(found.groups...))
	v, err := c.apply(c.arg(2), []any{o}, null{}, c.frame)
	if err != nil {
		return "", err
	}
	with, ok := v.(string)
	if !ok {
		return "", failWith("D3012", v)
	}
	return with, nil
}

// expand fills in the groups that template names. Of several digits as many belong to the number as groups can have.
func (m *match) expand(template string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		switch {
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			template = rest[1:]
		case strings.HasPrefix(rest, "0"):
			b.WriteString(m.text)
			template = rest[1:]
		default:
			template = m.expandGroup(&b, rest)
		}
	}
}

// expandGroup fills in the group whose number rest begins with and returns what is behind it.
func (m *match) expandGroup(b *strings.Builder, rest string) string {
	most := 1
	if len(m.groups) > 0 {
		most = len(strconv.Itoa(len(m.groups)))
	}
	number, digits := leadingNumber(rest, most)
	if most > 1 && number > len(m.groups) {
		number, digits = leadingNumber(rest, most-1)
	}
	if digits == 0 {
		b.WriteByte('$')
		return rest
	}
	if number >= 1 && number <= len(m.groups) {
		group, _ := m.groups[number-1].(string)
		b.WriteString(group)
	}
	return rest[digits:]
}

// leadingNumber is the number that s begins with, of at most so many digits.
func leadingNumber(s string, most int) (number, digits int) {
	for digits < most && digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		number = number*10 + int(s[digits]-'0')
		digits++
	}
	return number, digits
}
