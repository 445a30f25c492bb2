package asl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// The codes of problems, Step Functions' own where it has one.
const (
	codeJSON       = "INVALID_JSON_DESCRIPTION"
	codeSchema     = "SCHEMA_VALIDATION_FAILED"
	codeTransition = "MISSING_TRANSITION_TARGET"
	codeDuplicate  = "DUPLICATE_STATE_NAME"
	codePath       = "INVALID_JSON_PATH"
	codeResource   = "UNKNOWN_RESOURCE"
	codeMissing    = "UNKNOWN_REFERENCE"
	codeWarning    = "POSSIBLE_MISTAKE"
)

// Resources are what tasks can do where a file is to run: what its Resource may say.
type Resources struct {
	Known func(arn string) bool
	Names []string // of all, to suggest one; a name that ends in ":" stands for those that begin with it
	// Missing, where it is set, is told of each task what its file names outright: the members of Parameters or Arguments
	// that no expression gives. It says what of that is not there.
	Missing func(arn string, named value.Value) []Missing
}

// Missing is something that a task names and that is not there.
type Missing struct {
	Member string // of the arguments; empty: the Resource itself
	Text   string // a sentence with what to do
}

// Compile parses and checks a state machine file. Its error is a run.Problems with every fault, warnings included.
// Which resources there are is no matter here: a file stays what it is where one is gone.
func Compile(source []byte) (*Definition, error) { return compileFor(source, nil) }

// Check gives every fault and warning of a file that is to run where there are these resources and no others.
func Check(source []byte, there Resources) run.Problems {
	d, err := compileFor(source, &there)
	problems := run.Problems(nil)
	if errors.As(err, &problems) {
		return problems
	}
	return d.Warnings
}

func compileFor(source []byte, there *Resources) (*Definition, error) {
	v, err := value.Parse(source)
	if err != nil {
		return nil, run.Problems{syntaxProblem(err)}
	}
	c := &compiler{source: string(source), there: there, names: make(map[string]pointer)}
	c.duplicates(source)
	d := &Definition{limits: WideLimits}
	if v.Kind() != value.Object {
		c.problem("", codeSchema, "Definition must be a valid JSON object")
	} else {
		d.machine = c.open(v, "").file(d)
	}
	for _, m := range c.machines {
		m.resolve()
		m.checkReachable()
	}
	c.checkScopes()
	c.locate(source)
	if c.faulty {
		return nil, c.problems
	}
	d.states, d.Warnings = c.states, c.problems
	return d, nil
}

func syntaxProblem(err error) run.Problem {
	p := run.Problem{Code: codeJSON, Text: "Not valid JSON: " + err.Error()}
	var se *value.SyntaxError
	if errors.As(err, &se) {
		p.Line, p.Column = se.Line, se.Column
		p.Text = fmt.Sprintf("Not valid JSON at line %d, column %d: %v", se.Line, se.Column, se.Err)
	}
	return p
}

// pointer is a JSON pointer to a place in the file.
type pointer string

// at is the place of a member or an element below p.
func (p pointer) at(name string) pointer {
	if strings.ContainsAny(name, "~/") {
		name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return p + "/" + pointer(name)
}

func (p pointer) index(i int) pointer { return pointer(fmt.Sprintf("%s/%d", p, i)) }

// compiler is the compilation of one file.
type compiler struct {
	source   string
	there    *Resources // nil: any may be there
	problems run.Problems
	data     bool // the file is in JSONata
	faulty   bool // one of problems is no warning
	states   []*state
	names    map[string]pointer // of all states: they are unique within the file
	assigned []assignment
	machines []*targets // inner ones first
}

// problem records a fault.
func (c *compiler) problem(at pointer, code, format string, args ...any) {
	c.faulty = true
	c.problems = append(c.problems, run.Problem{Pointer: string(at), Code: code, Text: fmt.Sprintf(format, args...)})
}

// warn records what deserves a look.
func (c *compiler) warn(at pointer, format string, args ...any) {
	c.problems = append(c.problems, run.Problem{Pointer: string(at), Code: codeWarning, Text: fmt.Sprintf(format, args...), Warning: true})
}

// file reads the top of the file.
func (o *object) file(d *Definition) *machine {
	o.string("Comment")
	if v, ok := o.string("Version"); ok && v != "1.0" {
		o.fault("Version", "Value is not supported: %q. The version of the language is \"1.0\"", v)
	}
	o.queryLanguage()
	o.c.data = o.data
	if n := o.whole("TimeoutSeconds", 1, maxSeconds); n != nil {
		d.timeout = *n
	}
	m := o.machine(nil)
	o.close()
	return m
}

// queryLanguage reads QueryLanguage, of the file or of a state that has one of its own.
func (o *object) queryLanguage() {
	o.data = o.c.data
	switch q, ok := o.string("QueryLanguage"); {
	case !ok:
	case q == "JSONata" || q == "JSONPath":
		o.data = q == "JSONata"
	default:
		o.fault("QueryLanguage", "Value is not supported: %q. It is \"JSONPath\" or \"JSONata\"", q)
	}
}

// machine reads StartAt and States, of the file or of what owner runs inside.
func (o *object) machine(owner *state) *machine {
	m := &machine{owner: owner}
	states := o.object("States", required)
	start, hasStart := o.string("StartAt")
	if !hasStart {
		o.missing("StartAt")
	}
	if states == nil {
		return m
	}
	local := &targets{c: o.c, at: states.at, machine: m, byName: make(map[string]*state)}
	for name, v := range states.value.Members() {
		if s := states.state(name, v, m, local); s != nil {
			local.add(s)
		}
		states.known(name)
	}
	if len(local.order) == 0 && states.value.Len() == 0 {
		states.fault("", "States holds no state: give it at least the one that StartAt names")
	}
	if hasStart {
		local.wanted = append(local.wanted, transition{name: start, at: o.at.at("StartAt"), to: &m.start})
	}
	o.c.machines = append(o.c.machines, local)
	return m
}

// maxName is the bound on the length of a state's name, in characters.
const maxName = 80

// state reads one state.
func (o *object) state(name string, v value.Value, m *machine, local *targets) *state {
	at := o.at.at(name)
	if n := len([]rune(name)); n > maxName {
		o.c.problem(at, codeSchema, "The name has %d characters: a state's name has at most %d", n, maxName)
	}
	if first, taken := o.c.names[name]; taken {
		o.c.problem(at, codeDuplicate, "Duplicate state name: %s has it too. Names are unique within the whole file", first)
	} else {
		o.c.names[name] = at
	}
	if v.Kind() != value.Object {
		o.c.problem(at, codeSchema, "Expected value of type Object, found %s", title(v.Kind()))
		return nil
	}
	so := o.c.open(v, at)
	so.machineOf, so.targets = m, local
	s := &state{index: len(o.c.states), name: name, machine: m}
	o.c.states = append(o.c.states, s)
	so.string("Comment")
	so.queryLanguage()
	s.data = so.data
	typ, ok := so.string("Type")
	if !ok {
		so.missing("Type")
		local.incomplete = true
		return s
	}
	if s.kind, ok = parseStateKind(typ); !ok {
		local.incomplete = true
		so.fault("Type", "Value is not a type of state: %q.%s The types are %s", typ, suggest(typ, stateKinds[1:]), strings.Join(stateKinds[1:], ", "))
		return s
	}
	s.action = so.action(s)
	so.transition(s)
	so.close()
	return s
}

// action reads the fields that are the state type's own.
func (o *object) action(s *state) action {
	switch s.kind {
	case passState:
		return o.pass(s)
	case taskState:
		return o.task(s)
	case choiceState:
		return o.choice(s)
	case waitState:
		return o.wait(s)
	case succeedState:
		return o.succeed(s)
	case failState:
		return o.fail(s)
	case parallelState:
		return o.parallel(s)
	}
	return o.mapping(s)
}

// transition reads Next and End of the states that have them.
func (o *object) transition(s *state) {
	switch s.kind {
	case choiceState, succeedState, failState:
		return
	}
	end := o.boolean("End")
	o.target(s, "Next", optional, &s.next)
	switch has := o.has("Next"); {
	case has && o.has("End"):
		o.fault("", "Next and End exclude each other: leave one of them out")
	case !has && !o.has("End"):
		o.fault("", "These fields are required: [Next] or [End]. Say where to go on, or \"End\": true")
	case !has && !end:
		o.fault("End", "End is true or left out")
	}
}

// targets are the states of one machine, and the transitions to them that wait for all states to be known.
type targets struct {
	c       *compiler
	at      pointer
	machine *machine
	byName  map[string]*state
	order   []*state
	wanted  []transition
	// incomplete says that the transitions of some state are not known.
	incomplete bool
}

// transition is a mention of a state by name.
type transition struct {
	from *state // nil: StartAt
	name string
	at   pointer
	to   **state
	// catchesAll says that it is that of a catcher for States.ALL.
	catchesAll bool
}

func (t *targets) add(s *state) {
	t.byName[s.name] = s
	t.order = append(t.order, s)
}

// find is the state called name, which the file mentions at at.
func (t *targets) find(name string, at pointer) *state {
	if s := t.byName[name]; s != nil {
		return s
	}
	if where, elsewhere := t.c.names[name]; elsewhere {
		t.c.problem(at, codeTransition, "Missing target: state %q is at %s, in another state machine. A transition stays within its own States", name, where)
		return nil
	}
	names := make([]string, len(t.order))
	for i, s := range t.order {
		names[i] = s.name
	}
	t.c.problem(at, codeTransition, "Missing target: there is no state %q.%s", name, suggest(name, names))
	return nil
}

// resolve finds the states that were mentioned.
func (t *targets) resolve() {
	for _, w := range t.wanted {
		*w.to = t.find(w.name, w.at)
	}
}

// checkReachable finds states that nothing leads to, and machines that never end.
func (t *targets) checkReachable() {
	if t.machine.start == nil || t.incomplete {
		return
	}
	leads := make(map[*state][]*state)
	for _, w := range t.wanted {
		if *w.to == nil {
			return // said already; what follows from it is noise
		}
		leads[w.from] = append(leads[w.from], *w.to)
	}
	seen := reachable(t.machine.start, leads)
	ends := false
	for _, s := range t.order {
		ends = ends || seen[s] && s.next == nil && s.kind != choiceState
		if !seen[s] {
			t.c.problem(t.at.at(s.name), codeTransition, "State %q is not reachable: no transition leads to it", s.name)
		}
	}
	if !ends {
		t.c.problem(t.at, codeTransition, "No terminal state: nothing that is reachable ends, give one state \"End\": true, or add a Succeed or a Fail")
	}
	t.warnOfHiddenFailures(leads)
}

// suggest is " Did you mean …?" with the candidate that is closest to name, or empty where none is close.
func suggest(name string, candidates []string) string {
	best, bound := "", (len(name)+1)/3
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d <= bound {
			best, bound = c, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// distance is the number of insertions, deletions and replacements between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
