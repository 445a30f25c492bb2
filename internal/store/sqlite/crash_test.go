package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
	"github.com/tutti-ml/tutti/internal/store/storetest"
	"github.com/tutti-ml/tutti/internal/value"
)

// childDir, where set, makes the test binary the server that is killed: see TestKill.
const childDir = "TUTTI_TEST_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashRuns is how many runs the numbered units are spread over.
const crashRuns = 7

// numbered is the nth unit, from 1: what it stores bears its number in four tables.
func numbered(n int) *store.Unit {
	id := run.ID(1 + (n-1)%crashRuns)
	text := fmt.Appendf(nil, `{"unit":%d,"fill":%q}`, n, strings.Repeat("x", n%5000))
	c := &store.RunChange{
		ID: id, First: uint64(1 + (n-1)/crashRuns), Count: 1, Frame: text,
		Timers: []store.Timer{{Run: id, Timer: run.TimerID(n), At: time.UnixMilli(int64(n))}},
	}
	if c.First == 1 {
		c.Row = &store.Run{ID: id, Status: run.Running}
	}
	return &store.Unit{
		Run: c, Values: []value.Blob{value.NewBlob(value.DigestOf(text), text)},
		Inbox: []store.InboxRow{{Run: id, Key: strconv.Itoa(n), Kind: store.InboxSignal}},
	}
}

// child goes on where the log ends and says after each commit which number is acknowledged, until it is killed.
func child(ctx context.Context, dir string) error {
	s, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		return err
	}
	last, err := s.LastChange(ctx)
	if err != nil {
		return err
	}
	for n := int(last) + 1; ; {
		var units []*store.Unit
		for range 1 + rand.IntN(40) {
			units = append(units, numbered(n))
			n++
		}
		verdicts, err := s.Commit(ctx, units)
		if err != nil {
			return err
		}
		for _, v := range verdicts {
			if v != store.OK {
				return fmt.Errorf("verdict %v", v)
			}
		}
		fmt.Println(n - 1)
	}
}

// checkNumbered checks that the store holds the units 1 to n whole and nothing else, n being at least acknowledged.
func checkNumbered(t *testing.T, s store.Store, acknowledged int) {
	t.Helper()
	ctx := t.Context()
	changes, err := s.Changes(ctx, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	n := len(changes)
	if n < acknowledged {
		t.Fatalf("%d units are left of %d that were acknowledged", n, acknowledged)
	}
	for i, c := range changes {
		want := numbered(i + 1)
		if c.Seq != int64(i+1) || c.First != want.Run.First || string(c.Data) != string(want.Run.Frame) {
			t.Fatalf("change %d is %d, event %d of run %d", i+1, c.Seq, c.First, c.Subject.ID)
		}
		if text, err := s.Value(ctx, want.Values[0].Digest); err != nil || string(text) != string(c.Data) {
			t.Fatalf("the value of unit %d: %v", i+1, err)
		}
	}
	timers, err := s.Timers(ctx, store.Timer{}, time.UnixMilli(1<<40), 1<<30)
	if err != nil || len(timers) != n {
		t.Fatalf("%d timers of %d units, %v", len(timers), n, err)
	}
	rows := 0
	for id := run.ID(1); id <= crashRuns; id++ {
		inbox, err := s.Inbox(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		rows += len(inbox)
	}
	if rows != n {
		t.Fatalf("%d rows of inboxes of %d units", rows, n)
	}
}

// TestKill kills a server again and again while it commits. Whatever it acknowledged must be there, and each unit whole.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 25
	if testing.Short() {
		rounds = 3
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	acknowledged := 0
	for range rounds {
		acknowledged = max(acknowledged, commitAndKill(t, self, dir))
		s := open(t, dir)
		checkNumbered(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d units acknowledged in %d rounds", acknowledged, rounds)
}

// commitAndKill has a child commit, kills it in the midst of a commit, and gives the last number that it acknowledged.
func commitAndKill(t *testing.T, self, dir string) (acknowledged int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for left := rand.IntN(20); lines.Scan(); left-- {
		if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
		if left == 0 {
			// Somewhere within the next commits; their acknowledgements still count.
			time.AfterFunc(rand.N(3*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the child ended before it was killed: %v", err)
	}
	return acknowledged
}

// TestFullDisk fills a small file system. The error says so, nothing is taken from then on, what was acknowledged is
// there once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "size=2m")
	s := open(t, dir)
	acknowledged := 0
	var err error
	for err == nil {
		var units []*store.Unit
		for n := acknowledged + 1; n <= acknowledged+20; n++ {
			units = append(units, numbered(n))
		}
		if _, err = s.Commit(t.Context(), units); err == nil {
			acknowledged += len(units)
		}
	}
	if acknowledged == 0 || !strings.Contains(err.Error(), "disk is full") {
		t.Fatalf("after %d units: %v", acknowledged, err)
	}
	if _, again := s.Commit(t.Context(), []*store.Unit{numbered(acknowledged + 1)}); again == nil {
		t.Fatal("a commit after the failed one was taken")
	}
	checkNumbered(t, s, acknowledged)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, 0, "size=8m")
	s = open(t, dir)
	checkNumbered(t, s, acknowledged)
	last, err := s.LastChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, numbered(int(last)+1))
}

// TestFailedCommit has a commit fail under a writer, before and after it was durable. The writer stops, answers nobody,
// and what is found afterwards is all of that commit or nothing.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	for _, durable := range []bool{false, true} {
		dir := t.TempDir()
		s := open(t, dir)
		faulty := &storetest.Faulty{Store: s, FailAt: 3, After: durable}
		w, err := store.NewWriter(t.Context(), faulty)
		if err != nil {
			t.Fatal(err)
		}
		answered := 0
		for n := 1; err == nil; n += 2 {
			for _, u := range []*store.Unit{numbered(n), numbered(n + 1)} {
				u.Done = func(store.Verdict) { answered++ }
				w.Submit(u)
			}
			err = w.Flush(t.Context())
		}
		if !errors.Is(err, storetest.ErrFault) || answered != 4 {
			t.Fatalf("%d units were answered, then %v", answered, err)
		}
		if _, err := w.Commit(t.Context(), numbered(7)); !errors.Is(err, store.ErrStopped) {
			t.Errorf("error %v of a writer that failed, want ErrStopped", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		found, err := open(t, dir).LastChange(t.Context())
		if want := map[bool]int64{false: 4, true: 6}[durable]; err != nil || found != want {
			t.Errorf("%d units are stored, want %d (%v)", found, want, err)
		}
	}
}
