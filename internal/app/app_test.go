package app

import (
	"archive/tar"
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/job"
)

func TestWatchdogNamesWhatStandsStill(t *testing.T) {
	t.Parallel()
	w := newWatchdog()
	start := time.Unix(1000, 0)
	w.beatAt("kernel", start)
	w.beatAt("commits", start)
	if got := w.stalledAt(start.Add(stallAfter)); got != "" {
		t.Errorf("in time: %q", got)
	}
	w.beatAt("commits", start.Add(stallAfter))
	if got, want := w.stalledAt(start.Add(stallAfter+time.Second)), "kernel has stood still for 1m1s"; got != want {
		t.Errorf("too late: %q, want %q", got, want)
	}
}

func TestReserveRefusesBelowIt(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := &App{conf: Config{Data: t.TempDir()}, log: slog.New(slog.NewTextHandler(&log, nil))}
	for i, c := range []struct {
		reserve Bytes
		refuses bool
	}{{0, false}, {1 << 60, true}, {0, false}} {
		a.live.Store(&Live{DiskReserve: c.reserve})
		if changed := a.disk.look(a); changed != (i > 0) {
			t.Errorf("with a reserve of %d: changed is %t", c.reserve, changed)
		}
		if (a.disk.pressure() != "") != c.refuses {
			t.Errorf("with a reserve of %d the node says %q", c.reserve, a.disk.pressure())
		}
		if got := a.disk.refuse(); (got != nil) != c.refuses {
			t.Errorf("with a reserve of %d: %+v, want refused=%t", c.reserve, got, c.refuses)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("two changes are told in %d lines:\n%s", n, log.String())
	}
}

// A secret's text comes from its file when a process starts, for those who may have it.
func TestSecretsAreResolvedForTheirUsers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &App{log: slog.New(slog.DiscardHandler)}
	a.live.Store(&Live{Secrets: map[string]Secret{"db/password": {File: file, Users: []string{"ada"}}}})
	env := []job.Env{{Name: "A", Value: "1"}, {Name: "P", Secret: &job.SecretRef{Name: "db", Key: "password"}}}
	for owner, want := range map[string]string{"ada": "s3cr3t", auth.OwnerOf(os.Getuid()): "s3cr3t", "bob": ""} {
		got := a.resolve(owner, env)
		if got[1].Value != want || got[0].Value != "1" {
			t.Errorf("%s gets %+v, want %q", owner, got[1], want)
		}
	}
	if env[1].Value != "" || env[1].Secret == nil {
		t.Errorf("the job's own variables were changed: %+v", env[1])
	}
}

// What a tar file holds lands below the directory, or nowhere.
func TestUntarStaysInside(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no tar": "hello", "empty": ""} {
		if err := untar(strings.NewReader(text), t.TempDir()); err == nil {
			t.Errorf("%s: is taken for a backup", name)
		}
	}
	dir := t.TempDir()
	if err := untar(evilTar(t, "../outside"), dir); err == nil {
		t.Error("a name that leads outside is followed")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "outside")); err == nil {
		t.Error("a file was written outside")
	}
}

// evilTar is a backup with a file of a name that no backup has.
func evilTar(t *testing.T, name string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, n := range []string{backupStore, name} {
		if err := w.WriteHeader(&tar.Header{Name: n, Typeflag: tar.TypeReg, Mode: 0o600, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}
