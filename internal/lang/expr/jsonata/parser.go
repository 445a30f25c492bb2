package jsonata

// parser is a Pratt parser: each token knows how it binds, what it means where an operand is expected (prefix) and what
// it means after one (infix).
type parser struct {
	lexer lexer
	tok   token // the token that is looked at
	depth int
}

// These bound how deeply the tree of an expression nests, and so the stack that parsing and resolving take.
const (
	maxSyntaxDepth = 500  // parts within parts
	maxOperators   = 2000 // in a row
)

// bindingPower is how tightly an operator holds what stands before it; none that is not here holds anything.
var bindingPower = map[string]int{
	"(": 80, "[": 80, "@": 80, "#": 80, ".": 75, "{": 70, "*": 60, "/": 60, "%": 60, "+": 50, "-": 50, "&": 50, "=": 40,
	"<": 40, ">": 40, "!=": 40, "<=": 40, ">=": 40, "^": 40, "~>": 40, "in": 40, "and": 30, "or": 25, "?": 20, ":=": 10,
}

// negatePower is how tightly the sign holds its operand.
const negatePower = 70

// parse reads a whole expression.
func parse(text string) (*syntax, error) {
	p := &parser{lexer: lexer{text: text}}
	if err := p.advance(false); err != nil {
		return nil, err
	}
	s, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, fail("S0201").at(p.tok.position, p.tok.text)
	}
	return s, nil
}

// advance goes to the next token.
func (p *parser) advance(afterOperand bool) (err error) {
	if p.tok, err = p.lexer.next(afterOperand); err != nil {
		return err
	}
	if p.is("!") || p.is("~") {
		return fail("S0204").at(p.tok.position, p.tok.text)
	}
	return nil
}

// is reports whether the token is the operator op.
func (p *parser) is(op string) bool { return p.tok.kind == tokenOperator && p.tok.text == op }

// expect passes over the operator op.
func (p *parser) expect(op string, afterOperand bool) error {
	if p.is(op) {
		return p.advance(afterOperand)
	}
	code := "S0202"
	if p.tok.kind == tokenEnd {
		code = "S0203"
	}
	e := failWith(code, op).at(p.tok.position, p.tok.text)
	if p.tok.kind == tokenEnd {
		e.Token = "(end)"
	}
	return e
}

// power is the binding power of the token.
func (p *parser) power() int {
	if p.tok.kind != tokenOperator {
		return 0
	}
	return bindingPower[p.tok.text]
}

// expression reads operands and operators as long as these bind more tightly than power.
func (p *parser) expression(power int) (*syntax, error) {
	if p.depth++; p.depth > maxSyntaxDepth {
		return nil, failLimit("the expression is nested more than %d deep", maxSyntaxDepth)
	}
	t := p.tok
	if err := p.advance(true); err != nil {
		return nil, err
	}
	left, err := p.prefix(t)
	links := 0
	for err == nil && power < p.power() {
		if links++; links > maxOperators {
			return nil, failLimit("the expression has more than %d operators in a row", maxOperators)
		}
		t := p.tok
		if err = p.advance(false); err != nil {
			break
		}
		left, err = p.infix(t, left)
	}
	p.depth--
	return left, err
}

// list reads what item reads, separated by commas.
func (p *parser) list(item func() error) error {
	for {
		if err := item(); err != nil || !p.is(",") {
			return err
		}
		if err := p.advance(false); err != nil {
			return err
		}
	}
}
