package asl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/spell"
	"github.com/tutti-ml/tutti/internal/value"
)

// The codes of problems: Step Functions' own, and ours for what it does not know.
const (
	codeJSON              = "INVALID_JSON_DESCRIPTION"
	codeSchema            = "SCHEMA_VALIDATION_FAILED"
	codeTransition        = "MISSING_TRANSITION_TARGET"
	codeNoEnd             = "MISSING_END_STATE"
	codeNesting           = "TOO_DEEPLY_NESTED"
	codeDuplicate         = "DUPLICATE_STATE_NAME"
	codeName              = "INVALID_STATE_NAME"
	codeLabel             = "INVALID_LABEL_NAME"
	codeDuplicateLabel    = "DUPLICATE_LABEL_NAME"
	codeQuery             = "INVALID_JSONATA_EXPRESSION"
	codeUnsupportedQuery  = "UNSUPPORTED_JSONATA_EXPRESSION"
	codeVariable          = "INVALID_VARIABLE_NAME"
	codeReservedVariable  = "RESERVED_VARIABLE_NAME"
	codeDuplicateVariable = "DUPLICATE_VARIABLE_NAME"
	codeUndefinedVariable = "POSSIBLY_UNDEFINED_VARIABLE"
	codeStaticResult      = "PASS_RESULT_IS_STATIC"
	codeNoDollar          = "NO_DOLLAR"
	codeNoPath            = "NO_PATH"
	codeResource          = "UNKNOWN_RESOURCE"
	codeMissing           = "UNKNOWN_REFERENCE"
	codeWarning           = "POSSIBLE_MISTAKE"
)

// The texts that many checks share, in Step Functions' words.
const (
	textRequired            = "These fields are required: [%s]"
	textUnsupported         = "Field '%s' is not supported"
	textType                = "Expected value of type %s"
	textOneOf               = "Value should be one of the following: [%s]"
	textEmpty               = "Value cannot be empty"
	textMinimum             = "Minimum value is %s"
	textMaximum             = "Maximum value is %s"
	textOnlyOne             = "There should only be one of the following fields: [%s]"
	textExactlyOne          = "This object should have only one of the following fields: [%s]"
	textOtherLanguage       = "The QueryLanguage is set to '%s', but field '%s' is only supported for the '%s' QueryLanguage"
	textNotReference        = "Value is not a Reference Path"
	textNotPath             = "Value must be a valid JSONPath."
	textNotQuery            = "JSONata string must start with {% and end with %}"
	textNotTimestamp        = "String does not match RFC3339 timestamp"
	textMissingTarget       = "Missing 'Next' target: %s"
	textUnreachable         = "State \"%s\" is not reachable."
	textNotObjectDefinition = "Definition must be a valid JSON object"
)

// stage orders problems before their places do: what is wrong with the graph of the states comes after what is wrong
// with its parts, as Step Functions tells it.
type stage uint8

const (
	ofParts stage = iota
	ofTargets
	ofEnds
	ofReach
)

// finding is a problem whose place is not yet known by line and column.
type finding struct {
	run.Problem
	of      pointer // what Step Functions says it is about: Pointer may be closer
	nowhere bool    // it names no place
	stage   stage
	offset  int // in the source
}

// pointer is a JSON pointer to a place in the file.
type pointer string

// at is the place of a member or an element below p.
func (p pointer) at(name string) pointer {
	if strings.ContainsAny(name, "~/") {
		name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return p + "/" + pointer(name)
}

func (p pointer) index(i int) pointer { return pointer(fmt.Sprintf("%s/%d", p, i)) }

// last is the name of the member that p points at.
func (p pointer) last() string {
	token := string(p[strings.LastIndexByte(string(p), '/')+1:])
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}

// location is p as Step Functions writes it: names bare, indices in brackets.
func (p pointer) location(root value.Value) string {
	if p == "" {
		return "/"
	}
	var b strings.Builder
	v := root
	for token := range strings.SplitSeq(string(p[1:]), "/") {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		if v.Kind() == value.Array {
			b.WriteString("[" + name + "]")
			i, err := strconv.Atoi(name)
			if err != nil || i >= v.Len() {
				return b.String()
			}
			v = v.Index(i)
			continue
		}
		b.WriteString("/" + name)
		v, _ = v.Get(name)
	}
	return b.String()
}

// problem records a fault.
func (c *compiler) problem(at pointer, code, format string, args ...any) {
	c.report(finding{Problem: run.Problem{Pointer: string(at), Code: code, Text: fmt.Sprintf(format, args...)}, of: at})
}

// maxFindings bounds how many faults are told of one file, and how many warnings.
const maxFindings = 1000

// report records a fault, or a warning.
func (c *compiler) report(f finding) {
	n := &c.faults
	if f.Warning {
		n = &c.warnings
	}
	if *n++; *n <= maxFindings {
		c.findings = append(c.findings, f)
	}
}

// warn records what deserves a look, and Step Functions does not tell.
func (c *compiler) warn(at pointer, format string, args ...any) {
	c.warnAs(codeWarning, at, format, args...)
}

func (c *compiler) warnAs(code string, at pointer, format string, args ...any) {
	c.report(finding{Problem: run.Problem{Pointer: string(at), Code: code, Text: fmt.Sprintf(format, args...), Warning: true}, of: at})
}

// oneOf is a list of names as Step Functions' texts have it.
func oneOf(names []string) string { return strings.Join(names, ", ") }

// suggest is a question for the candidate that is closest to name, or empty where none is close.
func suggest(name string, candidates []string) string {
	best := spell.Closest(name, slices.Sorted(slices.Values(candidates)))
	if best == "" {
		return ""
	}
	return fmt.Sprintf("Did you mean %q?", best)
}
