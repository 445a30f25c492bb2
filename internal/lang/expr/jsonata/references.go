package jsonata

import "slices"

// References are what an expression reads from outside itself, each once, in the order of the text.
type References struct {
	Context   []string // of the item that the evaluation begins with: names, and "$" for itself
	Root      bool     // $$ is read
	Variables []Variable
	Functions []string // called by name, and not known to the language
}

// Variable is a variable that the expression does not bind itself.
type Variable struct {
	Name  string // without the $
	Field string // the field that is read of it; empty: the whole
}

// References says what e reads, as far as its text shows it.
func (e *Expr) References() References {
	w := &walk{}
	w.visit(e.root, true)
	return w.found
}

// walk goes through an expression.
type walk struct {
	found References
	bound []string // variables that the expression has bound so far
}

// visit goes through n. In the outermost parts the context is the item that the evaluation begins with.
func (w *walk) visit(n *node, outermost bool) {
	if n == nil {
		return
	}
	w.expr(n, outermost)
	for _, p := range n.predicates {
		w.visit(p.filter, false)
	}
	for _, s := range n.stages {
		w.visit(s.filter, false)
		w.bind(s.index)
	}
	w.bind(n.focus)
	w.bind(n.index)
	w.pairs(n.group, false)
}

func (w *walk) expr(n *node, outermost bool) {
	switch e := n.expr.(type) {
	case *pathExpr:
		w.path(e, outermost)
	case nameExpr:
		if outermost {
			w.context(e.name)
		}
	case variableExpr:
		w.variable(e.name, "", outermost)
	case negateExpr:
		w.visit(e.operand, outermost)
	case *arrayExpr:
		w.all(e.items, outermost)
	case objectExpr:
		w.pairs(e.grouping, outermost)
	case *blockExpr:
		w.scoped(func() { w.all(e.list, outermost) })
	case *conditionExpr:
		w.all([]*node{e.test, e.then, e.otherwise}, outermost)
	case *bindExpr:
		_, recursive := e.to.expr.(*lambdaExpr)
		if recursive {
			w.bind(e.name)
		}
		w.visit(e.to, outermost)
		w.bind(e.name)
	case *operatorExpr:
		w.all([]*node{e.lhs, e.rhs}, outermost)
	case *logicExpr:
		w.all([]*node{e.lhs, e.rhs}, outermost)
	case *applyExpr:
		w.visit(e.lhs, outermost)
		w.callee(e.rhs, outermost)
	case *callExpr:
		w.callee(e.callee, outermost)
		w.all(e.args, outermost)
	case *partialExpr:
		w.callee(e.callee, outermost)
		w.all(e.args, outermost)
	case *lambdaExpr:
		w.scoped(func() {
			w.bound = append(w.bound, e.params...)
			w.visit(e.body, outermost)
		})
	case *transformExpr:
		w.all([]*node{e.pattern, e.update, e.remove}, false)
	case *sortExpr:
		for _, t := range e.terms {
			w.visit(t.by, false)
		}
	}
}

// path goes through steps: only the first is read of the context.
func (w *walk) path(p *pathExpr, outermost bool) {
	for i, s := range p.steps {
		if v, ok := s.expr.(variableExpr); ok && i == 0 && len(p.steps) > 1 {
			if f, ok := p.steps[1].expr.(nameExpr); ok && len(s.stages)+len(s.predicates) == 0 {
				w.variable(v.name, f.name, outermost)
				continue
			}
		}
		w.visit(s, outermost && i == 0)
	}
}

func (w *walk) all(list []*node, outermost bool) {
	for _, n := range list {
		w.visit(n, outermost)
	}
}

func (w *walk) pairs(g *grouping, outermost bool) {
	if g == nil {
		return
	}
	for _, p := range g.pairs {
		w.all(p[:], outermost)
	}
}

// callee goes through what is called: a name is that of a function first.
func (w *walk) callee(n *node, outermost bool) {
	if n == nil {
		return
	}
	v, ok := n.expr.(variableExpr)
	switch {
	case !ok:
		w.visit(n, outermost)
	case natives[v.name] == nil && !slices.Contains(w.bound, v.name):
		w.found.Functions = once(w.found.Functions, v.name)
	}
}

func (w *walk) context(name string) { w.found.Context = once(w.found.Context, name) }

func (w *walk) variable(name, field string, outermost bool) {
	switch {
	case name == "":
		if outermost {
			w.context("$")
		}
	case name == "$":
		w.found.Root = true
	case natives[name] == nil && !slices.Contains(w.bound, name):
		w.found.Variables = once(w.found.Variables, Variable{name, field})
	}
}

func (w *walk) bind(name string) {
	if name != "" {
		w.bound = append(w.bound, name)
	}
}

// scoped forgets what visit binds.
func (w *walk) scoped(visit func()) {
	before := len(w.bound)
	visit()
	w.bound = w.bound[:before]
}

func once[T comparable](list []T, x T) []T {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}
