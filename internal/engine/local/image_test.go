package local

import (
	"strings"
	"testing"
)

func TestImages(t *testing.T) {
	t.Parallel()
	m := Images{"ghcr.io/x/*": "host", "ghcr.io/x/odd": "docker", "*-local": "host"}
	for image, want := range map[string]string{
		"":                  "",
		"ghcr.io/x/train:1": "",
		"ghcr.io/x/odd":     `only "host" is possible`,
		"ghcr.io/y/train":   `images: {"ghcr.io/y/train": host}`,
		"a-local":           "mapped to nothing", // a star stands at the end only
	} {
		err := m.Check(image)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%q): %v, want %q", image, err, want)
		}
	}
}
