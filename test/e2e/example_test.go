package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/client"
)

// Every file of the examples is valid.
func TestExamplesValidate(t *testing.T) {
	t.Parallel()
	s := newServer(t, asSelf)
	for _, name := range []string{
		"train/template.yaml", "train/queue.json", "train/evaluate.json", "train/train.asl.json",
		"batch/queue.json", "batch/count-words.json", "batch/map.asl.json", "batch/array.asl.json",
	} {
		s.tutti("validate", repo(t, "examples/"+name))
	}
}

// A Map of jobs and an array job do the same work on the same items, and print the same.
func TestMapAndArrayAgree(t *testing.T) {
	t.Parallel()
	needPython(t)
	example := func(name string) string { return repo(t, "examples/batch/"+name) }
	config, err := os.ReadFile(example("tutti.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, asSelf+string(config))
	s.tutti("apply", "-f", example("queue.json"), "-f", example("count-words.json"))
	printed := func(name string) []string {
		out := s.tutti("run", example(name), "--input", "@"+example("input.json"),
			"-p", "program="+example("count_words.py"), "-o", "json")
		var run client.Run
		if err := json.Unmarshal([]byte(out), &run); err != nil {
			t.Fatalf("%s: reading what tutti run printed: %v\n%s", name, err, out)
		}
		var lines []string
		err := s.Logs(testContext(t), client.LogQuery{Run: run.ID}, func(l client.Line) bool {
			lines = append(lines, l.Text)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(lines)
		return lines
	}
	mapped, array := printed("map.asl.json"), printed("array.asl.json")
	if len(mapped) != 3 {
		t.Errorf("the Map's jobs printed %q, want a line for each of 3 items", mapped)
	}
	if diff := cmp.Diff(mapped, array); diff != "" {
		t.Errorf("the Map's jobs and the array's children printed different lines (-map +array):\n%s", diff)
	}
}
