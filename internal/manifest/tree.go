package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// node is a value with its place in the file.
type node struct {
	kind    value.Kind
	text    string // of scalars, numbers as written
	names   []string
	list    []*node // elements, or members beside names
	pointer string
	line    int // from 1; 0 if not known
	column  int
}

// maxNodes bounds a file, aliases counted as often as they are used.
const maxNodes = 200_000

// member is the member called name, and nil where n is no object, has none, or it is null.
func (n *node) member(name string) *node {
	if n == nil || n.kind != value.Object {
		return nil
	}
	for i, have := range n.names {
		if have == name && n.list[i].kind != value.Null {
			return n.list[i]
		}
	}
	return nil
}

// string is the text of a string, and "" of anything else.
func (n *node) string() string {
	if n == nil || n.kind != value.String {
		return ""
	}
	return n.text
}

// value drops the places.
func (n *node) value() value.Value {
	switch n.kind {
	case value.Bool:
		return value.NewBool(n.text == "true")
	case value.Number:
		if v, err := value.NewNumber(n.text); err == nil {
			return v
		}
		return value.NewString(n.text)
	case value.String:
		return value.NewString(n.text)
	case value.Array:
		list := make([]value.Value, len(n.list))
		for i, e := range n.list {
			list[i] = e.value()
		}
		return value.NewArray(list...)
	case value.Object:
		members := make([]value.Member, len(n.list))
		for i, e := range n.list {
			members[i] = value.Member{Name: n.names[i], Value: e.value()}
		}
		return value.NewObject(members...)
	}
	return value.NullValue
}

func fromValue(v value.Value, pointer string) *node {
	n := &node{kind: v.Kind(), text: v.Text(), pointer: pointer}
	for i, e := range v.Elements() {
		n.list = append(n.list, fromValue(e, fmt.Sprintf("%s/%d", pointer, i)))
	}
	for name, e := range v.Members() {
		n.names = append(n.names, name)
		n.list = append(n.list, fromValue(e, pointer+"/"+escapePointer(name)))
	}
	return n
}

// escapePointer writes a name as a part of a JSON pointer (RFC 6901).
func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// jsonForm is how a JSON object begins, and YAML hardly ever does.
var jsonForm = regexp.MustCompile(`^\s*\{\s*["}]`)

// parse reads the documents of a file. What looks like JSON is held to JSON's grammar; all else is YAML.
func parse(file []byte) ([]*node, run.Problems) {
	if jsonForm.Match(file) {
		n, err := parseJSON(file)
		if err != nil {
			return nil, run.Problems{err.problem()}
		}
		return []*node{n}, nil
	}
	return parseYAML(file)
}

// fault is a syntax error on its way out of the recursion.
type fault struct {
	pointer      string
	line, column int
	text         string
}

func (f *fault) Error() string { return f.text }

func (f *fault) problem() run.Problem {
	return run.Problem{Pointer: f.pointer, Line: f.line, Column: f.column, Code: codeSyntax, Text: f.text}
}

// jsonParser builds nodes from tokens and turns offsets into lines.
type jsonParser struct {
	*jsontext.Decoder
	file  []byte
	lines []int // offsets at which lines begin
	nodes int
}

func parseJSON(file []byte) (*node, *fault) {
	if _, err := value.Parse(file); err != nil {
		f := &fault{text: err.Error()}
		if se := (*value.SyntaxError)(nil); errors.As(err, &se) {
			f = &fault{line: se.Line, column: se.Column, text: fmt.Sprintf("this is not JSON: %v", se.Err)}
		}
		return nil, f
	}
	p := &jsonParser{Decoder: jsontext.NewDecoder(bytes.NewReader(file), jsontext.AllowDuplicateNames(true)), file: file, lines: []int{0}}
	for i, b := range file {
		if b == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	n, err := p.node("")
	if f := (*fault)(nil); errors.As(err, &f) {
		return nil, f
	} else if err != nil {
		return nil, &fault{text: err.Error()}
	}
	return n, nil
}

func (p *jsonParser) node(pointer string) (*node, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, &fault{text: fmt.Sprintf("the file holds more than %d values", maxNodes)}
	}
	n := &node{pointer: pointer}
	n.line, n.column = p.next()
	t, err := p.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		n.kind = value.Null
	case 't', 'f':
		n.kind, n.text = value.Bool, t.String()
	case '"':
		n.kind, n.text = value.String, t.String()
	case '0':
		n.kind, n.text = value.Number, t.String()
	case '[':
		n.kind = value.Array
		for i := 0; p.PeekKind() != ']'; i++ {
			e, err := p.node(fmt.Sprintf("%s/%d", pointer, i))
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, e)
		}
		_, err = p.ReadToken()
	case '{':
		n.kind = value.Object
		seen := map[string]bool{}
		for p.PeekKind() != '}' {
			line, column := p.next()
			k, err := p.ReadToken()
			if err != nil {
				return nil, err
			}
			name := k.String()
			if seen[name] {
				return nil, &fault{pointer + "/" + escapePointer(name), line, column, fmt.Sprintf("%q stands here twice; remove one", name)}
			}
			seen[name] = true
			e, err := p.node(pointer + "/" + escapePointer(name))
			if err != nil {
				return nil, err
			}
			n.names, n.list = append(n.names, name), append(n.list, e)
		}
		_, err = p.ReadToken()
	}
	return n, err
}

// next is the line and column, from 1, at which the next token begins.
func (p *jsonParser) next() (line, column int) {
	offset := int(p.InputOffset())
	for offset < len(p.file) && strings.IndexByte(" \t\r\n,:", p.file[offset]) >= 0 {
		offset++
	}
	line = sort.SearchInts(p.lines, offset+1)
	return line, offset - p.lines[line-1] + 1
}

// loadYAML reads the documents of a YAML file as the library's nodes.
func loadYAML(file []byte) ([]*yaml.Node, *fault) {
	loader, err := yaml.NewLoader(bytes.NewReader(file))
	if err != nil {
		return nil, &fault{text: err.Error()}
	}
	var docs []*yaml.Node
	for {
		n := &yaml.Node{}
		switch err := loader.Load(n); {
		case err == io.EOF:
			return docs, nil
		case err != nil:
			f := &fault{text: fmt.Sprintf("this is not YAML: %v", err)}
			if le := (*yaml.LoadError)(nil); errors.As(err, &le) {
				f = &fault{line: le.Mark.Line, column: le.Mark.Column, text: "this is not YAML: " + le.Message}
			}
			return nil, f
		}
		docs = append(docs, n)
	}
}

func parseYAML(file []byte) ([]*node, run.Problems) {
	docs, f := loadYAML(file)
	if f != nil {
		return nil, run.Problems{f.problem()}
	}
	var nodes []*node
	var problems run.Problems
	p := &yamlParser{}
	for _, d := range docs {
		n, f := p.node(d, "", 0)
		if f != nil {
			problems = append(problems, f.problem())
		} else if n.kind != value.Null { // an empty document between two ---
			nodes = append(nodes, n)
		}
	}
	return nodes, problems
}

// yamlParser builds nodes from the library's. Aliases are copied out, so they count against maxNodes as often as they
// are used: a file of nested aliases is refused instead of blown up.
type yamlParser struct{ nodes int }

const maxDepth = 200

func (p *yamlParser) node(y *yaml.Node, pointer string, depth int) (*node, *fault) {
	at := func(format string, args ...any) *fault {
		return &fault{pointer, y.Line, y.Column, fmt.Sprintf(format, args...)}
	}
	if p.nodes++; p.nodes > maxNodes {
		return nil, at("the file holds more than %d values, aliases counted as often as they are used", maxNodes)
	}
	if depth > maxDepth {
		return nil, at("nested more than %d deep", maxDepth)
	}
	n := &node{pointer: pointer, line: y.Line, column: y.Column}
	switch y.Kind {
	case yaml.DocumentNode:
		if len(y.Content) == 0 {
			n.kind = value.Null
			return n, nil
		}
		return p.node(y.Content[0], pointer, depth)
	case yaml.AliasNode:
		return p.node(y.Alias, pointer, depth+1)
	case yaml.ScalarNode:
		if f := p.scalar(n, y); f != "" {
			return nil, at("%s", f)
		}
	case yaml.SequenceNode:
		n.kind = value.Array
		for i, c := range y.Content {
			e, f := p.node(c, fmt.Sprintf("%s/%d", pointer, i), depth+1)
			if f != nil {
				return nil, f
			}
			n.list = append(n.list, e)
		}
	case yaml.MappingNode:
		n.kind = value.Object
		return n, p.mapping(n, y, depth)
	default:
		return nil, at("this kind of YAML node has no meaning here")
	}
	return n, nil
}

func (p *yamlParser) mapping(n *node, y *yaml.Node, depth int) *fault {
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		at := func(text string) *fault { return &fault{n.pointer, k.Line, k.Column, text} }
		switch {
		case k.Kind != yaml.ScalarNode:
			return at("a name must be plain text")
		case k.Tag == "!!merge":
			return at("merging with << is not read; write the members out")
		case seen[k.Value]:
			return at(fmt.Sprintf("%q stands here twice; remove one", k.Value))
		}
		seen[k.Value] = true
		e, f := p.node(y.Content[i+1], n.pointer+"/"+escapePointer(k.Value), depth+1)
		if f != nil {
			return f
		}
		n.names, n.list = append(n.names, k.Value), append(n.list, e)
	}
	return nil
}

// scalar reads a scalar as YAML 1.2's core schema has it: yes and no are strings, as are dates. It returns what is
// wrong.
func (p *yamlParser) scalar(n *node, y *yaml.Node) string {
	n.text = y.Value
	switch y.Tag {
	case "!!null":
		n.kind, n.text = value.Null, ""
	case "!!bool":
		n.kind, n.text = value.Bool, strings.ToLower(y.Value)
		if n.text != "true" && n.text != "false" {
			n.kind, n.text = value.String, y.Value
		}
	case "!!int", "!!float":
		n.kind = value.Number
		if _, err := value.NewNumber(y.Value); err != nil {
			// 0x10, 1_000 or .inf: numbers of YAML that JSON has no way to write.
			n.kind = value.String
		}
	case "!!str", "!!timestamp":
		n.kind = value.String
	default:
		return fmt.Sprintf("the tag %s has no meaning here; remove it", y.Tag)
	}
	return ""
}
