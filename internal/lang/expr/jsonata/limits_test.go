package jsonata

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// hostile are expressions that would take for ever, or more memory or stack than there is.
var hostile = []string{
	`($f := function() { $f() }; $f())`,
	`($f := function($n) { 1 + $f($n + 1) }; $f(0))`,
	`($f := function($x) { $f([$x]) }; $f(1))`,
	`($f := function($x) { $f({"a": $x}) }; $f(1))`,
	`($f := function($s) { $f($s & $s) }; $f("ab"))`,
	`($f := function($a) { $f($append($a, $a)) }; $f([1, 2]))`,
	`[1..10000000].($string($) & "x")`,
	`[1..10000000].[1..10000000]`,
	`$sum([1..10000000].($ * 2))`,
	`$map([1..10000000], function($i) { [$i] })`,
	`$pad("x", 1e15)`,
	`$pad("x", -1e9, "abcdefgh")`,
	`$join($map([1..100000], function($i) { $pad("", 10000) }))`,
	`$replace($pad("", 100000000, "a"), /a/, "bbbbbbbbbb")`,
	`$split($pad("", 200000000, "a"), "")`,
	`$match($pad("", 100000000, "a"), /a{500}b/)`,
	`$match($pad("", 50000000, "a"), /(a|aa|aaa)*$/)`,
	`$formatNumber(1, $pad("", 1000000, "#,"))`,
	`$formatInteger(1, $pad("", 10000000, "0"))`,
	`$formatInteger(1e300, "I")`,
	`$fromMillis(0, $pad("", 10000000, "[Y]"))`,
	`$toMillis("1", $pad("", 10000000, "[Y]"))`,
	`$distinct([1..10000].{"a": $})`,
	`$reduce([1..1000000], function($a, $b) { $append($a, [$b]) }, [])`,
	`$sort([1..1000000], function($a, $b) { $sort([1..100000]) })`,
	`($x := {"a": 1} ~> |$|{"self": $}|; $string($x))`,
	`($x := {"a": 1} ~> |$|{"self": $, "other": $}|; $x)`,
	`($x := {"a": 1} ~> |$|{"self": $, "other": $}|; $x.**)`,
	`($x := {"a": 1} ~> |$|{"self": $}|; $y := {"a": 1} ~> |$|{"self": $}|; $x = $y)`,
	`($f := function($n) { $eval("$f($n)") & "" }; $f(1))`,
	`$zip([1..10000000], [1..10000000])`,
	`[1..10000000]{$string($): $}`,
	`[1..10000000]^($)`,
	`[1..10000000]#$i.{"i": $i}`,
	`$spread([1..1000000].{"a": 1, "b": 2, "c": 3})`,
	`$shuffle([1..10000000])`,
	`[1..10000000]#$i`,
	`[1..10000000]#$i[$i < 3]#$j`,
	`[1..10000000]{"a": $}`,
	`[1..10000000].**`,
	`$keys([1..10000000])`,
	`$distinct([1..10000000])`,
	`$count($match($pad("", 1000000, "a"), /a/))`,
	`($s := $pad("", 1000000, "a"); $map([1..10000], function($i) { $contains($s, "b") }))`,
	`($s := $pad("", 1000000, "a"); $map([1..10000], function($i) { $contains($s, /(a*)*b/) }))`,
	`($s := $pad("", 1000000, "a"); $t := $pad("", 1000000, "a"); $map([1..10000], function($i) { $s = $t }))`,
	`($s := $pad("", 1000000, "a"); $t := $pad("", 1000000, "a"); $map([1..10000], function($i) { $s < $t }))`,
	`($s := $pad("", 1000000, "a"); $sort([1..10000].$s))`,
	`($s := $pad("", 1000000, "a"); [1..10000]{$s: $})`,
	`($f := function($s) { {"match": "a", "start": 0, "end": 1, "groups": [], "next": function() { $f($s) }} };
		$split($pad("", 1000000, "a"), $f))`,
}

// No expression gets past the limits, and what it gets is their error.
func TestLimitsHold(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e, err := Compile(text)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = e.Eval(Scope{Random: newDice(), Limits: Limits{Steps: 300_000, Depth: 1_000, Bytes: 4 << 20}})
			var failed *Error
			if !errors.As(err, &failed) || failed.Code != CodeLimit && failed.Code != "D1001" {
				t.Fatalf("got %v, want %s", err, CodeLimit)
			}
		})
	}
}

// What is made on the way to a limit is of the limit's order: it is counted before it is made. Other tests, which would
// be measured too, run before and after this one.
func TestLimitsHoldBeforehand(t *testing.T) {
	const most = 4 << 20
	for _, text := range hostile {
		e, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = e.Eval(Scope{Random: newDice(), Limits: Limits{Steps: 300_000, Depth: 1_000, Bytes: most}}) // the error is another test's
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; made > 16*most {
			t.Errorf("%s: made %d bytes, of %d that it may", text, made, most)
		}
	}
}

// Evaluations that count together end together.
func TestLimitsAreShared(t *testing.T) {
	t.Parallel()
	e, err := Compile(`$sum([1..1000].($ * 2))`)
	if err != nil {
		t.Fatal(err)
	}
	var used Used
	limits := Limits{Steps: 10_000}
	for i := range 10 {
		_, _, err := e.Eval(Scope{Limits: limits, Used: &used})
		if over := used.Steps > limits.Steps; (err != nil) != over || i == 0 && over || i == 9 && !over {
			t.Fatalf("evaluation %d: %d steps, %v", i, used.Steps, err)
		}
	}
}

// An expression that nests too deeply does not compile, rather than take the stack.
func TestDepthOfSyntaxIsBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("(", 100_000), strings.Repeat("[", 100_000), strings.Repeat("-", 100_000) + "1",
		"1" + strings.Repeat("+1", 100_000), "a" + strings.Repeat("[0]", 100_000), strings.Repeat("function(){", 100_000),
		"1" + strings.Repeat("?1:1", 100_000),
	} {
		_, err := Compile(text)
		var failed *Error
		if !errors.As(err, &failed) || failed.Code != CodeLimit {
			t.Errorf("%.20s…: %v, want %s", text, err, CodeLimit)
		}
	}
}

// A call that is the last thing a function does costs no depth, so a loop of them may be as long as the steps last.
func TestTailCallsDoNotDeepen(t *testing.T) {
	t.Parallel()
	got := mustEval(t, `($f := function($n, $sum) { $n = 0 ? $sum : $f($n - 1, $sum + $n) }; $f(100000, 0))`,
		Scope{Limits: Limits{Depth: 20}})
	if want := value.NewInt(5_000_050_000); !value.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The check is asked as the steps go by, and its error ends the evaluation as it is.
func TestCheckEndsAnEvaluation(t *testing.T) {
	t.Parallel()
	over := errors.New("time is over")
	asked := 0
	limits := Limits{Check: func() error {
		if asked++; asked == 5 {
			return over
		}
		return nil
	}}
	e, err := Compile(hostile[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Eval(Scope{Limits: limits}); !errors.Is(err, over) {
		t.Errorf("got %v, want the error of the check", err)
	}
}

func mustEval(t testing.TB, text string, s Scope) value.Value {
	t.Helper()
	e, err := Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	v, _, err := e.Eval(s)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
