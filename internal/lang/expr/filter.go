package expr

import (
	"regexp"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// condition is what a filter asks of an item.
type condition interface {
	holds(w *walk, item value.Value) bool
}

type (
	allOf   []condition           // &&
	anyOf   []condition           // ||
	negated struct{ c condition } // !
	exists  struct{ path *Path }  // @.a
	test    struct {              // @.a == 1
		compare     func(l, r operandValue) bool
		left, right operand
	}
)

func (a allOf) holds(w *walk, item value.Value) bool {
	for _, c := range a {
		if !c.holds(w, item) {
			return false
		}
	}
	return true
}

func (a anyOf) holds(w *walk, item value.Value) bool {
	for _, c := range a {
		if c.holds(w, item) {
			return true
		}
	}
	return false
}

func (n negated) holds(w *walk, item value.Value) bool { return !n.c.holds(w, item) }

func (e exists) holds(w *walk, item value.Value) bool {
	o := operand{path: e.path}
	return !o.of(w, item).IsAbsent()
}

func (t test) holds(w *walk, item value.Value) bool {
	return t.compare(operandValue{t.left.of(w, item), t.left.pattern}, operandValue{t.right.of(w, item), t.right.pattern})
}

// operand is one side of a test, or an argument of a path's function: a literal, a path or a regular expression.
type operand struct {
	literal value.Value
	path    *Path
	pattern *regexp.Regexp
}

type operandValue struct {
	value.Value
	pattern *regexp.Regexp
}

// of is the operand's value for item; Absent where its path leads nowhere.
func (o *operand) of(w *walk, item value.Value) value.Value {
	if o.path == nil {
		return o.literal
	}
	from := w.root
	if o.path.root == rootItem {
		from = item
	}
	if o.path.plain {
		w.visit()
		if v, at := o.path.plainly(from); at == len(o.path.steps) {
			return v
		}
		return value.Value{}
	}
	inner := walk{root: w.root, left: w.left}
	v, err := inner.eval(o.path, from)
	if err != nil {
		return value.Value{}
	}
	return v
}

// comparisons are Jayway's operators. An operand that leads nowhere equals nothing, so differs from everything.
var comparisons = map[string]func(l, r operandValue) bool{
	"==":       func(l, r operandValue) bool { return same(l.Value, r.Value) },
	"!=":       func(l, r operandValue) bool { return !same(l.Value, r.Value) },
	"===":      func(l, r operandValue) bool { return l.Kind() == r.Kind() && same(l.Value, r.Value) },
	"!==":      func(l, r operandValue) bool { return l.Kind() != r.Kind() || !same(l.Value, r.Value) },
	"<":        ordered(func(c int) bool { return c < 0 }),
	"<=":       ordered(func(c int) bool { return c <= 0 }),
	">":        ordered(func(c int) bool { return c > 0 }),
	">=":       ordered(func(c int) bool { return c >= 0 }),
	"=~":       matches,
	"in":       func(l, r operandValue) bool { return has(r.Value, l.Value) },
	"nin":      func(l, r operandValue) bool { return !has(r.Value, l.Value) },
	"contains": contains,
	"all":      func(l, r operandValue) bool { return l.Kind() == value.Array && every(r.Value, l.Value) },
	"subsetof": func(l, r operandValue) bool { return l.Kind() == value.Array && every(l.Value, r.Value) },
	"anyof":    func(l, r operandValue) bool { return some(l.Value, r.Value) },
	"noneof":   func(l, r operandValue) bool { return l.Kind() == value.Array && !some(l.Value, r.Value) },
	"size":     sized,
	"empty":    empty,
}

// same is ==: a string and a number are the same where the left one's type makes them so.
func same(l, r value.Value) bool {
	switch {
	case l.IsAbsent() || r.IsAbsent():
		return false
	case l.Kind() == value.Number && r.Kind() == value.String:
		n, err := value.NewNumber(r.Text())
		return err == nil && value.CompareNumbers(l, n) == 0
	case l.Kind() == value.String && r.Kind() == value.Number:
		return l.Text() == r.Text()
	}
	return value.Equal(l, r)
}

// ordered holds for two numbers or two strings whose order satisfies ok.
func ordered(ok func(int) bool) func(l, r operandValue) bool {
	return func(l, r operandValue) bool {
		switch {
		case l.Kind() != r.Kind():
			return false
		case l.Kind() == value.Number:
			return ok(value.CompareNumbers(l.Value, r.Value))
		case l.Kind() == value.String:
			return ok(strings.Compare(l.Text(), r.Text()))
		}
		return false
	}
}

// matches holds where the pattern on either side matches the whole of the other, or of one of its elements.
func matches(l, r operandValue) bool {
	pattern, subject := r.pattern, l.Value
	if pattern == nil {
		pattern, subject = l.pattern, r.Value
	}
	if pattern == nil {
		return false
	}
	switch subject.Kind() {
	case value.String, value.Number, value.Bool:
		return pattern.MatchString(subject.Text())
	}
	for _, e := range subject.Elements() {
		if e.Kind() == value.String && pattern.MatchString(e.Text()) {
			return true
		}
	}
	return false
}

func has(list, v value.Value) bool {
	for _, e := range list.Elements() {
		if same(e, v) {
			return true
		}
	}
	return false
}

func contains(l, r operandValue) bool {
	if l.Kind() == value.String {
		return r.Kind() == value.String && strings.Contains(l.Text(), r.Text())
	}
	return has(l.Value, r.Value)
}

// every reports whether all of part is in whole.
func every(part, whole value.Value) bool {
	for _, e := range part.Elements() {
		if !has(whole, e) {
			return false
		}
	}
	return part.Kind() == value.Array
}

func some(part, whole value.Value) bool {
	for _, e := range part.Elements() {
		if has(whole, e) {
			return true
		}
	}
	return false
}

func length(v value.Value) (int64, bool) {
	switch v.Kind() {
	case value.String:
		return int64(utf16Len(v.Text())), true
	case value.Array, value.Object:
		return int64(v.Len()), true
	}
	return 0, false
}

func sized(l, r operandValue) bool {
	n, ok := length(l.Value)
	want, whole := r.Int64()
	return ok && whole && n == want
}

func empty(l, r operandValue) bool {
	n, ok := length(l.Value)
	return ok && r.Kind() == value.Bool && (n == 0) == r.Bool()
}

// utf16Len is how many UTF-16 code units s takes: the length that Java and JavaScript give.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
