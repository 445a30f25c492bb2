package asl

import (
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// path is a path into the input, the context object or a variable; nil where the field is left out or wrong.
func (o *object) path(name string) *expr.Path {
	s, ok := o.string(name)
	if !ok {
		return nil
	}
	p, err := expr.ParsePath(s)
	if err != nil {
		o.hinted(name, err.Error(), textNotPath)
		return nil
	}
	o.uses(p.Variable(), o.at.at(name))
	return p
}

// single is a path that leads to one value: Step Functions asks for a reference path there.
func (o *object) single(name string) *expr.Path {
	s, ok := o.string(name)
	if !ok {
		return nil
	}
	p, err := expr.ParsePath(s)
	switch {
	case !strings.HasPrefix(s, "$"):
		o.fault(name, textNotReference+": Reference path didn't start with '$'")
		return nil
	case err != nil:
		o.hinted(name, err.Error(), textNotReference)
		return nil
	case !p.Definite() && !o.c.terms.lenient:
		o.hinted(name, "It can lead to several values", textNotReference)
	}
	o.uses(p.Variable(), o.at.at(name))
	return p
}

// input is single within the state's input or a variable: the context object is out of its reach.
func (o *object) input(name string) *expr.Path {
	p := o.single(name)
	if p != nil && strings.HasPrefix(p.String(), "$$") && !o.c.terms.lenient {
		o.hinted(name, "The context object cannot be read here", textNotReference)
	}
	return p
}

func (o *object) pathOrNull(name string) pathOrNull {
	if o.any(name).IsNull() {
		return pathOrNull{null: true}
	}
	p := o.path(name)
	if p != nil && p.String() == "$" {
		p = nil // the same, without an evaluation
	}
	return pathOrNull{path: p}
}

func (o *object) referenceOrNull(name string) referenceOrNull {
	if o.any(name).IsNull() {
		return referenceOrNull{null: true}
	}
	s, ok := o.string(name)
	switch {
	case !ok || s == "$":
		return referenceOrNull{}
	case !strings.HasPrefix(s, "$"):
		o.fault(name, textNotPath)
		return referenceOrNull{}
	}
	r, err := expr.ParseReference(s)
	if err != nil {
		o.hinted(name, err.Error(), textNotReference)
	}
	return referenceOrNull{ref: r}
}

// amount is a number, or under the name with "Path" a path to one.
func (o *object) amount(name string, least, most int64) amount {
	o.known(name)
	twin := o.hasPathTwin(name)
	if e, ok := o.query(name); ok {
		return amount{query: e, field: name, most: most}
	}
	if twin {
		return amount{path: o.input(name + "Path"), field: name + "Path"}
	}
	if n := o.whole(name, least, most); n != nil {
		return amount{literal: value.NewInt(*n), field: name}
	}
	return amount{}
}

// percentage is an amount from 0 to 100, with a fraction or without.
func (o *object) percentage(name string) amount {
	o.known(name)
	twin := o.hasPathTwin(name)
	if e, ok := o.query(name); ok {
		return amount{query: e, field: name}
	}
	if twin {
		return amount{path: o.input(name + "Path"), field: name + "Path"}
	}
	v := o.fraction(name, 0, 100)
	if f, ok := v.Float64(); ok && f == 100 {
		o.c.warn(o.at.at(name), "Whatever fails is tolerated: the state ends well if all of it does")
	}
	return amount{literal: v, field: name}
}

// text is a text, or under the name with "Path" a path or a call that gives one.
func (o *object) text(name string) text {
	o.known(name)
	twin := o.hasPathTwin(name)
	if e, ok := o.query(name); ok {
		return text{query: e, field: name}
	}
	if !twin {
		s, _ := o.string(name)
		if looksDynamic(value.NewString(s)) {
			o.c.warnAs(codeNoPath, o.at.at(name), "The value of '%s' looks like a path or a call, and is text. '%sPath' evaluates it.", name, name)
		}
		return text{literal: s, field: name}
	}
	name += "Path"
	s, _ := o.string(name)
	if !strings.HasPrefix(s, "States.") {
		if p := o.path(name); p != nil {
			return text{path: p, field: name}
		}
		return text{field: name}
	}
	call, err := expr.ParseCall(s)
	if err != nil {
		o.hinted(name, err.Error(), textNotPath)
		return text{field: name}
	}
	return text{path: call, field: name}
}

// template is a field that is made when the state runs; nil where it is left out or wrong.
func (o *object) template(name string) template {
	if o.data {
		return o.json(name)
	}
	v := o.any(name)
	if v.IsAbsent() {
		return nil
	}
	t, problems := expr.ParseTemplate(v)
	for _, p := range problems {
		// Step Functions tells of the object that the field stands in.
		at := o.at.at(name) + pointer(p.Pointer)
		o.c.report(finding{
			Problem: run.Problem{Pointer: string(at), Code: codeSchema, Text: p.Text, Hint: p.Hint},
			of:      at[:strings.LastIndexByte(string(at), '/')],
		})
	}
	if len(problems) > 0 {
		return nil
	}
	o.warnOfPlain(name, v)
	return pathTemplate{t}
}
