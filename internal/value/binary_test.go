package value

import "testing"

// TestParseScalar holds the short way of the Decoder against the parser: where it answers, it answers the same.
func TestParseScalar(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`0`, `7`, `1234567890`, `"plain text"`, `""`, `null`, `true`, `false`} {
		want, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := parseScalar([]byte(text)); !Same(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{`01`, `1.5`, `-1`, `1e3`, `"a\nb"`, `"é"`, `"`, `"a"b"`, `nul`, `{}`, `[]`, `--`} {
		if got := parseScalar([]byte(text)); !got.IsAbsent() {
			t.Errorf("%s: %v, which is for the parser", text, got)
		}
	}
}
