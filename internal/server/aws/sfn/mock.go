package sfn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// mockMode says how a mocked result is held against the model of the API that would give it.
type mockMode string

const (
	mockStrict  mockMode = "STRICT"  // what is there has to fit, and what is required has to be there
	mockPresent mockMode = "PRESENT" // what is there has to fit
	mockNone    mockMode = "NONE"
)

// polled is what .sync integrations ask until the work has ended: its answer is the result, and a mock is held against
// its model. Where an action is not named, its own answer is.
var polled = map[string]string{
	"athena:startQueryExecution":          "getQueryExecution",
	"batch:submitJob":                     "describeJobs",
	"bedrock:createModelCustomizationJob": "getModelCustomizationJob",
	"codebuild:startBuild":                "batchGetBuilds",
	"codebuild:startBuildBatch":           "batchGetBuildBatches",
	"databrew:startJobRun":                "describeJobRun",
	"ecs:runTask":                         "describeTasks",
	"eks:createCluster":                   "describeCluster",
	"eks:createFargateProfile":            "describeFargateProfile",
	"eks:createNodegroup":                 "describeNodegroup",
	"emr:addStep":                         "describeStep",
	"emr:createCluster":                   "describeCluster",
	"emr:terminateCluster":                "describeCluster",
	"emrcontainers:createVirtualCluster":  "describeVirtualCluster",
	"emrcontainers:deleteVirtualCluster":  "describeVirtualCluster",
	"emrcontainers:startJobRun":           "describeJobRun",
	"emrserverless:createApplication":     "getApplication",
	"emrserverless:startApplication":      "getApplication",
	"emrserverless:startJobRun":           "getJobRun",
	"emrserverless:stopApplication":       "getApplication",
	"glue:startJobRun":                    "getJobRun",
	"mediaconvert:createJob":              "getJob",
	"sagemaker:createLabelingJob":         "describeLabelingJob",
	"sagemaker:createProcessingJob":       "describeProcessingJob",
	"sagemaker:createTrainingJob":         "describeTrainingJob",
	"sagemaker:createTransformJob":        "describeTransformJob",
	"sfn:startExecution":                  "describeExecution",
}

// modelNames are the services that optimised integrations call otherwise than SDK integrations do.
var modelNames = map[string]string{
	"elasticmapreduce": "emr",
	"emr-containers":   "emrcontainers",
	"emr-serverless":   "emrserverless",
	"events":           "eventbridge",
	"states":           "sfn",
}

// mockedAPI finds the shape of what a resource gives; nil: there is no model to hold a mock against.
func mockedAPI(resource string) (*awsmodel.Member, awsmodel.Spelling) {
	name, ok := strings.CutPrefix(resource, "arn:aws:states:::")
	if !ok {
		return nil, nil // a function, an activity
	}
	spelling := awsmodel.Spelling(awsmodel.Capitalized)
	if name, ok = strings.CutPrefix(name, "aws-sdk:"); ok {
		spelling = awsmodel.PascalCase
	}
	service, action, _ := strings.Cut(name, ":")
	action, pattern, _ := strings.Cut(action, ".")
	if model, ok := modelNames[service]; ok {
		service = model
	}
	if service == "bedrock" && action == "invokeModel" {
		service = "bedrockruntime"
	}
	if strings.HasPrefix(pattern, "sync") {
		if poll, ok := polled[service+":"+action]; ok {
			action = poll
		}
	}
	model, err := awsmodel.Lookup(service)
	if err != nil {
		return nil, nil // http:invoke, apigateway:invoke, our own
	}
	op, err := model.Action(action)
	if err != nil || op.Output == nil {
		return nil, nil // eks:call, eks:runJob
	}
	return &op.Output.Member, spelling
}

// parsedPayloads are fields that optimised integrations hand on as JSON, though the API has bytes there.
var parsedPayloads = map[string]string{
	"arn:aws:states:::lambda:invoke":       "Payload",
	"arn:aws:states:::bedrock:invokeModel": "Body",
}

// checkMock holds a mocked result against the model of the API that the resource calls, and says in AWS's words what the
// first fault is; empty: none.
func checkMock(resource string, mode mockMode, result value.Value) string {
	output, spelling := mockedAPI(resource)
	if mode == mockNone || output == nil {
		return ""
	}
	if result.Kind() != value.Object {
		return "Mocked result must be a JSON object."
	}
	base, _, _ := strings.Cut(resource, ".")
	c := mockCheck{mode: mode, spelling: spelling, free: parsedPayloads[base]}
	if fault := c.structure(output.Shape, result); fault != "" {
		return "Mock result schema validation error: " + fault
	}
	return ""
}

// mockCheck is the check of one mock. Its methods say what the first fault is; empty: none.
type mockCheck struct {
	mode     mockMode
	spelling awsmodel.Spelling
	free     string // a field that may be anything
}

func (c *mockCheck) structure(s *awsmodel.Shape, v value.Value) string {
	if c.mode == mockStrict {
		for _, own := range s.Required {
			name := c.spelling(own)
			if m, ok := v.Get(name); !ok || m.IsNull() {
				return fmt.Sprintf("Required field '%s' is missing", name)
			}
		}
	}
	for name, m := range v.Members() {
		_, field := s.Field(c.spelling, name)
		if field == nil || m.IsNull() || name == c.free {
			continue
		}
		if fault := c.value(field.Shape, name, m); fault != "" {
			return fault
		}
	}
	return ""
}

// kinds are what JSON has for the types of a model, with the article of AWS's text.
var kinds = map[string]struct {
	kind value.Kind
	text string
}{
	awsmodel.Structure: {value.Object, "an object"}, awsmodel.Map: {value.Object, "an object"}, awsmodel.List: {value.Array, "an array"},
	awsmodel.String: {value.String, "a string"}, awsmodel.Blob: {value.String, "a string"}, awsmodel.Character: {value.String, "a string"},
	awsmodel.Timestamp: {value.String, "a string"}, awsmodel.Boolean: {value.Bool, "a boolean"},
	awsmodel.Integer: {value.Number, "a number"}, awsmodel.Long: {value.Number, "a number"},
	awsmodel.Float: {value.Number, "a number"}, awsmodel.Double: {value.Number, "a number"},
}

// value checks what stands in the field name.
func (c *mockCheck) value(s *awsmodel.Shape, name string, v value.Value) string {
	if s.Type == awsmodel.Structure && len(s.Members) == 0 {
		return "" // a document: any JSON
	}
	want := kinds[s.Type]
	if v.Kind() != want.kind {
		return fmt.Sprintf("Field '%s' must be %s", name, want.text)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v.Text()) {
		return fmt.Sprintf("Field '%s' is not an expected value", name)
	}
	if fault := bounds(s, v); fault != "" {
		return fmt.Sprintf("Field '%s' is %s", name, fault)
	}
	switch s.Type {
	case awsmodel.Structure:
		return c.structure(s, v)
	case awsmodel.List:
		for _, e := range v.Elements() {
			if fault := c.value(s.Item.Shape, name, e); fault != "" {
				return fault
			}
		}
	case awsmodel.Map:
		for _, e := range v.Members() {
			if fault := c.value(s.Value.Shape, name, e); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// bounds says which bound of its shape a value is beyond.
func bounds(s *awsmodel.Shape, v value.Value) string {
	size, what := float64(v.Len()), "length"
	switch v.Kind() {
	case value.Number:
		size, _ = v.Float64()
		what = "value"
	case value.String:
		size = float64(len([]rune(v.Text())))
	case value.Bool:
		return ""
	}
	switch {
	case s.Min != nil && size < *s.Min:
		return "smaller than the minimum " + what
	case s.Max != nil && size > *s.Max:
		return "larger than the maximum " + what
	}
	return ""
}
