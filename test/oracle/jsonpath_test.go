//go:build oracle

package oracle

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/value"
)

// TestJSONPath holds our JSONPath against Jayway's on paths made from a seed: definite and indefinite ones, slices,
// wildcards, descents and filters. Debian's release of it has neither functions nor negative indices; those are not made.
func TestJSONPath(t *testing.T) {
	t.Parallel()
	jayway := start(t, "java", "-Xshare:auto", "-cp", strings.Join([]string{
		"../../build/oracle", "/usr/share/java/json-path.jar", "/usr/share/java/json-smart.jar",
		"/usr/share/java/accessors-smart.jar", "/usr/share/java/slf4j-api.jar",
	}, ":"), "JsonPathOracle")
	g := &paths{rand.New(rand.NewPCG(*seed, 2))}
	differ := 0
	for range *cases {
		path, document := g.path(), pathDocuments[g.IntN(len(pathDocuments))]
		want, ok := jayway.ask(t, value.NewObject(
			value.Member{Name: "path", Value: value.NewString(path)},
			value.Member{Name: "data", Value: value.MustParse(document)},
		))
		if !ok {
			t.Fatalf("Jayway's JsonPath did not end: %s on %s", path, document)
		}
		if got := find(path, document); !sameAnswer(got, want, strings.ContainsAny(path, "*?:,") || strings.Contains(path, "..")) {
			if differ++; differ <= 20 {
				t.Errorf("%s\non %s\ngot  %s\nwant %s", path, document, got, want)
			}
		}
	}
	t.Logf("%d paths from seed %d, %d differ", *cases, *seed, differ)
}

// find answers as JsonPathOracle does.
func find(path, document string) value.Value {
	p, err := expr.ParsePath(path)
	if err != nil {
		return value.Of(map[string]any{"invalid": err.Error()})
	}
	v, err := p.Eval(&expr.Scope{Input: value.MustParse(document)})
	var failed *expr.Error
	if errors.As(err, &failed) {
		return value.Of(map[string]any{"missing": failed.Error()})
	}
	return value.EmptyObject.With("value", v).With("definite", value.NewBool(p.Definite()))
}

// sameAnswer compares what was found. Which error it is counts, not its text. What is missing within an indefinite path
// is told by later releases as we do and by Debian's the other way round: an error if it comes first, none if it follows
// on something that is indefinite.
func sameAnswer(got, want value.Value, indefinite bool) bool {
	_, missing := want.Get("missing")
	if _, also := got.Get("missing"); indefinite && (missing || also) {
		return true
	}
	for _, failure := range []string{"missing", "invalid"} {
		if _, ok := want.Get(failure); ok {
			_, also := got.Get(failure)
			return also
		}
	}
	if _, ok := want.Get("broken"); ok {
		return true
	}
	return want.At("definite").Bool() == got.At("definite").Bool() && alikeUnordered(got.At("value"), want.At("value"))
}

// alikeUnordered is equality whatever the order of members, which Jayway's objects do not keep.
func alikeUnordered(a, b value.Value) bool {
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case value.Array:
		for i := range a.Len() {
			if !alikeUnordered(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case value.Object:
		for name, v := range a.Members() {
			other, ok := b.Get(name)
			if !ok || !alikeUnordered(v, other) {
				return false
			}
		}
		return true
	}
	return value.Equal(a, b)
}

// pathDocuments have one member a level, or members of which wildcards and descents see the same whatever their order.
var pathDocuments = []string{
	`{"a":[{"b":1,"c":"x"},{"b":2,"c":"y"},{"b":3},{"c":"x"}]}`,
	`{"a":{"x":{"e":[1,2,3,4,5]}}}`,
	`{"a":[[1,2],[3,[4,5]],{"x":[6]}]}`,
	`[{"a":{"c":"x"}},{"a":{"b":7,"c":"y"}},{"a":true},{"a":1.5},{"c":"x"}]`,
	`{"a":{"x":[]}}`,
	`{"a":"text"}`,
	`{"a":null}`,
	`[1,2,3,"x",null,true]`,
}

// paths writes paths.
type paths struct{ *rand.Rand }

func (g *paths) pick(texts ...string) string { return texts[g.IntN(len(texts))] }

func (g *paths) path() string {
	var b strings.Builder
	b.WriteByte('$')
	for range g.IntN(5) {
		b.WriteString(g.step())
	}
	return b.String()
}

func (g *paths) step() string {
	switch g.IntN(12) {
	case 0, 1, 2, 3:
		return "." + g.pick("a", "b", "c", "a", "e", "x")
	case 4:
		return "['" + g.pick("a", "b", "c") + "']"
	case 5, 6:
		return "[" + g.pick("0", "1", "2", "7") + "]"
	case 7:
		return g.pick("[*]", ".*")
	case 8:
		return "[" + g.pick("0,1", "1:3", ":2", "1:", "-2:", ":-1", "0,2,9") + "]"
	case 9:
		return ".." + g.pick("a", "b", "c", "*")
	}
	return "[?(" + g.condition() + ")]"
}

// condition compares like with like: of null, of what is not there and of other types Debian's release thinks otherwise
// than later ones.
func (g *paths) condition() string {
	switch g.IntN(5) {
	case 0:
		return g.pick("@.b", "@.c", "@['b']", "@.x")
	case 1:
		return "@.b && @.b " + g.pick("==", "!=", "<", "<=", ">", ">=") + " " + g.pick("1", "2", "1.5", "3")
	case 2:
		return "@.c && @.c " + g.pick("==", "!=") + " " + g.pick("'x'", "'y'", "''")
	case 3:
		return "@.b == " + g.pick("1", "2", "4") + " || @.c == 'x'"
	}
	return "@.b > 1 && @.c == 'y'"
}
