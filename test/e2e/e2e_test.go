// Package e2e drives the real binary: as a user does at the command line, and as a program does over the client. What
// needs PyTorch has the build tag e2e_demo, what needs two users e2e_root, what needs the AWS command line or the recordings
// e2e_aws, what needs an S3 server e2e_s3.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	// The binary is built while the tests run; by this, a change of its code is a change of theirs to go test's cache.
	_ "github.com/tutti-ml/tutti/internal/cli"
)

// binary is the tutti that is tested: TUTTI_BIN, or one built from this checkout.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if binary = os.Getenv("TUTTI_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "tutti-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Other users run it too.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	binary = filepath.Join(dir, "tutti")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../../cmd/tutti")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: building tutti: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// patience bounds every wait. It is far beyond what anything takes, as CI machines stall.
const patience = 3 * time.Minute

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// repo is a file of the checkout.
func repo(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	// Whoever opens the file later, go test's cache now knows that the test depends on it.
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// lack skips a test for something that it needs and is not here. In CI everything is to be here.
func lack(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf("SKIPPED: "+format, args...)
}

// needPython is for tests whose jobs are Python programs.
func needPython(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		lack(t, "there is no /usr/bin/python3: apt-get install --no-install-recommends python3")
	}
}
