package expr

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	const items = `[
	  {"id": 1, "n": 5, "s": "five", "list": [1, 2], "ok": true},
	  {"id": 2, "n": 7.0, "s": "Seven", "list": [], "ok": false},
	  {"id": 3, "n": "5", "s": "", "list": ["a", "b"], "none": null},
	  {"id": 4, "o": {"n": 5}, "s": "a/b"}
	]`
	tests := []struct{ condition, ids string }{
		{`@.n == 5`, `[1,3]`},
		{`@.n == 5.0`, `[1]`},
		{`@.n === 5`, `[1]`},
		{`@.n == '5'`, `[1,3]`},
		{`@.n !== '5'`, `[1,2,4]`},
		{`@.n == 7`, `[2]`},
		{`5 == @.n`, `[1,3]`},
		{`@.n != 5`, `[2,4]`},
		{`@.n < 7`, `[1]`},
		{`@.n <= 7`, `[1,2]`},
		{`@.n > 5`, `[2]`},
		{`@.n >= 5.00`, `[1,2]`},
		{`@.n > -1e3`, `[1,2]`},
		{`@.s < 'b'`, `[2,3,4]`},
		{`@.s == "five"`, `[1]`},
		{`@.s == five`, `[1]`},
		{`@.s=='five'`, `[1]`},
		{`@.s == 'fi\u0076e'`, `[1]`},
		{`@.ok == true`, `[1]`},
		{`@.ok == false`, `[2]`},
		{`@.none == null`, `[3]`},
		{`@.missing == null`, `[]`},
		{`@.missing == @.missing`, `[]`},
		{`@.missing != 1`, `[1,2,3,4]`},
		{`@.none`, `[3]`},
		{`!@.none`, `[1,2,4]`},
		{`!(@.none)`, `[1,2,4]`},
		{`@.o.n`, `[4]`},
		{`@['o']['n'] == 5`, `[4]`},
		{`@.o == {"n": 5}`, `[4]`},
		{`@.list == [1, 2]`, `[1]`},
		{`@.list[0] == 1`, `[1]`},
		{`@.list[*]`, `[1,2,3]`},
		{`@.ok || @.o`, `[1,2,4]`},
		{`@.n == 5 && @.ok`, `[1]`},
		{`@.n == 7 || @.n == 5 && @.s == ''`, `[2,3]`},
		{`(@.n == 7 || @.n == 5) && @.ok`, `[1,2]`},
		{`@.ok&&!@.list[0]`, `[2]`},
		{`@.s =~ /f.*/`, `[1]`},
		{`@.s =~ /F.*/i`, `[1]`},
		{`@.s =~ /eve/`, `[]`},
		{`@.s =~ /a\/b/`, `[4]`},
		{`@.s =~ /a|five/`, `[1]`},
		{`/[0-9]/ =~ @.n`, `[1,3]`},
		{`@.list =~ /[b-z]/`, `[3]`},
		{`@.s in ['five', "Seven"]`, `[1,2]`},
		{`@.n in [5, 7]`, `[1,2,3]`},
		{`@.n nin [5, 7]`, `[4]`},
		{`@.n IN $[0].list`, `[]`},
		{`@.id in $[0].list`, `[1,2]`},
		{`@.list contains 'a'`, `[3]`},
		{`@.list contains 2`, `[1]`},
		{`@.s contains 'eve'`, `[2]`},
		{`@.list subsetof [1, 2, 3]`, `[1,2]`},
		{`@.list anyof [2, 'b']`, `[1,3]`},
		{`@.list noneof [2, 'b']`, `[2]`},
		{`@.list all [2]`, `[1]`},
		{`@.list size 2`, `[1,3]`},
		{`@.s size 4`, `[1]`},
		{`@.o size 1`, `[4]`},
		{`@.list empty true`, `[2]`},
		{`@.s empty true`, `[3]`},
		{`@.s empty false`, `[1,2,4]`},
		{`@.list.length() == 2`, `[1,3]`},
		{`@.id == $[?(@.ok == false)].id.length()`, `[]`},
		{`@.id > $[0].id`, `[2,3,4]`},
		{`$[?(@.none)]`, `[1,2,3,4]`},
		{`$[9]`, `[]`},
	}
	for _, tt := range tests {
		t.Run(tt.condition, func(t *testing.T) {
			t.Parallel()
			got, err := evalPath(t, "$[?("+tt.condition+")].id", scopeOf(items))
			if err != nil || got.JSON() != tt.ids {
				t.Errorf("got %s, %v; want %s", got, err, tt.ids)
			}
		})
	}
}

func TestFilterPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, want string }{
		{`$.list[?(@ > 3)]`, `[4,5]`},
		{`$.list[?( @ in [1, 9] )]`, `[1]`},
		{`$.store.bicycle[?(@.color == 'red')].price`, `[19.95]`},
		{`$.store.bicycle[?(@.color == 'blue')]`, `[]`},
		{`$..[?(@.price < $.limit)].price`, `[8.95,8.99]`},
		{`$..book[?(@.isbn)].title`, `["Moby Dick","Rings"]`},
		{`$.store.book[?(@.tags[?(@ == 'epic')].length() == 4)].title`, `[]`},
		{`$.store.book[?(@.price < $.limit && @.kind == 'fiction')]['title']`, `["Moby Dick"]`},
		{`$$.Execution.Input[?(@.n == $.Execution.Input.n)].n`, `[7]`},
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

func TestPathFunctions(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, want string }{
		{`$.list.length()`, `5`},
		{`$.list.size()`, `5`},
		{`$.store.length()`, `2`},
		{`$.limit.length()`, `null`},
		{`$.store.book[*].length()`, `[3,4,5]`},
		{`$..book.length()`, `1`},
		{`$.list.min()`, `1.0`},
		{`$.list.max()`, `5.0`},
		{`$.list.sum()`, `15.0`},
		{`$.list.sum(10, $.limit)`, `35.0`},
		{`$.list.avg()`, `3.0`},
		{`$.list.stddev()`, `1.4142135623730951`},
		{`$..price.max()`, `22.99`},
		{`$.store.bicycle.keys()`, `["color","price"]`},
		{`$.list.keys()`, `null`},
		{`$.list.first()`, `1`},
		{`$.list.last()`, `5`},
		{`$.empty.last()`, `null`},
		{`$.list.index(1)`, `2`},
		{`$.list.index(-1)`, `5`},
		{`$.list.append(6, 'x', $.nowhere)`, `[1,2,3,4,5,6,"x"]`},
		{`$.store.book[2].tags.concat('-', $.store.bicycle.color)`, `"epiclong-red"`},
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
	for path, want := range map[string]string{
		`$.empty.min()`:           "The path '$.empty.min()' could not be evaluated: an aggregation needs at least one number",
		`$.list.index('a')`:       `The path '$.list.index('a')' could not be evaluated: the index must be a whole number, not "a"`,
		`$.list.sum(1e308,1e308)`: "The path '$.list.sum(1e308,1e308)' could not be evaluated: the result is too large for a number",
	} {
		if v, err := evalPath(t, path, scopeOf(library)); err == nil || err.Error() != want {
			t.Errorf("%s: got %s, %v; want error %s", path, v, err, want)
		}
	}
}

// A context object's filter sees the context object as "$", and the input's sees the input.
func TestFilterRootIsThePathsOwn(t *testing.T) {
	t.Parallel()
	s := &Scope{Input: value.MustParse(`{"k": 1}`), Context: func() value.Value { return value.MustParse(`{"k": 2, "l": [1, 2]}`) }}
	got, err := evalPath(t, `$$.l[?(@ == $.k)]`, s)
	if err != nil || got.JSON() != `[2]` {
		t.Errorf("got %s, %v; want [2]", got, err)
	}
}
