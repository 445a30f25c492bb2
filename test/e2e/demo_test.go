//go:build e2e_demo

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/client"
)

// training is a run of the example.
type training struct {
	*server
	run *client.Run
}

// processes are the pids of the training's ranks.
func (d training) processes() []int {
	return processes(d.t, "/"+d.run.Name+"/model.pt")
}

// epochs keep two processes busy for some seconds.
const epochs = 150

// startTraining starts the example and waits until it has left a few checkpoints.
func startTraining(t *testing.T) training {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import torch").Run(); err != nil {
		lack(t, "/usr/bin/python3 has no torch: apt-get install --no-install-recommends python3-torch python3-sklearn")
	}
	example := repo(t, "examples/train")
	config, err := os.ReadFile(filepath.Join(example, "tutti.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "tutti-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, "output")
	if err := os.Mkdir(output, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newServerIn(t, dir, asSelf+fmt.Sprintf("hostPaths: [%s, %s]\n", example, output)+string(config))
	for _, name := range []string{"template.yaml", "queue.json", "evaluate.json"} {
		s.tutti("apply", "-f", filepath.Join(example, name))
	}
	definition, err := os.ReadFile(filepath.Join(example, "train.asl.json"))
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]any{
		"numEpochs": epochs, "batchSize": 32, "experimentName": "e2e", "code": example, "data": output,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := training{s, s.start(string(definition), string(input))}
	d.awaitLine("epoch 20:")
	return d
}

// awaitLine follows the run's output until a line begins with prefix.
func (d training) awaitLine(prefix string) {
	d.t.Helper()
	found := false
	ctx := testContext(d.t)
	for !found && ctx.Err() == nil {
		// The run's job may not have started when the output is first asked for.
		err := d.Logs(ctx, client.LogQuery{Run: d.run.ID, Follow: true}, func(l client.Line) bool {
			found = strings.HasPrefix(l.Text, prefix)
			return !found
		})
		if err != nil && ctx.Err() == nil {
			d.t.Fatal(err)
		}
	}
	if !found {
		d.t.Fatalf("run %d never printed a line that begins with %q", d.run.ID, prefix)
	}
}

// check waits for the run's end, and checks that it is good and each step was done once.
func (d training) check() {
	d.t.Helper()
	r := d.succeeded(d.run.ID)
	var output struct {
		Training struct {
			Result struct{ Accuracy, Epochs, Processes float64 }
		}
		Evaluation struct{ Rows, Accuracy float64 }
	}
	if err := json.Unmarshal(r.Output, &output); err != nil {
		d.t.Fatalf("reading the run's output: %v\n%s", err, r.Output)
	}
	if got := output.Training.Result; got.Accuracy < 0.9 || got.Epochs != epochs || got.Processes != 2 {
		d.t.Errorf("the training gave %+v, want %d epochs of 2 processes and an accuracy of 0.9 or more", got, epochs)
	}
	if got := output.Evaluation; got.Rows != 360 || got.Accuracy < 0.9 {
		d.t.Errorf("the evaluation gave %+v, want 360 rows and an accuracy of 0.9 or more", got)
	}
	if jobs := d.jobs(d.run.ID); len(jobs) != 3 {
		d.t.Errorf("%d jobs, want one each for the training, the evaluation and the report", len(jobs))
	}
}

// starts are the lines by which the ranks of the last attempt said that they start.
func (d training) starts() []string {
	d.t.Helper()
	var lines []string
	err := d.Logs(testContext(d.t), client.LogQuery{Run: d.run.ID}, func(l client.Line) bool {
		if strings.Contains(l.Text, "starting after epoch") {
			lines = append(lines, l.Text)
		}
		return true
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return lines
}

func TestDemoServerKilled(t *testing.T) {
	d := startTraining(t)
	before := d.processes()
	if len(before) < 2 {
		t.Fatalf("the training has processes %v, want two", before)
	}
	d.kill()
	if after := d.processes(); !slices.Equal(sorted(before), sorted(after)) {
		t.Errorf("processes %v before the kill, %v after it", before, after)
	}
	d.up()
	d.check()
	if lines := d.starts(); len(lines) != 2 {
		t.Errorf("ranks started %d times, want once each:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

func TestDemoWorkerKilled(t *testing.T) {
	d := startTraining(t)
	before := d.processes()
	kill9(t, slices.Max(before))
	d.check()
	if now := d.processes(); len(now) != 0 {
		t.Errorf("processes %v are left", now)
	}
	d.checkResumed()
}

func TestDemoRunnerKilled(t *testing.T) {
	d := startTraining(t)
	kill9(t, d.runner())
	d.check()
	d.checkResumed()
}

// checkResumed checks that the gang started twice, the second time from a checkpoint.
func (d training) checkResumed() {
	d.t.Helper()
	for _, r := range d.replicas(d.jobs(d.run.ID)[0].ID) {
		if r.Attempt != 2 {
			d.t.Errorf("rank %d is in attempt %d, want 2", r.Replica, r.Attempt)
		}
	}
	lines := d.starts()
	if len(lines) != 2 {
		d.t.Fatalf("the last attempt's ranks started %d times, want once each:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for _, l := range lines {
		if strings.HasSuffix(l, "after epoch 0") {
			d.t.Errorf("the gang did not go on from its checkpoint: %s", l)
		}
	}
}

func TestDemoRestore(t *testing.T) {
	d := startTraining(t)
	backup := filepath.Join(d.dir, "backup.tar")
	d.tutti("backup", backup)
	d.kill()
	d.wipe()
	d.tutti("restore", backup, "--data", d.data)
	d.up()
	d.check()
	if lines := d.starts(); len(lines) != 2 {
		t.Errorf("ranks started %d times, want once each:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}
