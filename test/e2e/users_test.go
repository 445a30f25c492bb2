//go:build e2e_root

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// nobody is another user of the machine.
const nobody = 65534

// as makes a command another user's, with a token if it is not empty.
func as(cmd *exec.Cmd, uid uint32, token string) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Dir = "/"
	cmd.Env = append(cmd.Env, "HOME=/", "TUTTI_TOKEN="+token)
	return cmd
}

// Another user of the machine cannot read, stop or start what is not theirs, whether they come with a token or without.
func TestTwoUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test acts as two users and needs root: run it as root, or leave out the tag e2e_root")
	}
	const token = "a-token-of-nobody"
	sum := sha256.Sum256([]byte(token))
	s := newServer(t, workImage+fmt.Sprintf("tokens:\n  - {name: test, user: nobody, sha256: %s}\n", hex.EncodeToString(sum[:])))
	if err := os.Chmod(s.dir, 0o755); err != nil { // for files that both users read
		t.Fatal(err)
	}
	w := newWork(s, "work")
	run := s.start(steps(job("work", w.script(), 0)), `{"secret": "of-root"}`)
	w.awaitStarts(1)
	machine := s.write("mine.asl.json", `{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}`)
	s.tutti("apply", "-f", machine)
	jobs := s.jobs(run.ID)
	if len(jobs) != 1 {
		t.Fatalf("%d jobs, want 1", len(jobs))
	}

	runRef, jobRef := fmt.Sprintf("r%d", run.ID), fmt.Sprintf("j%d", jobs[0].ID)
	ask := func(ctx context.Context, token string, args ...string) (string, error) {
		out, err := as(s.command(ctx, args...), nobody, token).CombinedOutput()
		return string(out), err
	}
	for _, token := range []string{"", "a-token-that-is-guessed", token} {
		for _, args := range [][]string{
			{"describe", runRef}, {"describe", jobRef}, {"logs", runRef}, {"logs", jobRef}, {"debug", runRef},
			{"stop", runRef}, {"stop", jobRef}, {"backup", "/tmp/tutti-e2e-stolen"},
		} {
			out, err := ask(testContext(t), token, args...)
			if err == nil || strings.Contains(out, "of-root") {
				t.Errorf("token %q: another user's tutti %s: want a refusal, got\n%s", token, strings.Join(args, " "), out)
			}
		}
	}
	for _, kind := range []string{"runs", "jobs"} {
		out, err := ask(testContext(t), token, "get", kind, "-o", "json")
		if err != nil || strings.Contains(out, run.Name) || strings.Contains(out, jobs[0].Name) {
			t.Errorf("another user's list of %s: %v, want one without root's:\n%s", kind, err, out)
		}
	}
	if out, err := ask(testContext(t), "", "get", "runs"); err == nil {
		t.Errorf("another user without a token lists runs:\n%s", out)
	}

	// What they may do is theirs alone, and runs as them.
	theirs := s.write("theirs.asl.json", steps(job("theirs", "id -u; test $(id -u) = 65534", 0)))
	if out, err := ask(testContext(t), token, "run", theirs); err != nil {
		t.Errorf("another user's own run: %v\n%s", err, out)
	}
	if out, err := ask(testContext(t), token, "get", "runs", "-o", "json"); err != nil || !strings.Contains(out, `"owner": "nobody"`) {
		t.Errorf("another user's own run is not in their list: %v\n%s", err, out)
	}

	if r, err := s.Run(testContext(t), run.ID); err != nil || r.Status != "RUNNING" {
		t.Errorf("root's run is %+v (%v), want it RUNNING as if nobody had tried", r, err)
	}
	w.open()
	s.succeeded(run.ID)
}
