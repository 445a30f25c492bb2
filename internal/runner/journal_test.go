package runner

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open reads the journal of dir into a list, which is also its snapshot.
func openTestJournal(t *testing.T, dir string) (j *journal, records *[]record, err error) {
	t.Helper()
	records = &[]record{}
	j, err = openJournal(dir, slog.New(slog.DiscardHandler),
		func(r record) { *records = append(*records, r) }, func() []record { return *records })
	return j, records, err
}

// write adds a start and waits until it is durable.
func write(j *journal, job int64) error {
	done := make(chan error, 1)
	j.add(true, func(err error) { done <- err }, record{Intent: &intent{Key{Job: job}, 1}})
	return <-done
}

func jobs(records []record) string {
	s := ""
	for _, r := range records {
		s += fmt.Sprint(r.Intent.Job, " ")
	}
	return s
}

func TestJournalKeepsWhatItPromised(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round, want := range []string{"", "1 2 ", "1 2 1 2 "} {
		j, got, err := openTestJournal(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if jobs(*got) != want {
			t.Errorf("round %d reads %q, want %q", round, jobs(*got), want)
		}
		for job := range int64(2) {
			if err := write(j, job+1); err != nil {
				t.Fatal(err)
			}
		}
		j.close()
	}
}

func TestJournalCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _, err := openTestJournal(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for job := range int64(2) {
		if err := write(j, job+1); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	path := filepath.Join(dir, "journal")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, got, err := openTestJournal(t, dir)
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
		if want := strings.Repeat("x", strings.Count(string(whole[:n]), "\n")); len(*got) != len(want) {
			t.Errorf("cut after %d bytes: %d records, want %d", n, len(*got), len(want))
		}
		j.close()
	}
	if err := os.WriteFile(path, append([]byte("not ours\n"), whole...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openTestJournal(t, dir); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a journal that is none: %v", err)
	}
}

func TestJournalAfterAFailedWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _, err := openTestJournal(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if err := write(j, 1); err != nil {
		t.Fatal(err)
	}
	j.file.Close() // the disk fails
	if err := write(j, 2); err == nil {
		t.Error("a start was promised that could not be written")
	}
	if err := write(j, 3); err != nil { // into a new file
		t.Errorf("the disk is back, but: %v", err)
	}
}

func TestJournalStaysSmall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _, err := openTestJournal(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	r := record{Exit: &Report{Exit: &Exit{Text: strings.Repeat("x", 64<<10)}}}
	for range 100 {
		j.add(false, nil, r)
		if err := write(j, 1); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	if info, err := os.Stat(filepath.Join(dir, "journal")); err != nil || info.Size() > 2<<20 {
		t.Errorf("nothing is kept, and the journal has %v bytes: %v", info.Size(), err)
	}
}
