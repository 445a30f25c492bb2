package run

import (
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "train-2026.11_v1", "学習", strings.Repeat("学", 80)} {
		if !ValidName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", "a b", "a/b", "../x", "a\tb", "a\x00", "a\x7f", "a:b", "a*", "\xff", strings.Repeat("a", 81)} {
		if ValidName(name) {
			t.Errorf("%q is taken", name)
		}
	}
}
