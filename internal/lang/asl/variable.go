package asl

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// assignment is a mention of a variable in an Assign.
type assignment struct {
	machine *machine
	name    string
	at      pointer
}

// usage is a variable that an expression reads.
type usage struct {
	machine *machine
	name    string
	at      pointer
}

// assign is the field Assign: a template whose members name variables.
func (o *object) assign() template {
	v, ok := o.of("Assign", value.Object)
	if !ok {
		return nil
	}
	for name := range v.Members() {
		at, variable := o.at.at("Assign").at(name), name
		if !o.data {
			variable = strings.TrimSuffix(name, ".$")
		}
		o.c.assigned = append(o.c.assigned, assignment{o.machineOf, variable, at})
		switch length := len([]rune(variable)); {
		case variable == "states":
			o.c.problem(at, codeReservedVariable, "Cannot assign to reserved variable '$states'.")
		case length > maxVariable:
			o.c.problem(at, codeVariable, "Invalid variable name '%s': the variable name exceeds the %d-character limit.", variable, maxVariable)
		case !isVariableName(variable):
			o.c.report(finding{
				Problem: run.Problem{
					Pointer: string(at), Code: codeVariable,
					Text: fmt.Sprintf("Invalid variable name '%s': the variable name contains invalid characters.", variable),
					Hint: "Begin with a letter, go on with letters, digits and underscores",
				},
				of: at,
			})
		}
	}
	return o.template("Assign")
}

// maxVariable is the bound on the length of a variable's name, in characters.
const maxVariable = 80

// isVariableName follows the developer guide: a letter, then letters, digits and underscores. Hyphens pass too, as they
// do there, though an expression cannot name such a variable.
func isVariableName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// uses records that the expression at at reads variables; the empty name is none.
func (o *object) uses(name string, at pointer) {
	if name != "" {
		o.c.used = append(o.c.used, usage{o.machineOf, name, at})
	}
}

// checkScopes refuses assignments to variables of the scopes around, which can be read only, and warns of variables that
// no state assigns.
func (c *compiler) checkScopes() {
	assigned := make(map[*machine]map[string]pointer)
	for _, a := range c.assigned {
		if assigned[a.machine] == nil {
			assigned[a.machine] = make(map[string]pointer)
		}
		if _, known := assigned[a.machine][a.name]; !known {
			assigned[a.machine][a.name] = a.at
		}
	}
	for _, a := range c.assigned {
		for m := a.machine; m.owner != nil; {
			m = m.owner.machine
			if outer, taken := assigned[m][a.name]; taken {
				c.report(finding{
					Problem: run.Problem{
						Pointer: string(a.at), Code: codeDuplicateVariable,
						Text: fmt.Sprintf("The variable name '%s' was already defined in a parent scope.", a.name),
						Hint: fmt.Sprintf("That is at %s: it can be read here, not assigned", outer),
					},
					of: a.at,
				})
				break
			}
		}
	}
	for _, u := range c.used {
		if !inScope(u, assigned) {
			c.warnAs(codeUndefinedVariable, u.at, "Variable '%s' is possibly not defined.", u.name)
		}
	}
}

// inScope reports whether a state of the machine of u, or of one around it, assigns the variable.
func inScope(u usage, assigned map[*machine]map[string]pointer) bool {
	for m := u.machine; m != nil; m = m.owner.machine {
		if _, ok := assigned[m][u.name]; ok {
			return true
		}
		if m.owner == nil {
			break
		}
	}
	return false
}
