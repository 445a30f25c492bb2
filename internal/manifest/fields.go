package manifest

import (
	"fmt"
	"math"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Codes of problems, for programs.
const (
	codeSyntax      = "SYNTAX"
	codeInvalid     = "INVALID"
	codeMissing     = "MISSING"
	codeUnknown     = "UNKNOWN"
	codeUnsupported = "UNSUPPORTED"
	codeIgnored     = "IGNORED"
)

// reader collects the problems of one document.
type reader struct {
	Options
	problems run.Problems
	// capital reads each field under its name with a capital letter, as Step Functions spells AWS's fields.
	capital bool
}

func (r *reader) report(n *node, warning bool, code, text string) {
	p := run.Problem{Code: code, Text: text, Warning: warning}
	if n != nil {
		p.Pointer, p.Line, p.Column = n.pointer, n.line, n.column
	}
	r.problems = append(r.problems, p)
}

func (r *reader) fault(n *node, code, format string, args ...any) {
	r.report(n, false, code, fmt.Sprintf(format, args...))
}

func (r *reader) warn(n *node, code, format string, args ...any) {
	r.report(n, true, code, fmt.Sprintf(format, args...))
}

// fields reads the members of one object and knows at the end which of them nobody asked for.
type fields struct {
	r    *reader
	n    *node // nil: there is no such object
	read map[string]bool
}

func (r *reader) fields(n *node) *fields {
	if n != nil && n.kind != value.Object {
		r.fault(n, codeInvalid, "must be an object, is a %s", n.kind)
		n = nil
	}
	return &fields{r: r, n: n, read: map[string]bool{}}
}

func (f *fields) spelled(name string) string {
	if f.r.capital {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// get is the member called name; nil where there is none or it is null.
func (f *fields) get(name string) *node {
	name = f.spelled(name)
	f.read[name] = true
	return f.n.member(name)
}

// typed is get for a member of one kind.
func (f *fields) typed(name string, kind value.Kind) *node {
	n := f.get(name)
	if n != nil && n.kind != kind {
		f.r.fault(n, codeInvalid, "must be a %s, is a %s", kind, n.kind)
		return nil
	}
	return n
}

func (f *fields) text(name string) string { return f.typed(name, value.String).string() }

// need is text that must be there.
func (f *fields) need(name, remedy string) string {
	n := f.typed(name, value.String)
	if n == nil || n.text == "" {
		f.missing(name, remedy)
	}
	return n.string()
}

func (f *fields) missing(name, remedy string) {
	f.r.fault(f.n, codeMissing, "%s is missing: %s", f.spelled(name), remedy)
}

func (f *fields) bool(name string) bool {
	n := f.typed(name, value.Bool)
	return n != nil && n.text == "true"
}

// number is a whole number from low to high, and absent where there is none.
func (f *fields) number(name string, low, high, absent int64) int64 {
	n := f.get(name)
	if n == nil {
		return absent
	}
	i, ok := int64(0), false
	if n.kind == value.Number {
		i, ok = n.value().Int64()
	}
	if !ok || i < low || i > high {
		if high == math.MaxInt32 {
			f.r.fault(n, codeInvalid, "must be a whole number of at least %d, is %s", low, n.value())
		} else {
			f.r.fault(n, codeInvalid, "must be a whole number from %d to %d, is %s", low, high, n.value())
		}
		return absent
	}
	return i
}

func (f *fields) has(name string) bool { return f.n.member(f.spelled(name)) != nil }

// sub is the object called name, which may be missing.
func (f *fields) sub(name string) *fields { return f.r.fields(f.get(name)) }

// list is the elements of the array called name.
func (f *fields) list(name string) []*node {
	if n := f.typed(name, value.Array); n != nil {
		return n.list
	}
	return nil
}

// texts is the array of strings called name. Numbers and booleans in it are taken as they are written.
func (f *fields) texts(name string) []string {
	var all []string
	for _, n := range f.list(name) {
		all = append(all, f.r.scalar(n))
	}
	return all
}

// scalar is a text where other systems insist on a string, but a number or a boolean can mean only one thing.
func (r *reader) scalar(n *node) string {
	switch n.kind {
	case value.String:
	case value.Number, value.Bool:
		r.warn(n, codeInvalid, "%s is taken as text; write it as %q, Kubernetes and AWS insist on a string", n.text, n.text)
	default:
		r.fault(n, codeInvalid, "must be a string, is a %s", n.kind)
		return ""
	}
	return n.text
}

// dict is the object of strings called name.
func (f *fields) dict(name string) map[string]string {
	n := f.typed(name, value.Object)
	if n == nil || len(n.list) == 0 {
		return nil
	}
	all := make(map[string]string, len(n.list))
	for i, e := range n.list {
		all[n.names[i]] = f.r.scalar(e)
	}
	return all
}

// ignore names fields that are known and mean nothing here.
func (f *fields) ignore(names ...string) {
	for _, name := range names {
		f.read[f.spelled(name)] = true
	}
}

// notice names fields that are not carried out, where the job still does its work.
func (f *fields) notice(why string, names ...string) {
	for _, name := range names {
		if n := f.get(name); n != nil {
			f.r.warn(n, codeIgnored, "%s has no effect here: %s", f.spelled(name), why)
		}
	}
}

// refuse names fields without which the document would mean something else.
func (f *fields) refuse(remedy string, names ...string) {
	for _, name := range names {
		if n := f.get(name); n != nil && (n.list != nil || n.kind < value.Array) {
			f.r.fault(n, codeUnsupported, "%s is not supported: %s", f.spelled(name), remedy)
		}
	}
}

// end warns of members that no reader asked for.
func (f *fields) end() {
	if f.n == nil {
		return
	}
	for i, name := range f.n.names {
		if !f.read[name] {
			f.r.warn(f.n.list[i], codeUnknown, "the field %q is not known and has no effect; is it spelled right?", name)
		}
	}
}
