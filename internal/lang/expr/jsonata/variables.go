package jsonata

import (
	"maps"
	"slices"
)

// Variables are the names, sorted and without the $, of the variables that the expression refers to and that nothing
// within it binds: they are the host's. Functions of the language are not among them.
func (e *Expr) Variables() []string {
	s, err := parse(e.text)
	if err != nil {
		return nil // it was compiled, so it parses
	}
	v := variables{used: make(map[string]bool), bound: make(map[string]bool)}
	v.in(s)
	maps.DeleteFunc(v.used, func(name string, _ bool) bool {
		return v.bound[name] || name == "" || name == "$" || natives[name] != nil
	})
	return slices.Sorted(maps.Keys(v.used))
}

// variables are those of an expression.
type variables struct{ used, bound map[string]bool }

// in finds the variables of s and all below it.
func (v *variables) in(s *syntax) {
	if s == nil {
		return
	}
	switch {
	case s.kind == kindVariable:
		v.used[s.text] = true
	case s.kind == kindLambda:
		for _, p := range s.list {
			v.bound[p.text] = true
		}
	case s.kind == kindBinary && s.text == ":=":
		v.bound[s.lhs.text] = true
	case s.kind == kindBinary && (s.text == "@" || s.text == "#"):
		v.bound[s.rhs.text] = true
	}
	for _, part := range [...]*syntax{s.lhs, s.rhs, s.third} {
		v.in(part)
	}
	for _, part := range s.list {
		v.in(part)
	}
	for _, pair := range s.pairs {
		v.in(pair[0])
		v.in(pair[1])
	}
	for _, term := range s.terms {
		v.in(term.by)
	}
}
