package sfn

import (
	"strings"
	"unicode"
)

// validName reports whether a state machine, an execution or an activity may have the name. Its length is the shape's.
func validName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return strings.ContainsRune(" <>{}[]?*\"#%\\^|~`$&,;:/", r) || unicode.IsControl(r) || r == '\ufffe' || r == '\uffff'
	})
}
