package value

import (
	"fmt"
	"testing"
)

// FuzzStored holds the reader of stored texts against the parser: where it answers, it answers the same.
func FuzzStored(f *testing.F) {
	for _, text := range []string{
		`0`, `7`, `-1.50`, `01`, `1.`, `-`, `1e3`, `"plain"`, `"é\n\"\\\t\r\b\f"`, `"\u0001"`, "\"\n\"", `"`, `"\`, `null`, `nul`, `truefalse`,
		`[]`, `[1,"a",[true,{}],null]`, `[1,]`, `[1 ,2]`, `{}`, `{"a":{"b":[1]},"c":"d"}`, `{"a":1,"a":2}`, `{"a"}`, `{"a":1`, `{,}`, "\"\xff\"", ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, wantErr := Parse(text)
		got, err := parseStored(text)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, the parser says %v", text, err, wantErr)
		}
		if err == nil && (got.JSON() != want.JSON() || got.Size() != want.Size() || !Equal(got, want)) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	})
}

// TestStoredIsShort holds that what AppendJSON writes takes the short way.
func TestStoredIsShort(t *testing.T) {
	t.Parallel()
	v := MustParse(`{"a": [1, -2.5, true, false, null, "x\ty\\ \"q\" é 漢"], "b": {}, "c": [], "d": {"e": [[[]]]}}`)
	r := storedReader{text: v.JSON()}
	if got := r.value(0); !Equal(got, v) || r.at != len(r.text) {
		t.Errorf("read %s of %s", got, v)
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"id":12345,"name":"experiment-001"`)
	for i := 0; len(text) < 4000; i++ {
		text = fmt.Appendf(text, `,"field%d":{"loss":0.25,"label":"value of the field"}`, i)
	}
	text = append(text, '}')
	b.Run("stored", func(b *testing.B) {
		for b.Loop() {
			_, _ = parseStored(text)
		}
	})
	b.Run("parser", func(b *testing.B) {
		for b.Loop() {
			_, _ = Parse(text)
		}
	})
}
