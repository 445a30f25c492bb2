package local

import (
	"fmt"
	"slices"
	"strings"
)

// Images maps container images to what stands in for them here. A pattern is an image's name, which may end in "*"; the
// longest that matches counts. The one thing to stand in, so far, is "host": the files of this machine, seen through a
// mount namespace in which volumes are at their paths.
type Images map[string]string

// imageHost is the files of this machine.
const imageHost = "host"

// Check says why an image cannot be used, and what to add to the configuration. No image is always fine.
func (m Images) Check(image string) error {
	if image == "" {
		return nil
	}
	switch to, found := m.find(image); {
	case !found:
		return fmt.Errorf("the image %q is mapped to nothing on this machine; to run it on the machine's own files, add to the configuration: images: {%q: host}", image, image)
	case to != imageHost:
		return fmt.Errorf("the image %q is mapped to %q; only %q is possible", image, to, imageHost)
	}
	return nil
}

func (m Images) find(image string) (to string, found bool) {
	patterns := make([]string, 0, len(m))
	for p := range m {
		patterns = append(patterns, p)
	}
	slices.SortFunc(patterns, func(a, b string) int { return len(b) - len(a) })
	for _, p := range patterns {
		prefix, open := strings.CutSuffix(p, "*")
		if p == image || open && strings.HasPrefix(image, prefix) {
			return m[p], true
		}
	}
	return "", false
}
