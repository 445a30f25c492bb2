//go:build e2e_s3

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// bucket is a bucket of a real S3 server on loopback.
type bucket struct {
	t    *testing.T
	url  string // of the server
	name string
}

const (
	s3User   = "tutti"
	s3Secret = "together or not at all"
)

// newBucket starts an S3 server over a folder of the test's, with one bucket.
func newBucket(t *testing.T, name string) bucket {
	t.Helper()
	gateway := repo(t, ".") + "/build/versitygw"
	if _, err := os.Stat(gateway); err != nil {
		lack(t, "there is no S3 server: make setup-s3 builds one")
	}
	addr := freeAddr(t)
	cmd := exec.Command(gateway, "--port", addr, "--access", s3User, "--secret", s3Secret, "--region", "us-east-1", "posix", t.TempDir())
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the S3 server's log:\n%s", log.String())
		}
	})
	b := bucket{t, "http://" + addr, name}
	await(t, "the S3 server", func() bool {
		status, _, err := b.send(http.MethodPut, "", nil)
		return err == nil && status == http.StatusOK
	})
	return b
}

// send sends a signed request for the bucket or one of its objects.
func (b bucket) send(method, key string, body []byte) (status int, answer []byte, err error) {
	q, err := http.NewRequestWithContext(testContext(b.t), method, b.url+"/"+b.name+"/"+key, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	q.Header.Set("X-Amz-Content-Sha256", digest)
	keys := aws.Credentials{AccessKeyID: s3User, SecretAccessKey: s3Secret}
	if err := v4.NewSigner().SignHTTP(q.Context(), keys, q, digest, "s3", "us-east-1", time.Now()); err != nil {
		return 0, nil, err
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	answer, err = io.ReadAll(r.Body)
	return r.StatusCode, answer, err
}

func (b bucket) put(key, text string) {
	b.t.Helper()
	if status, answer, err := b.send(http.MethodPut, key, []byte(text)); err != nil || status != http.StatusOK {
		b.t.Fatalf("putting %s: %d %s %v", key, status, answer, err)
	}
}

func (b bucket) get(key string) []byte {
	b.t.Helper()
	status, answer, err := b.send(http.MethodGet, key, nil)
	if err != nil || status != http.StatusOK {
		b.t.Fatalf("getting %s: %d %s %v", key, status, answer, err)
	}
	return answer
}

// stepFunctions makes a call of Step Functions' API, which must succeed, and reads the answer into out.
func (s *server) stepFunctions(action string, in, out any) {
	s.t.Helper()
	if err := s.tryStepFunctions(testContext(s.t), action, in, out); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) tryStepFunctions(ctx context.Context, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.addr+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("X-Amz-Target", "AWSStepFunctions."+action)
	q.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %s", action, r.StatusCode, answer)
	}
	return json.Unmarshal(answer, out)
}

// mapCounts are itemCounts or executionCounts of a map run.
type mapCounts struct{ Pending, Running, Succeeded, Failed, TimedOut, Aborted, Total, ResultsWritten int }

// A distributed Map over 100,000 rows of a CSV on S3, of which every thousandth fails: the server is killed twice on the
// way, each row is done exactly once all the same, and the results lie in S3 in order. Who else runs something meanwhile
// does not wait for it.
func TestDistributedMap(t *testing.T) {
	const rows, bad = 100_000, 1_000
	b := newBucket(t, "work")
	var csv strings.Builder
	csv.WriteString("id,name\n")
	for i := range rows {
		fmt.Fprintf(&csv, "%d,\"row, number %d\"\n", i, i)
	}
	b.put("in/rows.csv", csv.String())
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/secret", []byte(s3Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, fmt.Sprintf("aws:\n  endpoints: {s3: %q}\n  accessKeyId: %s\n  secretAccessKey: {file: %s/secret}\n", b.url, s3User, dir))

	machine := s.machine("rows", `{"StartAt": "Each", "States": {"Each": {
		"Type": "Map", "Label": "Rows", "End": true,
		"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "work", "Key.$": "$.key"},
			"ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}},
		"ItemSelector": {"index.$": "$$.Map.Item.Index", "id.$": "$$.Map.Item.Value.id", "from.$": "$$.Map.Item.Source"},
		"ToleratedFailureCount": 100,
		"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Good?", "States": {
			"Good?": {"Type": "Choice", "Choices": [{"Variable": "$.id", "StringMatches": "*999", "Next": "Bad"}], "Default": "Good"},
			"Bad": {"Type": "Fail", "Error": "Bad.Row", "Cause": "as the test has it"},
			"Good": {"Type": "Pass", "End": true}}},
		"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "work", "Prefix": "out"},
			"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}}}}}`)
	bystander := s.machine("bystander", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`)
	began := time.Now()
	execution := s.execute(machine, `{"key": "in/rows.csv"}`)

	var waits []time.Duration
	peak, kills, described := int64(0), []int{rows / 4, rows / 2}, mapRun{}
	for described.Status != "SUCCEEDED" {
		asked := time.Now()
		s.finished(s.execute(bystander, "{}"))
		waits = append(waits, time.Since(asked))
		peak = max(peak, resident(t, s.cmd.Process.Pid))
		described = s.mapRun(execution)
		if described.Status == "FAILED" || time.Since(began) > patience {
			t.Fatalf("the map run: %+v", described)
		}
		if len(kills) > 0 && described.ItemCounts.Succeeded > kills[0] {
			kills = kills[1:]
			s.kill()
			s.up()
		}
	}
	var ended struct{ Status, Output string }
	await(t, "the execution's end", func() bool {
		s.stepFunctions("DescribeExecution", map[string]any{"executionArn": execution}, &ended)
		return ended.Status != "RUNNING"
	})
	took := time.Since(began)
	slices.Sort(waits)
	t.Logf("%d rows in %.1f s with two kills; a bystander's execution took %v (median), %v (p99); the server took up to %d MiB",
		rows, took.Seconds(), waits[len(waits)/2].Round(time.Millisecond), waits[len(waits)*99/100].Round(time.Millisecond), peak>>20)

	if len(kills) > 0 {
		t.Errorf("the server was not killed %d times: it was too fast", len(kills))
	}
	want := mapCounts{Succeeded: rows - rows/bad, Failed: rows / bad, Total: rows, ResultsWritten: rows}
	if described.ItemCounts != want || described.ExecutionCounts != want {
		t.Errorf("items %+v and executions %+v, want %+v", described.ItemCounts, described.ExecutionCounts, want)
	}
	checkResults(b, ended.Output, rows, bad)
}

// machine makes a state machine and gives its ARN.
func (s *server) machine(name, definition string) string {
	s.t.Helper()
	var made struct{ StateMachineArn string }
	s.stepFunctions("CreateStateMachine", map[string]any{"name": name, "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/test"}, &made)
	return made.StateMachineArn
}

// execute starts an execution and gives its ARN.
func (s *server) execute(machine, input string) string {
	s.t.Helper()
	var started struct{ ExecutionArn string }
	s.stepFunctions("StartExecution", map[string]any{"stateMachineArn": machine, "input": input}, &started)
	return started.ExecutionArn
}

// finished waits for an execution's good end.
func (s *server) finished(execution string) {
	s.t.Helper()
	await(s.t, "the end of "+execution, func() bool {
		var d struct{ Status string }
		s.stepFunctions("DescribeExecution", map[string]any{"executionArn": execution}, &d)
		return d.Status == "SUCCEEDED"
	})
}

type mapRun struct {
	MapRunArn, Status           string
	ItemCounts, ExecutionCounts mapCounts
}

// mapRun describes the map run of an execution; it is empty before there is one.
func (s *server) mapRun(execution string) (d mapRun) {
	s.t.Helper()
	var list struct{ MapRuns []mapRun }
	s.stepFunctions("ListMapRuns", map[string]any{"executionArn": execution}, &list)
	if len(list.MapRuns) > 0 {
		s.stepFunctions("DescribeMapRun", map[string]any{"mapRunArn": list.MapRuns[0].MapRunArn}, &d)
	}
	return d
}

// resident is the memory of a process in bytes; 0 once it is gone.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	var pages, held int64
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &pages, &held); err != nil {
		t.Fatal(err)
	}
	return held * int64(syscall.Getpagesize())
}

// checkResults holds that each row is in the results once, in order, and those that failed apart.
func checkResults(b bucket, output string, rows, bad int) {
	b.t.Helper()
	type file struct {
		Key  string
		Size int
	}
	var place struct{ ResultWriterDetails struct{ Bucket, Key string } }
	var manifest struct{ ResultFiles map[string][]file }
	if err := json.Unmarshal([]byte(output), &place); err != nil || place.ResultWriterDetails.Bucket != b.name {
		b.t.Fatalf("the output is %s: %v", output, err)
	}
	if err := json.Unmarshal(b.get(place.ResultWriterDetails.Key), &manifest); err != nil {
		b.t.Fatal(err)
	}
	type row struct {
		Index    int
		ID, From string
	}
	var good []row
	var failed []struct{ Error, Input string }
	for _, f := range manifest.ResultFiles["SUCCEEDED"] {
		var part []row
		text := b.get(f.Key)
		if err := json.Unmarshal(text, &part); err != nil || len(text) != f.Size {
			b.t.Fatalf("%s: %v", f.Key, err)
		}
		good = append(good, part...)
	}
	for _, f := range manifest.ResultFiles["FAILED"] {
		if err := json.Unmarshal(b.get(f.Key), &failed); err != nil {
			b.t.Fatal(err)
		}
	}
	if len(good) != rows-rows/bad || len(failed) != rows/bad {
		b.t.Fatalf("%d good and %d failed results", len(good), len(failed))
	}
	next := 0
	for _, r := range good {
		if next%bad == bad-1 {
			next++
		}
		if want := (row{next, fmt.Sprint(next), "S3://" + b.name + "/in/rows.csv"}); r != want {
			b.t.Fatalf("result %+v in the place of %+v", r, want)
		}
		next++
	}
	for i, f := range failed {
		if f.Error != "Bad.Row" || !strings.Contains(f.Input, fmt.Sprintf(`"index":%d,`, (i+1)*bad-1)) {
			b.t.Errorf("failed result %d: %+v", i, f)
		}
	}
}
