package expr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/sharedtest"
	"github.com/tutti-ml/tutti/internal/value"
)

// The recordings of intrinsic functions are of one Pass state each, run on several inputs: its template gives what AWS
// gave.
func TestRecordedIntrinsics(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range sharedtest.Recordings(t).Elements() {
		if c.At("area").Text() != "intrinsic_functions" {
			continue
		}
		tmpl := passTemplate(t, c)
		if tmpl == nil {
			continue
		}
		for name, answer := range c.At("recorded").Members() {
			input, want := value.Value{}, value.Value{}
			for _, event := range answer.At("events").Elements() {
				if v := event.At("executionStartedEventDetails", "input"); !v.IsAbsent() {
					input = v
				}
				if v := event.At("stateExitedEventDetails", "output"); !v.IsAbsent() {
					want = v
				}
			}
			if want.IsAbsent() || strings.Contains(want.JSON(), "<") || want.At("FunctionResult").Text() == "RandomNumberGenerated" {
				continue // masked by the recorder
			}
			s := &Scope{Input: input, Context: func() value.Value {
				return value.NewObject(value.Member{Name: "Execution", Value: value.NewObject(value.Member{Name: "Input", Value: input})})
			}}
			got, err := tmpl.Eval(s)
			if wrapped := want.At("result_path"); !wrapped.IsAbsent() {
				want = wrapped
			}
			if err != nil || !value.Equal(got, want) && !value.Equal(got.At("merged"), want) {
				t.Errorf("%s, %s: input %s: got %s, %v; want %s", c.At("id"), name, input, got, err, want)
			}
			compared++
		}
	}
	if compared < 40 {
		t.Errorf("compared %d answers only", compared)
	}
}

// passTemplate is the Parameters of the first state of the definition that a case creates; nil where it has none.
func passTemplate(t *testing.T, c value.Value) *Template {
	t.Helper()
	for _, step := range c.At("steps").Elements() {
		text := step.At("args", "definition")
		if text.IsAbsent() {
			continue
		}
		definition, err := value.Parse([]byte(text.Text()))
		if err != nil {
			t.Fatal(err)
		}
		parameters := definition.At("States", definition.At("StartAt").Text(), "Parameters")
		if parameters.IsAbsent() {
			return nil
		}
		tmpl, problems := ParseTemplate(parameters)
		if problems != nil {
			t.Fatalf("%s: %v", c.At("id"), problems)
		}
		return tmpl
	}
	return nil
}

// The definitions of known verdict are read as that verdict says, as far as expressions go.
func TestDefinitionsOfKnownVerdict(t *testing.T) {
	t.Parallel()
	files := sharedtest.Glob(t, "conformance/sfn/definitions/*.json")
	faulty := map[string]bool{"invalid-math-add.json": true, "invalid-payload-template.asl.json": true, "invalid-json-path.json": true, "invalid-variable-result-path.json": true}
	found := map[string]bool{}
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.HasPrefix(name, "valid-") && !faulty[name] {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := value.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range faultsOf(v) {
			found[name] = true
			if !faulty[name] {
				t.Errorf("%s: %s", name, fault)
			}
		}
	}
	for name := range faulty {
		if !found[name] {
			t.Errorf("%s: found no fault", name)
		}
	}
}

// faultsOf are the faults of all expressions of a definition.
func faultsOf(v value.Value) (faults []string) {
	for _, e := range v.Elements() {
		faults = append(faults, faultsOf(e)...)
	}
	for name, m := range v.Members() {
		var err error
		switch name {
		case "Parameters", "ResultSelector", "Arguments", "ItemSelector", "Assign":
			_, problems := ParseTemplate(m)
			for _, p := range problems {
				faults = append(faults, p.Pointer+": "+p.Text)
			}
		case "InputPath", "OutputPath", "Variable", "ItemsPath", "TimeoutSecondsPath", "SecondsPath", "TimestampPath":
			if !m.IsNull() {
				_, err = ParsePath(m.Text())
			}
		case "ResultPath":
			if !m.IsNull() {
				_, err = ParseReference(m.Text())
			}
		default:
			faults = append(faults, faultsOf(m)...)
		}
		if err != nil {
			faults = append(faults, name+": "+err.Error())
		}
	}
	return faults
}
