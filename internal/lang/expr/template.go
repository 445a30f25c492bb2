package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// Template is a compiled payload template. It is immutable.
type Template struct{ node node }

// node is a part of a template: an expression, an array or object with expressions below it, or else a literal.
type node struct {
	dynamic bool // has an expression in it
	literal value.Value
	path    *Path
	call    *Call
	field   string // of path and call: the name with its ".$"
	names   []string
	parts   []node
	object  bool // parts are members, beside names, and not elements
}

// Problem is one fault of a template.
type Problem struct {
	Pointer string // JSON pointer (RFC 6901) to the field within the template
	Text    string
	Hint    string // what Text leaves open
}

// ParseTemplate compiles v, in which members whose names end in ".$" hold a path or a call of an intrinsic function and
// all else stands for itself. It returns every fault at once.
func ParseTemplate(v value.Value) (*Template, []Problem) {
	c := &compiler{}
	n := c.compile(v, "")
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return &Template{n}, nil
}

// Literal reports whether nothing in the template is an expression.
func (t *Template) Literal() bool { return !t.node.dynamic }

// Eval is the template filled in from s, or an *Error. A path to an element past an array's end gives null, as recorded on
// AWS, and is an error everywhere else. Parts without expressions are shared with the template.
func (t *Template) Eval(s *Scope) (value.Value, error) { return t.node.eval(s) }

func (n *node) eval(s *Scope) (v value.Value, err error) {
	switch {
	case !n.dynamic:
		return n.literal, nil
	case n.path != nil:
		v, err = n.path.Eval(s)
	case n.call != nil:
		v, err = n.call.Eval(s)
	case n.object:
		return n.evalObject(s)
	default:
		return n.evalArray(s)
	}
	if e, ok := err.(*Error); ok {
		if n.path != nil && e.PastEnd {
			return value.NullValue, nil
		}
		return value.Value{}, e.ForField(n.field)
	}
	return v, err
}

func (n *node) evalObject(s *Scope) (value.Value, error) {
	members := make([]value.Member, len(n.parts))
	for i := range n.parts {
		v, err := n.parts[i].eval(s)
		if err != nil {
			return value.Value{}, err
		}
		members[i] = value.Member{Name: n.names[i], Value: v}
	}
	return value.NewObject(members...), nil
}

func (n *node) evalArray(s *Scope) (value.Value, error) {
	list := make([]value.Value, len(n.parts))
	for i := range n.parts {
		v, err := n.parts[i].eval(s)
		if err != nil {
			return value.Value{}, err
		}
		list[i] = v
	}
	return value.NewArray(list...), nil
}

// compiler gathers the faults of one template.
type compiler struct{ problems []Problem }

func (c *compiler) report(p Problem) { c.problems = append(c.problems, p) }

func (c *compiler) compile(v value.Value, pointer string) node {
	var n node
	switch v.Kind() {
	case value.Array:
		for i, e := range v.Elements() {
			n.parts = append(n.parts, c.compile(e, pointer+"/"+strconv.Itoa(i)))
		}
	case value.Object:
		n.object = true
		for field, m := range v.Members() {
			c.member(&n, v, field, m, pointer+"/"+pointerToken(field))
		}
	}
	for i := range n.parts {
		n.dynamic = n.dynamic || n.parts[i].dynamic
	}
	if !n.dynamic {
		return node{literal: v}
	}
	return n
}

// member compiles a member of object into n.
func (c *compiler) member(n *node, object value.Value, field string, v value.Value, pointer string) {
	name, dynamic := strings.CutSuffix(field, ".$")
	n.names = append(n.names, name)
	if !dynamic {
		n.parts = append(n.parts, c.compile(v, pointer))
		return
	}
	if _, twice := object.Get(name); twice {
		c.report(Problem{pointer, fmt.Sprintf("The field '%s' is given by both '%s' and '%s'", name, name, field), "Keep one of them"})
	}
	n.parts = append(n.parts, c.expression(field, v, pointer))
}

func (c *compiler) expression(field string, v value.Value, pointer string) node {
	n := node{dynamic: true, field: field}
	if v.Kind() != value.String {
		c.report(Problem{pointer, fmt.Sprintf("The value for the field '%s' must be a STRING that contains a JSONPath or an intrinsic function call", field), ""})
		return n
	}
	var err error
	if strings.HasPrefix(v.Text(), "$") {
		n.path, err = ParsePath(v.Text())
	} else {
		n.call, err = ParseCall(v.Text())
	}
	if err != nil {
		c.report(Problem{pointer, fmt.Sprintf("The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", field), err.Error()})
	}
	return n
}

// pointerToken is name as RFC 6901 writes it.
func pointerToken(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
