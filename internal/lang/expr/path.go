package expr

import (
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// Path is a compiled JSONPath in Jayway's dialect. It is immutable.
type Path struct {
	text     string
	root     root
	variable string // of rootVariable
	steps    []step
	function *pathFunction // applied to what the steps lead to; nil if none
	args     []operand     // of function
	definite bool
	plain    bool // members and elements only
}

// root is where a path starts.
type root uint8

const (
	rootInput    root = iota // "$"; within a filter, the root that the whole path started from
	rootContext              // "$$"
	rootVariable             // "$name"
	rootItem                 // "@", within a filter
)

// step is one step of a path, away from a value.
type step struct {
	op      op
	names   []string  // opMember has one, opMembers several
	indices []int     // opElement has one, opElements several
	from    *int      // opSlice
	to      *int      // opSlice
	filter  condition // opFilter
}

type op uint8

const (
	opMember   op = iota
	opMembers     // ['a','b']
	opElement     // [0], [-1]
	opElements    // [0,2]
	opSlice       // [1:3]
	opWildcard    // *
	opFilter      // [?()]
	opDescend     // ..: the next step applies to the value and all below it
)

// ParsePath compiles a path on the input ("$…"), the context object ("$$…") or a variable ("$name…"). Its error is a
// *SyntaxError.
func ParsePath(text string) (*Path, error) {
	p := &parser{text: text}
	path, err := p.path()
	if err == nil {
		err = p.finish("'.', '[' or the end of the path")
	}
	if err != nil {
		return nil, err
	}
	return path, nil
}

// Definite reports whether the path leads to one value at most.
func (p *Path) Definite() bool { return p.definite }

// String is the path as written.
func (p *Path) String() string { return p.text }

// settle fills in what follows from the steps.
func (p *Path) settle() {
	p.plain = p.function == nil
	p.definite = true
	for i, s := range p.steps {
		switch s.op {
		case opMember, opElement:
		case opMembers: // as the last step it merges the members into one object
			p.plain = false
			p.definite = p.definite && i == len(p.steps)-1
		default:
			p.plain, p.definite = false, false
		}
	}
}

// normal is the path of the first n steps in Jayway's normal form, such as $['a'][0].
func (p *Path) normal(n int) string {
	var b strings.Builder
	b.WriteByte('$')
	for i := range p.steps[:n] {
		p.steps[i].appendTo(&b)
	}
	return b.String()
}

// String is the step in Jayway's normal form.
func (s *step) String() string {
	var b strings.Builder
	s.appendTo(&b)
	return b.String()
}

func (s *step) appendTo(b *strings.Builder) {
	switch s.op {
	case opDescend:
		b.WriteString("..")
		return
	case opMember, opMembers:
		b.WriteString("['" + strings.Join(s.names, "','") + "']")
		return
	case opWildcard:
		b.WriteString("[*]")
		return
	case opFilter:
		b.WriteString("[?]")
		return
	}
	b.WriteByte('[')
	if s.op == opSlice {
		if s.from != nil {
			b.WriteString(strconv.Itoa(*s.from))
		}
		b.WriteByte(':')
		if s.to != nil {
			b.WriteString(strconv.Itoa(*s.to))
		}
	}
	for i, n := range s.indices {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(n))
	}
	b.WriteByte(']')
}

// origin is the value that the path starts from; ok is false where there is none.
func (p *Path) origin(s *Scope) (v value.Value, ok bool) {
	switch p.root {
	case rootContext:
		v = s.contextObject()
	case rootVariable:
		if s.Var == nil {
			return value.Value{}, false
		}
		return s.Var(p.variable)
	default:
		v = s.Input
	}
	return v, !v.IsAbsent()
}
