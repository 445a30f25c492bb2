package expr

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
	"pgregory.net/rapid"
)

func evalCall(t *testing.T, text string, s *Scope) (value.Value, error) {
	t.Helper()
	c, err := ParseCall(text)
	if err != nil {
		t.Fatalf("ParseCall: %v", err)
	}
	return c.Eval(s)
}

const callInput = `{
  "name": "Ada", "n": 3, "half": 2.5, "big": 2147483648, "null": null, "yes": true,
  "list": [1, 2, 3, 4, 5], "mixed": [1, 1.0, "1", {"a": 1, "b": [2]}, {"b": [2], "a": 1.0}, null, null, [1], [1.0], true, "true"],
  "json": "{\"b\": 1, \"a\": [1.50]}", "object": {"Arg1": 1, "Arg2": [], "s": "x", "n": null, "l": [1, "y"]},
  "template": "{}-\\{\\}", "lines": "split on T and \nnew line"
}`

func TestCallEval(t *testing.T) {
	t.Parallel()
	tests := []struct{ call, want string }{
		{`States.Format('no values')`, `"no values"`},
		{`States.Format('{}, {}!', 'Hello', $.name)`, `"Hello, Ada!"`},
		{`States.Format('{}{}{}{}', 1.50, true, null, $.null)`, `"1.50truenullnull"`},
		{`States.Format('{}', $.object)`, `"{Arg1=1, Arg2=[], s=x, n=null, l=[1, y]}"`},
		{`States.Format('{}', $.list)`, `"[1, 2, 3, 4, 5]"`},
		{`States.Format('it\'s \{{}\} \\ \{', $.n)`, `"it's {3} \\ {"`},
		{`States.Format($.template, $.n)`, `"3-{}"`},
		{`States.Format('{}', '{}')`, `"{}"`},
		{`States.Format('{}', 'a\\b')`, `"a\\b"`},
		{`States.StringToJson($.json)`, `{"b":1,"a":[1.50]}`},
		{`States.StringToJson('{"a": "b"}')`, `{"a":"b"}`},
		{`States.JsonToString($.object)`, `"{\"Arg1\":1,\"Arg2\":[],\"s\":\"x\",\"n\":null,\"l\":[1,\"y\"]}"`},
		{`States.JsonToString('a')`, `"\"a\""`},
		{`States.JsonToString(null)`, `"null"`},
		{`States.Array()`, `[]`},
		{`States.Array('Foo', 2020, $.null, null, true, States.Array($.n))`, `["Foo",2020,null,null,true,[3]]`},
		{`States.ArrayPartition($.list, 2)`, `[[1,2],[3,4],[5]]`},
		{`States.ArrayPartition($.list, 5)`, `[[1,2,3,4,5]]`},
		{`States.ArrayPartition($.list, 2147483647)`, `[[1,2,3,4,5]]`},
		{`States.ArrayPartition($.list, 2.6)`, `[[1,2],[3,4],[5]]`},
		{`States.ArrayPartition(States.Array(), 3)`, `[]`},
		{`States.ArrayContains($.list, 5.0)`, `true`},
		{`States.ArrayContains($.list, '5')`, `false`},
		{`States.ArrayRange(1, 9, 2)`, `[1,3,5,7,9]`},
		{`States.ArrayRange(1, 10, 4)`, `[1,5,9]`},
		{`States.ArrayRange(3, -3, -3)`, `[3,0,-3]`},
		{`States.ArrayRange(3, 1, 1)`, `[]`},
		{`States.ArrayRange($.half, 4.4, 1)`, `[2,3,4]`},
		{`States.ArrayRange(1.6, 1.4, 1)`, `[1]`},
		{`States.ArrayRange(5.4, -0.6, -2.4)`, `[5,3,1]`},
		{`States.ArrayRange(2147483646, 2147483647, 2147483647)`, `[2147483646]`},
		{`States.ArrayLength(States.ArrayRange(1, 1000, 1))`, `1000`},
		{`States.ArrayGetItem($.list, 0)`, `1`},
		{`States.ArrayGetItem($.list, $.n)`, `4`},
		{`States.ArrayGetItem($.list, 1.9)`, `2`},
		{`States.ArrayGetItem(States.Array(), 999)`, `null`},
		{`States.ArrayLength($.list)`, `5`},
		{`States.ArrayUnique($.mixed)`, `[1,"1",{"a":1,"b":[2]},null,[1],true,"true"]`},
		{`States.Base64Encode('Data to encode')`, `"RGF0YSB0byBlbmNvZGU="`},
		{`States.Base64Decode('RGF0YSB0byBlbmNvZGU=')`, `"Data to encode"`},
		{`States.Base64Decode('RGF0YSB0byBlbmNvZGU')`, `"Data to encode"`},
		{`States.Base64Decode('')`, `""`},
		{`States.Base64Decode('!!aGVs bG8!!')`, `"hello"`},
		{`States.Base64Decode('aGVsbG==cd')`, `"hell"`},
		{`States.Base64Decode('YWJjZ')`, `"abc"`},
		{`States.Base64Decode('Pz8_Pj4-')`, `"???>>>"`},
		{`States.Hash('input data', 'MD5')`, `"812f45842bc6d66ee14572ce20db8e86"`},
		{`States.Hash('input data', 'SHA-1')`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`},
		{`States.Hash('', 'SHA-256')`, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`},
		{`States.ArrayLength(States.StringSplit(States.Format('{}.{}', States.Hash('', 'SHA-384'), States.Hash('', 'SHA-512')), '.'))`, `2`},
		{`States.JsonMerge($.object, States.StringToJson('{"s": {"t": 1}, "new": 2}'), false)`, `{"Arg1":1,"Arg2":[],"s":{"t":1},"n":null,"l":[1,"y"],"new":2}`},
		{`States.JsonMerge(States.StringToJson('{"a": 1}'), States.StringToJson('{"b": 2}'), 'true')`, `{"a":1,"b":2}`},
		{`States.MathAdd(1, -1)`, `0`},
		{`States.MathAdd($.n, $.half)`, `6`},
		{`States.MathAdd(2147483646, 1)`, `2147483647`},
		{`States.MathAdd(-2.5, 0.4)`, `-2`},
		{`States.StringSplit('1,2,,3', ',')`, `["1","2","3"]`},
		{`States.StringSplit($.lines, 'T` + "\n" + `')`, `["split on "," and ","new line"]`},
		{`States.StringSplit('This.is+a,test=string', '.+,=')`, `["This","is","a","test","string"]`},
		{`States.StringSplit('äöü', 'ö')`, `["ä","ü"]`},
		{`States.StringSplit('abc', '')`, `["abc"]`},
		{`States.StringSplit('', ',')`, `[]`},
		{`States.ArrayGetItem(States.StringSplit($$.Execution.Id, 'e'), 0)`, `"1"`},
		{`States.MathAdd($answer, $$.Execution.Input.n)`, `49`},
		{` States.Format( '{}' , $['name'] ) `, `"Ada"`},
		{`States.ArrayGetItem($.mixed[?(@.a == 1)].b, 0)`, `[2]`},
		{`States.ArrayLength($.list[?(@ > 1 && (@ < 5))])`, `3`},
	}
	for _, tt := range tests {
		t.Run(tt.call, func(t *testing.T) {
			t.Parallel()
			got, err := evalCall(t, tt.call, scopeOf(callInput))
			if err != nil || got.JSON() != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestCallFaults(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxEncoded+1)
	tests := []struct {
		call string
		kind Kind
		why  string
	}{
		{`States.Format('{} {}', 1)`, BadValue, "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."},
		{`States.Format('none', 1)`, BadValue, "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."},
		{`States.Format('Hello {', $.n)`, BadValue, "Invalid template in States.Format: matching '}' not found for '{'."},
		{`States.Format('Hello {{}}', $.n)`, BadValue, "Invalid template in States.Format: matching '}' not found for '{'."},
		{`States.Format('}')`, BadValue, "Invalid template in States.Format: matching '{' not found for '}'."},
		{`States.Format($.n)`, BadType, "Invalid arguments in States.Format"},
		{`States.StringToJson($.name)`, BadValue, "Invalid arguments in States.StringToJson"},
		{`States.ArrayPartition($.list, 0)`, BadValue, "Invalid arguments in States.ArrayPartition"},
		{`States.ArrayPartition($.list, 0.6)`, BadValue, "Invalid arguments in States.ArrayPartition"},
		{`States.ArrayPartition($.list, -0.6)`, BadValue, "Invalid arguments in States.ArrayPartition"},
		{`States.ArrayContains($.n, 1)`, BadType, "Invalid arguments in States.ArrayContains"},
		{`States.ArrayRange(1, 1001, 1)`, BadValue, "Invalid arguments in States.ArrayRange"},
		{`States.ArrayRange(1, 9, 0.49)`, BadValue, "Invalid arguments in States.ArrayRange"},
		{`States.ArrayRange(1, $.big, 1)`, BadValue, "Invalid arguments in States.ArrayRange"},
		{`States.ArrayGetItem($.list, 5)`, BadValue, "Invalid arguments in States.ArrayGetItem"},
		{`States.ArrayGetItem($.list, -1)`, BadValue, "Invalid arguments in States.ArrayGetItem"},
		{`States.ArrayLength($.null)`, BadType, "Invalid arguments in States.ArrayLength"},
		{`States.Base64Decode($.n)`, BadType, "Invalid arguments in States.Base64Decode"},
		{`States.Base64Decode('` + long + `')`, BadValue, "Invalid arguments in States.Base64Decode"},
		{`States.Base64Encode('` + long + `')`, BadValue, "Invalid arguments in States.Base64Encode"},
		{`States.Hash('` + long + `', 'MD5')`, BadValue, "Invalid arguments in States.Hash"},
		{`States.Hash('a', 'SHA-3')`, BadValue, "Invalid arguments in States.Hash"},
		{`States.JsonMerge($.object, $.object, true)`, BadValue, "Invalid arguments in States.JsonMerge"},
		{`States.JsonMerge($.object, $.list, false)`, BadType, "Invalid arguments in States.JsonMerge"},
		{`States.MathAdd($.big, 1)`, BadValue, "Invalid arguments in States.MathAdd"},
		{`States.MathAdd(2147483647, 1)`, BadValue, "Invalid arguments in States.MathAdd"},
		{`States.MathAdd(1e400, 1)`, BadValue, "Invalid arguments in States.MathAdd"},
		{`States.MathRandom(5, 5)`, BadValue, "Invalid arguments in States.MathRandom"},
		{`States.MathRandom(1.4, 1.6)`, BadValue, "Invalid arguments in States.MathRandom"},
		{`States.Array(States.MathAdd($.name, 1))`, BadType, "Invalid arguments in States.MathAdd"},
	}
	for _, tt := range tests {
		t.Run(clip(tt.call), func(t *testing.T) {
			t.Parallel()
			_, err := evalCall(t, tt.call, scopeOf(callInput))
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Code != Runtime {
				t.Fatalf("got %v, want an Error of kind %d", err, tt.kind)
			}
			if want := "There was an error while evaluating the intrinsic function: " + tt.call + ". " + tt.why; e.Text != want {
				t.Errorf("got  %s\nwant %s", e.Text, want)
			}
			if *e.ForField("x.$") != *e || *e.InvalidPath() != *e {
				t.Error("the wording changed for a field, which is for paths only")
			}
		})
	}
}

func TestCallOfMissingPath(t *testing.T) {
	t.Parallel()
	const input = `{"other":1}`
	_, err := evalCall(t, `States.Array(1, States.Array($.zz))`, scopeOf(input))
	const want = `The function 'States.Array(1, States.Array($.zz))' had the following error: The JsonPath argument for the field '$.zz' could not be found in the input '` + input + `'`
	var e *Error
	if !errors.As(err, &e) || e.Kind != NotFound || e.Code != Runtime || e.ForField("x.$").Text != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestParseCallRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		call   string
		column int
		want   string
	}{
		{``, 1, "an intrinsic function"},
		{`ipsum`, 1, "an intrinsic function"},
		{`States.Nope()`, 1, "an intrinsic function"},
		{`Format('a')`, 1, "an intrinsic function"},
		{`States.Format`, 14, `"("`},
		{`States.Format(`, 15, "a path, a string in single quotes"},
		{`States.Format()`, 15, "at least 1 argument"},
		{`States.Format('a'`, 18, `","`},
		{`States.Format('a' 'b')`, 19, `","`},
		{`States.Format('a',)`, 19, "a path, a string in single quotes"},
		{`States.Format('a') x`, 20, "the end of the call"},
		{`States.Format('a`, 17, "the closing ' of the string at column 15"},
		{`States.Format("a")`, 15, "a path, a string in single quotes"},
		{`States.Format('a\n')`, 17, `one of \', \{, \} and \\`},
		{`States.StringToJson('{"text":"An \"escaped double quote\" here"}')`, 34, `one of \', \{, \} and \\`},
		{`States.Format('a\`, 17, `one of \', \{, \} and \\`},
		{`States.Format('{}', $.a b)`, 25, `","`},
		{`States.Format('{}', $.)`, 23, "a name"},
		{`States.Format('{}', yes)`, 21, "a path, a string in single quotes"},
		{`States.MathAdd(1,'-1')`, 18, "a number"},
		{`States.MathAdd(1, 01)`, 19, "a path, a string in single quotes"},
		{`States.MathAdd(1)`, 17, "2 arguments"},
		{`States.MathAdd(1, 2, 3)`, 22, "2 arguments"},
		{`States.MathRandom(1)`, 20, "2 to 3 arguments"},
		{`States.UUID(1)`, 13, "0 arguments"},
		{`States.ArrayLength('a')`, 20, "an array"},
		{`States.JsonMerge(null, $.a, false)`, 18, "an object"},
		{strings.Repeat(`States.Array(`, 100_000), 1 + 13*maxNesting, "levels of nesting"},
	}
	for _, tt := range tests {
		t.Run(clip(tt.call), func(t *testing.T) {
			t.Parallel()
			_, err := ParseCall(tt.call)
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

func TestMathRandom(t *testing.T) {
	t.Parallel()
	s := scopeOf(`{}`)
	seen := map[string]bool{}
	for range 200 {
		v, err := evalCall(t, `States.MathRandom(-2, 2)`, s)
		if err != nil {
			t.Fatal(err)
		}
		seen[v.JSON()] = true
	}
	for _, want := range []string{"-2", "-1", "0", "1"} {
		if !seen[want] {
			t.Errorf("%s never came", want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("got %v, want -2 to 1 only", seen)
	}
	const seeded = `States.MathRandom(0, 1000000, 3)`
	a, _ := evalCall(t, seeded, s)
	b, _ := evalCall(t, seeded, &Scope{Entropy: 99})
	if !value.Equal(a, b) {
		t.Errorf("one seed gave %s and %s", a, b)
	}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	draw := func(s *Scope) string {
		v, err := evalCall(t, `States.UUID()`, s)
		if err != nil || !form.MatchString(v.Text()) {
			t.Fatalf("got %s, %v; want a version 4 UUID", v, err)
		}
		return v.Text()
	}
	s := &Scope{Entropy: 1}
	first, second := draw(s), draw(s)
	if first == second {
		t.Error("one scope gave the same UUID twice")
	}
	if again := draw(&Scope{Entropy: 1}); again != first {
		t.Errorf("the same entropy gave %s and %s", first, again)
	}
	if other := draw(&Scope{Entropy: 2}); other == first {
		t.Error("different entropy gave the same UUID")
	}
}

// Values have one key if and only if they are the same JSON.
func TestKeyIsEquality(t *testing.T) {
	t.Parallel()
	number := rapid.Custom(func(t *rapid.T) value.Value {
		v, err := value.NewNumber(rapid.StringMatching(`-?(0|[1-9]0{0,2}|[1-9][0-9]0?)(\.0{0,2}[0-9]{1,2}0?)?([eE][+-]?[0-3])?`).Draw(t, "number"))
		if err != nil {
			t.Fatal(err)
		}
		return v
	})
	names := rapid.SampledFrom([]string{"a", "b", `"`})
	rapid.Check(t, func(t *rapid.T) {
		pair := rapid.OneOf(number, genValue(names, 2))
		a, b := pair.Draw(t, "a"), pair.Draw(t, "b")
		same := string(appendKey(nil, a)) == string(appendKey(nil, b))
		if same != value.Equal(a, b) {
			t.Fatalf("%s and %s: keys %s and %s", a, b, appendKey(nil, a), appendKey(nil, b))
		}
	})
}
