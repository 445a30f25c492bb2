package awssdk

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// check says why a call cannot be made with such parameters, as Step Functions words it; nil: it can. What a service
// itself refuses, such as a text of the wrong form, is the service's to say.
func (r resource) check(t kernel.Task) *run.Failure {
	var faults []string
	in := r.adapted(t)
	if r.op.Input == nil {
		for name := range in.Members() {
			faults = append(faults, unsupported(name))
		}
	} else {
		faults = r.faults("Parameters", r.op.Input, in)
	}
	return unusable(t, faults)
}

// unusable fails a task for what is wrong with its parameters; nil: nothing is.
func unusable(t kernel.Task, faults []string) *run.Failure {
	if len(faults) == 0 {
		return nil
	}
	return &run.Failure{
		Error: "States.Runtime",
		Cause: fmt.Sprintf("The Parameters '%s' could not be used to start the Task: [%s]", t.Order.Payload.JSON(), strings.Join(faults, ", ")),
	}
}

func unsupported(name string) string {
	return fmt.Sprintf("The field \"%s\" is not supported by Step Functions", name) // and nowhere else in such quotes
}

func missing(name string) string {
	return fmt.Sprintf("The field '%s' is required but was missing", name)
}

// faults lists what is wrong with a value in a place. Null is what is absent.
func (r resource) faults(name string, m *awsmodel.Member, v value.Value) []string {
	if v.IsNull() || v.IsAbsent() {
		return nil
	}
	kind, ok := accepts(m, v)
	if !ok {
		return []string{fmt.Sprintf("The value for the field '%s' must be %s", name, kind)}
	}
	var faults []string
	switch s := m.Shape; s.Type {
	case awsmodel.Structure:
		for field, inner := range v.Members() {
			if _, m := s.Field(r.spelling, field); m != nil {
				faults = append(faults, r.faults(field, m, inner)...)
			} else {
				faults = append(faults, unsupported(field))
			}
		}
		for _, required := range s.Required {
			field := r.spelling(required)
			if given := v.At(field); (given.IsAbsent() || given.IsNull()) && !s.Members[required].IdempotencyToken {
				faults = append(faults, missing(field))
			}
		}
	case awsmodel.List:
		for _, inner := range v.Elements() {
			faults = append(faults, r.faults(name, s.Item, inner)...)
		}
	case awsmodel.Map:
		for _, inner := range v.Members() {
			faults = append(faults, r.faults(name, s.Value, inner)...)
		}
	}
	return faults
}

// accepts reports whether a value is of the kind that a member takes, and names that kind.
func accepts(m *awsmodel.Member, v value.Value) (kind string, ok bool) {
	switch m.Shape.Type {
	case awsmodel.Structure, awsmodel.Map:
		return "an OBJECT", v.Kind() == value.Object
	case awsmodel.List:
		return "an ARRAY", v.Kind() == value.Array
	case awsmodel.String, awsmodel.Character:
		return "a STRING", v.Kind() == value.String || m.JSONValue
	case awsmodel.Blob:
		return "a STRING", true // what is no text goes as JSON
	case awsmodel.Boolean:
		return "a BOOLEAN", v.Kind() == value.Bool
	case awsmodel.Integer, awsmodel.Long:
		_, whole := v.Int64()
		return "an INTEGER", v.Kind() == value.Number && whole
	case awsmodel.Float, awsmodel.Double:
		return "a NUMBER", v.Kind() == value.Number || isSpecial(v)
	case awsmodel.Timestamp:
		_, ok := parseTime(v)
		return "a TIMESTAMP", ok
	}
	return "of a type that is known", false
}

// isSpecial reports whether a text is a number that JSON has no number for.
func isSpecial(v value.Value) bool {
	switch v.Text() {
	case "NaN", "Infinity", "-Infinity":
		return v.Kind() == value.String
	}
	return false
}

// text is a scalar as text, as paths, headers, forms and XML have it.
func text(v value.Value) string {
	switch v.Kind() {
	case value.Bool:
		return strconv.FormatBool(v.Bool())
	case value.Number, value.String:
		return v.Text()
	}
	return v.JSON()
}
