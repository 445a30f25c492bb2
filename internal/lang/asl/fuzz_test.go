package asl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// FuzzCompile holds that no file breaks Compile, that what it refuses it refuses with places, and that what it accepts
// takes a few steps. What Check takes, Compile takes too.
func FuzzCompile(f *testing.F) {
	for _, pattern := range []string{"testdata/transcripts/*.txt", "testdata/problems/*.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(txtar.Parse(text).Files[0].Data)
		}
	}
	for _, source := range []string{
		"", " ", "null", "[]", "{", `{"a`, `{"a":}`, `{"a":1,}`, "[1 2]", "tru", "\x00", "\xff{}", `"\q"`, "01", "1e", "-", `{"a":1}x`, "\u2028",
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), `{"StartAt":"A","States":{"A":` + strings.Repeat(`{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":`, 500),
	} {
		f.Add([]byte(source))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		problems := Check(source, Terms{Express: len(source)%2 == 0})
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" || p.Code == "" {
				t.Fatalf("a problem without place or text: %+v", p)
			}
		}
		message := Refusal(source, problems)
		list, valid, _ := Diagnose(problems, true, len(problems))
		if len(list) != len(problems) || valid != isValid(problems) || message == "" {
			t.Fatalf("%d diagnostics of %d problems, valid %v: %s", len(list), len(problems), valid, message)
		}
		d, err := Compile(source)
		if err != nil {
			var problems run.Problems
			if !errors.As(err, &problems) || valid {
				t.Fatalf("valid %v, and refused: %v", valid, err)
			}
			return
		}
		x := d.NewState()
		in := run.Input{Kind: run.Start, Now: epoch, Name: "fuzz", Value: value.MustParse(`{"n":1,"list":[1,"a",{"b":null}]}`)}
		for range 100 {
			events, err := x.Decide(in)
			if err != nil {
				t.Fatalf("deciding %+v: %v", in, err)
			}
			for _, ev := range events {
				x.Apply(ev.Fact)
				if n := uint64(len(History(ev.Fact))); n != ev.Fact.(fact).events() {
					t.Fatalf("%T is %d history events", ev.Fact, n)
				}
			}
			in = run.Input{Kind: run.Step, Now: epoch}
		}
	})
}
