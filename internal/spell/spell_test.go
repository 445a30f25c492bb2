package spell

import "testing"

func TestClosest(t *testing.T) {
	t.Parallel()
	names := []string{"limits", "listen", "log", "logs", "hostPaths"}
	for name, want := range map[string]string{
		"limts": "limits", "lisen": "listen", "LOG": "log", "lgo": "", "hostpath": "hostPaths", "zebra": "", "": "", "loga": "log",
	} {
		if got := Closest(name, names); got != want {
			t.Errorf("%q is closest to %q, want %q", name, got, want)
		}
	}
}
