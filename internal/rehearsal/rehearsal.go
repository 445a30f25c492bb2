// Package rehearsal runs state machines against a file of mocked results: each test case is one execution, carried out by
// the kernel that servers have, over a store in memory and on a clock of its own. Nothing outside is called, and no wait
// takes any time.
//
// The file is the mock configuration file of AWS Step Functions Local, with the place of each definition and what is
// expected of each case added to it. See docs/testing.md.
package rehearsal

import (
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Suite is a file of test cases.
type Suite struct {
	Machines  []Machine
	responses map[string]response
}

// Machine is a state machine with its cases.
type Machine struct {
	Name string
	// Definition is the path of its file, as the suite has it; empty: NAME.asl.json.
	Definition string
	Cases      []Case
}

// Path is where the definition is to be looked for, relative to the suite.
func (m Machine) Path() string {
	if m.Definition == "" {
		return m.Name + ".asl.json"
	}
	return m.Definition
}

// Case is one execution and what is to become of it.
type Case struct {
	Name   string
	mocks  []mock
	expect expectation
}

// mock has the invocations of a state answered by a response.
type mock struct {
	state, response string
}

// Result is what became of a case. It passed if there are no Faults.
type Result struct {
	Machine string
	Case    string
	Faults  []string // each a line: what was wanted, and what came instead
}

// Run runs the cases of m that want selects, of the definition in source. An error is no fault of a case: the definition
// is no good.
func (s *Suite) Run(ctx context.Context, m Machine, source []byte, want func(Case) bool) ([]Result, error) {
	def, err := definition(m, source)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range m.Cases {
		if !want(c) {
			continue
		}
		r := Result{Machine: m.Name, Case: c.Name}
		if r.Faults = s.misfits(def, c); len(r.Faults) == 0 {
			end, err := s.play(ctx, m, c, def)
			if err != nil {
				return nil, fmt.Errorf("running %s/%s: %w", m.Name, c.Name, err)
			}
			r.Faults = append(end.faults, c.expect.compare(end)...)
		}
		results = append(results, r)
	}
	return results, nil
}

// machine is a definition that compiles, with its source.
type machine struct {
	source   string
	compiled *asl.Definition
}

func definition(m Machine, file []byte) (d machine, err error) {
	docs, problems := manifest.Read(file, manifest.Options{Name: m.Name})
	for _, doc := range docs {
		if doc.Kind == manifest.KindStateMachine {
			d.source = manifest.StateMachineSource(doc.Data)
		}
	}
	if d.source == "" {
		if manifest.Broken(problems) {
			return d, problems
		}
		return d, run.Problems{{Text: "the file holds no state machine"}}
	}
	d.compiled, err = asl.Compile([]byte(d.source))
	return d, err
}

// misfits are mocks of a case that no state or response is there for.
func (s *Suite) misfits(d machine, c Case) (faults []string) {
	for _, m := range c.mocks {
		info, ok := d.compiled.State(m.state)
		switch {
		case !ok:
			faults = append(faults, fmt.Sprintf("the definition has no state %q to mock", m.state))
		case info.Type != "Task" && info.Type != "Map":
			faults = append(faults, fmt.Sprintf("state %q is a %s: only what a Task does can be mocked, or what a distributed Map reads and writes", m.state, info.Type))
		}
		if _, ok := s.responses[m.response]; !ok {
			faults = append(faults, fmt.Sprintf("MockedResponses has no %q, which mocks state %q", m.response, m.state))
		}
	}
	return faults
}

// outcome is how an execution ended.
type outcome struct {
	status  run.Status
	output  value.Value
	failure run.Failure
	states  []string // that were entered, in order; of inner machines too
	faults  []string // what kept it from being a test
}
