package cli

import (
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
)

// Parts of a line are printed as one, and other lines between them on lines of their own.
func TestPartsOfLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := &logWriter{out: &out, label: func(l client.Line) string { return l.Stream }}
	for _, l := range []client.Line{
		{Stream: "stdout", Text: "a", Continued: true}, {Stream: "stdout", Text: "b", Continued: true}, {Stream: "stdout", Text: "c"},
		{Stream: "stdout", Text: "d", Continued: true}, {Stream: "stderr", Text: "e"}, {Stream: "stdout", Text: "f", Continued: true},
	} {
		w.write(l)
	}
	w.end()
	if got, want := out.String(), "[stdout] abc\n[stdout] d\n[stderr] e\n[stdout] f\n"; got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}
