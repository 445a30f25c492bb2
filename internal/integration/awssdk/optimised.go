package awssdk

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// optimised is a service with integrations of its own (arn:aws:states:::NAME:ACTION) beside aws-sdk:. Their members have
// the API's own names with a capital, their times are numbers, and results tell of the HTTP answer.
type optimised struct {
	name    string
	service string // of the model
	prefix  string // of errors
	java    string // the service in the texts of errors; those without a name of their own are its Exception
	tokens  bool   // there is .waitForTaskToken
	actions []optimisedAction
}

// optimisedAction is an action of an optimised service. What is nil is as everywhere.
type optimisedAction struct {
	name string
	// adapt turns parameters into those of the API.
	adapt func(t kernel.Task, in value.Value) value.Value
	// finish turns the API's answer into the task's outcome.
	finish func(answer value.Value) run.Outcome
	// sync is how the end of what was begun is found; nil: there is no .sync.
	sync *ending
}

// services is the table of the optimised integrations.
var services = []optimised{
	{"athena", "athena", "Athena", "AmazonAthena", false, []optimisedAction{
		{name: "startQueryExecution", sync: athenaQuery},
		{name: "stopQueryExecution"}, {name: "getQueryExecution"}, {name: "getQueryResults"},
	}},
	{"bedrock", "bedrockruntime", "Bedrock", "AmazonBedrockRuntime", true, []optimisedAction{
		{name: "invokeModel", adapt: bodyAsJSON, finish: bodyParsed},
	}},
	{"codebuild", "codebuild", "CodeBuild", "AWSCodeBuild", false, []optimisedAction{
		{name: "startBuild", sync: codeBuild}, {name: "startBuildBatch", sync: codeBuildBatch},
		{name: "stopBuild"}, {name: "stopBuildBatch"}, {name: "retryBuildBatch"}, {name: "deleteBuildBatch"},
		{name: "batchDeleteBuilds"}, {name: "batchGetReports"},
	}},
	{"databrew", "databrew", "DataBrew", "AWSGlueDataBrew", false, []optimisedAction{{name: "startJobRun", sync: dataBrewRun}}},
	{"dynamodb", "dynamodb", "DynamoDB", "AmazonDynamoDBv2", false, []optimisedAction{
		{name: "getItem"}, {name: "putItem"}, {name: "updateItem"}, {name: "deleteItem"},
	}},
	{"ecs", "ecs", "ECS", "AmazonECS", true, []optimisedAction{{name: "runTask", adapt: startedByUs, finish: ecsPlaced, sync: ecsTask}}},
	{"emr-containers", "emrcontainers", "EMRContainers", "AmazonEMRContainers", false, []optimisedAction{
		{name: "createVirtualCluster"}, {name: "deleteVirtualCluster"}, {name: "startJobRun", sync: emrContainersRun},
	}},
	{"emr-serverless", "emrserverless", "EMRServerless", "AWSEMRServerless", false, []optimisedAction{
		{name: "createApplication"}, {name: "startApplication"}, {name: "stopApplication"}, {name: "deleteApplication"},
		{name: "startJobRun", sync: emrServerlessRun}, {name: "cancelJobRun"},
	}},
	{"events", "eventbridge", "EventBridge", "AmazonEventBridge", true, []optimisedAction{
		{name: "putEvents", adapt: eventsOfRun, finish: eventsTaken},
	}},
	{"glue", "glue", "Glue", "AWSGlue", false, []optimisedAction{{name: "startJobRun", sync: glueRun}}},
	{"lambda", "lambda", "Lambda", "AWSLambda", true, []optimisedAction{{name: "invoke", adapt: payloadAsJSON, finish: invoked}}},
	{"mediaconvert", "mediaconvert", "MediaConvert", "AWSMediaConvert", false, []optimisedAction{{name: "createJob", sync: mediaConvertJob}}},
	{"sagemaker", "sagemaker", "SageMaker", "AmazonSageMaker", false, []optimisedAction{
		{name: "createTrainingJob", sync: sageMakerJob("TrainingJob")},
		{name: "createTransformJob", sync: sageMakerJob("TransformJob")},
		{name: "createProcessingJob", sync: sageMakerJob("ProcessingJob")},
		{name: "createHyperParameterTuningJob", sync: sageMakerJob("HyperParameterTuningJob")},
		{name: "createLabelingJob", sync: sageMakerJob("LabelingJob")},
		{name: "createEndpoint"}, {name: "createEndpointConfig"}, {name: "createModel"}, {name: "updateEndpoint"},
	}},
	{"sns", "sns", "SNS", "AmazonSNS", true, []optimisedAction{{name: "publish", adapt: asText("Message")}}},
	{"sqs", "sqs", "SQS", "AmazonSQS", true, []optimisedAction{{name: "sendMessage", adapt: asText("MessageBody")}}},
}

// Names lists the optimised resources, in order, and what all of aws-sdk: begin with.
func Names() []string {
	names := []string{statesPrefix + sdkPrefix, apiInvokeName, httpInvokeName}
	for _, s := range services {
		for _, a := range s.actions {
			names = append(names, statesPrefix+s.name+":"+a.name)
			if a.sync != nil {
				names = append(names, statesPrefix+s.name+":"+a.name+syncSuffix)
			}
		}
	}
	slices.Sort(names)
	return names
}

// findOptimised gives the service and the action of a resource, without what stands behind the action's name.
func findOptimised(service, action string) (*optimised, *optimisedAction) {
	for i := range services {
		s := &services[i]
		if s.name != service {
			continue
		}
		for j := range s.actions {
			if s.actions[j].name == action {
				return s, &s.actions[j]
			}
		}
	}
	return nil, nil
}

// optimisedFailure is an error of a service as the optimised integrations word it, which call through AWS's first SDK for
// Java.
func (r resource) optimisedFailure(e *serviceError) run.Outcome {
	name := strings.TrimSuffix(r.kind.java, "v2") + "Exception"
	if s := r.service.Fault(r.op, e.code); s != nil {
		name = awsmodel.Exception(s.Name)
	}
	message := e.message
	if message == "" {
		message = "null"
	}
	return run.Fail(r.kind.prefix+"."+name, Cause(message, r.kind.java, e.status, e.code, orNull(e.request)))
}

// Cause is the text of a service's error as AWS's first SDK for Java has it.
func Cause(message, service string, status int, code, request string) string {
	return fmt.Sprintf("%s (Service: %s; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)", message, service, status, code, request)
}

// withHTTP adds to a result what came with the answer that it is of.
func withHTTP(result value.Value, a *answer) value.Value {
	return WithHTTP(result, a.status, a.requestID(), spelled(a.header))
}

// WithHTTP is a result with how it came over HTTP, as AWS's first SDK for Java tells it: the id of the request, the status,
// and the headers by their names, as they are to be spelled. Its members are in order.
func WithHTTP(result value.Value, status int, request string, headers map[string][]string) value.Value {
	all, plain := shownHeaders(headers)
	result = result.With("SdkHttpMetadata", value.NewObject(
		value.Member{Name: "AllHttpHeaders", Value: all},
		value.Member{Name: "HttpHeaders", Value: plain},
		value.Member{Name: "HttpStatusCode", Value: value.NewInt(int64(status))},
	)).With("SdkResponseMetadata", value.NewObject(value.Member{Name: "RequestId", Value: value.NewString(request)}))
	var fields []value.Member
	for name, v := range result.Members() {
		fields = append(fields, value.Member{Name: name, Value: v})
	}
	return sorted(fields)
}

// shownHeaders are headers as objects: all texts of each, and the first.
func shownHeaders(headers map[string][]string) (all, first value.Value) {
	var lists, plain []value.Member
	for name, texts := range headers {
		var list []value.Value
		for _, s := range texts {
			list = append(list, value.NewString(s))
		}
		lists = append(lists, value.Member{Name: name, Value: value.NewArray(list...)})
		plain = append(plain, value.Member{Name: name, Value: list[0]})
	}
	return sorted(lists), sorted(plain)
}

// spelled are the headers of an answer by the names that AWS gives them. AWS says what HTTP/1.1 takes for granted, that
// the connection stays.
func spelled(h http.Header) map[string][]string {
	headers := map[string][]string{"Connection": {"keep-alive"}}
	for name, texts := range h {
		headers[headerName(name)] = texts
	}
	return headers
}

// headerName spells a header as AWS sends it; what HTTP libraries hand on is in Canonical-Case.
func headerName(name string) string {
	if own, ok := headerNames[name]; ok {
		return own
	}
	return name
}

var headerNames = map[string]string{
	"X-Amzn-Requestid": "x-amzn-RequestId", "X-Amz-Crc32": "x-amz-crc32", "X-Amz-Apigw-Id": "x-amz-apigw-id",
	"X-Amzn-Remapped-Content-Length": "x-amzn-Remapped-Content-Length",
}
