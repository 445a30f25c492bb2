package jsonata

import (
	"errors"

	"github.com/tutti-ml/tutti/internal/value"
)

// function is what can be called. Call may return a *tailCall, which apply goes on with.
type function interface {
	arity() int
	call(m *machine, args []any, input any, f *frame) (any, error)
}

// tailCall is a call that a function leaves to its caller, being the last thing it does.
type tailCall struct {
	fn     any
	args   []any
	callee *node
}

// apply calls fn, and what that leaves to be called, until there is a result. Input is what functions take where an
// argument is left out.
func (m *machine) apply(fn any, args []any, input any, f *frame) (any, error) {
	var callee *node // of a call that was left to be made
	for {
		if err := m.step(1); err != nil {
			return nil, err
		}
		var v any
		var err error
		if target, ok := fn.(function); ok {
			v, err = target.call(m, args, input, f)
		} else {
			err = fail("T1006")
		}
		if err != nil && callee != nil {
			err = callee.blame(err, callee.position)
		}
		if err != nil {
			return nil, err
		}
		next, ok := v.(*tailCall)
		if !ok {
			return v, nil
		}
		fn, args, callee = next.fn, next.args, next.callee
	}
}

// blame says that an error happened in calling what n names, at position, unless it is known to have happened elsewhere.
func (n *node) blame(err error, position int) error {
	if p, ok := n.expr.(*pathExpr); ok {
		n = p.steps[0]
	}
	return located(err, position, n.text)
}

func (e *callExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	return e.evalWith(m, n, input, f, nil)
}

// evalWith calls with the arguments first, then those written.
func (e *callExpr) evalWith(m *machine, n *node, input any, f *frame, first []any) (any, error) {
	fn, err := m.callee(e.callee, input, f, "T1005", n)
	if err != nil {
		return nil, err
	}
	args := make([]any, len(first), len(first)+len(e.args))
	copy(args, first)
	for _, a := range e.args {
		v, err := m.eval(a, input, f)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	if err := m.grow(nodeBytes + itemBytes*len(args)); err != nil {
		return nil, err
	}
	if e.tail {
		return &tailCall{fn, args, e.callee}, nil
	}
	v, err := m.apply(fn, args, input, f)
	if err != nil {
		return nil, e.callee.blame(err, n.position)
	}
	return v, nil
}

// callee evaluates what a call calls. A name without its $ is told apart from what is no function.
func (m *machine) callee(n *node, input any, f *frame, code string, call *node) (any, error) {
	fn, err := m.eval(n, input, f)
	if err != nil || fn != nil {
		return fn, err
	}
	if p, ok := n.expr.(*pathExpr); ok && m.lookup(f, p.steps[0].text) != nil {
		return nil, fail(code).at(call.position, p.steps[0].text)
	}
	return nil, nil
}

// lambda is a function of the expression, with the variables and the context of the place where it is defined.
type lambda struct {
	*lambdaExpr
	input any
	frame *frame
}

func (e *lambdaExpr) eval(m *machine, _ *node, input any, f *frame) (any, error) {
	return &lambda{e, input, f}, m.grow(nodeBytes)
}

func (l *lambda) arity() int { return len(l.params) }

func (l *lambda) call(m *machine, args []any, input any, _ *frame) (any, error) {
	args, err := l.signature.check(args, input)
	if err != nil {
		return nil, err
	}
	return l.run(m, args)
}

// run evaluates the body; parameters without an argument are bound to nothing.
func (l *lambda) run(m *machine, args []any) (any, error) {
	if err := m.grow(nodeBytes * (1 + len(l.params))); err != nil {
		return nil, err
	}
	own := &frame{outer: l.frame}
	bindings := make([]binding, len(l.params))
	for i, name := range l.params {
		bindings[i] = binding{name, argument(args, i), own.vars}
		own.vars = &bindings[i]
	}
	return m.eval(l.body, l.input, own)
}

func argument(args []any, i int) any {
	if i < len(args) {
		return args[i]
	}
	return nil
}

// partial is a function some of whose arguments are given.
type partial struct {
	fn   function
	args []any // placeholder{} where one is still to come
}

func (e *partialExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	args := make([]any, len(e.args))
	for i, a := range e.args {
		if _, ok := a.expr.(placeholder); ok {
			args[i] = placeholder{}
			continue
		}
		v, err := m.eval(a, input, f)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	fn, err := m.callee(e.callee, input, f, "T1007", n)
	if err != nil {
		return nil, err
	}
	callee, ok := fn.(function)
	if !ok {
		return nil, e.callee.blame(fail("T1008"), n.position)
	}
	return &partial{callee, args}, m.grow(nodeBytes + itemBytes*len(args))
}

func (p *partial) arity() int {
	n := 0
	for _, a := range p.args {
		if a == (placeholder{}) {
			n++
		}
	}
	return n
}

// call fills the places in. A lambda's signature is not held against the arguments of a partial application of it.
func (p *partial) call(m *machine, args []any, input any, f *frame) (any, error) {
	full := make([]any, len(p.args))
	for i, a := range p.args {
		if a == (placeholder{}) {
			a = argument(args, 0)
			args = args[min(1, len(args)):]
		}
		full[i] = a
	}
	if l, ok := p.fn.(*lambda); ok {
		return l.run(m, full)
	}
	return p.fn.call(m, full, input, f)
}

// eval calls rhs with lhs, or where both are functions makes the one that calls one after the other.
func (e *applyExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	lhs, err := m.eval(e.lhs, input, f)
	if err != nil {
		return nil, err
	}
	if call, ok := e.rhs.expr.(*callExpr); ok {
		return call.evalWith(m, e.rhs, input, f, []any{lhs})
	}
	rhs, err := m.eval(e.rhs, input, f)
	if err != nil {
		return nil, err
	}
	second, ok := rhs.(function)
	if !ok {
		return nil, failWith("T2006", rhs).at(n.position, "")
	}
	if first, ok := lhs.(function); ok {
		return &chain{first, second}, nil
	}
	v, err := m.apply(second, []any{lhs}, null{}, f)
	return v, located(err, n.position, n.text)
}

// chain calls second with what first returns.
type chain struct{ first, second function }

func (*chain) arity() int { return 1 }

func (c *chain) call(m *machine, args []any, _ any, f *frame) (any, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	v, err := m.apply(c.first, []any{argument(args, 0)}, null{}, f)
	if err != nil {
		return nil, err
	}
	m.leave()
	return c.second.call(m, []any{v}, null{}, f)
}

// native is a function of the language.
type native struct {
	name      string
	signature *signature
	params    int
	run       func(c *call) (any, error)
}

// call is a call of a native function.
type call struct {
	*machine
	args  []any
	input any
	frame *frame
}

func (c *call) arg(i int) any { return argument(c.args, i) }

func (n *native) arity() int { return n.params }

func (n *native) call(m *machine, args []any, input any, f *frame) (any, error) {
	args, err := n.signature.check(args, input)
	if err != nil {
		return nil, located(err, 0, n.name)
	}
	for _, a := range args {
		if s, ok := a.(string); ok {
			if err := m.scan(len(s)); err != nil {
				return nil, err
			}
		}
	}
	v, err := n.run(&call{m, args, input, f})
	return v, located(err, 0, n.name)
}

// hostFunction is a function of the host.
type hostFunction struct {
	name string
	Function
}

func (h *hostFunction) arity() int { return h.Arity }

func (h *hostFunction) call(m *machine, args []any, input any, _ *frame) (any, error) {
	if h.Signature != "" {
		s, err := parseSignature(h.Signature)
		if err == nil {
			args, err = s.check(args, input)
		}
		if err != nil {
			return nil, located(err, 0, h.name)
		}
	}
	given := make([]value.Value, len(args))
	for i, a := range args {
		v, err := m.export(a, 0)
		if err != nil {
			return nil, err
		}
		given[i] = v
	}
	v, err := h.Call(given)
	if err != nil {
		if e := (*Error)(nil); errors.As(err, &e) {
			return nil, err
		}
		return nil, &Error{Code: "D3137", Token: h.name, Message: err.Error()}
	}
	return wrap(v), m.grow(v.Size())
}
