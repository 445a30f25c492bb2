package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// collect reads an output as a client would.
func collect(t interface{ Fatal(...any) }, o *output, tail int) []string {
	var all []byte
	if err := o.follow(context.Background(), tail, false, func(b []byte) error {
		all = append(all, b...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range bytes.Lines(all) {
		l, ok := parseLine(bytes.TrimSuffix(line, []byte{'\n'}))
		if !ok {
			t.Fatal("not a line of a log:", string(line))
		}
		lines = append(lines, l.Stream+" "+l.Text)
	}
	return lines
}

// However output arrives and wherever it is when it is read, it is the same lines; whoever reads the files afterwards
// sees what a reader saw before.
func TestOutputIsItsLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		a := &archive{dir: filepath.Join(dir, fmt.Sprint(n))}
		k := Key{Job: 1, Attempt: 1}
		o := newOutput(a.base(k), 1<<30, [2]int{-1, -1})
		pieces := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("abcdefg\n")), 0, 3000, -1), 0, 20).Draw(t, "pieces")
		for _, p := range pieces {
			o.mu.Lock()
			o.add(0, []byte(p))
			o.mu.Unlock()
			if rapid.Bool().Draw(t, "settle") {
				o.settle()
			}
		}
		_, small := o.close(make([]byte, 16))
		if err := keep(a, k, small); err != nil {
			t.Fatal(err)
		}
		var want []string
		for line := range strings.Lines(strings.Join(pieces, "")) {
			want = append(want, "stdout "+strings.TrimSuffix(line, "\n"))
		}
		tail := rapid.IntRange(1, 50).Draw(t, "tail")
		for name, o := range map[string]*output{"live": o, "stored": a.stored(k)} {
			if got := collect(t, o, 0); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Fatalf("%s: %d lines, want %d", name, len(got), len(want))
			}
			last := want[max(0, len(want)-tail):]
			if got := collect(t, o, tail); strings.Join(got, "|") != strings.Join(last, "|") {
				t.Fatalf("%s: of the last %d lines come %d", name, len(last), len(got))
			}
		}
	})
}

func TestOutputOfTwoStreams(t *testing.T) {
	t.Parallel()
	var pipes [2][2]int
	for i := range pipes {
		if err := unix.Pipe2(pipes[i][:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	o := newOutput(filepath.Join(t.TempDir(), "log"), 1<<20, [2]int{pipes[0][0], pipes[1][0]})
	for _, w := range []struct {
		stream int
		text   string
	}{{0, "one\ntw"}, {1, "warning\n"}, {0, "o\n"}, {1, "unfinished"}} {
		if _, err := unix.Write(pipes[w.stream][1], []byte(w.text)); err != nil {
			t.Fatal(err)
		}
		if n := o.read(w.stream, make([]byte, 64)); n != len(w.text) {
			t.Fatalf("read %d bytes of %q", n, w.text)
		}
	}
	if n := o.read(0, make([]byte, 64)); n != 0 {
		t.Errorf("read %d bytes from an empty pipe", n)
	}
	unix.Close(pipes[0][1])
	if n := o.read(0, make([]byte, 64)); n != -1 {
		t.Errorf("read %d bytes from a closed pipe", n)
	}
	if _, err := unix.Write(pipes[1][1], []byte(" line")); err != nil {
		t.Fatal(err)
	}
	tail, _ := o.close(make([]byte, 2)) // the other end is still open: somebody else holds it
	unix.Close(pipes[1][1])
	const want = "stdout one|stderr warning|stdout two|stderr unfinished line"
	if got := strings.Join(collect(t, o, 0), "|"); got != want {
		t.Errorf("lines are %q, want %q", got, want)
	}
	if string(tail) != "one\nwarning\ntwo\nunfinished line\n" {
		t.Errorf("the tail is %q", tail)
	}
}

func TestUnpackIgnoresACutRecord(t *testing.T) {
	t.Parallel()
	a := &archive{dir: t.TempDir()}
	one, two := Key{Job: 1, Child: 1}, Key{Job: 1, Child: 2}
	for _, k := range []Key{one, two} {
		if err := keep(a, k, []byte("text of "+k.String()+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(a.pack(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.pack(1), data[:len(data)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := a.unpack(one); string(got) != "text of 1.1.0.0\n" {
		t.Errorf("the first is %q", got)
	}
	if got := a.unpack(two); got != nil {
		t.Errorf("the one that was cut is %q", got)
	}
	next := &archive{dir: a.dir} // of the next runner
	for child := range int32(2) {
		if err := keep(next, Key{Job: 1, Child: 3 + child}, []byte("text of the next\n")); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []Key{{Job: 1, Child: 3}, {Job: 1, Child: 4}} {
		if got := next.unpack(k); string(got) != "text of the next\n" {
			t.Errorf("after the cut, %s is %q", k, got)
		}
	}
	if got := next.unpack(one); string(got) != "text of 1.1.0.0\n" {
		t.Errorf("before the cut, the first is %q", got)
	}
}

// A pack is read again only as far as it grew, and from the beginning when it is another.
func TestUnpackFollowsThePack(t *testing.T) {
	t.Parallel()
	a := &archive{dir: t.TempDir()}
	keep := func(child int32, text string) {
		t.Helper()
		if err := keep(a, Key{Job: 1, Child: child}, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(child int32, text string) {
		t.Helper()
		if got := a.unpack(Key{Job: 1, Child: child}); string(got) != text {
			t.Errorf("the output of child %d is %q, want %q", child, got, text)
		}
	}
	keep(1, "one\n")
	want(1, "one\n")
	want(2, "")
	keep(2, "two\n")
	keep(1, "one again\n")
	want(2, "two\n")
	want(1, "one\n")
	if err := os.RemoveAll(a.job(1)); err != nil {
		t.Fatal(err)
	}
	want(1, "")
	keep(3, "three, which is longer than all before it\n")
	want(3, "three, which is longer than all before it\n")
	want(1, "")
}

// keep adds one output to its pack.
func keep(a *archive, k Key, text []byte) error {
	return a.keep([]packed{{Key: k, Size: len(text), text: text}})[k]
}
