package asl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// sight is what $states offers to an expression, besides input and context.
type sight uint8

const (
	seesResult sight = 1 << iota
	seesError
)

// seeing reads fields whose expressions see more.
func (o *object) seeing(s sight, read func()) {
	before := o.sees
	o.sees |= s
	read()
	o.sees = before
}

// json reads a field in which expressions may stand anywhere; nil where it is left out.
func (o *object) json(name string) template {
	v := o.any(name)
	if v.IsAbsent() {
		return nil
	}
	return o.jsonAt(v, o.at.at(name), o.within+name)
}

func (o *object) jsonAt(v value.Value, at pointer, field string) template {
	holds := false
	each := func(v value.Value, name, field string) template {
		t := o.jsonAt(v, at.at(name), field)
		_, literal := t.(literalJSON)
		holds = holds || !literal
		return t
	}
	var made template
	switch v.Kind() {
	case value.String:
		if e := o.expression(v.Text(), at, field); e != nil {
			return e
		}
	case value.Array:
		list := make(arrayJSON, v.Len())
		for i, e := range v.Elements() {
			list[i] = each(e, fmt.Sprint(i), fmt.Sprintf("%s[%d]", field, i))
		}
		made = list
	case value.Object:
		members := make(objectJSON, 0, v.Len())
		for name, m := range v.Members() {
			members = append(members, memberJSON{name, each(m, name, field+"/"+name)})
		}
		made = members
	}
	if !holds {
		return literalJSON(v)
	}
	return made
}

// query is the field where it is meant as an expression; ok is false where it is left out or anything else. The
// expression is nil where it is wrong.
func (o *object) query(name string) (e *expression, ok bool) {
	v := o.any(name)
	if !o.data || v.Kind() != value.String || !isQuery(v.Text()) {
		return nil, false
	}
	return o.expression(v.Text(), o.at.at(name), o.within+name), true
}

// mustQuery is the field, which must be an expression; nil where it is left out or wrong.
func (o *object) mustQuery(name string) *expression {
	if e, ok := o.query(name); ok {
		return e
	}
	if text, ok := o.string(name); ok {
		o.hinted(name, "Found "+text, "%s", textNotQuery)
	}
	return nil
}

// isQuery reports whether text is meant as an expression.
func isQuery(text string) bool { return strings.HasPrefix(text, "{%") || strings.HasSuffix(text, "%}") }

// expression compiles a text that is one; nil where it is none, or wrong.
func (o *object) expression(text string, at pointer, field string) *expression {
	if !isQuery(text) {
		return nil
	}
	inner, ok := "", false
	if strings.HasPrefix(text, "{%") && strings.HasSuffix(text, "%}") && len(text) >= len("{%%}") {
		inner, ok = trimExpression(text[2 : len(text)-2])
	}
	if !ok {
		o.c.report(finding{
			Problem: run.Problem{
				Pointer: string(at), Code: codeSchema, Text: textNotQuery,
				Hint: "One blank stands before the expression and one at least behind it: {% … %}",
			},
			of: at,
		})
		return nil
	}
	e, err := jsonata.Compile(inner)
	if err != nil {
		text := err.Error()
		if je := (*jsonata.Error)(nil); errors.As(err, &je) {
			text = je.Message
		}
		o.c.problem(at, codeQuery, "%s", text)
		return nil
	}
	o.references(e, at)
	return &expression{e, field}
}

// trimExpression takes the blanks off that belong to the brackets: one in front, any number behind.
func trimExpression(s string) (inner string, ok bool) {
	inner = strings.TrimSpace(s)
	front := len(s) - len(strings.TrimLeft(s, " \t\r\n"))
	return inner, inner != "" && front == 1 && len(s) > front+len(inner)
}

// references refuses what an expression reads and a state does not have: there is no context item, only $states and the
// variables.
func (o *object) references(e *jsonata.Expr, at pointer) {
	refs := e.References()
	for _, name := range refs.Context {
		o.c.problem(at, codeUnsupportedQuery, "Reference to '%s' at the top level is not supported.", name)
	}
	if refs.Root {
		o.c.problem(at, codeUnsupportedQuery, "Reference to '$$' is not supported.")
	}
	for _, name := range refs.Functions {
		if _, ours := queryFunctions[name]; !ours && name != "random" {
			o.c.report(finding{
				Problem: run.Problem{
					Pointer: string(at), Code: codeWarning, Text: fmt.Sprintf("There is no function $%s", name),
					Hint: suggest(name, slices.Sorted(maps.Keys(queryFunctions))), Warning: true,
				},
				of: at,
			})
		}
	}
	for _, v := range refs.Variables {
		switch {
		case v.Name != "states":
			o.uses(v.Name, at)
		case v.Field != "" && !slices.Contains(o.offered(), v.Field):
			o.c.problem(at, codeUnsupportedQuery, "Field '$states.%s' does not exist.", v.Field)
		}
	}
}

// offered are the fields of $states.
func (o *object) offered() []string {
	list := []string{"input", "context"}
	if o.sees&seesResult != 0 {
		list = append(list, "result")
	}
	if o.sees&seesError != 0 {
		list = append(list, "errorOutput")
	}
	return list
}
