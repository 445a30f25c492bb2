package awssdk

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// plainResult is a result without how it came over HTTP.
func plainResult(o run.Outcome) run.Outcome {
	o.Output = o.Output.Without("SdkHttpMetadata").Without("SdkResponseMetadata")
	return o
}

func TestHTTPMetadata(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.gives(200, `{"MessageId":"m","MD5OfMessageBody":"5"}`, "X-Amzn-RequestId", "R", "Content-Type", "application/x-amz-json-1.0", "Date", "today")
	wantJSON(t, do(t, s.client(), optimal+"sqs:sendMessage", `{"QueueUrl":"http://q","MessageBody":{"b":2.50,"a":[1]}}`),
		`{"MD5OfMessageBody":"5","MessageId":"m","SdkHttpMetadata":{"AllHttpHeaders":{"Connection":["keep-alive"],"Content-Length":["40"],"Content-Type":["application/x-amz-json-1.0"],"Date":["today"],"x-amzn-RequestId":["R"]},"HttpHeaders":{"Connection":"keep-alive","Content-Length":"40","Content-Type":"application/x-amz-json-1.0","Date":"today","x-amzn-RequestId":"R"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"R"}}`)
	if want := `{"MessageBody":"{\"b\":2.50,\"a\":[1]}","QueueUrl":"http://q"}`; string(s.body) != want {
		t.Errorf("sent %s, want %s", s.body, want)
	}
}

func TestLambda(t *testing.T) {
	t.Parallel()
	s := newService(t)
	c := s.client()
	invoke := func(payload string) run.Outcome { return plainResult(do(t, c, optimal+"lambda:invoke", payload)) }

	s.gives(200, `{"n":1.50}`, "X-Amz-Executed-Version", "7")
	wantJSON(t, invoke(`{"FunctionName":"f:live","Qualifier":"live","ClientContext":"e30=","Payload":"text"}`), `{"ExecutedVersion":"7","Payload":{"n":1.50},"StatusCode":200}`)
	if string(s.body) != `"text"` || s.seen.Header.Get("X-Amz-Client-Context") != "e30=" || s.seen.URL.Query().Get("Qualifier") != "live" {
		t.Errorf("sent %s to %s with %v", s.body, s.seen.URL, s.seen.Header)
	}
	invoke(`{"FunctionName":"f"}`)
	if string(s.body) != `{}` {
		t.Errorf("without a payload, %s is sent", s.body)
	}
	task := taskOf("arn:aws:lambda:eu-west-1:123456789012:function:f", `[1]`)
	wantJSON(t, c.Invoke(t.Context(), task, task.Order.Resource), `{"n":1.50}`)
	if string(s.body) != `[1]` || !strings.Contains(s.seen.RequestURI, "/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af/invocations") {
		t.Errorf("sent %s to %s", s.body, s.seen.RequestURI)
	}

	s.gives(200, `{"errorMessage": "no data", "errorType": "NoData", "stackTrace": []}`, "X-Amz-Function-Error", "Unhandled")
	wantFailure(t, invoke(`{"FunctionName":"f"}`), "NoData", `{"errorMessage":"no data","errorType":"NoData","stackTrace":[]}`)
	s.gives(200, `"broken"`, "X-Amz-Function-Error", "Unhandled")
	wantFailure(t, invoke(`{"FunctionName":"f"}`), "Lambda.Unknown", `The cause could not be determined because Lambda did not return an error type. Returned payload: "broken"`)
	s.gives(404, `{"Message":"Function not found: f"}`, "X-Amzn-ErrorType", "ResourceNotFoundException", "X-Amzn-RequestId", "R")
	wantFailure(t, invoke(`{"FunctionName":"f"}`), "Lambda.ResourceNotFoundException", "Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: R; Proxy: null)")
	if !c.HasLambda() || New(Options{}).HasLambda() {
		t.Error("who has an endpoint for functions is not known")
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.gives(200, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	task := taskOf(optimal+"events:putEvents", `{"Entries":[{"Detail":{"a":1},"DetailType":"t","Source":"s","Resources":["r"]},{"Detail":"{}"}]}`)
	task.Run.Attributes = value.MustParse(`{"executionArn":"arn:aws:states:r:1:execution:m:e"}`)
	in := s.client().Find(task.Order.Resource).(kernel.Doer)
	wantJSON(t, plainResult(in.Do(t.Context(), task, nil)), `{"Entries":[{"EventId":"1"}],"FailedEntryCount":0}`)
	const us = `"arn:aws:states:r:1:execution:m:e","arn:aws:states:r:1:stateMachine:m"`
	if want := `{"Entries":[{"Detail":"{\"a\":1}","DetailType":"t","Resources":["r",` + us + `],"Source":"s"},{"Detail":"{}","Resources":[` + us + `]}]}`; string(s.body) != want {
		t.Errorf("sent %s\nwant %s", s.body, want)
	}
	s.gives(200, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"x","ErrorMessage":"y"}]}`)
	wantFailure(t, in.Do(t.Context(), task, nil), "EventBridge.FailedEntry", `{"Entries":[{"ErrorCode":"x","ErrorMessage":"y"}],"FailedEntryCount":1}`)
}

// script answers by the operation that is asked for, each time with the next answer, the last one again and again.
type script struct {
	t       *testing.T
	answers map[string][]string
	asked   []string
	bodies  map[string]string
}

// RoundTrip implements http.RoundTripper. An answer that begins with a status is an error.
func (s *script) RoundTrip(q *http.Request) (*http.Response, error) {
	op := q.Header.Get("X-Amz-Target")
	op = op[strings.LastIndexByte(op, '.')+1:]
	body, _ := io.ReadAll(q.Body)
	s.asked = append(s.asked, op)
	s.bodies[op] = string(body)
	list := s.answers[op]
	if len(list) == 0 {
		s.t.Errorf("asked for %s", op)
		return nil, io.EOF
	}
	answer := list[0]
	if len(list) > 1 {
		s.answers[op] = list[1:]
	}
	w := httptest.NewRecorder()
	if status, rest, ok := strings.Cut(answer, " "); ok && len(status) == 3 {
		var n int
		fmt.Sscan(status, &n)
		w.WriteHeader(n)
		answer = rest
	}
	if answer == "broken off" {
		return nil, io.ErrUnexpectedEOF
	}
	_, _ = w.WriteString(answer)
	return w.Result(), nil
}

// scripted is a client whose services answer from a script, in virtual time.
func scripted(t *testing.T, answers map[string][]string) (*Client, *script) {
	s := &script{t: t, answers: answers, bodies: map[string]string{}}
	return New(Options{Config: Config{Region: "eu-west-1", Endpoint: "http://service", Keys: testKeys}, Transport: s}), s
}

func TestSync(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resource, payload string
		answers           map[string][]string
		want              string // the result, or the error and its cause
	}{
		"glue": {
			"glue:startJobRun", `{"JobName":"j"}`,
			map[string][]string{"StartJobRun": {`{"JobRunId":"r"}`}, "GetJobRun": {
				`{"JobRun":{"JobRunState":"RUNNING"}}`, "broken off", `500 {}`, `400 {"__type":"ThrottlingException"}`, `400 {"__type":"EntityNotFoundException"}`,
				`{"JobRun":{"Id":"r","JobRunState":"SUCCEEDED","StartedOn":1798977600}}`,
			}},
			`{"Id":"r","JobRunState":"SUCCEEDED","StartedOn":1798977600000}`,
		},
		"glue fails": {
			"glue:startJobRun", `{"JobName":"j"}`,
			map[string][]string{"StartJobRun": {`{"JobRunId":"r"}`}, "GetJobRun": {`{"JobRun":{"JobRunState":"FAILED","ErrorMessage":"e"}}`}},
			`States.TaskFailed {"ErrorMessage":"e","JobRunState":"FAILED"}`,
		},
		"not begun": {
			"glue:startJobRun", `{"JobName":"j"}`, map[string][]string{"StartJobRun": {`400 {"__type":"EntityNotFoundException","message":"m"}`}},
			`Glue.EntityNotFoundException m (Service: AWSGlue; Status Code: 400; Error Code: EntityNotFoundException; Request ID: null; Proxy: null)`,
		},
		"no longer allowed to ask": {
			"glue:startJobRun", `{"JobName":"j"}`, map[string][]string{"StartJobRun": {`{"JobRunId":"r"}`}, "GetJobRun": {`400 {"__type":"AccessDeniedException","message":"m"}`}},
			`Glue.AccessDeniedException m (Service: AWSGlue; Status Code: 400; Error Code: AccessDeniedException; Request ID: null; Proxy: null)`,
		},
		"ecs": {
			"ecs:runTask", `{"TaskDefinition":"d","Cluster":"c"}`,
			map[string][]string{"RunTask": {`{"tasks":[{"taskArn":"t"}]}`}, "DescribeTasks": {`{"tasks":[{"lastStatus":"PENDING"}]}`, `{"tasks":[{"taskArn":"t","lastStatus":"STOPPED","containers":[{"exitCode":0}]}]}`}},
			`{"Containers":[{"ExitCode":0}],"LastStatus":"STOPPED","TaskArn":"t"}`,
		},
		"ecs, a container fails": {
			"ecs:runTask", `{"TaskDefinition":"d"}`,
			map[string][]string{"RunTask": {`{"tasks":[{"taskArn":"t"}]}`}, "DescribeTasks": {`{"tasks":[{"lastStatus":"STOPPED","containers":[{"exitCode":3}]}]}`}},
			`States.TaskFailed {"Containers":[{"ExitCode":3}],"LastStatus":"STOPPED"}`,
		},
		"ecs, no place": {
			"ecs:runTask", `{"TaskDefinition":"d"}`, map[string][]string{"RunTask": {`{"tasks":[],"failures":[{"reason":"RESOURCE:MEMORY"}]}`}},
			`AmazonECS.Unknown {"Failures":[{"Reason":"RESOURCE:MEMORY"}],"Tasks":[]}`,
		},
		"athena": {
			"athena:startQueryExecution", `{"QueryString":"q"}`,
			map[string][]string{"StartQueryExecution": {`{"QueryExecutionId":"i"}`}, "GetQueryExecution": {`{"QueryExecution":{"Status":{"State":"SUCCEEDED"}}}`}},
			`{"QueryExecution":{"Status":{"State":"SUCCEEDED"}}}`,
		},
		"sagemaker": {
			"sagemaker:createTrainingJob",
			`{"TrainingJobName":"n","AlgorithmSpecification":{"TrainingInputMode":"File"},"RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s"},"ResourceConfig":{"VolumeSizeInGB":1},"StoppingCondition":{}}`,
			map[string][]string{"CreateTrainingJob": {`{"TrainingJobArn":"a"}`}, "DescribeTrainingJob": {`{"TrainingJobStatus":"InProgress"}`, `{"TrainingJobName":"n","TrainingJobStatus":"Completed"}`}},
			`{"TrainingJobName":"n","TrainingJobStatus":"Completed"}`,
		},
		"codebuild": {
			"codebuild:startBuild", `{"ProjectName":"p"}`,
			map[string][]string{"StartBuild": {`{"build":{"id":"i"}}`}, "BatchGetBuilds": {`{"builds":[]}`, `{"builds":[{"id":"i","buildStatus":"STOPPED"}]}`}},
			`States.TaskFailed {"BuildStatus":"STOPPED","Id":"i"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := scripted(t, c.answers)
				r, begun := optimal+c.resource+".sync", value.Value{}
				task := taskOf(r, c.payload)
				task.Begun = func(v value.Value) { begun = v }
				o := client.Find(r).(kernel.Doer).Do(t.Context(), task, func() {})
				if asked := len(c.answers) == 2; begun.IsAbsent() == asked || asked && begun.At("SdkHttpMetadata").IsAbsent() {
					t.Errorf("it was begun with %s", begun.JSON())
				}
				got := o.Output.JSON()
				if o.Failure != nil {
					got = o.Failure.Error + " " + o.Failure.Cause
				}
				if got != c.want {
					t.Errorf("it ended with\n%s\nwant\n%s", got, c.want)
				}
			})
		})
	}
}

// TestSyncEndsWithItsTask: nobody asks on when nobody is interested, or when nobody answers.
func TestSyncEndsWithItsTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, s := scripted(t, map[string][]string{"StartJobRun": {`{"JobRunId":"r"}`}, "GetJobRun": {"broken off"}})
		wantFailure(t, do(t, client, optimal+"glue:startJobRun.sync", `{"JobName":"j"}`), "Glue.SdkClientException", "unexpected EOF")
		if len(s.asked) != 1+patience {
			t.Errorf("asked %d times", len(s.asked))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		client, _ = scripted(t, map[string][]string{"StartJobRun": {`{"JobRunId":"r"}`}, "GetJobRun": {`{"JobRun":{"JobRunState":"RUNNING"}}`}})
		began := time.Now()
		r := optimal + "glue:startJobRun.sync"
		wantFailure(t, client.Find(r).(kernel.Doer).Do(ctx, taskOf(r, `{"JobName":"j"}`), func() {}), "Glue.SdkClientException", "deadline exceeded")
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// TestLook: after a crash, what has a name is looked for before it is begun again.
func TestLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := optimal + "sagemaker:createTransformJob.sync"
		task := taskOf(r, `{"TransformJobName":"n"}`)
		client, s := scripted(t, map[string][]string{"DescribeTransformJob": {`{"TransformJobStatus":"InProgress"}`, `{"TransformJobStatus":"Completed"}`}})
		o, found, err := client.Find(r).(kernel.Looker).Look(t.Context(), task)
		if err != nil || !found {
			t.Fatalf("found %v, %v", found, err)
		}
		wantJSON(t, o, `{"TransformJobStatus":"Completed"}`)
		if s.bodies["DescribeTransformJob"] != `{"TransformJobName":"n"}` {
			t.Errorf("asked with %s", s.bodies["DescribeTransformJob"])
		}
		client, _ = scripted(t, map[string][]string{"DescribeTransformJob": {`400 {"__type":"ValidationException","message":"Could not find requested job, it does not exist"}`}})
		if _, found, err := client.Find(r).(kernel.Looker).Look(t.Context(), task); found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
		client, _ = scripted(t, map[string][]string{"DescribeTransformJob": {"broken off"}})
		if _, _, err := client.Find(r).(kernel.Looker).Look(t.Context(), task); err == nil {
			t.Error("what cannot be looked for is known")
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := newService(t)
	now := noon
	var audit strings.Builder
	c := New(Options{
		Config: Config{Region: "eu-west-1", Endpoint: s.URL, Keys: testKeys},
		Now:    func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&audit, nil)),
	})
	calls := 0
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.seen = q
		body, _ := io.ReadAll(q.Body)
		if !strings.HasPrefix(string(body), "Action=AssumeRole") {
			_, _ = io.WriteString(w, `{}`)
			return
		}
		calls++
		if form, _ := url.ParseQuery(string(body)); form.Get("RoleArn") != "arn:aws:iam::1:role/r" || form.Get("RoleSessionName") != "tutti-ann" {
			t.Errorf("a role is assumed with %s", body)
		}
		if !strings.Contains(q.Header.Get("Authorization"), "Credential=AKIDEXAMPLE/") {
			t.Errorf("a role is assumed by %s", q.Header.Get("Authorization"))
		}
		fmt.Fprintf(w, `<R><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>role's secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></R>`,
			calls, now.Add(time.Hour).Format(time.RFC3339))
	})
	use := func(role string) run.Outcome {
		task := taskOf(sdk+"dynamodb:listTables", `{}`)
		task.Order.Credentials = value.MustParse(role)
		return c.Find(task.Order.Resource).(kernel.Doer).Do(t.Context(), task, nil)
	}
	for i, want := range []string{"ASIA1", "ASIA1", "ASIA2"} {
		if i == 2 {
			now = now.Add(time.Hour - renewal)
		}
		wantJSON(t, use(`{"RoleArn":"arn:aws:iam::1:role/r"}`), `{}`)
		if !strings.Contains(s.seen.Header.Get("Authorization"), "Credential="+want+"/") || s.seen.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("call %d is signed by %s", i, s.seen.Header.Get("Authorization"))
		}
	}
	if n := strings.Count(audit.String(), `owner=ann role=arn:aws:iam::1:role/r resource=arn:aws:states:::aws-sdk:dynamodb:listTables run=1`); n != 3 {
		t.Errorf("the audit log has %d lines of it:\n%s", n, audit.String())
	}
	if strings.Contains(audit.String(), "secret") || strings.Contains(audit.String(), "token") {
		t.Errorf("the audit log tells a secret:\n%s", audit.String())
	}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
	})
	wantFailure(t, use(`{"RoleArn":"arn:aws:iam::1:role/other"}`), "DynamoDb.DynamoDbException", "no (Service: DynamoDb, Status Code: 403")
}

func TestHTTPInvoke(t *testing.T) {
	t.Parallel()
	s := newService(t)
	conf := Config{Connections: map[string]Connection{
		"crm": {Endpoints: []string{s.URL + "/v1"}, Users: []string{"ann"}, Authorize: func(q *http.Request) error {
			q.SetBasicAuth("u", "p")
			return nil
		}},
		"bobs": {Endpoints: []string{s.URL}, Users: []string{"bob"}},
	}}
	c := New(Options{Config: conf})
	invoke := func(path, more string) run.Outcome {
		return do(t, c, optimal+"http:invoke", `{"ApiEndpoint":"`+s.URL+path+`","Method":"POST","Authentication":{"ConnectionArn":"arn:aws:events:eu-west-1:1:connection/crm/1"}`+more+`}`)
	}
	s.gives(201, `{"id":1.50}`, "Content-Type", "application/json", "Date", "today", "X-A", "b")
	wantJSON(t, invoke("/v1/people?a=1", `,"QueryParameters":{"b":["2","3"]},"Headers":{"X-B":["c","d"]},"RequestBody":{"name":"Ada"}`),
		`{"Headers":{"content-length":["11"],"content-type":["application/json"],"date":["today"],"x-a":["b"]},"ResponseBody":{"id":1.50},"StatusCode":201,"StatusText":"Created"}`)
	if u, p, _ := s.seen.BasicAuth(); u != "u" || p != "p" || s.seen.RequestURI != "/v1/people?a=1&b=2&b=3" || s.seen.Header.Get("X-B") != "c,d" ||
		string(s.body) != `{"name":"Ada"}` || s.seen.Header.Get("Content-Type") != "application/json" {
		t.Errorf("sent %s to %s with %v", s.body, s.seen.RequestURI, s.seen.Header)
	}
	for format, want := range map[string]string{
		"INDICES": "a%5B0%5D=1&a%5B1%5D=2&b=x+y&c%5Bd%5D=true", "REPEAT": "a=1&a=2&b=x+y&c%5Bd%5D=true", "COMMAS": "a=1%2C2&b=x+y&c%5Bd%5D=true",
		"BRACKETS": "a%5B%5D=1&a%5B%5D=2&b=x+y&c%5Bd%5D=true", "NONE": "b=x+y&c%5Bd%5D=true",
	} {
		invoke("/v1/", `,"RequestBody":{"a":[1,2],"b":"x y","c":{"d":true}},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"`+format+`"}}`)
		if string(s.body) != want || s.seen.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("%s: sent %s, want %s", format, s.body, want)
		}
	}
	s.gives(404, "not here", "Content-Type", "text/plain")
	wantFailure(t, invoke("/v1", ""), "States.Http.StatusCode.404", "not here")
	s.gives(302, "", "Location", "http://127.0.0.1:1/")
	wantFailure(t, invoke("/v1", ""), "States.Http.StatusCode.302")
	s.gives(200, "plain", "Content-Type", "text/plain")
	if got := invoke("/v1", "").Output.At("ResponseBody"); got.Text() != "plain" {
		t.Errorf("text is %s", got.JSON())
	}

	s.seen = nil
	for _, path := range []string{"/v2", "/v1x", "/v1/../v2", "/v1/%2e%2e/v2", ""} {
		wantFailure(t, invoke(path, ""), "States.Http.Authorization", "its endpoints begin with")
	}
	wantFailure(t, do(t, c, optimal+"http:invoke", `{"ApiEndpoint":"`+s.URL+`","Method":"GET","Authentication":{"ConnectionArn":"bobs"}}`), "States.Http.Authorization", `there is no connection "bobs" that ann may use`, "users: [ann]")
	wantFailure(t, invoke("/v1", `,"Headers":{"authorization":"mine"}`), "States.Runtime", "the connection's")
	if s.seen != nil {
		t.Errorf("a refused request was sent: %s", s.seen.RequestURI)
	}
	no, err := c.Find(optimal+"http:invoke").(kernel.Checker).Check(t.Context(), taskOf(optimal+"http:invoke", `{"Method":"GET","Url":"x"}`))
	if err != nil || no == nil || !strings.HasSuffix(no.Cause, "[The field \"Url\" is not supported by Step Functions, The field 'ApiEndpoint' is required but was missing, The field 'ConnectionArn' is required but was missing]") {
		t.Errorf("the check says %+v, %v", no, err)
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.gives(206, "data")
	a, err := s.client().S3(t.Context(), taskOf("", `{}`), "GET", "/bucket/a%20key", url.Values{"versionId": {"1"}}, http.Header{"Range": {"bytes=0-3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if text, _ := io.ReadAll(a.Body); string(text) != "data" || a.StatusCode != 206 || s.seen.RequestURI != "/bucket/a%20key?versionId=1" || s.seen.Header.Get("Range") != "bytes=0-3" {
		t.Errorf("%s %s gave %d %s", s.seen.RequestURI, s.seen.Header, a.StatusCode, text)
	}
	checkSignature(t, s)
	if _, err := New(Options{}).S3(t.Context(), taskOf("", `{}`), "GET", "/", nil, nil, nil); err == nil || !strings.Contains(err.Error(), "endpoints: {s3: URL}") {
		t.Errorf("without an endpoint: %v", err)
	}
}

// TestSecretsStaySecret: what fails says nothing of keys.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	c := New(Options{Config: Config{Region: "eu-west-1", Endpoint: "http://127.0.0.1:1", Keys: func() (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "very secret", SessionToken: "a token"}, nil
	}}})
	o := do(t, c, sdk+"dynamodb:listTables", `{}`)
	wantFailure(t, o, "DynamoDb.SdkClientException", "unable to execute HTTP request to 127.0.0.1:1")
	for _, secret := range []string{"AKIDEXAMPLE", "very secret", "a token"} {
		if strings.Contains(o.Failure.Cause, secret) {
			t.Errorf("the cause tells %q: %s", secret, o.Failure.Cause)
		}
	}
}
