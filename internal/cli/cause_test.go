package cli

import (
	"strings"
	"testing"
)

func TestBrief(t *testing.T) {
	t.Parallel()
	for cause, want := range map[string]string{
		"":                               "",
		"it broke\nTraceback:\n  line 1": "it broke",
		`{"Attempts":[{}],"JobId":"1","Status":"FAILED","StatusReason":"Essential container exited"}`:               "Essential container exited",
		`{"errorMessage":"no such row","errorType":"KeyError","trace":[]}`:                                          "no such row",
		`{"status":{"conditions":[{"reason":"Old"},{"type":"Failed","reason":"B","message":"too many failures"}]}}`: "too many failures",
		`{"ResponseBody":{"status":{"message":"two\nlines"}}}`:                                                      "two",
		`{"Cause":"{\"StatusReason\":\"nested\"}"}`:                                                                 "nested",
		`{"a":1}`:                      `{"a":1}`,
		`{"a": cut`:                    `{"a": cut`,
		strings.Repeat("é", 200):       strings.Repeat("é", 150) + "…",
		"x" + strings.Repeat("é", 200): "x" + strings.Repeat("é", 149) + "…",
	} {
		if got := brief(cause); got != want {
			t.Errorf("%q is told as %q, want %q", cause, got, want)
		}
	}
}
