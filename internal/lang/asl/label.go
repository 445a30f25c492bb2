package asl

import (
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
)

// maxLabel is the bound on the length of a Map's label, in characters.
const maxLabel = 40

// label reads Label, which is part of the ARN of a distributed Map's runs; given is false where it is left out or wrong.
func (o *object) label() (label string, given bool) {
	label, given = o.string("Label")
	if !given {
		return "", false
	}
	at := o.at.at("Label")
	fault := labelFault(label)
	switch first, taken := o.c.labels[label]; {
	case fault != "":
		o.c.problem(at, codeLabel, "%s", fault)
		return "", false
	case taken:
		o.c.report(finding{
			Problem: run.Problem{Pointer: string(at), Code: codeDuplicateLabel, Text: "Duplicate Label name: " + label, Hint: "It is that of " + string(first) + " too"},
			of:      at,
		})
		return "", false
	}
	o.c.labels[label] = at
	return label, true
}

// labelFault is what is wrong with a label; empty: nothing.
func labelFault(label string) string {
	if label == "" {
		return "Label cannot be empty"
	}
	length := 0
	for _, r := range label {
		if strings.ContainsRune(" ?*<>{}[]:;,\\|^~$#%&`\"", r) || r < ' ' || r >= 0x7f && r <= 0x9f {
			return "Label contains invalid character: " + quoted(string(r))
		}
		length++
	}
	if length > maxLabel {
		return "Label cannot exceed 40 characters"
	}
	return ""
}
