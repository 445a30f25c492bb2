package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// read is output as a client gets it.
func read(t *testing.T, o *output, q LogRequest) (lines []Line) {
	t.Helper()
	yield := func(l Line) bool {
		lines = append(lines, l)
		return true
	}
	j := joiner{live: q.Follow}
	if err := o.follow(t.Context(), q.Tail, false, func(text []byte) error {
		j.read(text, yield)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	j.end(yield)
	return lines
}

// TestLongLines: a line is one up to LongestLine, whatever else was printed between its parts, and what is longer says so.
func TestLongLines(t *testing.T) {
	t.Parallel()
	o := newOutput(filepath.Join(t.TempDir(), "log"), 1<<30, [2]int{-1, -1})
	long := strings.Repeat("x", 3*longestPart)
	tooLong := strings.Repeat("y", LongestLine+LongestLine/2)
	o.add(0, []byte("first\n"+long[:2*longestPart]))
	o.add(1, []byte("between\n"))
	o.add(0, []byte(long[2*longestPart:]+"\n"+tooLong+"\nlast"))
	o.close(nil)
	want := []Line{
		{Stream: "stdout", Text: "first"}, {Stream: "stderr", Text: "between"}, {Stream: "stdout", Text: long},
		{Stream: "stdout", Text: tooLong[:LongestLine], Continued: true}, {Stream: "stdout", Text: tooLong[LongestLine:]},
		{Stream: "stdout", Text: "last"},
	}
	check := func(what string, got, want []Line) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d lines, want %d", what, len(got), len(want))
		}
		for i, l := range got {
			if l.Stream != want[i].Stream || l.Text != want[i].Text || l.Continued != want[i].Continued {
				t.Errorf("%s: line %d is %d bytes of %s (continued: %v), want %d of %s (%v)", what, i,
					len(l.Text), l.Stream, l.Continued, len(want[i].Text), want[i].Stream, want[i].Continued)
			}
		}
	}
	check("all", read(t, o, LogRequest{}), want)
	check("the last two", read(t, o, LogRequest{Tail: 2}), want[3:])

	var text strings.Builder
	for _, l := range read(t, o, LogRequest{Follow: true}) {
		if l.Stream == "stdout" {
			text.WriteString(l.Text)
			if !l.Continued {
				text.WriteByte('\n')
			}
		}
	}
	if text.String() != "first\n"+long+"\n"+tooLong+"\nlast\n" {
		t.Errorf("the parts that a follower gets are not the output: %d bytes", text.Len())
	}
}

// TestOutputOnAFullDisk: what cannot be written is counted, readers are told where it is missing, live and afterwards, and
// what comes once there is room is kept.
func TestOutputOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("NOT TESTED: mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 128<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &archive{dir: filepath.Join(dir, "logs")}
	k := Key{Job: 1, Attempt: 1}
	o := newOutput(a.base(k), 1<<30, [2]int{-1, -1})
	print := func(word string, n int) { o.add(0, []byte(strings.Repeat(word+"\n", n))) }
	print("before", 1000)
	for range 100 {
		print("while", 500)
	}
	if o.lost == 0 || o.why == nil {
		t.Fatalf("%d bytes are lost (%v), and the disk is full", o.lost, o.why)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	print("after", 1000)
	o.close(nil)
	for what, o := range map[string]*output{"live": o, "stored": a.stored(k)} {
		count, told := map[string]int{}, 0
		for _, l := range read(t, o, LogRequest{}) {
			count[l.Text]++
			if strings.Contains(l.Text, "are missing here") {
				told++
			}
		}
		if count["before"] != 1000 || count["after"] != 1000 || count["while"] == 0 || told != 1 || len(count) != 4 {
			t.Errorf("%s: the lines are %v", what, count)
		}
	}
	x := &Exit{}
	x.lose(o.lost, o.why)
	if !strings.HasSuffix(x.Text, " bytes of its output are lost: no space left on device") {
		t.Errorf("the exit says %q", x.Text)
	}
}

// TestSmallOutputOnAFullDisk: the same for output that goes into a pack.
func TestSmallOutputOnAFullDisk(t *testing.T) {
	t.Parallel()
	a := &archive{dir: t.TempDir()}
	k, other := Key{Job: 1, Attempt: 1}, Key{Job: 2, Attempt: 1}
	if err := os.MkdirAll(a.pack(k.Job), 0o700); err != nil { // no file can be written there
		t.Fatal(err)
	}
	lost := a.keep([]packed{{Key: k, Size: 5, text: []byte("text\n")}, {Key: other, Size: 5, text: []byte("text\n")}})
	if len(lost) != 1 || lost[k] == nil {
		t.Fatalf("lost are %v, want only %s", lost, k)
	}
	if lines := read(t, a.stored(k), LogRequest{}); len(lines) != 1 || !strings.HasPrefix(lines[0].Text, "[5 bytes of output") {
		t.Errorf("readers are told %+v", lines)
	}
}
