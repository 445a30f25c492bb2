package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/job"
)

// Two users without an entry in the machine's list.
const alice, bob = 31001, 31002

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can run jobs as other users")
	}
}

func as(uid int, s engine.Start) engine.Start {
	s.Owner = fmt.Sprintf("uid:%d", uid)
	return s
}

func TestUsersAreApart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	m := newMachine(t, newConfig(t))
	secret := as(alice, shell(0, "echo secret > file; chmod 644 file; echo $$; id -u; id -G; echo $HOME; exec sleep 1000"))
	m.submit(secret)
	m.waitLine(secret, "/")
	out := strings.Split(m.output(secret), "\n")
	scratch := filepath.Join(m.cfg.Dir, "work", "1", "0.0.1")
	if out[1] != "31001" || out[2] != "31001" || out[3] != scratch {
		t.Errorf("alice's process has user %s, groups %s and home %s", out[1], out[2], out[3])
	}
	for i, try := range []string{
		"cat " + scratch + "/file",
		"kill -9 " + out[0],
		"cat /proc/" + out[0] + "/environ",
		"touch " + scratch + "/mine",
		"ls " + m.cfg.Dir + "/logs/1",
		"echo 1 > /sys/fs/cgroup/unified/cgroup.procs || echo 1 > /sys/fs/cgroup/cgroup.procs",
		"ls " + filepath.Dir(scratch),
		// Not even the runner's socket.
		"python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"" + m.cfg.Dir + "/runner.sock\")'",
	} {
		if exit, out := m.run(as(bob, shell(int32(i+1), try))); exit.OK() || exit.Reason != job.ReasonExit {
			t.Errorf("bob may %s: %+v %s", try, exit, out)
		}
	}
}

func TestRootIsRefused(t *testing.T) {
	t.Parallel()
	needRoot(t)
	cfg := newConfig(t)
	cfg.AllowRoot = false
	m := newMachine(t, cfg)
	if exit, _ := m.run(as(0, shell(0, "true"))); exit.Reason != job.ReasonNoStart || !strings.Contains(exit.Text, "allowRoot: true") {
		t.Errorf("a job of root ended as %+v", exit)
	}
	s := shell(1, "true")
	s.Owner = "no-such-user"
	if exit, _ := m.run(s); exit.Reason != job.ReasonNoStart || !strings.Contains(exit.Text, "no-such-user") {
		t.Errorf("a job of nobody ended as %+v", exit)
	}
}

// mounting is an engine whose machine lets it mount, with a granted directory.
func mounting(t *testing.T) (m *machine, granted string) {
	t.Helper()
	needRoot(t)
	cfg := newConfig(t)
	granted = filepath.Join(filepath.Dir(cfg.Dir), "granted")
	if err := os.MkdirAll(filepath.Join(granted, "open"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg.HostPaths = []string{granted}
	cfg.Images = local.Images{"ghcr.io/x/*": "host"}
	return newMachine(t, cfg), granted
}

func TestMounts(t *testing.T) {
	t.Parallel()
	m, granted := mounting(t)
	if err := os.WriteFile(filepath.Join(granted, "open", "data"), []byte("from the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := as(alice, shell(0, `
		cat /opt/ml/config/lr /nowhere/at/all/data /etc/tutti.conf /var/run/linked/a
		echo x > /opt/ml/config/new || echo read-only
		echo x > /nowhere/at/all/new || echo read-only
		echo written > /tutti-work/result && cat /tutti-work/result
		ls /nowhere/at/all; test -e /usr/bin/env && test -d /etc/ssl && test -w /tmp && echo the rest is there
		id -u; pwd; exit 7`))
	s.Process.Image = "ghcr.io/x/train:1"
	s.Scratch = "1.0-1"
	s.Process.Mounts = []job.Mount{
		{Path: "/opt/ml/config", Files: map[string]string{"lr": "0.1\n", "b": "c"}},
		{Path: "/nowhere/at/all", HostPath: granted + "/open", ReadOnly: true},
		{Path: "/etc/tutti.conf", Files: map[string]string{"conf": "single\n"}, SubPath: "conf"},
		{Path: "/var/run/linked", Files: map[string]string{"a": "through a link\n"}},
		{Path: "/tutti-work", Empty: true},
	}
	exit, out := m.run(s)
	want := "0.1\nfrom the host\nsingle\nthrough a link\nread-only\nread-only\nwritten\ndata\nthe rest is there\n31001\n" +
		filepath.Join(m.cfg.Dir, "work/1/0.0.1") + "\n"
	lines := []string{}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "sh: ") {
			lines = append(lines, line)
		}
	}
	if got := strings.Join(lines, ""); exit.Code != 7 || got != want {
		t.Errorf("ended as %+v and printed\n%s\nwant\n%s", exit, out, want)
	}
	for _, path := range []string{"/opt/ml/config", "/nowhere", "/etc/tutti.conf", "/var/run/linked", "/tutti-work"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s was left on the machine", path)
		}
	}
	fellow := as(alice, shell(1, "cat /tutti-work/result"))
	fellow.Scratch, fellow.Process.Mounts = s.Scratch, s.Process.Mounts[4:]
	if exit, out := m.run(fellow); !exit.OK() || out != "written\n" {
		t.Errorf("a replica of the same gang: %+v, %q", exit, out)
	}
	stranger := fellow
	stranger.Proc.Child, stranger.Scratch = 2, "1.0-2"
	if exit, out := m.run(stranger); exit.OK() {
		t.Errorf("another attempt sees %q", out)
	}
}

func TestMountsDoNotEscape(t *testing.T) {
	t.Parallel()
	m, granted := mounting(t)
	if err := os.Symlink("/etc", filepath.Join(granted, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(granted, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		mount job.Mount
		want  string
	}{
		{job.Mount{Path: "/x", HostPath: granted + "/link"}, "outside of"},
		{job.Mount{Path: "/x", HostPath: granted + "/../elsewhere"}, "is not granted"},
		{job.Mount{Path: "/x", HostPath: granted + "/closed/in"}, "permission denied"},
		{job.Mount{Path: "/x", HostPath: granted, SubPath: "../../etc"}, "no such file"},
		{job.Mount{Path: "/x", HostPath: granted + "/none"}, "no such file"},
		{job.Mount{Path: "relative", Empty: true}, "must be absolute"},
		{job.Mount{Path: "/etc", Files: map[string]string{"a": ""}, SubPath: "a"}, "a file on a file"},
		{job.Mount{Path: "/x", Files: map[string]string{"../a": ""}}, "cannot be the name of a file"},
	} {
		s := as(alice, shell(int32(i), "ls /x"))
		s.Process.Mounts = []job.Mount{c.mount}
		if exit, out := m.run(s); exit.Reason != job.ReasonNoStart || !strings.Contains(exit.Text, c.want) {
			t.Errorf("%+v: ended as %+v and printed %q, want %q", c.mount, exit, out, c.want)
		}
	}
}

// Setuid programs trust the machine's files, and mounts can cover those.
func TestMountsGiveNoRights(t *testing.T) {
	t.Parallel()
	m, _ := mounting(t)
	const permit = "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession sufficient pam_permit.so\n"
	s := as(alice, shell(0, "grep NoNewPrivs /proc/self/status; su root -c id 2>/dev/null"))
	s.Process.Mounts = []job.Mount{{Path: "/etc/pam.d", Files: map[string]string{"su": permit, "other": permit}}}
	if exit, out := m.run(s); exit.OK() || exit.Reason != job.ReasonExit || out != "NoNewPrivs:\t1\n" {
		t.Errorf("with PAM's files replaced, su ended as %+v and printed %q", exit, out)
	}
}
