package uuid

import (
	"regexp"
	"testing"
)

func TestForms(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-([48])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for text, version := range map[string]string{New(): "4", Of("a"): "8", RandomOf("a"): "4"} {
		if m := form.FindStringSubmatch(text); m == nil || m[1] != version {
			t.Errorf("%s is no UUID of version %s", text, version)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, of := range []func(string) string{Of, RandomOf} {
		if first, again := of("a"), of("a"); first != again || first == of("b") {
			t.Error("a UUID is not its name's")
		}
	}
	if one, other := New(), New(); one == other {
		t.Error("two random UUIDs are the same")
	}
}
