package expr

import (
	"fmt"

	"github.com/tutti-ml/tutti/internal/value"
)

// Reference is a compiled reference path: names and indices only, so that it names one place, which can be written. It is
// immutable.
type Reference struct{ path *Path }

// ParseReference compiles a reference path on the input, such as $.a['b'][0]. Its error is a *SyntaxError.
func ParseReference(text string) (*Reference, error) {
	path, err := ParsePath(text)
	switch {
	case err != nil:
		return nil, err
	case path.root != rootInput:
		return nil, &SyntaxError{Text: text, Column: 2, Want: "'.', '[' or the end: a reference path names a place in the data, not in the context object or a variable"}
	case !path.plain:
		return nil, &SyntaxError{Text: text, Column: 1, Want: "a reference path: names and single indices only, as in $.a['b'][0]"}
	}
	return &Reference{path}, nil
}

// String is the reference as written.
func (r *Reference) String() string { return r.path.text }

// Set is root with v at the reference's place. Objects that are missing on the way are created. Its error is an *Error of
// kind CannotPlace where the way leads through something else, or past an array's end.
func (r *Reference) Set(root, v value.Value) (value.Value, error) {
	out, ok := set(r.path.steps, root, v)
	if !ok {
		return value.Value{}, &Error{
			Kind: CannotPlace,
			Code: ResultPathMatchFailure,
			Text: fmt.Sprintf("Unable to apply ReferencePath %s to input %s", r.path.text, root.JSON()),
		}
	}
	return out, nil
}

// set is at with v where the steps lead; an absent at is an object to be created.
func set(steps []step, at, v value.Value) (value.Value, bool) {
	if len(steps) == 0 {
		return v, true
	}
	s := &steps[0]
	if s.op == opMember && at.Kind() != value.Object && !at.IsAbsent() {
		return value.Value{}, false
	}
	child, ok := s.child(at)
	if !ok && s.op == opElement {
		return value.Value{}, false
	}
	child, ok = set(steps[1:], child, v)
	switch {
	case !ok:
		return value.Value{}, false
	case s.op == opMember:
		return at.With(s.names[0], child), true
	}
	i := s.indices[0]
	if i < 0 {
		i += at.Len()
	}
	return at.WithIndex(i, child), true
}
