package aws

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/value"
)

// Shape is what a value of a request may be: a type, and constraints on it. Shapes are put together by the functions
// below and shared.
type Shape struct {
	kind      shapeKind
	name      string // of a structure, as AWS's texts have it
	members   []Member
	element   *Shape
	min, max  int64 // of a number, or of the length of a text or list; none: unbounded
	quota     bool  // max is a quota, not the API's
	bytes     bool  // max is of the text's bytes
	enum      []string
	pattern   string
	matches   func(string) bool
	sensitive bool // violations do not repeat the value
}

// Member is a member of a structure.
type Member struct {
	name     string
	shape    *Shape
	required bool
}

type shapeKind uint8

const (
	structureShape shapeKind = iota + 1
	listShape
	textShape
	integerShape
	floatShape
	booleanShape
)

// none is no bound.
const none = -1

// Structure is an object of members. Members that it does not know are ignored.
func Structure(name string, members ...Member) *Shape {
	return &Shape{kind: structureShape, name: name, members: members, min: none, max: none}
}

// Required is a member that must be there.
func Required(name string, s *Shape) Member { return Member{name, s, true} }

// Optional is a member that may be there.
func Optional(name string, s *Shape) Member { return Member{name, s, false} }

// List is a list of at least min and, unless that is -1, at most max elements.
func List(minimum, maximum int64, element *Shape) *Shape {
	return &Shape{kind: listShape, element: element, min: minimum, max: maximum}
}

// Text is a string of at least min and, unless that is -1, at most max characters.
func Text(minimum, maximum int64) *Shape { return &Shape{kind: textShape, min: minimum, max: maximum} }

// Sensitive is a Text that violations do not repeat.
func Sensitive(minimum, maximum int64) *Shape {
	return &Shape{kind: textShape, min: minimum, max: maximum, sensitive: true}
}

// Matching is s, a Text, that must match a pattern of Java's syntax; re is the same in Go's, and must match the whole.
func (s *Shape) Matching(pattern, re string) *Shape {
	with := *s
	with.pattern, with.matches = pattern, regexp.MustCompile(`\A(?:`+re+`)\z`).MatchString
	return &with
}

// Data is a sensitive Text that is bounded in bytes.
func Data(maximum int64) *Shape {
	return &Shape{kind: textShape, min: none, max: maximum, bytes: true, sensitive: true}
}

// Quota is s where its upper bound counts only with AWS's quotas in force.
func (s *Shape) Quota() *Shape {
	with := *s
	with.quota = true
	return &with
}

// Enum is one of several strings, in the order in which AWS names them.
func Enum(values ...string) *Shape {
	return &Shape{kind: textShape, enum: values, min: none, max: none}
}

// Integer is a whole number from min to max; -1: unbounded.
func Integer(minimum, maximum int64) *Shape {
	return &Shape{kind: integerShape, min: minimum, max: maximum}
}

// Float is a number from min to max; -1: unbounded.
func Float(minimum, maximum int64) *Shape {
	return &Shape{kind: floatShape, min: minimum, max: maximum}
}

// Boolean is true or false.
func Boolean() *Shape { return &Shape{kind: booleanShape, min: none, max: none} }

// Check holds a request against the shape: an ErrSerialization where a type is another, else an ErrValidation with every
// violation. Quotas count where they are in force.
func (s *Shape) Check(v value.Value, quotas bool) error {
	if err := s.checkType(v); err != nil {
		return err
	}
	c := check{quotas: quotas}
	c.value(s, v, "")
	if len(c.violations) == 0 {
		return nil
	}
	detected := " validation errors detected: "
	if len(c.violations) == 1 {
		detected = " validation error detected: "
	}
	return ErrValidation.With("%s", strconv.Itoa(len(c.violations))+detected+strings.Join(c.violations, "; "))
}

// misfits are AWS's texts for a value of another type than the shape's, by the value's kind.
var misfits = map[value.Kind]string{
	value.Bool: "BOOLEAN_VALUE", value.Number: "NUMBER_VALUE", value.String: "STRING_VALUE",
}

var typeNames = [...]string{"", "", "", "a String", "an Integer", "a Float", "a Boolean"}

func (s *Shape) checkType(v value.Value) error {
	switch s.kind {
	case structureShape:
		if v.Kind() != value.Object {
			return ErrSerialization.With("Unexpected field type")
		}
		for _, m := range s.members {
			if x, ok := present(v, m.name); ok {
				if err := m.shape.checkType(x); err != nil {
					return err
				}
			}
		}
		return nil
	case listShape:
		if v.Kind() != value.Array {
			return ErrSerialization.With("Unexpected field type")
		}
		for _, x := range v.Elements() {
			if err := s.element.checkType(x); err != nil {
				return err
			}
		}
		return nil
	}
	if s.fits(v) {
		return nil
	}
	if misfit, ok := misfits[v.Kind()]; ok {
		return ErrSerialization.With("%s can not be converted to %s", misfit, typeNames[s.kind])
	}
	return ErrSerialization.With("Start of structure or map found where not expected")
}

// fits reports whether v is of the shape's simple type.
func (s *Shape) fits(v value.Value) bool {
	switch s.kind {
	case textShape:
		return v.Kind() == value.String
	case integerShape:
		_, ok := v.Int64()
		return ok
	case floatShape:
		_, ok := v.Float64()
		return ok
	}
	return v.Kind() == value.Bool
}

// present is the member name of v; one that is null counts as left out.
func present(v value.Value, name string) (value.Value, bool) {
	x, ok := v.Get(name)
	return x, ok && !x.IsNull()
}

// check collects violations.
type check struct {
	quotas     bool
	violations []string
}

func (c *check) violated(s *Shape, v value.Value, path, constraint string) {
	what := "Value '" + s.print(v) + "'"
	switch {
	case v.IsAbsent():
		what = "Value null"
	case s.sensitive:
		what = "Value"
	}
	c.violations = append(c.violations, what+" at '"+path+"' failed to satisfy constraint: "+constraint)
}

func (c *check) value(s *Shape, v value.Value, path string) {
	switch s.kind {
	case structureShape:
		for _, m := range s.members {
			at := m.name
			if path != "" {
				at = path + "." + m.name
			}
			x, ok := present(v, m.name)
			switch {
			case ok:
				c.value(m.shape, x, at)
			case m.required:
				c.violated(m.shape, value.Value{}, at, "Member must not be null")
			}
		}
	case listShape:
		c.bounds(s, v, path, int64(v.Len()), "have length")
		for i, x := range v.Elements() {
			c.value(s.element, x, path+"."+strconv.Itoa(i+1)+".member")
		}
	case textShape:
		c.text(s, v, path)
	case integerShape:
		n, _ := v.Int64()
		c.bounds(s, v, path, n, "have value")
	case floatShape:
		c.floatBounds(s, v, path)
	}
}

func (c *check) text(s *Shape, v value.Value, path string) {
	text := v.Text()
	if !s.bytes {
		c.bounds(s, v, path, int64(utf8.RuneCountInString(text)), "have length")
	} else if int64(len(text)) > s.max && (c.quotas || !s.quota) {
		c.violated(s, v, path, "Member must have size less than or equal to "+strconv.FormatInt(s.max, 10)+" bytes in UTF-8 encoding")
	}
	if s.matches != nil && !s.matches(text) {
		c.violated(s, v, path, "Member must satisfy regular expression pattern: "+s.pattern)
	}
	if s.enum != nil && !slices.Contains(s.enum, text) {
		c.violated(s, v, path, "Member must satisfy enum value set: ["+strings.Join(s.enum, ", ")+"]")
	}
}

func (c *check) bounds(s *Shape, v value.Value, path string, n int64, verb string) {
	if s.max != none && n > s.max && (c.quotas || !s.quota) {
		c.violated(s, v, path, "Member must "+verb+" less than or equal to "+strconv.FormatInt(s.max, 10))
	}
	if s.min != none && n < s.min {
		c.violated(s, v, path, "Member must "+verb+" greater than or equal to "+strconv.FormatInt(s.min, 10))
	}
}

func (c *check) floatBounds(s *Shape, v value.Value, path string) {
	f, _ := v.Float64()
	if s.max != none && f > float64(s.max) {
		c.violated(s, v, path, "Member must have value less than or equal to "+strconv.FormatInt(s.max, 10))
	}
	if s.min != none && f < float64(s.min) {
		c.violated(s, v, path, "Member must have value greater than or equal to "+strconv.FormatInt(s.min, 10))
	}
}

// print is v as AWS's texts show a value: the way of Java's toString.
func (s *Shape) print(v value.Value) string {
	switch s.kind {
	case structureShape:
		var b strings.Builder
		b.WriteString(s.name + "(")
		for i, m := range s.members {
			if i > 0 {
				b.WriteString(", ")
			}
			text := "null"
			if x, ok := present(v, m.name); ok {
				text = m.shape.print(x)
			}
			b.WriteString(m.name + "=" + text)
		}
		return b.String() + ")"
	case listShape:
		parts := make([]string, 0, v.Len())
		for _, x := range v.Elements() {
			parts = append(parts, s.element.print(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.Text()
}
