package rehearsal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// expectation is what is to become of a case. What it leaves out may be anything, but that a case of which nothing is
// said is to succeed.
type expectation struct {
	input  value.Value
	status string // SUCCEEDED, FAILED, TIMED_OUT or ABORTED
	output value.Value
	err    value.Value
	cause  value.Value
	states []string // nil: any
}

var statuses = []string{"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}

func (r *reader) expectation(at string, v value.Value) expectation {
	e := expectation{input: value.EmptyObject, status: "SUCCEEDED"}
	if v.IsAbsent() {
		return e
	}
	r.known(v, at, "Input", "Status", "Output", "Error", "Cause", "States", "Comment")
	if in := v.At("Input"); !in.IsAbsent() {
		e.input = in
	}
	e.output = v.At("Output")
	e.err, e.cause = r.of(v, at, "Error", value.String), r.of(v, at, "Cause", value.String)
	if !e.err.IsAbsent() || !e.cause.IsAbsent() {
		e.status = "FAILED"
	}
	if s := r.text(v, at, "Status"); s != "" {
		e.status = s
		if !slices.Contains(statuses, s) {
			r.problem(at+"/Status", "%q is no status; there are %s", s, strings.Join(statuses, ", "))
		}
	}
	if list := r.of(v, at, "States", value.Array); !list.IsAbsent() {
		e.states = []string{}
		for _, s := range list.Elements() {
			e.states = append(e.states, s.Text())
		}
	}
	return e
}

// compare says where an execution ended otherwise than expected.
func (e expectation) compare(o outcome) (faults []string) {
	add := func(what, want, got string) {
		faults = append(faults, fmt.Sprintf("%s: want %s, got %s", what, want, got))
	}
	if o.status.String() != e.status {
		got := o.status.String()
		if o.status != run.Succeeded {
			got += fmt.Sprintf(" (%s: %s)", o.failure.Error, o.failure.Cause)
		}
		add("status", e.status, got)
	}
	if !e.output.IsAbsent() {
		differ("output", e.output, o.output, add)
	}
	for what, pair := range [...]struct {
		want value.Value
		got  string
	}{{e.err, o.failure.Error}, {e.cause, o.failure.Cause}} {
		if !pair.want.IsAbsent() && pair.want.Text() != pair.got {
			add([...]string{"error", "cause"}[what], strconv.Quote(pair.want.Text()), strconv.Quote(pair.got))
		}
	}
	if e.states != nil && !slices.Equal(e.states, o.states) {
		add("states", strings.Join(e.states, " "), strings.Join(o.states, " "))
	}
	return faults
}

// differ adds every place where got is not want.
func differ(at string, want, got value.Value, add func(at, want, got string)) {
	switch {
	case want.Kind() == value.Object && got.Kind() == value.Object:
		for name, m := range want.Members() {
			differ(at+"."+name, m, got.At(name), add)
		}
		for name, m := range got.Members() {
			if want.At(name).IsAbsent() {
				add(at+"."+name, "nothing", shown(m))
			}
		}
	case want.Kind() == value.Array && got.Kind() == value.Array && want.Len() == got.Len():
		for i, m := range want.Elements() {
			differ(fmt.Sprintf("%s[%d]", at, i), m, got.Index(i), add)
		}
	case want.IsAbsent() || got.IsAbsent() || !value.Equal(want, got):
		add(at, shown(want), shown(got))
	}
}

// maxShown is how much of a value a line shows, in bytes.
const maxShown = 200

func shown(v value.Value) string {
	if v.IsAbsent() {
		return "nothing"
	}
	text := v.JSON()
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}
