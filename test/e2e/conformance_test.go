//go:build e2e_aws

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/tutti-ml/tutti/internal/sharedtest"
)

// conformanceRunner builds the program that replays what was recorded on AWS.
func conformanceRunner(t *testing.T) (program, folder string) {
	t.Helper()
	folder = sharedtest.Path(t, "conformance/sfn/runner")
	program = filepath.Join(t.TempDir(), "sfnconf")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the conformance runner: %v\n%s", err, out)
	}
	return program, folder
}

// Every call that was recorded on AWS Step Functions is answered as AWS did, to the last word of the histories.
func TestConformance(t *testing.T) {
	t.Parallel()
	program, folder := conformanceRunner(t)
	s := newServer(t, "aws: {limits: true}\n") // the recordings are of what AWS refuses too
	replay := exec.CommandContext(t.Context(), program, "-mode", "live", "-endpoint", "http://"+s.addr, "-parallel", "4", "-v", "5")
	replay.Dir = folder
	out, err := replay.CombinedOutput()
	t.Logf("%s", out)
	total := regexp.MustCompile(`(?m)^TOTAL +(\d+) +(\d+)`).FindSubmatch(out)
	if err != nil || total == nil || string(total[1]) != string(total[2]) || string(total[1]) < "473" {
		t.Fatalf("not every recorded case passes: %v", err)
	}
}

// Definitions with a known verdict are accepted or refused as they should be.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	program, folder := conformanceRunner(t)
	s := newServer(t, "")
	validate := exec.CommandContext(t.Context(), program, "-mode", "validate", "-endpoint", "http://"+s.addr)
	validate.Dir = folder
	out, err := validate.CombinedOutput()
	t.Logf("%s", out)
	sums := regexp.MustCompile(`valid=(?:true|false) +(\d+)/(\d+)`).FindAllSubmatch(out, -1)
	definitions := 0
	for _, sum := range sums {
		var right, all int
		if _, err := fmt.Sscan(string(sum[1])+" "+string(sum[2]), &right, &all); err != nil || right != all {
			t.Errorf("%d of %d definitions have the right verdict: %v", right, all, err)
		}
		definitions += all
	}
	if err != nil || definitions < 112 {
		t.Fatalf("%d definitions were looked at: %v", definitions, err)
	}
}
