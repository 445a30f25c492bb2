package cli

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// longestCause is how much of a cause, in bytes, is told beside an error; 'tutti describe' shows it whole.
const longestCause = 300

// reasons are the members in which services say, in a cause that is JSON, what went wrong: Batch; Kubernetes; Lambda and
// the exceptions of AWS; runs.
var reasons = []string{"StatusReason", "message", "Message", "errorMessage", "reason", "Reason", "Cause", "Error"}

// brief is the first line of a cause for people. The services whose jobs and functions failed give a description of
// everything; of that it is the reason.
func brief(cause string) string {
	text := strings.TrimSpace(cause)
	if whole := json.RawMessage(text); strings.HasPrefix(text, "{") && json.Valid(whole) {
		if found := reasonIn(whole); found != "" {
			text = found
		}
	}
	text, _, _ = strings.Cut(text, "\n")
	if len(text) <= longestCause {
		return text
	}
	cut := longestCause
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// reasonIn looks for a reason in a description and, from its status on inwards, in what that holds.
func reasonIn(whole json.RawMessage) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(whole, &members) != nil {
		return ""
	}
	for _, name := range reasons {
		var text string
		if json.Unmarshal(members[name], &text) == nil && text != "" {
			return brief(text)
		}
	}
	for _, name := range []string{"status", "Status", "Job", "ResponseBody"} {
		if found := reasonIn(members[name]); found != "" {
			return found
		}
	}
	var conditions []json.RawMessage
	if json.Unmarshal(members["conditions"], &conditions) == nil {
		for i := len(conditions) - 1; i >= 0; i-- {
			if found := reasonIn(conditions[i]); found != "" {
				return found
			}
		}
	}
	return ""
}
