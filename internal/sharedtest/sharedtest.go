// Package sharedtest finds for tests what lies in the folder "shared" beside the checkout: what was recorded on AWS, the
// suites of others, the files of articles. Where something is missing the test is skipped; in CI (CI is set) it fails.
package sharedtest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

// Path is where a file or a folder of the shared folder lies. Names have slashes.
func Path(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(root(t), filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		lack(t, name)
	}
	return path
}

// Glob is where the files that match a pattern of filepath.Glob lie: one or more, sorted.
func Glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		lack(t, pattern)
	}
	return paths
}

// Read is what a file contains, unpacked where its name ends in ".gz".
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(t, name))
	if err == nil && strings.HasSuffix(name, ".gz") {
		data, err = unpacked(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Recordings are the cases that were recorded on AWS Step Functions: an array of objects with "id", "area", "needs", the
// "steps" that were called, and what was "recorded" of them.
func Recordings(t testing.TB) value.Value {
	t.Helper()
	all, err := value.Parse(Read(t, "conformance/sfn/cases.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return all.At("cases")
}

// root is the shared folder, whether it exists or not. A test runs in the folder of its package.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
	}
	t.Fatal("the test does not run within the checkout")
	return ""
}

func lack(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("../shared/%s is not beside the checkout", name)
	}
	t.Skipf("SKIPPED: ../shared/%s is not beside the checkout", name)
}

func unpacked(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
