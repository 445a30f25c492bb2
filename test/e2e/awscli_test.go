//go:build e2e_aws

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// awsCLI is Debian's AWS command line, aimed at a server.
type awsCLI struct {
	t    *testing.T
	s    *server
	home string
}

const awsProgram = "/usr/bin/aws"

func newAWSCLI(t *testing.T, s *server) awsCLI {
	t.Helper()
	if _, err := os.Stat(awsProgram); err != nil {
		lack(t, "no AWS command line: apt-get install awscli: %v", err)
	}
	c := awsCLI{t, s, t.TempDir()}
	c.teach(redriveModel)
	return c
}

// teach adds to what the command line knows of Step Functions: Debian's release is older than redrive.
func (c awsCLI) teach(model string) {
	c.t.Helper()
	dir := filepath.Join(c.home, ".aws", "models", "stepfunctions", "2016-11-23")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "service-2.sdk-extras.json"), []byte(model), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

const redriveModel = `{"version": 1.0, "merge": {
	"operations": {"RedriveExecution": {
		"name": "RedriveExecution",
		"http": {"method": "POST", "requestUri": "/"},
		"input": {"shape": "RedriveExecutionInput"},
		"output": {"shape": "RedriveExecutionOutput"}
	}},
	"shapes": {
		"RedriveExecutionInput": {"type": "structure", "required": ["executionArn"], "members": {"executionArn": {"shape": "Arn"}}},
		"RedriveExecutionOutput": {"type": "structure", "members": {"redriveDate": {"shape": "Timestamp"}}}
	}
}}`

// run gives the standard output and error of aws stepfunctions ARGS.
func (c awsCLI) run(args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(testContext(c.t), awsProgram, append([]string{"--endpoint-url", "http://" + c.s.addr, "stepfunctions"}, args...)...)
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + c.home, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// must is the answer of a command that succeeds.
func (c awsCLI) must(args ...string) (answer map[string]any) {
	c.t.Helper()
	out, errs, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("aws stepfunctions %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	if strings.TrimSpace(out) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		c.t.Fatalf("aws stepfunctions %s: %v in %s", strings.Join(args, " "), err, out)
	}
	return answer
}

// refused is what a command says that fails.
func (c awsCLI) refused(args ...string) string {
	c.t.Helper()
	out, errs, err := c.run(args...)
	if err == nil {
		c.t.Fatalf("aws stepfunctions %s: it succeeded: %s", strings.Join(args, " "), out)
	}
	return errs
}

// awaitStatus asks until the execution has a status.
func (c awsCLI) awaitStatus(execution, status string) (description map[string]any) {
	c.t.Helper()
	await(c.t, execution+" to be "+status, func() bool {
		description = c.must("describe-execution", "--execution-arn", execution)
		return description["status"] == status
	})
	return description
}

func (c awsCLI) eventTypes(execution string, more ...string) (types []string) {
	c.t.Helper()
	answer := c.must(append([]string{"get-execution-history", "--execution-arn", execution}, more...)...)
	for _, e := range answer["events"].([]any) {
		types = append(types, e.(map[string]any)["type"].(string))
	}
	return types
}

// The AWS command line makes a state machine, starts, awaits and stops executions, reads their history, and redrives one.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	s := newServer(t, asSelf+"images: {busybox: host}\n")
	aws := newAWSCLI(t, s)
	const role = "arn:aws:iam::123456789012:role/anything"

	// As Terraform does: create, create the same again, update, read back.
	greet := `{"StartAt": "Greet", "States": {"Greet": {"Type": "Pass", "Parameters": {"greeting.$": "States.Format('Hello, {}', $.name)"}, "End": true}}}`
	create := []string{"create-state-machine", "--name", "greeter", "--role-arn", role, "--definition", greet}
	machine := aws.must(create...)["stateMachineArn"].(string)
	if again := aws.must(create...)["stateMachineArn"]; again != machine {
		t.Errorf("created again it is %v, want %s", again, machine)
	}
	if why := aws.refused("create-state-machine", "--name", "greeter", "--role-arn", role, "--definition", strings.Replace(greet, "Hello", "Goodbye", 1)); !strings.Contains(why, "StateMachineAlreadyExists") {
		t.Errorf("another definition under the same name: %s", why)
	}
	for range 2 {
		aws.must("update-state-machine", "--state-machine-arn", machine, "--definition", strings.Replace(greet, "Hello", "Welcome", 1))
	}
	if d := aws.must("describe-state-machine", "--state-machine-arn", machine); !strings.Contains(d["definition"].(string), "Welcome") || d["roleArn"] != role {
		t.Errorf("described as %v", d)
	}

	execution := aws.must("start-execution", "--state-machine-arn", machine, "--name", "first", "--input", `{"name": "Ada"}`)["executionArn"].(string)
	if d := aws.awaitStatus(execution, "SUCCEEDED"); d["output"] != `{"greeting":"Welcome, Ada"}` {
		t.Errorf("its output is %v", d["output"])
	}
	if got, want := strings.Join(aws.eventTypes(execution), " "), "ExecutionStarted PassStateEntered PassStateExited ExecutionSucceeded"; got != want {
		t.Errorf("its history is %s, want %s", got, want)
	}
	if got := aws.eventTypes(execution, "--reverse-order", "--max-items", "1"); got[0] != "ExecutionSucceeded" {
		t.Errorf("its last event is %s", got)
	}

	// Stopped by hand, and a name that is not there.
	sleeper := aws.must("create-state-machine", "--name", "sleeper", "--role-arn", role,
		"--definition", `{"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 3600, "End": true}}}`)["stateMachineArn"].(string)
	asleep := aws.must("start-execution", "--state-machine-arn", sleeper)["executionArn"].(string)
	aws.must("stop-execution", "--execution-arn", asleep, "--error", "Enough", "--cause", "woken")
	if d := aws.awaitStatus(asleep, "ABORTED"); d["error"] != "Enough" || d["cause"] != "woken" {
		t.Errorf("stopped it is %v", d)
	}
	if list := aws.must("list-executions", "--state-machine-arn", sleeper, "--status-filter", "ABORTED")["executions"].([]any); len(list) != 1 {
		t.Errorf("aborted executions: %v", list)
	}
	if why := aws.refused("describe-execution", "--execution-arn", asleep+"x"); !strings.Contains(why, "ExecutionDoesNotExist") {
		t.Errorf("an execution that is not there: %s", why)
	}
	if why := aws.refused("create-state-machine", "--name", "broken", "--role-arn", role, "--definition", `{"StartAt": "A", "States": {}}`); !strings.Contains(why, "InvalidDefinition") {
		t.Errorf("a broken definition: %s", why)
	}

	// A failure is redriven from the state that failed, once what it lacked is there: the job's file.
	needed := filepath.Join(s.dir, "needed")
	fetch := `{"StartAt": "Prepare", "States": {
		"Prepare": {"Type": "Pass", "Next": "Fetch"},
		"Fetch": {"Type": "Task", "Resource": "arn:tutti:states:::job:run.sync", "Parameters": {"Manifest": {
			"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "fetch-"},
			"spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [
				{"name": "main", "image": "busybox", "command": ["test", "-e", "` + needed + `"]}]}}}}}, "End": true}}}`
	fetcher := aws.must("create-state-machine", "--name", "fetcher", "--role-arn", role, "--definition", fetch)["stateMachineArn"].(string)
	failed := aws.must("start-execution", "--state-machine-arn", fetcher)["executionArn"].(string)
	aws.awaitStatus(failed, "FAILED")
	if err := os.WriteFile(needed, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	aws.must("redrive-execution", "--execution-arn", failed)
	aws.awaitStatus(failed, "SUCCEEDED")
	types := strings.Join(aws.eventTypes(failed), " ")
	if strings.Count(types, "PassStateEntered") != 1 || !strings.Contains(types, "ExecutionFailed ExecutionRedriven") || !strings.HasSuffix(types, "ExecutionSucceeded") {
		t.Errorf("the history of what was redriven: %s", types)
	}

	aws.must("delete-state-machine", "--state-machine-arn", machine)
	if why := aws.refused("start-execution", "--state-machine-arn", machine); !strings.Contains(why, "StateMachineDoesNotExist") {
		t.Errorf("a deleted state machine: %s", why)
	}
}
