package asl

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// FuzzCompile holds that no file breaks Compile, that what it refuses it refuses with places, and that what it accepts
// takes a few steps.
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
	f.Fuzz(func(t *testing.T, source []byte) {
		d, err := Compile(source)
		if err != nil {
			var problems run.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("the error is no run.Problems: %v", err)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Text == "" || p.Code == "" {
					t.Fatalf("a problem without place or text: %+v", p)
				}
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
