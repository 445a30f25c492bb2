package jsonata

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/sharedtest"
	"github.com/tutti-ml/tutti/internal/value"
)

// suite is JSONata's own test suite.
func suite(t *testing.T) value.Value {
	t.Helper()
	// Half a surrogate pair cannot be in a JSON text of ours, but an expression can escape it for itself.
	text := bytes.ReplaceAll(sharedtest.Read(t, "conformance/jsonata/cases.json.gz"), []byte(`\ud800'`), []byte(`\\ud800'`))
	v, err := value.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConformance(t *testing.T) {
	t.Parallel()
	all := suite(t)
	datasets := restored(all.At("datasets"))
	for _, c := range all.At("cases").Elements() {
		t.Run(strings.ReplaceAll(c.At("id").Text(), ".json", ""), func(t *testing.T) {
			t.Parallel()
			runCase(t, c, datasets)
		})
	}
}

// restored gives one dataset back the order of members that two cases show, and that was lost when the suite was
// flattened: all objects of the file are sorted by name.
func restored(datasets value.Value) value.Value {
	library := datasets.At("library", "library")
	books, loans, customers := library.At("books"), library.At("loans"), library.At("customers")
	ordered := value.EmptyObject.With("books", books).With("loans", loans).With("customers", customers)
	return datasets.With("library", value.EmptyObject.With("library", ordered))
}

// runCase evaluates one case. Now is a fixed day, against which cases check no more than forms.
func runCase(t *testing.T, c, datasets value.Value) {
	s := Scope{
		Variables: c.At("bindings").Get,
		Now:       time.Date(2024, 5, 17, 11, 22, 33, 444e6, time.UTC),
		Random:    newDice(),
	}
	switch {
	case c.At("dataset").Text() != "":
		s.Input = datasets.At(c.At("dataset").Text())
	case c.At("hasData").Bool():
		s.Input = c.At("data")
	}
	if depth, _ := c.At("depth").Int64(); depth >= 100 {
		s.Limits.Depth = int(depth)
	}
	e, err := Compile(c.At("expr").Text())
	var got value.Value
	var defined bool
	if err == nil {
		got, defined, err = e.Eval(s)
	}
	if c.At("kind").Text() == "error" {
		var failed *Error
		if !errors.As(err, &failed) || failed.Code != c.At("code").Text() {
			t.Fatalf("%s\ngot %v, error %v; want error %s", c.At("expr").Text(), got, err, c.At("code").Text())
		}
		return
	}
	want, wantDefined := c.Get("result")
	if err != nil || defined && got.IsAbsent() == wantDefined || !defined && wantDefined || !sameResult(got, want, c.At("unordered").Bool()) {
		t.Fatalf("%s\ngot  %v, error %v\nwant %v", c.At("expr").Text(), got, err, want)
	}
}

// newDice gives the same numbers every time.
func newDice() func() float64 {
	state := uint64(42)
	return func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11) / (1 << 53)
	}
}

// sameResult compares as the suite does; unordered arrays hold the same elements.
func sameResult(got, want value.Value, unordered bool) bool {
	if !unordered || got.Len() != want.Len() {
		return value.Equal(got, want)
	}
	rest := map[int]value.Value{}
	for i, v := range want.Elements() {
		rest[i] = v
	}
	for _, v := range got.Elements() {
		for i := range want.Len() {
			if w, ok := rest[i]; ok && value.Equal(v, w) {
				delete(rest, i)
				break
			}
		}
	}
	return len(rest) == 0
}
