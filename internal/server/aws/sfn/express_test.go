package sfn

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/looptest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// expressService is the API with a place for Express executions, and what they log.
func expressService(t *testing.T) (*service, *groupLines) {
	t.Helper()
	s, lines := workingService(t), &groupLines{}
	memory := workingService(t)
	s.Express = Express{Kernel: memory.Kernel, Go: looptest.Background(t), Log: lines.append, Forget: lines.forget}
	return s, lines
}

// groupLines are the lines of log groups, and the runs that were forgotten.
type groupLines struct {
	mu        sync.Mutex
	text      string
	forgotten []run.ID
}

func (l *groupLines) append(group string, lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(lines)) {
		l.text += group + " " + line
	}
}

func (l *groupLines) forget(id run.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgotten = append(l.forgotten, id)
}

// expressMachine makes an Express state machine and gives its ARN.
func expressMachine(t *testing.T, s *service, name, level, states string) value.Value {
	t.Helper()
	logging := value.MustParse(`{"level":"` + level + `","includeExecutionData":false,"destinations":[
		{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:1:log-group:/tests/express:*"}}]}`)
	return call(t, s.machineActions()["CreateStateMachine"], object(
		text("name", name), text("type", "EXPRESS"), text("roleArn", "arn:aws:iam::1:role/r"),
		text("definition", `{"StartAt":"A","States":`+states+`}`), of("loggingConfiguration", logging),
	)).At("stateMachineArn")
}

// Whoever starts an Express execution and waits gets its end; what it logs is what its level says; nothing else is left.
func TestExpress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		level, states string
		want          string // in the answer
		events        string // logged
	}{
		"success, all logged": {
			"ALL", `{"A":{"Type":"Pass","Result":{"b":1},"End":true}}`,
			`"status":"SUCCEEDED"`, "ExecutionStarted PassStateEntered PassStateExited ExecutionSucceeded",
		},
		"a failure, errors logged": {
			"ERROR", `{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:1:function:none","End":true}}`,
			`"status":"FAILED"`, "LambdaFunctionFailed ExecutionFailed",
		},
		"a failure, its end logged": {
			"FATAL", `{"A":{"Type":"Fail","Error":"E","Cause":"c"}}`,
			`"error":"E","cause":"c"`, "ExecutionFailed",
		},
		"nothing logged": {
			"OFF", `{"A":{"Type":"Fail","Error":"E","Cause":"c"}}`,
			`"billingDetails":{"billedMemoryUsedInMB":64,"billedDurationInMilliseconds":100}`, "",
		},
		"too long for Express": {
			"FATAL", `{"A":{"Type":"Wait","Seconds":301,"End":true}}`,
			`"status":"TIMED_OUT"`, "ExecutionTimedOut",
		},
		"a state machine's own limit": {
			"FATAL", `{"A":{"Type":"Wait","Seconds":12,"End":true}},"TimeoutSeconds":10`,
			`"billedDurationInMilliseconds":10000`, "ExecutionTimedOut",
		},
	} {
		synctest.Test(t, func(t *testing.T) { // time passes by itself
			s, log := expressService(t)
			machine := expressMachine(t, s, "m", c.level, c.states)
			got := call(t, s.expressActions()["StartSyncExecution"], object(of("stateMachineArn", machine), text("name", "n")))
			if !strings.Contains(got.JSON(), c.want) || !strings.Contains(got.At("executionArn").Text(), ":express:m:n:") {
				t.Errorf("%s: %s; want %s", name, got, c.want)
			}
			var events []string
			for line := range strings.Lines(log.text) {
				group, event, _ := strings.Cut(line, " ")
				e := value.MustParse(event)
				events = append(events, e.At("type").Text())
				if group != "/tests/express" || e.At("execution_arn").Text() != got.At("executionArn").Text() || !e.At("details", "input").IsAbsent() {
					t.Errorf("%s: logged %s", name, line)
				}
			}
			if got := strings.Join(events, " "); got != c.events {
				t.Errorf("%s: logged %q, want %q", name, got, c.events)
			}
			if len(log.forgotten) != 1 {
				t.Errorf("%s: %v were forgotten, want the one", name, log.forgotten)
			}
		})
	}
}

// Express executions share names, run where nobody waits for them, and are none of the standard ones.
func TestExpressApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, log := expressService(t)
		machine := expressMachine(t, s, "m", "ALL", `{"A":{"Type":"Wait","Seconds":1,"End":true}}`)
		start := s.executionActions()["StartExecution"]
		first := call(t, start, object(of("stateMachineArn", machine), text("name", "n"))).At("executionArn").Text()
		second := call(t, start, object(of("stateMachineArn", machine), text("name", "n"))).At("executionArn").Text()
		if first == second {
			t.Errorf("two executions are %s", first)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.text, "ExecutionSucceeded"); n != 2 {
			t.Errorf("%d executions succeeded, want 2:\n%s", n, log.text)
		}
		ctx := auth.With(t.Context(), auth.Caller{Owner: "ada"})
		for _, action := range []string{"DescribeExecution", "StopExecution"} {
			_, err := s.executionActions()[action].Do(ctx, object(text("executionArn", first)))
			if err == nil || !strings.Contains(err.Error(), "express") {
				t.Errorf("%s of an Express execution: %v", action, err)
			}
		}
		standard := call(t, s.machineActions()["CreateStateMachine"], object(text("name", "s"), text("roleArn", "arn:aws:iam::1:role/r"),
			text("definition", `{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`))).At("stateMachineArn")
		_, err := s.expressActions()["StartSyncExecution"].Do(ctx, object(of("stateMachineArn", standard)))
		if err != errMachineType {
			t.Errorf("waiting for a standard one: %v", err)
		}
	})
}
