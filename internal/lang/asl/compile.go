package asl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Terms are what a file is held against besides the language.
type Terms struct {
	Express   bool       // the machine is of type EXPRESS
	Resources *Resources // what tasks can do; nil: anything
	lenient   bool       // the file was taken once, maybe by a release that asked for less
}

// Resources are what tasks can do where a file is to run: what its Resource may say.
type Resources struct {
	Known func(arn string) bool
	Names []string // of all, to suggest one; a name that ends in ":" stands for those that begin with it
	// Hint, where it is set, says of one that is not known what it may be meant to be; empty: Names tell.
	Hint func(arn string) string
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
// What a file is to run on is no matter here: a file stays what it is where a resource is gone.
// What earlier releases took is taken too.
func Compile(source []byte) (*Definition, error) { return compileFor(source, Terms{lenient: true}) }

// Check gives every fault and warning of a file that is to run on these terms: in the order of the file, then what is
// wrong with how its states lead to one another.
func Check(source []byte, terms Terms) run.Problems {
	d, err := compileFor(source, terms)
	problems := run.Problems(nil)
	if errors.As(err, &problems) {
		return problems
	}
	return d.Warnings
}

func compileFor(source []byte, terms Terms) (*Definition, error) {
	v, err := value.Parse(source)
	if err != nil {
		return nil, run.Problems{syntaxProblem(source, err)}
	}
	c := newCompiler(source, v, terms)
	c.duplicates(source)
	d := &Definition{limits: WideLimits}
	if v.Kind() != value.Object {
		c.report(finding{Problem: run.Problem{Code: codeSchema, Text: textNotObjectDefinition}, nowhere: true})
	} else {
		d.machine = c.open(v, "").file(d)
	}
	return c.finish(source, d)
}

// finish checks what concerns all parts of the file together, and gives its definition or its problems.
func (c *compiler) finish(source []byte, d *Definition) (*Definition, error) {
	for _, m := range c.machines {
		m.resolve()
		m.check()
	}
	c.checkScopes()
	problems := c.locate(source)
	if c.faults > 0 {
		return nil, problems
	}
	d.states, d.Warnings = c.states, problems
	return d, nil
}

func newCompiler(source []byte, root value.Value, terms Terms) *compiler {
	return &compiler{source: string(source), terms: terms, root: root, names: make(map[string]pointer), labels: make(map[string]pointer)}
}

// compiler is the compilation of one file.
type compiler struct {
	source   string
	terms    Terms
	root     value.Value // the file; or, of a state that stands alone, what it is taken to stand in
	alone    pointer     // where such a state is within root
	findings []finding
	data     bool // the file is in JSONata
	faults   int  // so far, told or not
	warnings int
	states   []*state
	names    map[string]pointer // of all states: they are unique within the file
	labels   map[string]pointer // of all Maps, likewise
	assigned []assignment
	used     []usage
	machines []*targets // inner ones first
}

// file reads the top of the file.
func (o *object) file(d *Definition) *machine {
	o.required("States", "StartAt")
	o.string("Comment")
	o.choose("Version", "1.0")
	o.queryLanguage()
	o.c.data = o.data
	if n := o.whole("TimeoutSeconds", 0, maxSeconds); n != nil {
		d.timeout = *n
	}
	m := o.machine(nil)
	o.close()
	return m
}

// queryLanguage reads QueryLanguage, of the file or of a state that has one of its own. Anything but JSONPath stands
// for JSONata, as in Step Functions.
func (o *object) queryLanguage() {
	o.data = o.c.data
	if o.has("QueryLanguage") {
		name, _ := o.choose("QueryLanguage", inJSONPath, inJSONata)
		o.data = name != inJSONPath
	}
}

// The names of the query languages.
const (
	inJSONPath = "JSONPath"
	inJSONata  = "JSONata"
)

func languageName(data bool) string {
	if data {
		return inJSONata
	}
	return inJSONPath
}

// maxNesting bounds how deep machines are within machines.
const maxNesting = 100

// machine reads StartAt and States, of the file or of what owner runs inside.
func (o *object) machine(owner *state) *machine {
	m := &machine{owner: owner}
	if strings.Count(string(o.at), "/States/") >= maxNesting {
		o.c.problem(o.at, codeNesting, "The states are too deeply nested")
		o.known("StartAt", "States")
		return m
	}
	states := o.object("States", optional)
	start, hasStart := o.string("StartAt")
	if states == nil {
		return m
	}
	local := &targets{c: o.c, at: states.at, machine: m, byName: make(map[string]*state), incomplete: !hasStart}
	for name, v := range states.value.Members() {
		if s := states.state(name, v, m, local); s != nil {
			local.add(s)
		} else {
			local.incomplete = true
		}
	}
	if states.value.Len() == 0 {
		states.fault("", textEmpty)
		local.incomplete = true
	}
	if hasStart {
		local.wanted = append(local.wanted, transition{name: start, at: o.at.at("StartAt"), to: &m.start})
	}
	o.c.machines = append(o.c.machines, local)
	return m
}

// innerMachine is the machine of a branch or of a Map's processor: its fields are those of a file, but for what a file says of
// the whole.
func (o *object) innerMachine(s *state) *machine {
	o.required("States", "StartAt")
	o.string("Comment")
	m := o.machine(s)
	o.close()
	return m
}

// maxName is the bound on the length of a state's name, in characters.
const maxName = 80

// state reads one state.
func (o *object) state(name string, v value.Value, m *machine, local *targets) *state {
	at := o.at.at(name)
	if len([]rune(name)) > maxName {
		o.c.problem(at, codeName, "Invalid State name: %s exceeds the %d-character limit allowed by the service", name, maxName)
	}
	if first, taken := o.c.names[name]; taken {
		o.c.report(finding{
			Problem: run.Problem{
				Pointer: string(at), Code: codeDuplicate, Text: "Duplicate State name: " + name,
				Hint: fmt.Sprintf("%s has it too: names are unique within the whole file", first),
			},
			of: at,
		})
	} else {
		o.c.names[name] = at
	}
	if v.Kind() != value.Object {
		o.c.problem(at, codeSchema, textType, typeName(value.Object))
		return nil
	}
	so := o.c.open(v, at)
	so.machineOf, so.targets = m, local
	s := &state{index: len(o.c.states), name: name, machine: m}
	o.c.states = append(o.c.states, s)
	so.required("Type")
	so.string("Comment")
	so.queryLanguage()
	s.data = so.data
	if so.downgraded = o.c.data && !so.data && local.ofFile(); so.downgraded {
		so.fault("", "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	}
	typ, ok := so.choose("Type", stateKinds[1:]...)
	if !ok {
		local.incomplete = true
		return s
	}
	s.kind, _ = parseStateKind(typ)
	s.action = so.action(s)
	so.warnOfRecovery(s)
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
	case choiceState:
		return
	case succeedState, failState:
		s.ends = true
		return
	}
	s.ends = o.boolean("End")
	o.target(s, "Next", optional, &s.next)
	if o.exactlyOne("Next", "End") == "End" && !s.ends && o.value.At("End").Kind() == value.Bool {
		o.hinted("", "End is true or left out", textExactlyOne, oneOf([]string{"Next", "End"}))
	}
}
