package expr

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/value"
)

// maxVisits is how many values one evaluation of a path may look at, so that nested filters and descents over a large
// input end.
const maxVisits = 1_000_000

// maxAllVisits is how many the paths of one scope may look at together, such as those of a template.
const maxAllVisits = 10 * maxVisits

// Eval is what the path leads to in s: of a definite path the value, or an *Error of kind NotFound; of an indefinite one
// an array of all that it leads to, which may be empty.
func (p *Path) Eval(s *Scope) (value.Value, error) {
	from, ok := p.origin(s)
	if !ok {
		return value.Value{}, p.noOrigin(s)
	}
	if p.plain {
		v, at := p.plainly(from)
		if at < len(p.steps) {
			return value.Value{}, p.missing(s, at, v)
		}
		return v, nil
	}
	most := min(maxVisits, maxAllVisits-s.visits)
	left := most
	w := walk{root: from, left: &left}
	v, fault := w.eval(p, from)
	s.visits += most - left
	switch {
	case left < 0:
		return value.Value{}, &Error{Kind: BadValue, Code: Runtime, Text: fmt.Sprintf("The path '%s' visits more than %d values", p.text, maxVisits)}
	case fault != nil:
		return value.Value{}, &Error{Kind: BadValue, Code: Runtime, Text: fmt.Sprintf("The path '%s' could not be evaluated: %v", p.text, fault)}
	case v.IsAbsent():
		return value.Value{}, p.missing(s, w.at, w.on)
	}
	return v, nil
}

// Find is Eval for those who only ask: found is false where Eval would give an error of kind NotFound, which is dear to
// make.
func (p *Path) Find(s *Scope) (v value.Value, found bool, err error) {
	if p.plain {
		from, ok := p.origin(s)
		if !ok {
			return value.Value{}, false, nil
		}
		v, at := p.plainly(from)
		if at < len(p.steps) {
			return value.Value{}, false, nil
		}
		return v, true, nil
	}
	v, err = p.Eval(s)
	if e, ok := err.(*Error); ok && e.Kind == NotFound {
		return value.Value{}, false, nil
	}
	return v, err == nil, err
}

// plainly follows the steps of a plain path. Where step at leads nowhere, v is what it was tried on.
func (p *Path) plainly(from value.Value) (v value.Value, at int) {
	v = from
	for i := range p.steps {
		next, ok := p.steps[i].child(v)
		if !ok {
			return v, i
		}
		v = next
	}
	return v, len(p.steps)
}

// child is where an opMember or opElement leads from v.
func (s *step) child(v value.Value) (value.Value, bool) {
	if s.op == opMember {
		return v.Get(s.names[0])
	}
	return element(v, s.indices[0])
}

// element is element i of an array; a negative i counts from the end.
func element(v value.Value, i int) (value.Value, bool) {
	if i < 0 {
		i += v.Len()
	}
	if v.Kind() != value.Array || i < 0 || i >= v.Len() {
		return value.Value{}, false
	}
	return v.Index(i), true
}

// walk evaluates one path, and with others like it the paths in its filters.
type walk struct {
	root value.Value // "$" within filters
	left *int        // visits left, shared
	out  []value.Value

	failed bool        // a step that had to lead somewhere did not:
	at     int         // which
	on     value.Value // from where
}

// eval is what p leads to from a value: Absent where a definite path leads nowhere, of which w.at and w.on tell more. Its
// error is that of the path's function.
func (w *walk) eval(p *Path, from value.Value) (value.Value, error) {
	w.at = len(p.steps)
	w.follow(p, 0, from, true)
	switch {
	case w.failed || p.definite && len(w.out) == 0:
		return value.Value{}, nil
	case p.function != nil:
		return w.call(p, from)
	case p.definite:
		return w.out[0], nil
	}
	return value.NewArray(w.out...), nil
}

// visit counts a value looked at; false means that it is one too many.
func (w *walk) visit() bool {
	*w.left--
	return *w.left >= 0
}

// follow takes step i of p from v, and all after it. While sure, each step so far was definite and so must lead
// somewhere; afterwards what leads nowhere is left out.
func (w *walk) follow(p *Path, i int, v value.Value, sure bool) {
	if w.failed || !w.visit() {
		return
	}
	if i == len(p.steps) {
		w.out = append(w.out, v)
		return
	}
	s := &p.steps[i]
	switch s.op {
	case opMember, opElement:
		w.single(p, i, v, sure)
	case opMembers:
		w.members(p, i, v, sure)
	case opElements, opSlice:
		if v.Kind() != value.Array {
			w.miss(i, v, sure)
			return
		}
		w.positions(p, i, v)
	case opWildcard:
		for j := range v.Len() {
			w.follow(p, i+1, v.Index(j), false)
		}
	case opFilter:
		w.filter(p, i, v, sure)
	case opDescend:
		w.descend(p, i+1, v)
	}
}

func (w *walk) miss(i int, v value.Value, sure bool) {
	if sure {
		w.failed, w.at, w.on = true, i, v
	}
}

func (w *walk) single(p *Path, i int, v value.Value, sure bool) {
	s := &p.steps[i]
	child, ok := s.child(v)
	switch {
	case ok:
		w.follow(p, i+1, child, sure)
	case s.op == opElement && v.Kind() == value.Array:
		// Past the end is nothing found, not a fault of the path.
	default:
		w.miss(i, v, sure)
	}
}

// members merges several members into one object where they end the path, and goes on from each otherwise.
func (w *walk) members(p *Path, i int, v value.Value, sure bool) {
	if v.Kind() != value.Object {
		w.miss(i, v, sure)
		return
	}
	last := i == len(p.steps)-1
	var merged []value.Member
	for _, name := range p.steps[i].names {
		m, ok := v.Get(name)
		switch {
		case !ok:
		case last:
			merged = append(merged, value.Member{Name: name, Value: m})
		default:
			w.follow(p, i+1, m, false)
		}
	}
	if last {
		w.follow(p, i+1, value.NewObject(merged...), sure)
	}
}

func (w *walk) positions(p *Path, i int, v value.Value) {
	s := &p.steps[i]
	if s.op == opElements {
		for _, n := range s.indices {
			if e, ok := element(v, n); ok {
				w.follow(p, i+1, e, false)
			}
		}
		return
	}
	from, to := s.bounds(v.Len())
	for n := from; n < to; n++ {
		if e, ok := element(v, n); ok {
			w.follow(p, i+1, e, false)
		}
	}
}

// bounds are those of a slice of n elements. As in Jayway, a slice with both ends counts its negative ends from the
// array's end one by one, so that [1:-1] is empty.
func (s *step) bounds(n int) (from, to int) {
	switch {
	case s.from != nil && s.to != nil:
		return max(*s.from, -n), min(*s.to, n)
	case s.from != nil:
		if from = *s.from; from < 0 {
			from += n
		}
		return max(from, 0), n
	case s.to != nil:
		if to = *s.to; to < 0 {
			to += n
		}
		return 0, min(to, n)
	}
	return 0, n
}

// filter tries the elements of an array, or an object itself.
func (w *walk) filter(p *Path, i int, v value.Value, sure bool) {
	cond := p.steps[i].filter
	switch v.Kind() {
	case value.Array:
		for _, e := range v.Elements() {
			if w.visit() && cond.holds(w, e) {
				w.follow(p, i+1, e, false)
			}
		}
	case value.Object:
		if cond.holds(w, v) {
			w.follow(p, i+1, v, false)
		}
	default:
		w.miss(i, v, sure)
	}
}

// descend takes step i of p from v and from every array and object below it. A filter is tried on those themselves, and
// members are merged only where all are there.
func (w *walk) descend(p *Path, i int, v value.Value) {
	if k := v.Kind(); k != value.Array && k != value.Object || !w.visit() {
		return
	}
	switch s := &p.steps[i]; {
	case s.op == opFilter:
		if s.filter.holds(w, v) {
			w.follow(p, i+1, v, false)
		}
	case s.op == opMembers && i == len(p.steps)-1 && !hasAll(v, s.names):
	default:
		w.follow(p, i, v, false)
	}
	for j := range v.Len() {
		w.descend(p, i, v.Index(j))
	}
}

func hasAll(v value.Value, names []string) bool {
	for _, name := range names {
		if _, ok := v.Get(name); !ok {
			return false
		}
	}
	return true
}
