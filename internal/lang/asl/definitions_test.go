package asl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/sharedtest"
)

// TestDefinitions holds Check against the definitions of known verdict.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	files := sharedtest.Glob(t, "conformance/sfn/definitions/*.json")
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			problems := Check(source, Terms{})
			if want := strings.HasPrefix(name, "valid-"); want != isValid(problems) {
				t.Errorf("should it be valid: %v; it has %v", want, problems)
			}
		})
	}
}

// TestArticles holds Compile against the state machines of the articles.
func TestArticles(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"articles/000-pytorchjob/*.json", "articles/001-batch-array/map.json", "articles/001-batch-array/array*.json"} {
		for _, file := range sharedtest.Glob(t, pattern) {
			if filepath.Base(file) == "input.json" {
				continue
			}
			if _, err := compileFile(t, file); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

func compileFile(t *testing.T, file string) (*Definition, error) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return Compile(source)
}
