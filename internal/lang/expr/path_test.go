package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

const library = `{
  "store": {
    "book": [
      {"kind": "reference", "title": "Sayings", "price": 8.95},
      {"kind": "fiction", "title": "Moby Dick", "isbn": "0-553", "price": 8.99},
      {"kind": "fiction", "title": "Rings", "isbn": "0-395", "price": 22.99, "tags": ["epic", "long"]}
    ],
    "bicycle": {"color": "red", "price": 19.95}
  },
  "limit": 10,
  "list": [1, 2, 3, 4, 5],
  "empty": [],
  "none": null,
  "with.dot": {"it's": 1},
  "input-foo-bar": true,
  "1.50": 1.50
}`

func scopeOf(text string) *Scope {
	return &Scope{
		Input:   value.MustParse(text),
		Context: func() value.Value { return value.MustParse(`{"Execution": {"Id": "e1", "Input": {"n": 7}}}`) },
		Var: func(name string) (value.Value, bool) {
			v, ok := map[string]string{"answer": `42`, "größe_1": `{"a": [1, 2]}`}[name]
			if !ok {
				return value.Value{}, false
			}
			return value.MustParse(v), true
		},
		Entropy: 7,
	}
}

func evalPath(t *testing.T, text string, s *Scope) (value.Value, error) {
	t.Helper()
	p, err := ParsePath(text)
	if err != nil {
		t.Fatalf("ParsePath: %v", err)
	}
	if p.String() != text {
		t.Errorf("String() = %s, want %s", p, text)
	}
	return p.Eval(s)
}

func TestPathEval(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, want string }{
		{`$.limit`, `10`},
		{`$.none`, `null`},
		{`$['limit']`, `10`},
		{`$["limit"]`, `10`},
		{`$[ 'limit' ]`, `10`},
		{`$['with.dot']['it\'s']`, `1`},
		{`$.with\.dot.it\'s`, `1`},
		{`$.\u006c\imit`, `10`},
		{`$.input-foo-bar`, `true`},
		{`$['1.50']`, `1.50`},
		{`$.store.book[0].title`, `"Sayings"`},
		{`$.store.book[-1].title`, `"Rings"`},
		{`$.store.book[(@.length-1)].title`, `"Rings"`},
		{`$.list[0,2]`, `[1,3]`},
		{`$.list[0,99,-1]`, `[1,5]`},
		{`$.list[1:3]`, `[2,3]`},
		{`$.list[:2]`, `[1,2]`},
		{`$.list[3:]`, `[4,5]`},
		{`$.list[-2:]`, `[4,5]`},
		{`$.list[:-3]`, `[1,2]`},
		{`$.list[-3:-1]`, `[3,4]`},
		{`$.list[1:-1]`, `[]`},
		{`$.list[:]`, `[1,2,3,4,5]`},
		{`$.list[2:99]`, `[3,4,5]`},
		{`$.list[-2000000000:2000000000]`, `[1,2,3,4,5,1,2,3,4,5]`},
		{`$.list[99:]`, `[]`},
		{`$.list[*]`, `[1,2,3,4,5]`},
		{`$.list.*`, `[1,2,3,4,5]`},
		{`$.store.bicycle.*`, `["red",19.95]`},
		{`$.limit.*`, `[]`},
		{`$.empty[*]`, `[]`},
		{`$.empty[0][*]`, `[]`},
		{`$.store.book[*].isbn`, `["0-553","0-395"]`},
		{`$.store.book[*].tags[0]`, `["epic"]`},
		{`$.store.book[*].tags[7]`, `[]`},
		{`$..price`, `[8.95,8.99,22.99,19.95]`},
		{`$..['price']`, `[8.95,8.99,22.99,19.95]`},
		{`$..book[0].kind`, `["reference"]`},
		{`$..['color','price']`, `[{"color":"red","price":19.95}]`},
		{`$..['book','bicycle'].color`, `["red"]`},
		{`$.store.book[1:]['isbn','tags']`, `[{"isbn":"0-553"},{"isbn":"0-395","tags":["epic","long"]}]`},
		{`$..tags.*`, `["epic","long"]`},
		{`$..nowhere`, `[]`},
		{`$.store.bicycle..*`, `["red",19.95]`},
		{`$.store.bicycle['color','price']`, `{"color":"red","price":19.95}`},
		{`$.store.bicycle['color','weight']`, `{"color":"red"}`},
		{`$.store['book','bicycle'].color`, `["red"]`},
		{`$.store.book[0]["title", "kind"]`, `{"title":"Sayings","kind":"reference"}`},
		{`$$.Execution.Id`, `"e1"`},
		{`$$['Execution']['Input'].n`, `7`},
		{`$answer`, `42`},
		{`$größe_1.a[1]`, `2`},
		{`$größe_1.a[*]`, `[1,2]`},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			got, err := evalPath(t, tt.path, scopeOf(library))
			if err != nil || got.JSON() != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestPathKeepsTheWholeInput(t *testing.T) {
	t.Parallel()
	s := scopeOf(library)
	got, err := evalPath(t, "$", s)
	if err != nil || !value.Same(got, s.Input) {
		t.Errorf("got %s, %v; want the input itself", got, err)
	}
}

func TestPathNotFound(t *testing.T) {
	t.Parallel()
	const book = `{"a": {"b": 1}, "list": [1], "none": null}`
	tests := []struct{ path, detail string }{
		{`$.x`, `No results for path: $['x']`},
		{`$.a.x`, `No results for path: $['a']['x']`},
		{`$.x.y`, `Missing property in path $['x']`},
		{`$.list[5]`, `No results for path: $['list'][5]`},
		{`$.list[-2]`, `No results for path: $['list'][-2]`},
		{`$.none[0]`, `The path $['none'] is null`},
		{`$.a[0]`, `Filter: [0] can only be applied to arrays. Current context is: {b=1}`},
		{`$.a[0:1]`, `Filter: [0:1] can only be applied to arrays. Current context is: {b=1}`},
		{`$.a.b[?(@.x)]`, `Filter: [?] can not be applied to primitives. Current context is: 1`},
		{`$.x[*]`, `Missing property in path $['x']`},
		{`$.x.length()`, `No results for path: $['x']`},
		{`$.list.x`, `Expected to find an object with property ['x'] in path $['list'] but found 'java.util.ArrayList'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
		{`$.a.b['x','y']`, `Expected to find an object with property ['x','y'] in path $['a']['b'] but found 'java.lang.Integer'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.`},
		{`$$.Execution.Nowhere`, `No results for path: $['Execution']['Nowhere']`},
		{`$nobody.a`, `The variable 'nobody' has no value`},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			s := scopeOf(book)
			_, err := evalPath(t, tt.path, s)
			var e *Error
			if !errors.As(err, &e) || e.Kind != NotFound || e.Code != Runtime {
				t.Fatalf("got %v, want an Error of kind NotFound", err)
			}
			if e.Detail != tt.detail {
				t.Errorf("Detail = %s\nwant     %s", e.Detail, tt.detail)
			}
			want := "The JSONPath '" + tt.path + "' specified for the field 'y.$' could not be found in the input '" + s.Input.JSON() + "'"
			if got := e.ForField("y.$").ForField("z.$").Text; got != want {
				t.Errorf("ForField: %s\nwant %s", got, want)
			}
			if got, want := e.InvalidPath().Text, "Invalid path '"+tt.path+"' : "+tt.detail; got != want {
				t.Errorf("InvalidPath: %s\nwant %s", got, want)
			}
			p, _ := ParsePath(tt.path)
			if v, found, err := p.Find(s); found || err != nil {
				t.Errorf("Find = %s, %t, %v; want nothing found", v, found, err)
			}
		})
	}
}

func TestPathFind(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"$.none": "null", "$.list[*]": "[1,2,3,4,5]", "$..nowhere": "[]"} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if v, found, err := p.Find(scopeOf(library)); !found || err != nil || v.JSON() != want {
			t.Errorf("%s: %s, %t, %v; want %s", path, v, found, err, want)
		}
	}
}

func TestPathWithoutContextOrVariables(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"$", "$$.a", "$name"} {
		_, err := evalPath(t, path, &Scope{})
		var e *Error
		if !errors.As(err, &e) || e.Kind != NotFound {
			t.Errorf("%s: got %v, want an Error of kind NotFound", path, err)
		}
	}
}

func TestContextIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s, asked := scopeOf(library), 0
	s.Context = func() value.Value { asked++; return value.MustParse(`{"a": 1}`) }
	for range 3 {
		if _, err := evalPath(t, "$$.a", s); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

func TestPathDefinite(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"$": true, "$.a['b'][0]": true, "$$.a": true, "$v": true, "$.a['b','c']": true, "$.a.length()": true, "$[(@.length-1)]": true,
		"$.*": false, "$..a": false, "$[0,1]": false, "$[0:1]": false, "$[?(@.a)]": false, "$['a','b'].c": false, "$[*].length()": false,
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if p.Definite() != want {
			t.Errorf("%s: Definite() = %t, want %t", path, p.Definite(), want)
		}
	}
}

func TestPathSyntax(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path   string
		column int
		want   string
	}{
		{``, 1, "which begins with '$'"},
		{`a`, 1, "which begins with '$'"},
		{`.guid`, 1, "which begins with '$'"},
		{`bug$.library`, 1, "which begins with '$'"},
		{`$.`, 3, "a name"},
		{`$..`, 4, "a name"},
		{`$...`, 4, "a name"},
		{`$.a.`, 5, "a name"},
		{`$a b`, 3, "the end of the path"},
		{`$.a b`, 4, "the end of the path"},
		{`$.a]`, 4, "the end of the path"},
		{`$.a\`, 5, "a character after the backslash"},
		{`$$$`, 3, "the end of the path"},
		{`$[`, 3, "a quoted name, an index"},
		{`$[]`, 3, "a quoted name, an index"},
		{`$[a]`, 3, "a quoted name, an index"},
		{`$['a`, 5, "the closing ' of the string at column 3"},
		{`$['a'`, 6, `"]"`},
		{`$['a',]`, 7, "a quoted name"},
		{`$[0`, 4, `"]"`},
		{`$[-]`, 3, "an index"},
		{`$[0,]`, 5, "an index"},
		{`$[99999999999]`, 3, "an index"},
		{`$[1:2:3]`, 6, `"]"`},
		{`$[(@.length-0)]`, 13, "a number above 0"},
		{`$[(@.size-1)]`, 4, `"@.length"`},
		{`$.a.nope()`, 5, "one of the functions"},
		{`$.length().a`, 11, "the end of the path"},
		{`$.a.index()`, 11, "1 argument"},
		{`$.a.append(1 2)`, 14, `","`},
		{`$..length()`, 4, "between '..' and a function"},
		{`$[?@.a]`, 4, `"("`},
		{`$[?(@.a]`, 8, `")"`},
		{`$[?()]`, 5, "a path ('@…' or '$…')"},
		{`$[?(1)]`, 5, "an operator after the value"},
		{`$[?(@.a ~ 1)]`, 9, "an operator"},
		{`$[?(@.a like 1)]`, 9, "an operator"},
		{`$[?(@.a ==)]`, 11, "a value"},
		{`$[?(@.a == 1 &&)]`, 16, "a value"},
		{`$[?(@.a == 01)]`, 12, "a number"},
		{`$[?(@.a in [1,2)]`, 16, `","`},
		{`$[?(@.a == {a: 1})]`, 13, "a quoted name"},
		{`$[?(@.a =~ 'x')]`, 9, "a regular expression on one side"},
		{`$[?(@.a == /x/)]`, 9, "a regular expression on one side"},
		{`$[?(@.a =~ /x)]`, 16, "the closing '/'"},
		{`$[?(@.a =~ /(x/)]`, 12, "RE2"},
		{`$[?(@.a =~ /(?=x)/)]`, 12, "RE2"},
		{`$` + strings.Repeat(`[?(@`, 100), 2 + 4*maxNesting/2, "levels of nesting"},
		{`$[?(` + strings.Repeat(`(`, 100_000), 4 + maxNesting, "levels of nesting"},
		{`$[?(` + strings.Repeat(`!`, 100_000), 4 + maxNesting, "levels of nesting"},
		{`$[?(@ == ` + strings.Repeat(`[`, 100_000), 8 + maxNesting, "levels of nesting"},
		{`$` + strings.Repeat(`.a`, maxSteps+1), 2 + 2*maxSteps, "steps in a path"},
	}
	for _, tt := range tests {
		t.Run(clip(tt.path), func(t *testing.T) {
			t.Parallel()
			_, err := ParsePath(tt.path)
			var e *SyntaxError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if e.Column != tt.column || !strings.Contains(e.Want, tt.want) {
				t.Errorf("column %d, expected %s; want column %d, expected …%s…", e.Column, e.Want, tt.column, tt.want)
			}
		})
	}
}

func TestSyntaxErrorText(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		`$.a b`: `"$.a b", column 4: expected '.', '[' or the end of the path, found " b"`,
		`$.a.`:  `"$.a.", column 5: expected a name, '*' or a function, found the end`,
	} {
		if _, err := ParsePath(path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// A path that would look at too much of its input is stopped, and says so.
func TestPathVisitsAreBounded(t *testing.T) {
	t.Parallel()
	wide := "[" + strings.Repeat(`{"a": 1},`, 3000) + "0]"
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for path, input := range map[string]string{
		`$[?(@.a == $..b)]`:              wide,
		`$[?(@.a == $[?(@.a == 2)].a)]`:  wide,
		`$..*..*..*..*`:                  deep,
		`$[?(@.a == $[*].a)].a.length()`: wide,
	} {
		_, err := evalPath(t, path, scopeOf(input))
		var e *Error
		if !errors.As(err, &e) || e.Kind != BadValue || !strings.Contains(e.Text, "visits more than 1000000 values") {
			t.Errorf("%s: got %v, want an error of too many visits", path, err)
		}
	}
}

func TestPlainPathDoesNotAllocate(t *testing.T) {
	s := scopeOf(library)
	p, err := ParsePath("$.store.book[1].title")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Eval(s); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// The paths of one scope count together: a template of many that descend ends.
func TestVisitsAreBounded(t *testing.T) {
	t.Parallel()
	deep := value.MustParse(strings.Repeat("[1,", 300) + "1" + strings.Repeat("]", 300))
	descend, err := ParsePath("$..*..*")
	if err != nil {
		t.Fatal(err)
	}
	s := &Scope{Input: deep}
	for i := range 1000 {
		if _, err = descend.Eval(s); err != nil {
			if i == 0 || !strings.Contains(err.Error(), "visits more than") {
				t.Errorf("path %d: %v", i, err)
			}
			return
		}
	}
	t.Error("a thousand paths looked at all")
}
