package sqlite

import (
	"slices"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// TestPlans checks that no statement reads a table from end to end but those that must. A partial index that a
// condition just misses is otherwise seen only when there are many rows.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var texts []string
	for _, q := range s.query.all() {
		texts = append(texts, q.text)
	}
	for _, q := range s.do.all() {
		texts = append(texts, q.text)
	}
	texts = append(texts, prunableRuns, prunableJobs)
	texts = append(texts, pruneRun...)
	texts = append(texts, pruneJob...)
	for _, f := range []store.RunFilter{
		{Owner: "ada", Machine: "train"}, {Owner: "ada", Name: "a"}, {Owner: "ada", Machine: "train", Name: "a"}, {Parent: 1},
		{Statuses: []run.Status{run.Running}}, {Label: [2]string{"a", "b"}, Before: 9},
	} {
		text, _ := selectRuns(f)
		texts = append(texts, text)
	}
	for _, f := range []store.JobFilter{{Run: 1}, {Owner: "ada", Space: "default", Name: "a"}, {Label: [2]string{"a", "b"}}} {
		text, _ := selectJobs(f)
		texts = append(texts, text)
	}
	// What is read whole is what is wanted whole: runs that are open or that a restart loads.
	whole := []string{
		"SCAN run USING COVERING INDEX run_resident", "SCAN run USING INDEX run_open",
		"SCAN inbox USING COVERING INDEX sqlite_autoindex_inbox_1",
	}
	for _, text := range texts {
		for _, step := range plan(t, s, text) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN CONSTANT ROW" && !slices.Contains(whole, step) {
				t.Errorf("%s\n\t%s", text, step)
			}
		}
	}
}

// plan gives the steps of a statement; its parameters are numbers.
func plan(t *testing.T, s *Store, text string) []string {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = i
	}
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	steps, err := collect(rows, err, func(row scanner) (step string, err error) {
		var id, parent, unused int
		return step, row.Scan(&id, &parent, &unused, &step)
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return steps
}
