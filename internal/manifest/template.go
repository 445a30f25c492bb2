package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// variablePlace is ${NAME} or $NAME, as envsubst has it.
var variablePlace = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// Render puts values in the place of variables in a template of YAML. Only the variables that allow lists are replaced;
// all others stay as they are, so that a shell script in the template keeps its own. A listed variable that the template
// uses and vars lacks is a problem.
//
// The template is parsed first and values are put into its scalars, so no value can add a field, end a string or begin a
// document, whatever characters it holds. A value stays text, with one exception: where an unquoted scalar is a
// variable and nothing else, as in "replicas: ${N}", a value that reads as a number, true or false becomes one.
func Render(template string, vars map[string]string, allow []string) ([]byte, run.Problems) {
	docs, f := loadYAML([]byte(template))
	if f != nil {
		return nil, run.Problems{f.problem()}
	}
	t := &renderer{vars: vars, allow: allow}
	for _, d := range docs {
		t.node(d, "")
	}
	if t.problems != nil {
		return nil, t.problems
	}
	var out bytes.Buffer
	d, err := yaml.NewDumper(&out)
	for _, doc := range docs {
		if err == nil {
			err = d.Dump(doc)
		}
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		return nil, run.Problems{{Code: codeInvalid, Text: fmt.Sprintf("the template cannot be written out: %v", err)}}
	}
	return out.Bytes(), nil
}

type renderer struct {
	vars     map[string]string
	allow    []string
	problems run.Problems
}

func (t *renderer) fault(n *yaml.Node, pointer, code, format string, args ...any) {
	t.problems = append(t.problems, run.Problem{Pointer: pointer, Line: n.Line, Column: n.Column, Code: code, Text: fmt.Sprintf(format, args...)})
}

// node replaces in n and below. An alias shares its node, which is replaced where it stands.
func (t *renderer) node(n *yaml.Node, pointer string) {
	switch n.Kind {
	case yaml.DocumentNode:
		for _, c := range n.Content {
			t.node(c, pointer)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			t.node(c, fmt.Sprintf("%s/%d", pointer, i))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if names := t.listed(k.Value); names != nil {
				t.fault(k, pointer, codeUnsupported, "the variable %s stands in the name of a field, where none is replaced; write the name out", names[0])
			}
			t.node(n.Content[i+1], pointer+"/"+escapePointer(k.Value))
		}
	case yaml.ScalarNode:
		t.scalar(n, pointer)
	}
}

// listed are the variables of text that are to be replaced.
func (t *renderer) listed(text string) (names []string) {
	for _, m := range variablePlace.FindAllStringSubmatch(text, -1) {
		if name := m[1] + m[2]; slices.Contains(t.allow, name) {
			names = append(names, name)
		}
	}
	return names
}

// plain is the style of a scalar that is not quoted and no block.
func plain(n *yaml.Node) bool {
	return n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func (t *renderer) scalar(n *yaml.Node, pointer string) {
	names := t.listed(n.Value)
	if names == nil {
		return
	}
	for _, name := range names {
		v, ok := t.vars[name]
		if !ok {
			t.fault(n, pointer, codeMissing, "the variable %s has no value; give it one", name)
			return
		}
		if !utf8.ValidString(v) {
			t.fault(n, pointer, codeInvalid, "the value of %s is not text in UTF-8", name)
			return
		}
	}
	whole := n.Value == "${"+names[0]+"}" || n.Value == "$"+names[0]
	n.Value = variablePlace.ReplaceAllStringFunc(n.Value, func(place string) string {
		name := strings.Trim(place, "${}")
		if slices.Contains(t.allow, name) {
			return t.vars[name]
		}
		return place
	})
	if whole && plain(n) && typed(n.Value) {
		n.Tag = ""
		return
	}
	n.Tag = "!!str"
	if n.Style&yaml.LiteralStyle == 0 || !blockSafe(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
}

// typed reports whether text is a number of JSON, true or false.
func typed(text string) bool {
	v, err := value.Parse([]byte(text))
	return err == nil && v.JSON() == text && (v.Kind() == value.Number || v.Kind() == value.Bool)
}

// blockSafe reports whether text can stand in a literal block as it is: lines of printable characters, the first not
// indented.
func blockSafe(text string) bool {
	return !strings.HasPrefix(text, " ") && !strings.HasPrefix(text, "\n") && !strings.ContainsFunc(text, func(c rune) bool {
		return c != '\n' && (c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\u2028' || c == '\u2029' || c == '\ufeff' || c >= 0xfffe)
	})
}
