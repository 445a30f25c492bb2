package manifest

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tutti-ml/tutti/internal/value"
)

const hostileTemplate = `
kind: Thing # ${V} in a comment
plain: ${V}
inside: before ${V} after
double: "a ${V} b"
single: 'it''s $V.'
block: |
  first $V
  echo $HOME ${LD_LIBRARY_PATH} ${V}
folded: >-
  one ${V}
  two
list:
- ${V}
- {flow: "${V}"}
- other
deep:
  a: {b: ["${V}", c]}
`

// substituted is what the tree must become: the same shape, with v in its scalars.
func substituted(n *node, v string) value.Value {
	switch n.kind {
	case value.String:
		return value.NewString(strings.NewReplacer("${V}", v, "$V", v).Replace(n.text))
	case value.Array:
		list := make([]value.Value, len(n.list))
		for i, e := range n.list {
			list[i] = substituted(e, v)
		}
		return value.NewArray(list...)
	case value.Object:
		members := make([]value.Member, len(n.list))
		for i, e := range n.list {
			members[i] = value.Member{Name: n.names[i], Value: substituted(e, v)}
		}
		return value.NewObject(members...)
	}
	return n.value()
}

func TestNoValueBreaksOutOfATemplate(t *testing.T) {
	t.Parallel()
	before, problems := parse([]byte(hostileTemplate))
	if problems != nil {
		t.Fatal(problems)
	}
	hostile := rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune("a: #\n\r\t\"'{}[]-|>&*!%@`,?\\\u0085\u2028\ufeff\x00\x1b~<=")), 0, 40, -1),
		rapid.SampledFrom([]string{"", " ", "\n", "yes", "null", "~", "a: b # c\n\"", "x\n---\nkind: Secret", "- 1", "*a", "!!int 3", "\n\n  x", "x\n\n\n",
			"0x10", "1_000", ".5", "1.", "2026-11-22", "|", ">-", "${V}", "$V", "\\n", "'", "''", "end\n...\n"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		v := hostile.Draw(t, "v")
		if typed(v) {
			t.Skip("becomes a number or a boolean where it stands alone")
		}
		out, problems := Render(hostileTemplate, map[string]string{"V": v}, []string{"V"})
		if problems != nil {
			t.Fatal(problems)
		}
		after, problems := parse(out)
		if problems != nil || len(after) != 1 {
			t.Fatalf("%d documents, %v\n%s", len(after), problems, out)
		}
		if want := substituted(before[0], v); after[0].value().JSON() != want.JSON() {
			t.Fatalf("value %q\n got %s\nwant %s\nfrom\n%s", v, after[0].value(), want, out)
		}
	})
}

func TestWholePlainScalarsAreTyped(t *testing.T) {
	t.Parallel()
	const template = "replicas: ${N}\nsuspend: $B\nquoted: \"${N}\"\npart: ${N}0\n"
	for _, c := range []struct{ n, b, want string }{
		{"2", "true", `{"replicas":2,"suspend":true,"quoted":"2","part":"20"}`},
		{"-1.5e3", "false", `{"replicas":-1.5e3,"suspend":false,"quoted":"-1.5e3","part":"-1.5e30"}`},
		{"010", "yes", `{"replicas":"010","suspend":"yes","quoted":"010","part":"0100"}`},
		{"null", "True", `{"replicas":"null","suspend":"True","quoted":"null","part":"null0"}`},
	} {
		out, problems := Render(template, map[string]string{"N": c.n, "B": c.b}, []string{"N", "B"})
		if problems != nil {
			t.Fatal(problems)
		}
		docs, problems := parse(out)
		if problems != nil {
			t.Fatal(problems)
		}
		if got := docs[0].value().JSON(); got != c.want {
			t.Errorf("N=%s B=%s\n got %s\nwant %s", c.n, c.b, got, c.want)
		}
	}
}

func TestRenderProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ template, want string }{
		{"a:\n  b: ${MISSING}\n", `/a/b: the variable MISSING has no value; give it one`},
		{"${V}: x\n", `/: the variable V stands in the name of a field, where none is replaced; write the name out`},
		{"a: [${V}]\n", "this is not YAML"},
	} {
		_, problems := Render(c.template, map[string]string{"V": "1"}, []string{"V", "MISSING"})
		if got := problems.Error(); !strings.Contains(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.template, got, c.want)
		}
	}
}
