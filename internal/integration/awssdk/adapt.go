package awssdk

import (
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// asText has a parameter that is no text go as JSON.
func asText(field string) func(kernel.Task, value.Value) value.Value {
	return func(_ kernel.Task, in value.Value) value.Value {
		return jsonText(in, field)
	}
}

// jsonText makes a member that is there and no text its JSON.
func jsonText(in value.Value, field string) value.Value {
	v := in.At(field)
	if v.IsAbsent() || v.Kind() == value.String {
		return in
	}
	return in.With(field, value.NewString(v.JSON()))
}

// eventsOfRun makes details text, and names the execution and its state machine among the resources of every event.
func eventsOfRun(t kernel.Task, in value.Value) value.Value {
	entries := in.At("Entries")
	if entries.Kind() != value.Array {
		return in
	}
	var list []value.Value
	for _, e := range entries.Elements() {
		if e.Kind() == value.Object {
			e = jsonText(e, "Detail")
			e = e.With("Resources", withRun(t, e.At("Resources")))
		}
		list = append(list, e)
	}
	return in.With("Entries", value.NewArray(list...))
}

func withRun(t kernel.Task, resources value.Value) value.Value {
	if resources.Kind() != value.Array && !resources.IsAbsent() {
		return resources // which is refused
	}
	var list []value.Value
	for _, r := range resources.Elements() {
		list = append(list, r)
	}
	execution := t.Run.Attributes.At(asl.AttributeExecution).Text()
	for _, arn := range []string{execution, asl.MachineARN(execution)} {
		if arn != "" {
			list = append(list, value.NewString(arn))
		}
	}
	return value.NewArray(list...)
}

// eventsTaken fails where any event was not taken.
func eventsTaken(answer value.Value) run.Outcome {
	if n, _ := answer.At("FailedEntryCount").Int64(); n > 0 {
		return run.Fail("EventBridge.FailedEntry", answer.Without("SdkHttpMetadata").Without("SdkResponseMetadata").JSON())
	}
	return run.Done(answer)
}

// startedByUs says who starts a task of ECS.
func startedByUs(_ kernel.Task, in value.Value) value.Value {
	if in.Kind() == value.Object && in.At("StartedBy").IsAbsent() {
		return in.With("StartedBy", value.NewString("AWS Step Functions"))
	}
	return in
}

// ecsPlaced fails where no task of ECS found a place.
func ecsPlaced(answer value.Value) run.Outcome {
	if answer.At("Failures").Len() > 0 {
		return run.Fail("AmazonECS.Unknown", answer.Without("SdkHttpMetadata").Without("SdkResponseMetadata").JSON())
	}
	return run.Done(answer)
}

// payloadAsJSON makes the payload of a function JSON, whatever it is.
func payloadAsJSON(_ kernel.Task, in value.Value) value.Value {
	if in.Kind() != value.Object {
		return in
	}
	payload := in.At("Payload")
	if payload.IsAbsent() {
		payload = value.EmptyObject
	}
	return in.With("Payload", value.NewString(payload.JSON()))
}

// parsed replaces a member by the JSON that its text is.
func parsed(answer value.Value, field string) value.Value {
	if v, err := value.Parse([]byte(answer.At(field).Text())); err == nil {
		return answer.With(field, v)
	}
	return answer
}

// invoked fails with what a function reports as its error.
func invoked(answer value.Value) run.Outcome {
	answer = parsed(answer, "Payload")
	if answer.At("FunctionError").Text() == "" {
		return run.Done(answer)
	}
	return FunctionError(answer.At("Payload"))
}

// FunctionError is how a task fails whose function answered with an error: by the error's own type, where it has one. What
// Lambda itself ends, as for its time or its memory, has none.
func FunctionError(payload value.Value) run.Outcome {
	if name := payload.At("errorType").Text(); name != "" {
		return run.Fail(name, payload.JSON())
	}
	return run.Fail("Lambda.Unknown", "The cause could not be determined because Lambda did not return an error type. Returned payload: "+payload.JSON())
}

// bodyAsJSON makes the input of a model JSON, unless it is text.
func bodyAsJSON(_ kernel.Task, in value.Value) value.Value { return jsonText(in, "Body") }

// bodyParsed shows the output of a model as the JSON that it is.
func bodyParsed(answer value.Value) run.Outcome { return run.Done(parsed(answer, "Body")) }
