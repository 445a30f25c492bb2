package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// TestOpenEarlier opens data that the first schema holds: what is there is read, and new rows stand beside it.
func TestOpenEarlier(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFirstSchema(t, dir, &store.Run{ID: 1, Owner: "ada", Name: "old", Status: run.Succeeded, Note: "as it was"})
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	old, err := s.Run(t.Context(), 1)
	if err != nil || old.Note != "as it was" || !old.Attributes.IsAbsent() {
		t.Fatalf("the old run is %+v, %v", old, err)
	}
	attributes := value.MustParse(`{"roleArn":"reader"}`)
	row := &store.Run{ID: 2, Owner: "ada", Name: "new", Status: run.Running, Attributes: attributes}
	verdicts, err := s.Commit(t.Context(), []*store.Unit{{Run: &store.RunChange{ID: 2, First: 1, Row: row}}})
	if err != nil || verdicts[0] != store.OK {
		t.Fatal(verdicts, err)
	}
	back, err := s.Run(t.Context(), 2)
	if err != nil || !value.Equal(back.Attributes, attributes) {
		t.Errorf("the new run is %+v, %v", back, err)
	}
	migrations, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	if version, err := s.write.number("PRAGMA user_version"); err != nil || version != int64(len(migrations)) {
		t.Errorf("the schema is %d after opening, %v", version, err)
	}
}

// writeFirstSchema makes a database as the first release did, with one run that has ended.
func writeFirstSchema(t *testing.T, dir string, r *store.Run) {
	t.Helper()
	migrations, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	c, err := openConn(dsn(filepath.Join(dir, FileName)))
	if err != nil {
		t.Fatal(err)
	}
	var e value.Encoder
	encodeRun(&e, r)
	if form := e.Bytes()[0]; form != formPlain {
		t.Fatalf("a run without attributes has form %d", form)
	}
	insert := fmt.Sprintf("INSERT INTO run VALUES (%d, '%s', '', '%s', 0, %d, 0, 1, x'%x');", r.ID, r.Owner, r.Name, r.Status, e.Bytes())
	pragmas := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 1;", applicationID)
	if err := c.exec(migrations[0] + insert + pragmas); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
}
