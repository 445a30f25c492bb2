package run

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameLimit is how long the name of a run may be, in characters.
const nameLimit = 80

// ValidName reports whether a run may be called name. The rule is that of StartExecution in Step Functions' API
// reference.
func ValidName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= nameLimit && !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>{}[]?*\"#%\\^|~`$&,;:/", r)
	})
}

// NameRule says what ValidName takes.
const NameRule = "1 to 80 characters, no white space and none of <>{}[]?*\"#%\\^|~`$&,;:/"
