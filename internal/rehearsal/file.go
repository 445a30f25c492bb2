package rehearsal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// response is an element of MockedResponses: what the invocations of a state give, by their number.
type response []span

// span is the answer to the invocations from first to last, counted from 0.
type span struct {
	first, last int
	outcome     run.Outcome
}

// at is the answer to invocation n.
func (r response) at(n int) (run.Outcome, bool) {
	for _, s := range r {
		if s.first <= n && n <= s.last {
			return s.outcome, true
		}
	}
	return run.Outcome{}, false
}

// Read reads a suite. Its error is a run.Problems with every fault.
func Read(file []byte) (*Suite, error) {
	v, err := value.Parse(file)
	if err != nil {
		return nil, run.Problems{{Text: "the file is not JSON: " + err.Error()}}
	}
	r := &reader{}
	s := &Suite{responses: make(map[string]response)}
	r.known(v, "", "StateMachines", "MockedResponses", "Comment")
	for name, m := range r.object(v, "", "StateMachines").Members() {
		s.Machines = append(s.Machines, r.machine(name, m))
	}
	for name, m := range r.object(v, "", "MockedResponses").Members() {
		s.responses[name] = r.response("/MockedResponses/"+name, m)
	}
	if len(s.Machines) == 0 {
		r.problem("/StateMachines", "the file names no state machine to test")
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return s, nil
}

// reader collects what is wrong with a file.
type reader struct{ problems run.Problems }

func (r *reader) problem(at, format string, args ...any) {
	r.problems = append(r.problems, run.Problem{Pointer: at, Text: fmt.Sprintf(format, args...)})
}

// known refuses members that nothing reads.
func (r *reader) known(v value.Value, at string, names ...string) {
	for name := range v.Members() {
		if !contains(names, name) {
			r.problem(at+"/"+name, "the field is not known here; there are %s", strings.Join(names, ", "))
		}
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// of is the member name of v, which must be of the kind where it is there.
func (r *reader) of(v value.Value, at, name string, kind value.Kind) value.Value {
	m := v.At(name)
	if !m.IsAbsent() && m.Kind() != kind {
		r.problem(at+"/"+name, "expected %s, found %s", kind, m.Kind())
		return value.Value{}
	}
	return m
}

func (r *reader) object(v value.Value, at, name string) value.Value {
	return r.of(v, at, name, value.Object)
}

func (r *reader) text(v value.Value, at, name string) string {
	return r.of(v, at, name, value.String).Text()
}

func (r *reader) machine(name string, v value.Value) Machine {
	at := "/StateMachines/" + name
	r.known(v, at, "Definition", "TestCases", "Expectations", "Comment")
	m := Machine{Name: name, Definition: r.text(v, at, "Definition")}
	expectations := r.object(v, at, "Expectations")
	cases := r.object(v, at, "TestCases")
	for caseName, mocks := range cases.Members() {
		c := Case{Name: caseName, expect: r.expectation(at+"/Expectations/"+caseName, expectations.At(caseName))}
		for state, response := range mocks.Members() {
			if response.Kind() != value.String {
				r.problem(at+"/TestCases/"+caseName+"/"+state, "expected the name of a response, found %s", response.Kind())
			}
			c.mocks = append(c.mocks, mock{state, response.Text()})
		}
		m.Cases = append(m.Cases, c)
	}
	for caseName := range expectations.Members() {
		if cases.At(caseName).IsAbsent() {
			r.problem(at+"/Expectations/"+caseName, "TestCases has no case of this name")
		}
	}
	if len(m.Cases) == 0 {
		r.problem(at+"/TestCases", "the state machine has no test case")
	}
	return m
}

func (r *reader) response(at string, v value.Value) response {
	var made response
	for key, answer := range v.Members() {
		at := at + "/" + key
		s, ok := parseSpan(key)
		if !ok {
			r.problem(at, "expected the number of an invocation, such as \"0\", or a range, such as \"1-2\"")
		}
		r.known(answer, at, "Return", "Throw")
		result, returns := answer.Get("Return")
		failure := r.object(answer, at, "Throw")
		if returns != failure.IsAbsent() {
			r.problem(at, "an invocation has either Return or Throw")
		}
		s.outcome = run.Done(result)
		if !returns {
			s.outcome = run.Fail(r.text(failure, at+"/Throw", "Error"), r.text(failure, at+"/Throw", "Cause"))
		}
		for _, other := range made {
			if ok && s.first <= other.last && other.first <= s.last {
				r.problem(at, "the invocation has an answer already")
			}
		}
		made = append(made, s)
	}
	return made
}

// parseSpan reads "3" or "1-2".
func parseSpan(key string) (s span, ok bool) {
	first, last, isRange := strings.Cut(key, "-")
	if !isRange {
		last = first
	}
	var errs [2]error
	s.first, errs[0] = strconv.Atoi(first)
	s.last, errs[1] = strconv.Atoi(last)
	return s, errs[0] == nil && errs[1] == nil && s.first >= 0 && s.first <= s.last
}
