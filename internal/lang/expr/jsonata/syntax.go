package jsonata

// kind is what a part of an expression is, as it is written.
type kind uint8

const (
	kindEnd kind = iota
	kindName
	kindVariable
	kindString
	kindNumber
	kindConstant
	kindRegex
	kindWildcard   // *
	kindDescendant // **
	kindParent     // %
	kindKeyword    // and, or, in, where an operand is expected; ? as an argument
	kindBinary
	kindNegate
	kindArray
	kindObject
	kindBlock
	kindCall
	kindPartial
	kindLambda
	kindCondition
	kindTransform
)

// names of kinds as error messages of the parent operator show them.
var kindNames = map[kind]string{
	kindVariable: "variable", kindString: "string", kindNumber: "number", kindConstant: "value", kindRegex: "regex",
	kindDescendant: "descendant", kindParent: "parent", kindBinary: "binary", kindNegate: "unary", kindArray: "unary",
	kindObject: "unary", kindCall: "function", kindPartial: "partial", kindLambda: "lambda",
	kindCondition: "condition", kindTransform: "transform", kindBlock: "block", kindName: "name", kindWildcard: "wildcard",
}

// syntax is a part of an expression as it is written.
type syntax struct {
	kind     kind
	text     string // name, variable, operator
	item     any    // of literals; the *regexp of a regex
	position int

	lhs, rhs  *syntax   // operands; of a call the function, of a condition the condition and its consequence
	third     *syntax   // the alternative of a condition; what a transform deletes
	list      []*syntax // elements, arguments, expressions of a block
	pairs     [][2]*syntax
	terms     []sortTerm
	signature *signature
	keepArray bool // followed by []
}

// sortTerm is one expression of ^( ).
type sortTerm struct {
	by         *syntax
	descending bool
}
