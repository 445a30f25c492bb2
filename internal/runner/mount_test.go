package runner

import (
	"os"
	"path/filepath"
	"testing"
)

// Between the look at a path and the making of a file there its owner may have put a link to somebody else's.
func TestMakeFileFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	if err := os.WriteFile(victim, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := makeFile(link); !os.IsExist(err) {
		t.Errorf("making a file where a link is: %v, want that it exists", err)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("behind the link is %q (%v), want it untouched", text, err)
	}
}
