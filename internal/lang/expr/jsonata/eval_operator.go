package jsonata

import (
	"math"

	"github.com/tutti-ml/tutti/internal/value"
)

// operators are what stands between two operands, but for those that resolve treats.
var operators = map[string]func(m *machine, l, r any) (any, error){
	"+": arithmetic(func(l, r float64) float64 { return l + r }),
	"-": arithmetic(func(l, r float64) float64 { return l - r }),
	"*": arithmetic(func(l, r float64) float64 { return l * r }),
	"/": arithmetic(func(l, r float64) float64 { return l / r }),
	"%": arithmetic(math.Mod),

	"=":  (*machine).equals,
	"!=": (*machine).differs,
	"<":  comparison(func(order int) bool { return order < 0 }),
	"<=": comparison(func(order int) bool { return order <= 0 }),
	">":  comparison(func(order int) bool { return order > 0 }),
	">=": comparison(func(order int) bool { return order >= 0 }),

	"&":  (*machine).concat,
	"..": (*machine).enumerate,
	"in": (*machine).isAmong,
}

func (e *operatorExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	l, err := m.eval(e.lhs, input, f)
	if err != nil {
		return nil, err
	}
	r, err := m.eval(e.rhs, input, f)
	if err != nil {
		return nil, err
	}
	v, err := e.apply(m, l, r)
	return v, located(err, n.position, n.text)
}

// eval looks at the right side only where it matters. What fails there is told of the operator, as jsonata.js does.
func (e *logicExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	for i, operand := range []*node{e.lhs, e.rhs} {
		v, err := m.eval(operand, input, f)
		ok := false
		if err == nil {
			ok, err = m.truth(v)
		}
		if failed, ok := err.(*Error); ok && i == 1 {
			failed.Position, failed.Token = n.position, n.text
		}
		if err != nil {
			return nil, located(err, n.position, n.text)
		}
		if ok == e.or {
			return e.or, nil
		}
	}
	return !e.or, nil
}

func arithmetic(calculate func(l, r float64) float64) func(*machine, any, any) (any, error) {
	return func(_ *machine, l, r any) (any, error) {
		for i, v := range []any{l, r} {
			ok, err := isNumber(v)
			if err != nil {
				return nil, err
			}
			if !ok && v != nil {
				return nil, failWith([]string{"T2001", "T2002"}[i], v)
			}
		}
		if l == nil || r == nil {
			return nil, nil
		}
		return calculate(l.(float64), r.(float64)), nil
	}
}

func comparison(holds func(order int) bool) func(*machine, any, any) (any, error) {
	return func(m *machine, l, r any) (any, error) {
		for _, v := range []any{l, r} {
			if v != nil && !isOrdered(v) {
				return nil, failWith("T2010", v)
			}
		}
		if l == nil || r == nil {
			return nil, nil
		}
		if letter(l) != letter(r) {
			return nil, failWith("T2009", l).with("value2", r)
		}
		if isNaN(l) || isNaN(r) {
			return false, nil
		}
		return holds(order(l, r)), m.scan(shorter(l, r))
	}
}

func isOrdered(v any) bool {
	switch v.(type) {
	case string, float64:
		return true
	}
	return false
}

func isNaN(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}

// order compares two strings, by code units, or two numbers.
func order(l, r any) int {
	if s, ok := l.(string); ok {
		return compareText(s, r.(string))
	}
	switch x, y := l.(float64), r.(float64); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func (m *machine) equals(l, r any) (any, error) {
	if l == nil || r == nil {
		return false, nil
	}
	return m.equal(l, r)
}

func (m *machine) differs(l, r any) (any, error) {
	if l == nil || r == nil {
		return false, nil
	}
	same, err := m.equal(l, r)
	return !same, err
}

// equal reports whether l and r are the same JSON, whatever the order of members.
func (m *machine) equal(l, r any) (bool, error) {
	switch x := l.(type) {
	case *array:
		if y, ok := r.(*array); ok {
			return m.equalArrays(x, y)
		}
		return false, nil
	case *object:
		if y, ok := r.(*object); ok {
			return m.equalObjects(x, y)
		}
		return false, nil
	}
	return identical(l, r), m.scan(shorter(l, r))
}

// shorter is the length of the shorter of two texts; 0 where one is none.
func shorter(l, r any) int {
	x, _ := l.(string)
	y, _ := r.(string)
	return min(len(x), len(y))
}

func (m *machine) equalArrays(x, y *array) (bool, error) {
	if x == y || x.len() != y.len() {
		return x == y, nil
	}
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.leave()
	for i := range x.len() {
		if err := m.step(1); err != nil {
			return false, err
		}
		if same, err := m.equal(x.at(i), y.at(i)); !same {
			return false, err
		}
	}
	return true, nil
}

func (m *machine) equalObjects(x, y *object) (bool, error) {
	if x == y || x.len() != y.len() {
		return x == y, nil
	}
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.leave()
	for i := range x.len() {
		if err := m.step(1); err != nil {
			return false, err
		}
		other := y.get(x.key(i))
		if other == nil {
			return false, nil
		}
		if same, err := m.equal(x.at(i), other); !same {
			return false, err
		}
	}
	return true, nil
}

// identical reports whether l and r are one and the same, as JavaScript's === does.
func identical(l, r any) bool {
	switch x := l.(type) {
	case bool, float64, string, null:
		return l == r
	case *array:
		y, ok := r.(*array)
		return ok && (x == y || !x.src.IsAbsent() && value.Same(x.src, y.src))
	case *object:
		y, ok := r.(*object)
		return ok && (x == y || !x.src.IsAbsent() && value.Same(x.src, y.src))
	case *native:
		return l == r
	case *lambda:
		return l == r
	}
	return false
}

// isAmong reports whether l is an element of r.
func (m *machine) isAmong(l, r any) (any, error) {
	if l == nil || r == nil {
		return false, nil
	}
	list := asArray(r)
	for i := range list.len() {
		if err := m.step(1); err != nil {
			return nil, err
		}
		if err := m.scan(shorter(list.at(i), l)); err != nil {
			return nil, err
		}
		if identical(list.at(i), l) {
			return true, nil
		}
	}
	return false, nil
}

func (m *machine) concat(l, r any) (any, error) {
	left, err := m.stringOf(l)
	if err != nil {
		return nil, err
	}
	right, err := m.stringOf(r)
	if err != nil {
		return nil, err
	}
	if err := m.grow(len(left) + len(right)); err != nil {
		return nil, err
	}
	return left + right, nil
}

// maxRange is how many numbers l..r may be.
const maxRange = 1e7

// enumerate is l..r.
func (m *machine) enumerate(l, r any) (any, error) {
	for i, v := range []any{l, r} {
		if f, ok := v.(float64); v != nil && (!ok || f != math.Trunc(f) || math.IsInf(f, 0)) {
			return nil, failWith([]string{"T2003", "T2004"}[i], v)
		}
	}
	if l == nil || r == nil {
		return nil, nil
	}
	low, high := l.(float64), r.(float64)
	switch size := high - low + 1; {
	case size < 1:
		return nil, nil
	case size > maxRange:
		return nil, failWith("D2014", size)
	default:
		return rangeOf(low, int(size)), nil
	}
}

func (e negateExpr) eval(m *machine, n *node, input any, f *frame) (any, error) {
	v, err := m.eval(e.operand, input, f)
	if err != nil || v == nil {
		return nil, err
	}
	ok, err := isNumber(v)
	if err == nil && !ok {
		err = failWith("D1002", v)
	}
	if err != nil {
		return nil, located(err, n.position, n.text)
	}
	return -v.(float64), nil
}
