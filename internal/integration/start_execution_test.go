package integration

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

const machine = `{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`

func TestStartExecution(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("child", machine)
	const resource = "arn:aws:states:::states:startExecution"
	payload := `{"StateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:child","Name":"one","Input":{"x":1}}`
	rows := w.began(taskOf("ann", resource, payload))
	if n := rows.Run; n.Name != "one" || n.Machine != "child" || n.Language != "asl" || string(n.Source) != machine || n.Input.JSON() != `{"x":1}` {
		t.Errorf("%+v", n)
	}
	answer := rows.Outcome(kernel.Ref{RunName: "one"}).Output
	id := answer.At("SdkResponseMetadata", "RequestId").JSON()
	size := len(`{"executionArn":"arn:aws:states:local:000000000000:execution:child:one","startDate":1.795348800000E9}`) + 2
	w.wantJSON(answer, fmt.Sprintf(`{"ExecutionArn":"arn:aws:states:local:000000000000:execution:child:one","SdkHttpMetadata":{
		"AllHttpHeaders":{"Content-Length":["%d"],"Content-Type":["application/x-amz-json-1.0"],"Date":["Sun, 22 Nov 2026 12:00:00 GMT"],
			"connection":["keep-alive"],"x-amzn-RequestId":[%s]},
		"HttpHeaders":{"Content-Length":"%d","Content-Type":"application/x-amz-json-1.0","Date":"Sun, 22 Nov 2026 12:00:00 GMT",
			"connection":"keep-alive","x-amzn-RequestId":%s},
		"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":%s},"StartDate":1795348800000}`, size, id, size, id, id))
	w.wantJSON(rows.Run.Attributes(kernel.Ref{RunName: "one"}), `{"executionArn":"arn:aws:states:local:000000000000:execution:child:one","machineVersion":1}`)
	if rows := w.began(taskOf("ann", resource+".waitForTaskToken", `{"StateMachineArn":"child","Input":null}`)); rows.Run.Input.JSON() != "{}" || rows.Outcome == nil {
		t.Errorf("%+v", rows)
	}

	rows = w.began(taskOf("ann", resource+".sync", `{"StateMachineArn":"child","Input":"[2]"}`))
	if rows.Run.Input.JSON() != "[2]" || rows.Outcome != nil || rows.Submitted == nil {
		t.Errorf("%+v", rows)
	}
	length := rows.Submitted(kernel.Ref{RunName: "one"}).At("SdkHttpMetadata", "HttpHeaders", "Content-Length").Text()
	if length != strconv.Itoa(size-2) {
		t.Errorf("the submission is %s bytes long, the answer %d", length, size)
	}
	child := &store.Run{ID: 5, Name: "one", Owner: "ann", Machine: "child", Status: run.Succeeded, Started: noon, Ended: noon.Add(time.Second),
		Input: value.MustParse(`{"x":1}`), Output: value.MustParse(`{"y":2}`)}
	end := func(resource string) run.Outcome {
		o, err := w.find(resource).(kernel.Ledger).End(t.Context(), taskOf("ann", resource, payload), kernel.Ended{Run: child})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	w.wantJSON(end(resource+".sync").Output, `{"ExecutionArn":"arn:aws:states:local:000000000000:execution:child:one","Input":"{\"x\":1}","InputDetails":{"Included":true},
		"Name":"one","Output":"{\"y\":2}","OutputDetails":{"Included":true},"StartDate":1795348800000,"StateMachineArn":"arn:aws:states:local:000000000000:stateMachine:child",
		"Status":"SUCCEEDED","StopDate":1795348801000}`)
	w.wantJSON(end(resource+".sync:2").Output.At("Output"), `{"y":2}`)
	child.Status, child.Output, child.Failure = run.Failed, value.Value{}, &run.Failure{Error: "E", Cause: "because"}
	w.wantFailure(end(resource+".sync:2"), "States.TaskFailed", `{"Cause":"because","Error":"E","ExecutionArn":"arn:`, `"Status":"FAILED"`)
}

func TestStartExecutionRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("child", machine)
	const resource = "arn:aws:states:::states:startExecution.sync:2"
	w.refused(taskOf("ann", resource, `{}`), "StepFunctions.ValidationException", "StateMachineArn is missing")
	w.refused(taskOf("ann", resource, `{"StateMachineArn":"childe"}`), "StepFunctions.StateMachineDoesNotExistException",
		"State Machine Does Not Exist: 'childe' (Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: ")
	w.refused(taskOf("bob", resource, `{"StateMachineArn":"child"}`), "StepFunctions.StateMachineDoesNotExistException")
	w.refused(taskOf("ann", resource, `{"StateMachineArn":"child","Input":"{"}`), "StepFunctions.InvalidExecutionInputException",
		"Invalid State Machine Execution Input: '", "Error Code: InvalidExecutionInput; ")
	w.runs("child", "one", `{"x":1}`)
	w.refused(taskOf("ann", resource, `{"StateMachineArn":"child","Name":"one"}`), "StepFunctions.ExecutionAlreadyExistsException", "execution:child:one")
	w.refused(taskOf("ann", resource, `{"StateMachineArn":"child","Name":"one","Input":{"x":1}}`), "StepFunctions.ExecutionAlreadyExistsException")
	w.refused(taskOf("ann", "arn:aws:states:::states:startExecution", `{"StateMachineArn":"child","Name":"one","Input":{"x":2}}`),
		"StepFunctions.ExecutionAlreadyExistsException")
	w.refused(taskOf("ann", resource, `{"StateMachineArn":"child","Name":"a b/c"}`), "StepFunctions.InvalidNameException", "'a b/c'")
}

// runs puts an execution of ann's into the store that is under way.
func (w *world) runs(machine, name, input string) {
	w.t.Helper()
	row := &store.Run{ID: w.writer.NewRunID(), Name: name, Owner: "ann", Machine: machine, Language: "asl", Status: run.Running, Started: noon,
		Input: value.MustParse(input)}
	if v, err := w.writer.Commit(w.t.Context(), &store.Unit{Run: &store.RunChange{ID: row.ID, First: 1, Row: row}}); err != nil || v != store.OK {
		w.t.Fatal(v, err)
	}
}

func TestStartExecutionAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply("child", machine)
	w.runs("child", "one", `{"x":1}`)
	rows := w.began(taskOf("ann", "arn:aws:states:::states:startExecution", `{"StateMachineArn":"child","Name":"one","Input":"{ \"x\" : 1 }"}`))
	if rows.Run != nil {
		t.Errorf("it starts a second one: %+v", rows.Run)
	}
	answer := rows.Outcome(kernel.Ref{}).Output
	if answer.At("ExecutionArn").Text() != "arn:aws:states:local:000000000000:execution:child:one" || answer.At("StartDate").Text() != strconv.FormatInt(noon.UnixMilli(), 10) {
		t.Error(answer.JSON())
	}
}
