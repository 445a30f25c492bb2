package asl

import (
	"maps"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/value"
)

// Reference is a state that refers to variables.
type Reference struct {
	State     string
	Variables []string // sorted, without the $
}

// References are the states of a valid file that refer to variables, those of inner machines too, in the order of the
// file.
func References(source []byte) []Reference {
	file, err := value.Parse(source)
	if err != nil {
		return nil
	}
	var f references
	f.machine(file, file.At("QueryLanguage").Text() == "JSONata")
	return f.found
}

// references collects those of one file.
type references struct {
	found []Reference
	names map[string]bool // of the state at hand
}

// inner are the fields of a state that hold machines.
var inner = []string{"ItemProcessor", "Iterator", "Branches"}

// templates are the fields whose value is made of what is written there.
var templates = []string{"Parameters", "ResultSelector", "ItemSelector", "Assign", "BatchInput", "Credentials"}

func (f *references) machine(m value.Value, data bool) {
	for name, s := range m.At("States").Members() {
		data := data
		if q := s.At("QueryLanguage").Text(); q != "" {
			data = q == "JSONata"
		}
		f.names = make(map[string]bool)
		if data {
			f.data(s)
		} else {
			f.fields(s)
		}
		if len(f.names) > 0 {
			f.found = append(f.found, Reference{name, slices.Sorted(maps.Keys(f.names))})
		}
		f.machine(s.At("ItemProcessor"), data)
		f.machine(s.At("Iterator"), data)
		for _, b := range s.At("Branches").Elements() {
			f.machine(b, data)
		}
	}
}

// fields looks into a part of a state of JSONPath: a path is in each field whose name says so, and in templates.
func (f *references) fields(v value.Value) {
	for _, e := range v.Elements() {
		f.fields(e)
	}
	for name, m := range v.Members() {
		switch {
		case slices.Contains(inner, name) || name == "Result":
		case slices.Contains(templates, name):
			f.template(m)
		case m.Kind() != value.String:
			f.fields(m)
		case name == "Variable" || strings.HasSuffix(name, "Path"):
			f.expression(m.Text())
		}
	}
}

func (f *references) template(v value.Value) {
	for _, e := range v.Elements() {
		f.template(e)
	}
	for name, m := range v.Members() {
		if strings.HasSuffix(name, ".$") {
			f.expression(m.Text())
		} else {
			f.template(m)
		}
	}
}

// expression looks into a path or a call of an intrinsic function.
func (f *references) expression(text string) {
	if p, err := expr.ParsePath(text); err == nil {
		f.add(p.Variables())
	} else if c, err := expr.ParseCall(text); err == nil {
		f.add(c.Variables())
	}
}

// data looks into a part of a state of JSONata.
func (f *references) data(v value.Value) {
	for _, e := range v.Elements() {
		f.data(e)
	}
	for name, m := range v.Members() {
		if !slices.Contains(inner, name) {
			f.data(m)
		}
	}
	text := strings.TrimSpace(v.Text())
	if v.Kind() != value.String || !strings.HasPrefix(text, "{%") || !strings.HasSuffix(text, "%}") || len(text) < 4 {
		return
	}
	e, err := jsonata.Compile(text[2 : len(text)-2])
	if err != nil {
		return
	}
	f.add(slices.DeleteFunc(e.Variables(), func(name string) bool {
		_, function := queryFunctions[name]
		return function || name == "states" || name == "random"
	}))
}

func (f *references) add(names []string) {
	for _, name := range names {
		f.names[name] = true
	}
}
