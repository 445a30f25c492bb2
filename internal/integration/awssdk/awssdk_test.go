package awssdk

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

const optimal = "arn:aws:states:::"

func wantJSON(t *testing.T, o run.Outcome, want string) {
	t.Helper()
	if o.Failure != nil {
		t.Fatalf("failed: %s: %s", o.Failure.Error, o.Failure.Cause)
	}
	if got := o.Output.JSON(); got != want {
		t.Errorf("the result is\n%s\nwant\n%s", got, want)
	}
}

func wantFailure(t *testing.T, o run.Outcome, name string, parts ...string) {
	t.Helper()
	if o.Failure == nil {
		t.Fatalf("it did not fail with %s: %s", name, o.Output.JSON())
	}
	if o.Failure.Error != name {
		t.Errorf("the error is %s, want %s (%s)", o.Failure.Error, name, o.Failure.Cause)
	}
	for _, p := range parts {
		if !strings.Contains(o.Failure.Cause, p) {
			t.Errorf("the cause %q does not say %q", o.Failure.Cause, p)
		}
	}
}

// TestAnswers reads what services of each protocol write.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resource, payload string
		status            int
		answer            string
		header            []string
		want              string
	}{
		"json": {
			sdk + "dynamodb:getItem", `{"TableName":"t","Key":{"id":{"S":"1"}}}`, 200,
			`{"Item":{"id":{"S":"1"},"b":{"B":"Ynl0ZXM="},"z":{"BOOL":true},"n":{"NULL":true}},"New":1,"ConsumedCapacity":{"CapacityUnits":0.5,"TableName":null}}`, nil,
			`{"ConsumedCapacity":{"CapacityUnits":0.5},"Item":{"id":{"S":"1"},"b":{"B":"bytes"},"z":{"Bool":true},"n":{"Nul":true}}}`,
		},
		"json times": {
			sdk + "sfn:describeActivity", `{"ActivityArn":"a"}`, 200, `{"activityArn":"a","name":"n","creationDate":1798977600.123}`, nil,
			`{"ActivityArn":"a","CreationDate":"2027-01-03T12:00:00.123Z","Name":"n"}`,
		},
		"json without a body": {sdk + "kms:enableKey", `{"KeyId":"k"}`, 200, ``, nil, `{}`},
		"rest-json": {
			sdk + "batch:describeJobs", `{"Jobs":["1"]}`, 200, `{"jobs":[{"jobId":"1","createdAt":1798977600123,"container":{"environment":[{"name":"A","value":"1"}]}}]}`, nil,
			`{"Jobs":[{"Container":{"Environment":[{"Name":"A","Value":"1"}]},"CreatedAt":1798977600123,"JobId":"1"}]}`,
		},
		"rest-json payload, header and status": {
			sdk + "lambda:invoke", `{"FunctionName":"f","Payload":"1"}`, 200, `{"a":1}`, []string{"X-Amz-Executed-Version", "$LATEST"},
			`{"ExecutedVersion":"$LATEST","Payload":"{\"a\":1}","StatusCode":200}`,
		},
		"query": {
			sdk + "sts:getCallerIdentity", `{}`, 200,
			`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`, nil,
			`{"Account":"1","Arn":"a","UserId":"u"}`,
		},
		"query lists, maps, times, numbers": {
			sdk + "sns:getTopicAttributes", `{"TopicArn":"t"}`, 200,
			`<R><GetTopicAttributesResult><Attributes><entry><key>Owner</key><value>1</value></entry><entry><key>Policy</key><value>{}</value></entry></Attributes></GetTopicAttributesResult></R>`, nil,
			`{"Attributes":{"Owner":"1","Policy":"{}"}}`,
		},
		"query lists of structures": {
			sdk + "rds:describeDBInstances", `{}`, 200,
			`<R><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>db</DBInstanceIdentifier><MultiAZ>false</MultiAZ><AllocatedStorage>20</AllocatedStorage><InstanceCreateTime>2026-11-22T12:00:00Z</InstanceCreateTime><DBSecurityGroups/></DBInstance></DBInstances></DescribeDBInstancesResult></R>`, nil,
			`{"DbInstances":[{"AllocatedStorage":20,"DbInstanceIdentifier":"db","DbSecurityGroups":[],"InstanceCreateTime":"2026-11-22T12:00:00Z","MultiAZ":false}]}`,
		},
		"ec2": {
			sdk + "ec2:describeInstances", `{"InstanceIds":["i-1","i-2"],"Filters":[{"Name":"tag:a","Values":["b"]}]}`, 200,
			`<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><amiLaunchIndex>0</amiLaunchIndex><ebsOptimized>true</ebsOptimized></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`, nil,
			`{"Reservations":[{"Instances":[{"AmiLaunchIndex":0,"EbsOptimized":true,"InstanceId":"i-1"}]}]}`,
		},
		"rest-xml": {
			sdk + "s3:listObjectsV2", `{"Bucket":"b"}`, 200,
			`<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key><Size>3</Size><ETag>"e"</ETag><LastModified>2026-11-22T12:00:00.000Z</LastModified></Contents><Contents><Key>c</Key></Contents></ListBucketResult>`, nil,
			`{"Contents":[{"ETag":"\"e\"","Key":"a&b","LastModified":"2026-11-22T12:00:00Z","Size":3},{"Key":"c"}],"IsTruncated":false,"Name":"b"}`,
		},
		"rest-xml stream": {
			sdk + "s3:getObject", `{"Bucket":"b","Key":"k"}`, 200, "héllo",
			[]string{"ETag", `"e"`, "Last-Modified", "Sun, 22 Nov 2026 12:00:00 GMT", "X-Amz-Meta-Run", "7", "Content-Type", "text/plain"},
			`{"Body":"héllo","ContentLength":6,"ContentType":"text/plain","ETag":"\"e\"","LastModified":"2026-11-22T12:00:00Z","Metadata":{"run":"7"}}`,
		},
		"rest-xml binary": {
			sdk + "s3:getObject", `{"Bucket":"b","Key":"k"}`, 200, "\xff\x00", []string{"Content-Type", "x/y"},
			`{"Body":"/wA=","ContentLength":2,"ContentType":"x/y"}`,
		},
		"rest-xml payload": {
			sdk + "s3:copyObject", `{"Bucket":"b","Key":"k","CopySource":"b/j"}`, 200, `<CopyObjectResult><ETag>e</ETag></CopyObjectResult>`, nil,
			`{"CopyObjectResult":{"ETag":"e"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.gives(c.status, c.answer, c.header...)
			o := do(t, s.client(), c.resource, c.payload)
			wantJSON(t, o, c.want)
			checkSignature(t, s)
		})
	}
}

// TestEC2 has a protocol of its own, of which AWS's client is too large to be held against.
func TestEC2(t *testing.T) {
	t.Parallel()
	s := newService(t)
	do(t, s.client(), sdk+"ec2:describeInstances", `{"InstanceIds":["i-1","i-2"],"Filters":[{"Name":"tag:a","Values":["b","c"]}],"DryRun":false}`)
	want := "Action=DescribeInstances&DryRun=false&Filter.1.Name=tag%3Aa&Filter.1.Value.1=b&Filter.1.Value.2=c&InstanceId.1=i-1&InstanceId.2=i-2&Version=2016-11-15"
	if string(s.body) != want {
		t.Errorf("sent %s\nwant %s", s.body, want)
	}
}

// TestErrors words what services say no with as Step Functions does.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resource, payload string
		status            int
		answer            string
		header            []string
		error, cause      string
	}{
		"json": {
			sdk + "dynamodb:putItem", `{"TableName":"t","Item":{}}`, 400,
			`{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`, []string{"x-amzn-RequestId", "R"},
			"DynamoDb.ConditionalCheckFailedException", "The conditional request failed (Service: DynamoDb, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)",
		},
		"an error that its model lacks": {
			sdk + "dynamodb:putItem", `{"TableName":"t","Item":{}}`, 400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"no"}`, []string{"x-amzn-RequestId", "R"},
			"DynamoDb.DynamoDbException", "no (Service: DynamoDb, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)",
		},
		"without Exception in its name": {
			sdk + "sfn:sendTaskSuccess", `{"TaskToken":"t","Output":"{}"}`, 400, `{"__type":"InvalidToken","message":"Invalid Token: 'Invalid token'"}`, []string{"x-amzn-RequestId", "R"},
			"Sfn.InvalidTokenException", "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)",
		},
		"rest-json": {
			sdk + "lambda:getFunction", `{"FunctionName":"f"}`, 404, `{"Type":"User","Message":"Function not found"}`, []string{"X-Amzn-ErrorType", "ResourceNotFoundException:http://x", "x-amzn-RequestId", "R"},
			"Lambda.ResourceNotFoundException", "Function not found (Service: Lambda, Status Code: 404, Request ID: R) (SDK Attempt Count: 1)",
		},
		"query": {
			sdk + "sns:publish", `{"Message":"m"}`, 404, `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error><RequestId>R</RequestId></ErrorResponse>`, nil,
			"Sns.NotFoundException", "Topic does not exist (Service: Sns, Status Code: 404, Request ID: R) (SDK Attempt Count: 1)",
		},
		"query with a fault": {
			sdk + "rds:describeDBInstances", `{}`, 404, `<ErrorResponse><Error><Code>DBInstanceNotFound</Code><Message>no</Message></Error><RequestId>R</RequestId></ErrorResponse>`, nil,
			"Rds.DbInstanceNotFoundException", "no (Service: Rds, Status Code: 404, Request ID: R) (SDK Attempt Count: 1)",
		},
		"ec2": {
			sdk + "ec2:describeInstances", `{}`, 400, `<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>no</Message></Error></Errors><RequestID>R</RequestID></Response>`, nil,
			"Ec2.Ec2Exception", "no (Service: Ec2, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)",
		},
		"rest-xml": {
			sdk + "s3:getObject", `{"Bucket":"b","Key":"k"}`, 404, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><RequestId>R</RequestId></Error>`, []string{"x-amz-request-id", "R", "x-amz-id-2", "X"},
			"S3.NoSuchKeyException", "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: R, Extended Request ID: X) (SDK Attempt Count: 1)",
		},
		"rest-xml without a body": {
			sdk + "s3:headObject", `{"Bucket":"b","Key":"k"}`, 404, "", []string{"x-amz-request-id", "R"},
			"S3.NoSuchKeyException", "null (Service: S3, Status Code: 404, Request ID: R) (SDK Attempt Count: 1)",
		},
		"optimised": {
			optimal + "dynamodb:putItem", `{"TableName":"t","Item":{}}`, 400, `{"__type":"x#ConditionalCheckFailedException","message":"no"}`, []string{"x-amzn-RequestId", "R"},
			"DynamoDB.ConditionalCheckFailedException", "no (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ConditionalCheckFailedException; Request ID: R; Proxy: null)",
		},
		"optimised, an error that its model lacks": {
			optimal + "dynamodb:putItem", `{"TableName":"t","Item":{}}`, 400, `{"__type":"x#ValidationException","message":"no"}`, []string{"x-amzn-RequestId", "R"},
			"DynamoDB.AmazonDynamoDBException", "no (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: R; Proxy: null)",
		},
		"a redirect": {
			sdk + "s3:getObject", `{"Bucket":"b","Key":"k"}`, 301, `<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>`, []string{"Location", "http://127.0.0.1:1/"},
			"S3.S3Exception", "elsewhere (Service: S3, Status Code: 301, Request ID: null) (SDK Attempt Count: 1)",
		},
		"not of the protocol": {
			sdk + "dynamodb:putItem", `{"TableName":"t","Item":{}}`, 502, `<html>bad gateway`, nil,
			"DynamoDb.DynamoDbException", "null (Service: DynamoDb, Status Code: 502, Request ID: null) (SDK Attempt Count: 1)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.gives(c.status, c.answer, c.header...)
			o := do(t, s.client(), c.resource, c.payload)
			wantFailure(t, o, c.error, c.cause)
			if o.Failure.Cause != c.cause {
				t.Errorf("the cause is %q, want %q", o.Failure.Cause, c.cause)
			}
		})
	}
}

// TestHostileAnswers ends cleanly, whatever comes back.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ resource, payload, answer, want string }{
		"broken JSON":     {sdk + "dynamodb:listTables", `{}`, `{"TableNames":[`, "reading the answer of ListTables"},
		"no object":       {sdk + "dynamodb:listTables", `{}`, `[]`, "no JSON object"},
		"deep JSON":       {sdk + "dynamodb:listTables", `{}`, strings.Repeat("[", 100_000), "reading the answer"},
		"broken XML":      {sdk + "s3:listBuckets", `{}`, `<a><b>`, "reading the answer of ListBuckets"},
		"deep XML":        {sdk + "s3:listBuckets", `{}`, strings.Repeat("<a>", 100_000), "200 deep"},
		"entities":        {sdk + "s3:listBuckets", `{}`, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "document type"},
		"an entity":       {sdk + "s3:listBuckets", `{}`, `<a>&b;</a>`, "entity"},
		"longer than any": {sdk + "s3:getObject", `{"Bucket":"b","Key":"k"}`, strings.Repeat("x", maxAnswer+1), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.gives(200, c.answer)
			o := do(t, s.client(), c.resource, c.payload)
			if o.Failure == nil || !strings.HasSuffix(o.Failure.Error, ".SdkClientException") || !strings.Contains(o.Failure.Cause, c.want) {
				t.Errorf("the failure is %+v, want one that says %q", o.Failure, c.want)
			}
		})
	}
	// What is of another type than the model says stays as it came.
	s := newService(t)
	s.gives(200, `{"TableNames":{"a":1},"LastEvaluatedTableName":[1]}`)
	wantJSON(t, do(t, s.client(), sdk+"dynamodb:listTables", `{}`), `{"LastEvaluatedTableName":[1],"TableNames":{"a":1}}`)
}

// TestRedirects are not followed: nobody has configured where they lead.
func TestRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	s := newService(t)
	s.gives(307, "", "Location", elsewhere.URL)
	wantFailure(t, do(t, s.client(), sdk+"dynamodb:listTables", `{}`), "DynamoDb.DynamoDbException", "Status Code: 307")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"TableName":"t","Key":{"id":{"S":"1"}}}`:                   "",
		`{"TableName":"t","Key":{"id":{"S":"1"}},"Extra":1}`:         "The field \"Extra\" is not supported by Step Functions",
		`{"tableName":"t","Key":{}}`:                                 "The field \"tableName\" is not supported by Step Functions, The field 'TableName' is required but was missing",
		`{"TableName":null,"Key":{}}`:                                "The field 'TableName' is required but was missing",
		`{"TableName":1,"Key":{}}`:                                   "The value for the field 'TableName' must be a STRING",
		`{"TableName":"t","Key":[]}`:                                 "The value for the field 'Key' must be an OBJECT",
		`{"TableName":"t","Key":{"id":{"s":"1"}}}`:                   "The field \"s\" is not supported by Step Functions",
		`{"TableName":"t","Key":{},"ConsistentRead":"yes"}`:          "The value for the field 'ConsistentRead' must be a BOOLEAN",
		`{"TableName":"t","Key":{},"AttributesToGet":"a"}`:           "The value for the field 'AttributesToGet' must be an ARRAY",
		`{"TableName":"t","Key":{},"AttributesToGet":["a",{"b":1}]}`: "The value for the field 'AttributesToGet' must be a STRING",
		`"text"`: "The value for the field 'Parameters' must be an OBJECT",
	} {
		r, err := parse(sdk + "dynamodb:getItem")
		if err != nil {
			t.Fatal(err)
		}
		no := r.check(taskOf(sdk+"dynamodb:getItem", payload))
		switch {
		case want == "" && no != nil:
			t.Errorf("%s: %s", payload, no.Cause)
		case want != "" && (no == nil || no.Error != "States.Runtime" || no.Cause != "The Parameters '"+payload+"' could not be used to start the Task: ["+want+"]"):
			t.Errorf("%s: %+v, want %s", payload, no, want)
		}
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		sdk + "s3:getObject":                               "",
		sdk + "sfn:startExecution.waitForTaskToken":        "",
		optimal + "sqs:sendMessage":                        "",
		optimal + "sqs:sendMessage.waitForTaskToken":       "",
		optimal + "ecs:runTask.sync":                       "",
		optimal + "http:invoke":                            "",
		"arn:aws-us-gov:states:::aws-sdk:s3:getObject":     "",
		sdk + "s3:getobject":                               `AWS's service "s3" has no action "getobject"; did you mean "getObject"?`,
		sdk + "s3:GetObject":                               `did you mean "getObject"?`,
		sdk + "dynamdb:getItem":                            `AWS has no service "dynamdb"; did you mean "dynamodb"?`,
		sdk + "s3:getObject.sync":                          "no action",
		sdk + "s3":                                         "no action",
		sdk:                                                "no service",
		optimal + "sqs:sendMesage":                         `did you mean "arn:aws:states:::sqs:sendMessage"?`,
		optimal + "dynamodb:putItem.waitForTaskToken":      "there is no resource",
		optimal + "ecs:runTask.sync.waitForTaskToken":      "there is no resource",
		optimal + "sqs:sendMessage.sync":                   "there is no resource",
		optimal + "glue:startJobRun.sync:2":                "there is no resource",
		"arn:aws:lambda:eu-west-1:123456789012:function:f": "no resource of Step Functions",
		"arn:aws:states:eu-west-1:1:activity:a":            "there is no resource",
		"":                                                 "no resource of Step Functions",
	} {
		err := Known(resource)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", resource, err, want)
		}
	}
	for _, name := range Names() {
		if strings.HasSuffix(name, ":") {
			continue
		}
		if err := Known(name); err != nil {
			t.Error(err)
		}
	}
}

// TestTables holds the tables of the optimised integrations against the models.
func TestTables(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	for _, name := range Names() {
		s, ok := c.Find(name).(*synced)
		if !ok {
			continue
		}
		d, end := s.describe(), s.resource.action.sync
		shape := d.op.Output.Shape
		for _, field := range end.at {
			_, m := shape.Field(awsmodel.Capitalized, field)
			if m == nil {
				t.Fatalf("%s: %s has no %s", name, end.describe, field)
			}
			shape = m.Shape
		}
		if end.first {
			shape = shape.Item.Shape
		}
		for _, field := range end.status {
			_, m := shape.Field(awsmodel.Capitalized, field)
			if m == nil {
				t.Fatalf("%s: the document of %s has no %s", name, end.describe, field)
			}
			shape = m.Shape
		}
		for _, status := range append(end.done, end.failed...) {
			if shape.Enum != nil && !contains(shape.Enum, status) {
				t.Errorf("%s: %s never has the status %s, but %v", name, end.describe, status, shape.Enum)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestClass(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	for resource, want := range map[string]kernel.Class{
		sdk + "s3:getObject":                         kernel.AtLeastOnce,
		sdk + "dynamodb:batchGetItem":                kernel.AtLeastOnce,
		sdk + "dynamodb:putItem":                     kernel.AtMostOnce,
		sdk + "ecs:runTask":                          kernel.Idempotent,
		sdk + "athena:startQueryExecution":           kernel.Idempotent,
		optimal + "sqs:sendMessage":                  kernel.AtMostOnce,
		optimal + "ecs:runTask.sync":                 kernel.Queryable,
		optimal + "sagemaker:createTrainingJob.sync": kernel.Queryable,
		optimal + "glue:startJobRun.sync":            kernel.Queryable,
		optimal + "glue:startJobRun":                 kernel.AtMostOnce,
		optimal + "http:invoke":                      kernel.AtMostOnce,
	} {
		if got := c.Find(resource).Class(); got != want {
			t.Errorf("%s is %v, want %v", resource, got, want)
		}
	}
}

func TestIdempotencyToken(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.gives(200, `{}`)
	token := func(payload string) string {
		do(t, s.client(), sdk+"athena:startQueryExecution", payload)
		v, err := value.Parse(s.body)
		if err != nil {
			t.Fatal(err)
		}
		return v.At("ClientRequestToken").Text()
	}
	first := token(`{"QueryString":"SELECT 1"}`)
	if again := token(`{"QueryString":"SELECT 1"}`); first == "" || first != again || len(first) != 36 {
		t.Errorf("the token is %q, then %q", first, again)
	}
	if own := token(`{"QueryString":"SELECT 1","ClientRequestToken":"mine"}`); own != "mine" {
		t.Errorf("the file's own token became %q", own)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	at := func(conf Config, service string) string {
		conf.Region = "eu-west-1"
		s, err := awsmodel.Lookup(service)
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(Options{Config: conf}).endpoint(s)
		if err != nil {
			return err.Error()
		}
		return e.url.String() + " " + e.region
	}
	for _, c := range []struct {
		conf          Config
		service, want string
	}{
		{Config{}, "s3", `no endpoint is configured for AWS's service "s3": add to the configuration: aws: {endpoints: {s3: URL}}, or aws: {endpoint: URL} for all services`},
		{Config{Endpoint: "http://x:1/"}, "s3", "http://x:1 eu-west-1"},
		{Config{Endpoint: "http://x:1", Endpoints: map[string]string{"s3": "http://y:2"}}, "s3", "http://y:2 eu-west-1"},
		{Config{Endpoint: Public}, "s3", "https://s3.eu-west-1.amazonaws.com eu-west-1"},
		{Config{Endpoint: Public}, "cloudwatchlogs", "https://logs.eu-west-1.amazonaws.com eu-west-1"},
		{Config{Endpoint: Public}, "iam", "https://iam.amazonaws.com us-east-1"},
		{Config{Endpoint: Public}, "sts", "https://sts.eu-west-1.amazonaws.com eu-west-1"},
		{Config{Endpoints: map[string]string{"s3": ""}, Endpoint: "http://x:1"}, "s3", "no endpoint is configured"},
	} {
		if got := at(c.conf, c.service); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s with %+v is %q, want %q", c.service, c.conf, got, c.want)
		}
	}
	c := New(Options{})
	if err := c.Missing(sdk + "s3:getObject"); err == nil {
		t.Error("nothing is missing where nothing is configured")
	}
	wantFailure(t, do(t, c, sdk+"s3:listBuckets", `{}`), "S3.SdkClientException", "add to the configuration")
	bad := Config{Endpoint: "ftp://x", Endpoints: map[string]string{"s3": "http://u:p@x", "dynamdb": "http://x"}}
	if errs := bad.Check(); len(errs) != 3 {
		t.Errorf("the configuration's faults are %v", errs)
	}
}

// TestUnsigned: without keys nothing is signed.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.gives(200, `{}`)
	do(t, New(Options{Config: Config{Region: "eu-west-1", Endpoint: s.URL}}), sdk+"dynamodb:listTables", `{}`)
	if a := s.seen.Header.Get("Authorization"); a != "" {
		t.Errorf("it is signed: %q", a)
	}
}

// TestSelf calls a service that is this server, as the run's owner.
func TestSelf(t *testing.T) {
	t.Parallel()
	var owner string
	c := New(Options{Self: map[string]func(string) http.RoundTripper{"sfn": func(o string) http.RoundTripper {
		return tripper(func(q *http.Request) (*http.Response, error) {
			owner = o
			w := httptest.NewRecorder()
			_, _ = w.WriteString(`{"activities":[]}`)
			return w.Result(), nil
		})
	}}})
	wantJSON(t, do(t, c, sdk+"sfn:listActivities", `{}`), `{"Activities":[]}`)
	if owner != "ann" {
		t.Errorf("the caller is %q", owner)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }
