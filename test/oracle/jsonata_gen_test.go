//go:build oracle

package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// documents are what expressions are evaluated on. They share the names of their members, so that an expression finds
// something in most of them.
var documents = []string{
	`{"a":[{"b":1,"c":{"d":[1,2,[3]]}},{"b":"x","c":{"d":{"e":null}}},{"b":2.5}],"d":"Hello, World","e":[3,1,2,"10"],"n":-7,"t":true,"z":null}`,
	`{"a":{"b":[1,2,3,4,5],"c":"one two  three","d":{"b":false,"e":[]}},"d":["x","y","x"],"e":[{"b":3,"c":"k"},{"b":1,"c":"l"},{"b":2,"c":"k"}],"n":12345.678}`,
	`[{"a":1,"b":"p"},{"a":2,"b":"q","e":[1,[2,[3]]]},{"a":2,"b":"p","c":{"b":0}}]`,
	`{"a":[[1,2],[3,[4,5]]],"b":"","c":{},"d":[{"e":[{"b":1},{"b":2}]},{"e":{"b":3}}],"e":"1.5e3","n":0,"t":false}`,
	`"plain text"`,
	`[1,2.5,-3,1e21,1e-7,123456789012345680]`,
}

// generator writes expressions that are well formed and, as far as a random text can be, well meant.
type generator struct {
	*rand.Rand
	vars []string
	in   int // parts within parts
}

func (g *generator) pick(texts ...string) string { return texts[g.IntN(len(texts))] }

func (g *generator) name() string {
	return g.pick("a", "b", "c", "d", "e", "n", "t", "z", "`a`", `"b"`)
}

// expr is any expression.
func (g *generator) expr() string {
	g.in++
	defer func() { g.in-- }()
	if g.in > 4 || g.IntN(5) == 0 {
		return g.leaf()
	}
	switch g.IntN(18) {
	case 17:
		return "[" + g.list(3, g.expr) + "][" + g.pick("[0, 1]", "[0..1]", "[-1, 0]") + "]"
	case 0, 1, 2, 3:
		return g.path()
	case 4:
		return g.part() + " " + g.pick("+", "-", "*", "/", "%") + " " + g.part()
	case 5:
		return g.part() + " " + g.pick("=", "!=", "<", "<=", ">", ">=", "in", "and", "or") + " " + g.part()
	case 6:
		return g.part() + " & " + g.part()
	case 7:
		return "[" + g.list(g.IntN(4), g.expr) + "]"
	case 8:
		return fmt.Sprintf("[%s..%s]", g.pick("0", "1", "-2", "n", "$count(a)"), g.pick("0", "3", "5", "$count(e)"))
	case 9:
		return "{" + g.list(g.IntN(3), g.pair) + "}"
	case 10:
		return g.part() + " ? " + g.part() + g.pick(" : "+g.part(), "")
	case 11:
		return g.block()
	case 12:
		return "-" + g.part()
	case 13:
		return g.chain()
	case 14, 15:
		return g.call()
	}
	return g.higher()
}

// part is an expression that binds as one.
func (g *generator) part() string {
	e := g.expr()
	if strings.ContainsAny(e, " ?") {
		return "(" + e + ")"
	}
	return e
}

func (g *generator) list(n int, of func() string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = of()
	}
	return strings.Join(parts, ", ")
}

func (g *generator) pair() string {
	return g.pick(`"k"`, `"j"`, `b`, `"k" & $string(b)`, `c.b`) + ": " + g.expr()
}

func (g *generator) leaf() string {
	switch g.IntN(8) {
	case 0:
		return g.pick("0", "1", "-1", "2", "3", "10", "0.5", "1.25", "1e3", "100", "7.5")
	case 1:
		return g.pick(`"x"`, `""`, `"Hello"`, `'one two'`, `"10"`, `"a\u00e9\n"`, `"k"`)
	case 2:
		return g.pick("true", "false", "null")
	case 3:
		return g.pick("$", "$$", "*", "**")
	case 4:
		if len(g.vars) > 0 {
			return "$" + g.vars[g.IntN(len(g.vars))]
		}
	}
	return g.name()
}

// path is a few steps with what may follow a step.
func (g *generator) path() string {
	var b strings.Builder
	b.WriteString(g.pick(g.name(), g.name(), "$", "$$", "*", "**", "$.a", "a.b", "e", "d.e"))
	for range 1 + g.IntN(3) {
		switch g.IntN(14) {
		case 0, 1, 2, 3:
			b.WriteString("." + g.pick(g.name(), g.name(), "*", "**", "%"))
		case 4:
			b.WriteString("[" + g.pick("0", "1", "-1", "2", "0.6") + "]")
		case 5, 6:
			// True of something: jsonata.js takes "nothing[true]" for a value that is none.
			b.WriteString("[" + g.pick("b", "c", "$", "b.c", g.name()) + " " + g.pick("=", ">", "<=") + " " + g.leaf() + "]")
		case 7:
			b.WriteString(".(" + g.expr() + ")")
		case 8:
			b.WriteString("^(" + g.pick("", "<", ">") + g.pick("b", "a", "$", "c", "b, >c") + ")")
		case 9:
			b.WriteString(".{" + g.list(1, g.pair) + "}")
		case 10:
			b.WriteString("[]")
		case 11:
			b.WriteString("#$i." + g.pick("$i", "b", `{"i": $i}`, "[$i, b]"))
			return b.String()
		case 12:
			b.WriteString("@$v." + g.pick("$v", "$v.b", "b", `{"v": $v.b}`))
			return b.String()
		case 13:
			b.WriteString("{" + g.list(1, g.pair) + "}")
			return b.String()
		}
	}
	return b.String()
}

func (g *generator) block() string {
	name := g.pick("x", "y", "w")
	text := "($" + name + " := " + g.expr() + "; "
	g.vars = append(g.vars, name)
	text += g.expr() + ")"
	g.vars = g.vars[:len(g.vars)-1]
	return text
}

func (g *generator) chain() string {
	return g.part() + " ~> " + g.pick("$count", "$string", "$sum", "$reverse", "$distinct", "$type", "$exists", "$not",
		"$append(1)", "$map(function($x){$x})", "|$|{\"k\": 1}|", "|a|{\"b\": 2}, \"c\"|", "|**[b]|{\"q\": b}|", "$uppercase", "$lookup(\"b\")", "$join(\"-\")")
}

// higher is a call of a function that takes a function.
func (g *generator) higher() string {
	g.vars = append(g.vars, "x")
	body := g.expr()
	g.vars = g.vars[:len(g.vars)-1]
	of := g.expr()
	switch g.IntN(8) {
	case 0:
		return "$map(" + of + ", function($x, $i){" + g.pick(body, "$i", "$x & $i") + "})"
	case 1:
		return "$filter(" + of + ", function($x){" + g.pick(body, "$x > 1", "$exists($x.b)") + "})"
	case 2:
		return "$reduce(" + of + ", function($x, $y){" + g.pick("$x + $y", "$x & $y", "$append($y, $x)") + "}" + g.pick("", ", 0", `, "s"`) + ")"
	case 3:
		return "$each(" + of + ", function($x, $k){" + g.pick("$k", "$x", "$k & $string($x)") + "})"
	case 4:
		return "$sift(" + of + ", function($x, $k){" + g.pick(`$k = "b"`, "$exists($x)", body) + "})"
	case 5:
		return "$sort(" + of + g.pick("", ", function($x, $y){$x.b > $y.b}", ", function($x, $y){$x < $y}") + ")"
	case 6:
		return "$single(" + of + ", function($x){" + g.pick("$x = 1", "$x.b = 1", body) + "})"
	}
	return "(function($x){" + body + "})(" + of + ")"
}

var functions = []struct {
	name string
	args []string // what each is drawn from; see arg
}{
	{"sum", []string{"a"}}, {"max", []string{"a"}}, {"min", []string{"a"}}, {"average", []string{"a"}}, {"count", []string{"a"}},
	{"string", []string{"x", "?b"}}, {"length", []string{"s"}}, {"substring", []string{"s", "i", "?i"}}, {"substringBefore", []string{"s", "s"}},
	{"substringAfter", []string{"s", "s"}}, {"uppercase", []string{"s"}}, {"lowercase", []string{"s"}}, {"trim", []string{"s"}},
	{"pad", []string{"s", "i", "?s"}}, {"contains", []string{"s", "p"}}, {"split", []string{"s", "p", "?i"}}, {"join", []string{"a", "?s"}},
	{"match", []string{"s", "r", "?i"}}, {"replace", []string{"s", "rw", "?i"}}, {"eval", []string{"e"}},
	{"base64encode", []string{"s"}}, {"base64decode", []string{"s64"}}, {"encodeUrlComponent", []string{"s"}}, {"encodeUrl", []string{"s"}},
	{"decodeUrlComponent", []string{"s"}}, {"decodeUrl", []string{"s"}},
	{"number", []string{"x"}}, {"abs", []string{"n"}}, {"floor", []string{"n"}}, {"ceil", []string{"n"}}, {"round", []string{"n", "?d"}},
	{"power", []string{"n", "i"}}, {"sqrt", []string{"n"}}, {"formatNumber", []string{"n", "fn"}}, {"formatBase", []string{"n", "?i"}},
	{"formatInteger", []string{"n", "fi"}}, {"parseInteger", []string{"pi"}},
	{"boolean", []string{"x"}}, {"not", []string{"x"}}, {"exists", []string{"x"}}, {"append", []string{"x", "x"}}, {"reverse", []string{"a"}},
	{"distinct", []string{"a"}}, {"zip", []string{"a", "a"}}, {"keys", []string{"x"}}, {"lookup", []string{"x", "k"}}, {"spread", []string{"x"}},
	{"merge", []string{"a"}}, {"type", []string{"x"}}, {"assert", []string{"b", "s"}}, {"error", []string{"s"}},
	{"fromMillis", []string{"ms", "?ft", "?tz"}}, {"toMillis", []string{"iso", "?ft"}}, {"clone", []string{"x"}},
}

func (g *generator) call() string {
	f := functions[g.IntN(len(functions))]
	var args []string
	for _, kind := range f.args {
		optional := kind[0] == '?'
		if optional && g.IntN(2) == 0 {
			break
		}
		args = append(args, g.arg(strings.TrimPrefix(kind, "?")))
	}
	return "$" + f.name + "(" + strings.Join(args, ", ") + ")"
}

// arg is an argument of a kind; one in eight is anything.
func (g *generator) arg(kind string) string {
	if g.IntN(8) == 0 && !slices.Contains([]string{"pi", "rw", "tz"}, kind) {
		return g.expr()
	}
	switch kind {
	case "a":
		return g.pick("a", "e", "a.b", "d", "e.b", "[1, 2, 3]", `["p", "q", "p"]`, "[]", "$", "**.b", "[a, e]", g.path())
	case "s":
		return g.pick(`"Hello, World"`, `"one two  three"`, "d", "a.c", `""`, `"aéb€c"`, `" x y "`, "$string(b)", "e", `"100%"`)
	case "i":
		return g.pick("0", "1", "2", "-1", "3", "10", "-3", "n", "2.5")
	case "d":
		return g.pick("0", "1", "2", "-1", "3")
	case "n":
		return g.pick("0", "1", "-7.5", "2.5", "3.5", "12345.678", "0.000123", "1e15", "n", "1234567", "-0.5", "14", "0.125", "255")
	case "b":
		return g.pick("true", "false", "t")
	case "p":
		return g.pick(`"o"`, `" "`, `""`, `", "`, "/o/", "/[aeiou]/i", `/(\w)(\w)/`, `/\s+/`, `/^H/`, `/x*/`)
	case "r":
		return g.pick("/o/", "/[aeiou]/i", `/(\w)(\w)/`, `/\s+/`, `/(l+)|(o)/`, `/^\w+/`, `/x*/`)
	case "rw":
		if g.IntN(3) == 0 { // for a text no function may stand, of which jsonata.js would show the source
			return g.pick(`"o"`, `" "`, `", "`) + ", " + g.pick(`"_"`, `""`, `"$1"`)
		}
		return g.arg("r") + ", " + g.pick(`"_"`, `""`, `"$1"`, `"$0$0"`, `"[$2]"`, `"$$"`, "function($m){$uppercase($m.match)}", `"$1$12"`)
	case "e":
		return g.pick(`"1+2"`, `"a.b"`, `"[1..3]"`, `"$count(a)"`, `"("`)
	case "s64":
		return g.pick(`"aGVsbG8="`, `"eA=="`, `""`)
	case "fn":
		return g.pick(`"#,##0.00"`, `"0.0"`, `"#0%"`, `"#,###.##;(#,###.##)"`, `"###"`, `"0"`, `"#.###‰"`, `"$#,##0"`, `"01.#"`)
	case "fi":
		return g.pick(`"0"`, `"#,##0"`, `"w"`, `"W"`, `"Ww"`, `"w;o"`, `"I"`, `"i"`, `"A"`, `"a"`, `"000"`, `"1;o"`, `"01"`, `"#.##0"`)
	case "pi": // with the picture that it is written in; others give what is no number
		return g.pick(`"12", "0"`, `"twelve", "w"`, `"TWO HUNDRED AND FIVE", "W"`, `"XII", "I"`, `"xiv", "i"`, `"1,234", "#,##0"`, `"b", "a"`,
			`"AB", "A"`, `"007", "000"`, `"3rd", "1;o"`, `"twenty-third", "w;o"`)
	case "k":
		return g.pick(`"a"`, `"b"`, `"k"`, `"e"`)
	case "ms":
		return g.pick("0", "1510067557121", "-1", "1700000000000", "951782400000", "1e12")
	case "ft":
		return g.pick(`"[Y0001]-[M01]-[D01]"`, `"[D#1] [MNn] [Y]"`, `"[H01]:[m01]:[s01].[f001]"`, `"[h]:[m] [P]"`, `"[FNn], [D1o] [MNn,3-3] [Y0001]"`,
			`"[Y]-[D001]"`, `"[X0001]-W[W01]-[F1]"`, `"[YI]"`, `"[Dwo] of [MNn]"`, `"[z] [Z]"`, `"[x0001] [w]"`, `"[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01][Z]"`)
	case "tz":
		return g.pick(`"+0000"`, `"+0530"`, `"-0800"`, `"+1400"`)
	case "iso":
		return g.pick(`"2017-11-07T15:12:37.121Z"`, `"2017-11-07"`, `"1970-01-01T00:00:00Z"`, `"2024-02-29T23:59:59+01:00"`, `"2017"`, `"2017-11"`, `"x"`, `"13 March 2018"`)
	}
	return g.expr()
}
