package asl

import (
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// neededArguments are the fields without which Step Functions takes no call of an integration.
var neededArguments = map[string][]string{
	"batch:submitJob":       {"JobDefinition", "JobName", "JobQueue"},
	"dynamodb:deleteItem":   {"TableName", "Key"},
	"dynamodb:getItem":      {"TableName", "Key"},
	"dynamodb:putItem":      {"TableName", "Item"},
	"dynamodb:updateItem":   {"TableName", "Key"},
	"ecs:runTask":           {"TaskDefinition"},
	"events:putEvents":      {"Entries"},
	"glue:startJobRun":      {"JobName"},
	"lambda:invoke":         {"FunctionName"},
	"sns:publish":           {"Message"},
	"sqs:sendMessage":       {"QueueUrl", "MessageBody"},
	"states:startExecution": {"StateMachineArn"},
}

// checkArguments refuses a call of an integration of AWS without its arguments.
func (o *object) checkArguments(arn, field string) {
	call, ok := strings.CutPrefix(arn, "arn:aws:states:::")
	if !ok || !strings.Contains(call, ":") || o.c.terms.lenient {
		return
	}
	given, ok := o.value.Get(field)
	if !ok {
		if !o.downgraded && !slices.ContainsFunc(o.foreign, o.has) {
			o.fault("Resource", "%s field is required for resource ARN: %s", field, arn)
		}
		return
	}
	name, _, _ := strings.Cut(call, ".")
	for _, needed := range neededArguments[name] {
		_, static := given.Get(needed)
		_, dynamic := given.Get(needed + ".$")
		if given.Kind() == value.Object && !static && !dynamic {
			o.fault(field, "The field '%s' is required but was missing", needed)
		}
	}
}
