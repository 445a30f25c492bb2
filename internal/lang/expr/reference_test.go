package expr

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
	"pgregory.net/rapid"
)

func TestReferenceSet(t *testing.T) {
	t.Parallel()
	const root = `{"a":{"b":1,"z":2},"list":[1,{"k":2}],"none":null}`
	tests := []struct{ reference, want string }{
		{`$`, `"new"`},
		{`$.a`, `{"a":"new","list":[1,{"k":2}],"none":null}`},
		{`$.a.b`, `{"a":{"b":"new","z":2},"list":[1,{"k":2}],"none":null}`},
		{`$['a']['c d']`, `{"a":{"b":1,"z":2,"c d":"new"},"list":[1,{"k":2}],"none":null}`},
		{`$.x.y.z`, `{"a":{"b":1,"z":2},"list":[1,{"k":2}],"none":null,"x":{"y":{"z":"new"}}}`},
		{`$.list[0]`, `{"a":{"b":1,"z":2},"list":["new",{"k":2}],"none":null}`},
		{`$.list[-1].k`, `{"a":{"b":1,"z":2},"list":[1,{"k":"new"}],"none":null}`},
		{`$.list[1].m.n`, `{"a":{"b":1,"z":2},"list":[1,{"k":2,"m":{"n":"new"}}],"none":null}`},
		{`$.none`, `{"a":{"b":1,"z":2},"list":[1,{"k":2}],"none":"new"}`},
	}
	for _, tt := range tests {
		t.Run(tt.reference, func(t *testing.T) {
			t.Parallel()
			r, err := ParseReference(tt.reference)
			if err != nil {
				t.Fatal(err)
			}
			before := value.MustParse(root)
			got, err := r.Set(before, value.NewString("new"))
			if err != nil || got.JSON() != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
			if before.JSON() != root {
				t.Errorf("the root was changed: %s", before)
			}
		})
	}
}

func TestReferenceCannotPlace(t *testing.T) {
	t.Parallel()
	const root = `{"a":{"b":1},"list":[1],"none":null}`
	for _, reference := range []string{`$.a.b.c`, `$.list.x`, `$.list[1]`, `$.list[-2]`, `$.a[0]`, `$.x[0]`, `$.none.x`, `$[0]`} {
		r, err := ParseReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Set(value.MustParse(root), value.True)
		var e *Error
		want := "Unable to apply ReferencePath " + reference + " to input " + root
		if !errors.As(err, &e) || e.Kind != CannotPlace || e.Code != ResultPathMatchFailure || e.Text != want {
			t.Errorf("%s: got %v, want %s", reference, err, want)
		}
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string]string{
		`$foo`: "not in the context object or a variable", `$$.a`: "not in the context object or a variable",
		`$.*`: "names and single indices only", `$..a`: "names and single indices only", `$[0,1]`: "names and single indices only",
		`$[0:1]`: "names and single indices only", `$[?(@.a)]`: "names and single indices only", `$['a','b']`: "names and single indices only",
		`$.a.length()`: "names and single indices only", `.guid`: "begins with '$'", `()`: "begins with '$'",
	} {
		_, err := ParseReference(reference)
		var e *SyntaxError
		if !errors.As(err, &e) || !strings.Contains(e.Want, want) {
			t.Errorf("%s: got %v, want …%s…", reference, err, want)
		}
	}
}

// What a reference sets is what the same path then leads to, and nothing beside it changes.
func TestSetThenEval(t *testing.T) {
	t.Parallel()
	names := rapid.SampledFrom([]string{"a", "b", "c d", "it's", `back\slash`, "ü", "e.f"})
	rapid.Check(t, func(t *rapid.T) {
		root := genValue(names, 4).Draw(t, "root")
		v := genValue(names, 2).Draw(t, "v")
		var text strings.Builder
		text.WriteByte('$')
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "index") {
				text.WriteString("[" + strconv.Itoa(rapid.IntRange(-3, 3).Draw(t, "i")) + "]")
				continue
			}
			name := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(names.Draw(t, "name"))
			text.WriteString("['" + name + "']")
		}
		r, err := ParseReference(text.String())
		if err != nil {
			t.Fatal(err)
		}
		before := root.JSON()
		after, err := r.Set(root, v)
		if root.JSON() != before {
			t.Fatalf("Set changed its root to %s", root)
		}
		p, perr := ParsePath(text.String())
		if perr != nil {
			t.Fatal(perr)
		}
		if err != nil {
			if _, found, _ := p.Find(&Scope{Input: root}); found {
				t.Fatalf("%s leads somewhere in %s but cannot be set: %v", r, root, err)
			}
			return
		}
		got, err := p.Eval(&Scope{Input: after})
		if err != nil || !value.Equal(got, v) {
			t.Fatalf("%s of %s: got %s, %v; want %s", r, after, got, err, v)
		}
		again, err := r.Set(after, v)
		if err != nil || !value.Equal(again, after) {
			t.Fatalf("set twice: %s, %v; want %s", again, err, after)
		}
	})
}

// genValue generates values with members of the given names.
func genValue(names *rapid.Generator[string], depth int) *rapid.Generator[value.Value] {
	return rapid.Custom(func(t *rapid.T) value.Value {
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		if depth == 0 {
			kind %= 4
		}
		switch kind {
		case 0:
			return value.NullValue
		case 1:
			return value.NewBool(rapid.Bool().Draw(t, "bool"))
		case 2:
			return value.NewInt(rapid.Int64().Draw(t, "int"))
		case 3:
			return value.NewString(rapid.String().Draw(t, "string"))
		case 4:
			return value.NewArray(rapid.SliceOfN(genValue(names, depth-1), 0, 3).Draw(t, "array")...)
		}
		var members []value.Member
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			members = append(members, value.Member{Name: names.Draw(t, "name"), Value: genValue(names, depth-1).Draw(t, "member")})
		}
		return value.NewObject(members...)
	})
}
