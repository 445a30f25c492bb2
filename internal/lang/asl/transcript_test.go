package asl

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// TestTranscripts runs every file of testdata/transcripts: its definition against its script gives its transcript. The
// laws of every state hold on the way.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			def, script := section(t, archive, "definition"), section(t, archive, "script")
			got := transcript(t, partOf(t, compile(t, def), script), script)
			if *update {
				archive.Files = append(archive.Files[:2], txtar.File{Name: "transcript", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(section(t, archive, "transcript"), got); diff != "" {
				t.Errorf("the transcript differs (go test -update writes it anew):\n%s", diff)
			}
			checkLaws(t, def, script)
		})
	}
}

func section(t *testing.T, a *txtar.Archive, name string) string {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("no section %q", name)
	return ""
}

func compile(t testing.TB, source string) *Definition {
	t.Helper()
	d, err := Compile([]byte(source))
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	return d
}

// transcript is what happens when def runs against script.
func transcript(t *testing.T, def run.Definition, script string) string {
	var b strings.Builder
	dr := newDriver(t, def, script)
	dr.onEvent = func(in run.Input, ev run.Event) {
		fmt.Fprintf(&b, "%s %s → %s\n", offset(in.Now), inputText(in), strings.TrimPrefix(fmt.Sprintf("%T", ev.Fact), "*asl."))
		for _, h := range History(ev.Fact) {
			fmt.Fprintf(&b, "    %d ← %d %s%s\n", h.ID, h.Previous, h.Type, detailsText(h.Details))
		}
		for _, o := range ev.Orders {
			fmt.Fprintf(&b, "    order %s\n", orderText(o))
		}
	}
	dr.run()
	if dr.end == nil {
		b.WriteString("still running\n")
	}
	return b.String()
}

func offset(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return "+" + t.Sub(epoch).String()
}

func inputText(in run.Input) string {
	switch in.Kind {
	case run.Start:
		return "start " + in.Name
	case run.Step:
		return "step"
	case run.TaskSubmitted:
		return fmt.Sprintf("task %d submitted", in.Task)
	case run.TaskEnded:
		return fmt.Sprintf("task %d ended", in.Task)
	case run.Refused:
		return "refused"
	case run.TaskBeat:
		return fmt.Sprintf("task %d beat", in.Task)
	case run.Signal:
		return "signal " + in.Name
	case run.Redrive:
		return "redrive"
	case run.TimerFired:
		return fmt.Sprintf("timer %d", in.Timer)
	}
	return "cancel"
}

func detailsText(d value.Value) string {
	var b strings.Builder
	for name, v := range d.Members() {
		if strings.HasSuffix(name, "Details") {
			continue // says that nothing was truncated
		}
		text := v.Text()
		if text == "" {
			text = v.JSON()
		}
		fmt.Fprintf(&b, " %s=%s", name, text)
	}
	return b.String()
}

func orderText(o run.Order) string {
	switch o := o.(type) {
	case run.StartTask:
		s := fmt.Sprintf("start task %d %s %s for %q", o.Task, o.Resource, o.Payload, o.Label)
		if !o.Credentials.IsAbsent() {
			s += " as " + o.Credentials.JSON()
		}
		if !o.Deadline.IsZero() {
			s += " until " + offset(o.Deadline)
		}
		return s
	case run.CancelTask:
		return fmt.Sprintf("cancel task %d", o.Task)
	case run.SetTimer:
		return fmt.Sprintf("timer %d %s", o.Timer, offset(o.At))
	case run.StartRun:
		return fmt.Sprintf("start run %d of %s named %s in %q with %s as %s", o.Task, o.Part, o.Name, o.Group, o.Input, o.Attributes)
	case run.RedriveRun:
		return fmt.Sprintf("redrive run %s in %q as %d", o.Name, o.Group, o.Task)
	case run.StopRun:
		return fmt.Sprintf("stop run %d", o.Task)
	case run.EndRun:
		if o.Failure != nil {
			return fmt.Sprintf("end %s %s: %s", o.Status, o.Failure.Error, o.Failure.Cause)
		}
		return fmt.Sprintf("end %s %s", o.Status, o.Output)
	}
	return fmt.Sprintf("%T", o)
}
