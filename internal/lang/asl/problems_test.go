package asl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestProblems holds the problems of each file of testdata/problems, with their places, codes and texts.
func TestProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/problems/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			problems := Check([]byte(section(t, archive, "definition")), Terms{})
			verdict := "valid"
			if !isValid(problems) {
				verdict = "invalid"
			}
			var b strings.Builder
			fmt.Fprintln(&b, verdict)
			for _, p := range problems {
				fmt.Fprintf(&b, "%d:%d %s %s\n", p.Line, p.Column, p.Code, p)
			}
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "problems", Data: []byte(b.String())})
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(section(t, archive, "problems"), b.String()); diff != "" {
				t.Errorf("the problems differ (go test -update writes them anew):\n%s", diff)
			}
		})
	}
}
