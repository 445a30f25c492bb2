package asl

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
)

// Refusal is the message of Step Functions' InvalidDefinition for a file with problems.
func Refusal(source []byte, problems run.Problems) string {
	var faults []string
	for _, p := range problems {
		switch {
		case p.Warning:
		case p.Code == codeLabel:
			// Recorded answers word the faults of a label in a way of their own.
			return fmt.Sprintf("Error=ValueError Args=[%s] in definition '%s'.", quoted(p.Text), source)
		default:
			d := diagnosticOf(p)
			if d.Location == "" {
				d.Location = "null"
			}
			faults = append(faults, fmt.Sprintf("%s: %s at %s", d.Code, d.Message, d.Location))
		}
	}
	return "Invalid State Machine Definition: '" + strings.Join(faults, ", ") + "'"
}

// Diagnostic is a problem as ValidateStateMachineDefinition tells it.
type Diagnostic struct {
	Severity string // ERROR or WARNING
	Code     string
	Message  string
	Location string // empty: none
}

// Diagnose gives the first most problems as Step Functions does, warnings only where they are asked for. It also says
// whether a machine can be made of the file, and whether there is more to tell.
func Diagnose(problems run.Problems, warnings bool, most int) (list []Diagnostic, valid, truncated bool) {
	valid = true
	for _, p := range problems {
		valid = valid && p.Warning
		switch {
		case p.Warning && !warnings:
		case len(list) == most:
			truncated = true
		default:
			list = append(list, diagnosticOf(p))
		}
	}
	return list, valid, truncated
}

func diagnosticOf(p run.Problem) Diagnostic {
	d := Diagnostic{Severity: "ERROR", Code: p.Code, Message: p.Text, Location: p.Location}
	if p.Warning {
		d.Severity = "WARNING"
	}
	if p.Code == codeJSON {
		d.Message += "\n at " + p.Location // Jackson tells the place in its texts too
	}
	return d
}

// quoted is s as Python writes a string.
func quoted(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r >= 0x7f && r <= 0xa0 || r == 0xad:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
