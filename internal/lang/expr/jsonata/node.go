package jsonata

// node is a part of a compiled expression, and what is said of it as a step of a path. Nodes are not changed once the
// expression is compiled.
type node struct {
	expr     expr
	kind     kind
	text     string // what an error calls it
	position int

	keepArray  bool      // [] follows: the sequence is not unwrapped
	predicates []stage   // [...] on what is no path
	stages     []stage   // [...] and #$v on a step
	group      *grouping // {...} behind it

	cons     bool    // [...] as the first or last step: kept whole
	focus    string  // @$v: bound to what the step finds, while the context stays
	index    string  // #$v: bound to the position
	tuple    bool    // the step binds variables, so the path carries tuples
	ancestor *slot   // bound to the context of the step, for a parent operator further on
	seeking  []*slot // parent operators within that have not found their step
}

// expr is what a node does.
type expr interface {
	eval(m *machine, n *node, input any, f *frame) (any, error)
}

// stage is a predicate or, where filter is nil, the binding of a position.
type stage struct {
	filter *node
	index  string
}

// grouping is {key: value, ...}.
type grouping struct {
	pairs    [][2]*node
	position int
}

// slot is a parent operator in search of its step, level steps back. When it has found it, the step binds label, and
// the operator looks it up.
type slot struct {
	label string
	level int
}

func (n *node) isPath() bool {
	_, ok := n.expr.(*pathExpr)
	return ok
}

// asPath is n as a path of one step, or as it is where it is a path.
func (n *node) asPath() (*node, *pathExpr) {
	if p, ok := n.expr.(*pathExpr); ok {
		return n, p
	}
	p := &pathExpr{steps: []*node{n}}
	return &node{expr: p}, p
}

// lastStep is the last step of a path, and n itself where it is none.
func (n *node) lastStep() *node {
	if p, ok := n.expr.(*pathExpr); ok {
		return p.steps[len(p.steps)-1]
	}
	return n
}

type (
	pathExpr struct {
		steps []*node
		keep  bool // a step has []: the result is not unwrapped
	}
	nameExpr       struct{ name string }
	literalExpr    struct{ item any }
	regexExpr      struct{ *regex }
	wildcardExpr   struct{}
	descendantExpr struct{}
	parentExpr     struct{ *slot }
	variableExpr   struct{ name string }
	placeholder    struct{} // ? as an argument
	negateExpr     struct{ operand *node }
	arrayExpr      struct{ items []*node }
	objectExpr     struct{ *grouping }
	blockExpr      struct{ list []*node }
	conditionExpr  struct{ test, then, otherwise *node }
	bindExpr       struct {
		name string
		to   *node
	}
	operatorExpr struct {
		apply    func(m *machine, l, r any) (any, error)
		lhs, rhs *node
	}
	logicExpr struct {
		or       bool
		lhs, rhs *node
	}
	callExpr struct {
		callee *node
		args   []*node
		tail   bool // the last thing that a function does: made by its caller
	}
	partialExpr struct {
		callee *node
		args   []*node
	}
	lambdaExpr struct {
		params    []string
		body      *node
		signature *signature
	}
	applyExpr     struct{ lhs, rhs *node }
	transformExpr struct{ pattern, update, remove *node }
	sortExpr      struct{ terms []sortBy }
)

// sortBy is a term of ^( ).
type sortBy struct {
	by         *node
	descending bool
}
