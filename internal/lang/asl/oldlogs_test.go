package asl

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

var recordAs = flag.String("record", "", "write the log of every transcript as what the release of this name wrote")

// TestOldLogs folds logs and snapshots that releases wrote, which every later build has to understand. A release adds
// files with -record; the files of an earlier one never change.
func TestOldLogs(t *testing.T) {
	t.Parallel()
	if *recordAs != "" {
		recordLogs(t, *recordAs)
	}
	files, err := filepath.Glob("testdata/logs/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	kinds := make(map[oldKind]bool)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := oldDefinition(t, archive)
		_, part := d.(*mapRun)
		x := d.NewState()
		var history strings.Builder
		for line := range strings.Lines(section(t, archive, "log")) {
			word, data, _ := strings.Cut(strings.TrimSpace(line), " ")
			if word == "snapshot" {
				// What was folded so far is thrown away: the rest of the log goes on from the old snapshot.
				if x, err = d.DecodeState(oldRecord(t, data)); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				continue
			}
			kind, err := strconv.Atoi(word)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			f, err := d.DecodeFact(run.EventKind(kind), oldRecord(t, data))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			kinds[oldKind{part, f.Kind()}] = true
			x.Apply(f)
			writeHistory(&history, f)
		}
		if diff := cmp.Diff(section(t, archive, "history"), history.String()); diff != "" {
			t.Errorf("%s: the history differs:\n%s", file, diff)
		}
		if got := fmt.Sprintln(x.Position()); got != section(t, archive, "position") {
			t.Errorf("%s: folds to position %s", file, got)
		}
	}
	for kind := run.EventKind(1); newFact(kind) != nil; kind++ {
		if !kinds[oldKind{false, kind}] {
			t.Errorf("no log holds a fact of kind %d: record one", kind)
		}
	}
	for kind := run.EventKind(1); newMapRunFact(kind) != nil; kind++ {
		if !kinds[oldKind{true, kind}] {
			t.Errorf("no log of a map run holds a fact of kind %d: record one", kind)
		}
	}
}

// oldKind is a kind of fact, of an execution or of a map run.
type oldKind struct {
	mapRun bool
	kind   run.EventKind
}

// oldDefinition is what the log is of: the definition, or the part that a section names.
func oldDefinition(t *testing.T, a *txtar.Archive) run.Definition {
	t.Helper()
	d := compile(t, section(t, a, "definition"))
	for _, f := range a.Files {
		if f.Name == "part" {
			return partOf(t, d, "part "+string(f.Data))
		}
	}
	return d
}

func oldRecord(t *testing.T, text string) *value.Decoder {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return value.NewDecoder(data, func(d value.Digest) (value.Value, error) {
		return value.Value{}, fmt.Errorf("no value %s: logs of tests hold theirs inline", d)
	})
}

func writeHistory(b *strings.Builder, f run.Fact) {
	for _, h := range History(f) {
		fmt.Fprintf(b, "%d %d %s %s %s %s\n", h.ID, h.Previous, offset(h.Time), h.Type, h.Member, h.Details)
	}
}

// recordLogs writes what this build writes for every transcript, with a snapshot in the middle.
func recordLogs(t *testing.T, release string) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("testdata/logs", release)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		def := section(t, archive, "definition")
		script := section(t, archive, "script")
		d := partOf(t, compile(t, def), script)
		facts, _ := record(t, d, script)
		var log, history strings.Builder
		x := d.NewState()
		for i, f := range facts {
			if i == len(facts)/2 {
				var e value.Encoder
				x.Encode(&e)
				fmt.Fprintf(&log, "snapshot %x\n", e.Bytes())
			}
			fmt.Fprintf(&log, "%d %x\n", f.Kind(), encoded(f))
			writeHistory(&history, f)
			x.Apply(f)
		}
		out := &txtar.Archive{Comment: archive.Comment, Files: []txtar.File{
			{Name: "definition", Data: []byte(def)},
			{Name: "log", Data: []byte(log.String())},
			{Name: "history", Data: []byte(history.String())},
			{Name: "position", Data: []byte(fmt.Sprintln(x.Position()))},
		}}
		if name := partName(script); name != "" {
			out.Files = append(out.Files, txtar.File{Name: "part", Data: []byte(name + "\n")})
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), txtar.Format(out), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
