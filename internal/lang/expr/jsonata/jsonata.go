// Package jsonata interprets JSONata 2.0: the query and transformation language of Step Functions' states and of our own
// templates. It answers as jsonata.js 2.0.6 does, down to the codes of its errors.
//
// An expression is compiled once, is immutable and is shared by all goroutines. An evaluation owns everything it makes,
// and is bounded in steps, in depth, in bytes and, by a check that the caller gives, in time: no expression escapes
// these. The package knows no clock and no source of chance; both are in the Scope. It must not learn what a state, a run
// or a store is: functions of a host are given to it in the Scope.
//
// How it works: the lexer makes tokens (lexer.go), the parser a tree of syntax as written (parser.go, parser_symbol.go),
// and the resolver of that the tree that runs (resolve.go, ancestry.go), in which dots have become paths and each parent
// operator knows whose parent it means. A machine evaluates it (machine.go, eval_*.go). Values in flight are described
// in item.go.
package jsonata

import (
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

// Expr is a compiled expression.
type Expr struct {
	text string
	root *node
}

// Compile parses text. Its error is an *Error with a code S0xxx.
func Compile(text string) (*Expr, error) {
	root, err := compile(text)
	if err != nil {
		return nil, finished(err, text)
	}
	return &Expr{text, root}, nil
}

// String is the text that was compiled.
func (e *Expr) String() string { return e.text }

// Scope is what an evaluation sees and what it may use. The zero Scope is an evaluation without input, at the beginning
// of 1970, in which $random is refused.
type Scope struct {
	Input     value.Value                                // $ and $$; absent for none
	Variables func(name string) (v value.Value, ok bool) // by name, without the $; may be nil
	Functions func(name string) (f Function, ok bool)    // likewise; they come before those of the language
	Now       time.Time                                  // what $now and $millis tell, and the date that $toMillis completes a time of day with
	Random    func() float64                             // in [0, 1): what $random and $shuffle draw from
	Limits    Limits
	// Used is what evaluations before this one took, where they count together. It is updated; nil: this one by itself.
	Used      *Used
	NoEval    bool // $eval does not exist, as in Step Functions
	NonFinite bool // a number that JSON does not have is a text of the result, "Infinity" or "NaN", as in Step Functions; else it is a D1001
}

// Function is a function of the host. Its arguments are absent where the expression passes nothing; so is its result
// where it has none. An *Error that it returns keeps its code; any other error becomes the message of a D3137.
type Function struct {
	Signature string // as in JSONata, "<s-n?:s>"; empty for no check
	Arity     int    // how many arguments it takes: that many, at most, come from $map and its like
	Call      func(args []value.Value) (value.Value, error)
}

// Limits bound an evaluation. What is zero has the value of DefaultLimits. All end in an *Error with code U1001.
type Limits struct {
	Steps int          // evaluations of a part of the expression, and visits of an element
	Depth int          // parts within parts; functions that call themselves last do not deepen
	Bytes int          // of all that is made on the way, whether still in use or not
	Check func() error // asked about every thousand steps; its error ends the evaluation. It is where time is bounded
}

// Used is what of the Limits has been used.
type Used struct{ Steps, Bytes int }

// DefaultLimits end a hostile expression within seconds.
var DefaultLimits = Limits{Steps: 10_000_000, Depth: 5_000, Bytes: 256 << 20}

func (l Limits) orDefault() Limits {
	if l.Steps == 0 {
		l.Steps = DefaultLimits.Steps
	}
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	return l
}

// Eval evaluates e. Defined is false where the expression has no value, which is not an error. What the input holds and
// the expression does not touch comes back as it was, the text of its numbers included. A result that is a function is
// defined and absent. Its error is an *Error, or what Limits.Check returned.
func (e *Expr) Eval(s Scope) (result value.Value, defined bool, err error) {
	m := &machine{scope: &s, limits: s.Limits.orDefault()}
	if s.Used != nil {
		m.steps, m.bytes = s.Used.Steps, s.Used.Bytes
		defer func() { *s.Used = Used{m.steps, m.bytes} }()
	}
	input := wrap(s.Input)
	root := &frame{}
	root.bind("$", input)
	if a, ok := input.(*array); ok {
		input = &array{items: []any{a}, sequence: true, wrapper: true}
	}
	out, err := m.eval(e.root, input, root)
	if err == nil {
		result, err = m.export(out, 0)
	}
	if err != nil {
		return value.Value{}, false, finished(err, e.text)
	}
	return result, out != nil, nil
}

// finished completes an error that leaves the package.
func finished(err error, text string) error {
	var e *Error
	if errors.As(err, &e) {
		e.finish(text)
	}
	return err
}
