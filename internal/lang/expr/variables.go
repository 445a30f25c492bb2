package expr

import (
	"maps"
	"slices"
)

// Variable is the variable that the path starts from, without its $; empty where it starts elsewhere.
func (p *Path) Variable() string { return p.variable }

// Variables are the names, sorted and without the $, of the variables that the path refers to.
func (p *Path) Variables() []string {
	v := make(variables)
	v.path(p)
	return slices.Sorted(maps.Keys(v))
}

// Variables are the names, sorted and without the $, of the variables that the arguments of the call refer to.
func (c *Call) Variables() []string {
	v := make(variables)
	v.call(c)
	return slices.Sorted(maps.Keys(v))
}

// variables are names.
type variables map[string]bool

func (v variables) path(p *Path) {
	if p == nil {
		return
	}
	if p.root == rootVariable {
		v[p.variable] = true
	}
	for _, s := range p.steps {
		v.condition(s.filter)
	}
	for _, a := range p.args {
		v.path(a.path)
	}
}

func (v variables) call(c *Call) {
	for _, a := range c.args {
		v.path(a.path)
		if a.call != nil {
			v.call(a.call)
		}
	}
}

func (v variables) condition(c condition) {
	switch c := c.(type) {
	case allOf:
		for _, part := range c {
			v.condition(part)
		}
	case anyOf:
		for _, part := range c {
			v.condition(part)
		}
	case negated:
		v.condition(c.c)
	case exists:
		v.path(c.path)
	case test:
		v.path(c.left.path)
		v.path(c.right.path)
	}
}
