package expr

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// Whatever a path's text, parsing and evaluating it ends, and a path that parses prints as it was written.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{
		`$`, `$$.Execution.Id`, `$v.a`, `$.a['b',"c"][0,-1][1:2].*..d[?(@.e == 'f' && !($.g =~ /h/i) || @.i in [1, {"j": null}])].sum(1, @.k)`,
		`$.\u00e9\.x`, `$[(@.length-1)]`, `$..[?(@)]`, `$[?(@.a size 2)].length()`, `$.list.min()`,
	} {
		f.Add(seed)
	}
	s := scopeOf(library)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			if _, ok := err.(*SyntaxError); !ok || p != nil || err.Error() == "" {
				t.Fatalf("got %v, %v; want a SyntaxError alone", p, err)
			}
			return
		}
		if p.String() != text {
			t.Fatalf("String() = %q, want %q", p, text)
		}
		v, err := p.Eval(s)
		if err == nil && v.IsAbsent() {
			t.Fatal("an evaluation gave nothing and no error")
		}
		if err == nil && !p.Definite() && p.function == nil && v.Kind() != value.Array {
			t.Fatalf("an indefinite path gave %s, want an array", v)
		}
		if r, err := ParseReference(text); err == nil {
			set, err := r.Set(s.Input, value.True)
			if got, found, _ := p.Find(&Scope{Input: set}); err == nil && (!found || !value.Equal(got, value.True)) {
				t.Fatalf("after Set: %s, %t", got, found)
			}
		}
	})
}

// Whatever a call's text, parsing and evaluating it ends.
func FuzzParseCall(f *testing.F) {
	for name := range intrinsics {
		f.Add(`States.` + name + `($.list, 2, 'MD5')`)
		f.Add(`States.` + name + `('a{}\'\{', $.name)`)
		f.Add(`States.` + name + `()`)
	}
	f.Add(`States.Format('{}', States.ArrayGetItem($.list[?(@ > 1)], 0))`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCall(text)
		if err != nil {
			if _, ok := err.(*SyntaxError); !ok || c != nil || err.Error() == "" {
				t.Fatalf("got %v, %v; want a SyntaxError alone", c, err)
			}
			return
		}
		v, err := c.Eval(scopeOf(callInput))
		if err == nil && v.IsAbsent() {
			t.Fatal("an evaluation gave nothing and no error")
		}
		if _, ok := err.(*Error); err != nil && !ok {
			t.Fatalf("got %v, want an *Error", err)
		}
	})
}
