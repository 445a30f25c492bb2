package awssdk

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// service is an endpoint that remembers the last request and gives a fixed answer.
type service struct {
	*httptest.Server
	t      *testing.T
	seen   *http.Request
	body   []byte
	status int
	header http.Header
	answer string
}

func newService(t *testing.T) *service {
	s := &service{t: t, status: 200, header: http.Header{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.seen = q
		s.body, _ = io.ReadAll(q.Body)
		for name, texts := range s.header {
			w.Header()[name] = texts
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.answer)
	}))
	t.Cleanup(s.Close)
	return s
}

// gives sets the answers from now on.
func (s *service) gives(status int, answer string, header ...string) {
	s.status, s.answer, s.header = status, answer, http.Header{}
	for i := 0; i < len(header); i += 2 {
		s.header.Set(header[i], header[i+1])
	}
}

func testKeys() (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not for logs"}, nil
}

// client calls the service, whichever it is asked for.
func (s *service) client() *Client {
	return New(Options{Config: Config{Region: "eu-west-1", Endpoint: s.URL, Keys: testKeys}, Now: func() time.Time { return noon }})
}

func taskOf(resource, payload string) kernel.Task {
	return kernel.Task{
		Run:   &store.Run{ID: 1, Owner: "ann"},
		Order: run.StartTask{Task: 1, Resource: resource, Payload: value.MustParse(payload)},
		Key:   "run-1/1",
		Begun: func(value.Value) {},
	}
}

// do carries a task out.
func do(t *testing.T, c *Client, resource, payload string) run.Outcome {
	t.Helper()
	in := c.Find(resource)
	if in == nil {
		t.Fatalf("there is no resource %s: %v", resource, Known(resource))
	}
	return in.(kernel.Doer).Do(t.Context(), taskOf(resource, payload), func() {})
}

const sdk = "arn:aws:states:::aws-sdk:"

// TestRequests holds requests against those of AWS's own clients for the same calls: the method, the path, the query, the
// body, the headers that mean something; and the signature against one that is made again.
func TestRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resource, payload string
		theirs            func(ctx context.Context, conf aws.Config) error
		headers           []string
	}{
		"json": {
			sdk + "dynamodb:putItem",
			`{"TableName":"jobs","Item":{"id":{"S":"a/b"},"n":{"N":"1.50"},"blob":{"B":"bytes"},"list":{"L":[{"Bool":true},{"Nul":true}]}},"ReturnValues":"ALL_OLD"}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := dynamodb.NewFromConfig(conf).PutItem(ctx, &dynamodb.PutItemInput{
					TableName: aws.String("jobs"), ReturnValues: ddb.ReturnValueAllOld,
					Item: map[string]ddb.AttributeValue{
						"id": &ddb.AttributeValueMemberS{Value: "a/b"}, "n": &ddb.AttributeValueMemberN{Value: "1.50"},
						"blob": &ddb.AttributeValueMemberB{Value: []byte("bytes")},
						"list": &ddb.AttributeValueMemberL{Value: []ddb.AttributeValue{&ddb.AttributeValueMemberBOOL{Value: true}, &ddb.AttributeValueMemberNULL{Value: true}}},
					},
				})
				return err
			},
			[]string{"X-Amz-Target", "Content-Type"},
		},
		"rest-json with a payload, headers and a query": {
			sdk + "lambda:invoke",
			`{"FunctionName":"arn:aws:lambda:eu-west-1:123456789012:function:f","Qualifier":"live","InvocationType":"Event","Payload":{"a":[1,2.50]}}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := lambda.NewFromConfig(conf).Invoke(ctx, &lambda.InvokeInput{
					FunctionName: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:f"), Qualifier: aws.String("live"),
					InvocationType: "Event", Payload: []byte(`{"a":[1,2.50]}`),
				})
				return err
			},
			[]string{"X-Amz-Invocation-Type", "Content-Type"},
		},
		"rest-json with a document": {
			sdk + "lambda:tagResource",
			`{"Resource":"arn:aws:lambda:eu-west-1:123456789012:function:f","Tags":{"k":"v"}}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := lambda.NewFromConfig(conf).TagResource(ctx, &lambda.TagResourceInput{
					Resource: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:f"), Tags: map[string]string{"k": "v"},
				})
				return err
			},
			[]string{"Content-Type"},
		},
		"rest-json with a list in the query": {
			sdk + "lambda:untagResource",
			`{"Resource":"arn:aws:lambda:eu-west-1:123456789012:function:f","TagKeys":["a b","c&d"]}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := lambda.NewFromConfig(conf).UntagResource(ctx, &lambda.UntagResourceInput{
					Resource: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:f"), TagKeys: []string{"a b", "c&d"},
				})
				return err
			},
			nil,
		},
		"query": {
			sdk + "sns:publish",
			`{"TopicArn":"arn:aws:sns:eu-west-1:123456789012:t","Message":"ä & ö","MessageAttributes":{"k":{"DataType":"String","StringValue":"v"}}}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := sns.NewFromConfig(conf).Publish(ctx, &sns.PublishInput{
					TopicArn: aws.String("arn:aws:sns:eu-west-1:123456789012:t"), Message: aws.String("ä & ö"),
					MessageAttributes: map[string]snstypes.MessageAttributeValue{"k": {DataType: aws.String("String"), StringValue: aws.String("v")}},
				})
				return err
			},
			nil,
		},
		"query with lists": {
			sdk + "sns:createPlatformEndpoint",
			`{"PlatformApplicationArn":"a","Token":"t","Attributes":{"Enabled":"true"}}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := sns.NewFromConfig(conf).CreatePlatformEndpoint(ctx, &sns.CreatePlatformEndpointInput{
					PlatformApplicationArn: aws.String("a"), Token: aws.String("t"), Attributes: map[string]string{"Enabled": "true"},
				})
				return err
			},
			nil,
		},
		"query with a list of structures": {
			sdk + "sns:publishBatch",
			`{"TopicArn":"t","PublishBatchRequestEntries":[{"Id":"1","Message":"a"},{"Id":"2","Message":"b"}]}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := sns.NewFromConfig(conf).PublishBatch(ctx, &sns.PublishBatchInput{
					TopicArn:                   aws.String("t"),
					PublishBatchRequestEntries: []snstypes.PublishBatchRequestEntry{{Id: aws.String("1"), Message: aws.String("a")}, {Id: aws.String("2"), Message: aws.String("b")}},
				})
				return err
			},
			nil,
		},
		"rest-xml, what is read": {
			sdk + "s3:getObject",
			`{"Bucket":"models","Key":"a dir/ä+b=c.bin","Range":"bytes=0-9","IfModifiedSince":"2026-11-22T12:00:00Z"}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := theirS3(conf).GetObject(ctx, &s3.GetObjectInput{
					Bucket: aws.String("models"), Key: aws.String("a dir/ä+b=c.bin"), Range: aws.String("bytes=0-9"), IfModifiedSince: aws.Time(noon),
				})
				return err
			},
			[]string{"Range", "If-Modified-Since"},
		},
		"rest-xml, a stream with metadata": {
			sdk + "s3:putObject",
			`{"Bucket":"models","Key":"k","Body":"hello","ContentType":"text/plain","Metadata":{"run":"7"},"StorageClass":"STANDARD"}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := theirS3(conf).PutObject(ctx, &s3.PutObjectInput{
					Bucket: aws.String("models"), Key: aws.String("k"), Body: strings.NewReader("hello"), ContentType: aws.String("text/plain"),
					Metadata: map[string]string{"run": "7"}, StorageClass: s3types.StorageClassStandard,
				})
				return err
			},
			[]string{"Content-Type", "X-Amz-Meta-Run", "X-Amz-Storage-Class"},
		},
		"rest-xml, a document with flattened lists": {
			sdk + "s3:putBucketCors",
			`{"Bucket":"models","CorsConfiguration":{"CorsRules":[{"AllowedMethods":["GET","PUT"],"AllowedOrigins":["*"],"MaxAgeSeconds":30}]}}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := theirS3(conf).PutBucketCors(ctx, &s3.PutBucketCorsInput{
					Bucket: aws.String("models"), CORSConfiguration: &s3types.CORSConfiguration{
						CORSRules: []s3types.CORSRule{{AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"*"}, MaxAgeSeconds: aws.Int32(30)}},
					},
				})
				return err
			},
			[]string{"Content-Type"},
		},
		"rest-xml, attributes and namespaces": {
			sdk + "s3:putBucketAcl",
			`{"Bucket":"models","AccessControlPolicy":{"Owner":{"Id":"o"},"Grants":[{"Permission":"READ","Grantee":{"Type":"CanonicalUser","Id":"<g>"}}]}}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := theirS3(conf).PutBucketAcl(ctx, &s3.PutBucketAclInput{
					Bucket: aws.String("models"), AccessControlPolicy: &s3types.AccessControlPolicy{
						Owner:  &s3types.Owner{ID: aws.String("o")},
						Grants: []s3types.Grant{{Permission: "READ", Grantee: &s3types.Grantee{Type: "CanonicalUser", ID: aws.String("<g>")}}},
					},
				})
				return err
			},
			nil,
		},
		"rest-xml, a list in the query": {
			sdk + "s3:listObjectsV2",
			`{"Bucket":"models","Prefix":"a/b c","MaxKeys":5,"FetchOwner":true}`,
			func(ctx context.Context, conf aws.Config) error {
				_, err := theirS3(conf).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("models"), Prefix: aws.String("a/b c"), MaxKeys: aws.Int32(5), FetchOwner: aws.Bool(true)})
				return err
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.gives(400, "")
			conf := aws.Config{
				Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), RetryMaxAttempts: 1,
				Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "x", ""),
			}
			if err := c.theirs(t.Context(), conf); err == nil || s.seen == nil {
				t.Fatalf("their client did not fail as it was told: %v", err)
			}
			theirs, theirBody := s.seen, s.body
			s.seen = nil
			if o := do(t, s.client(), c.resource, c.payload); s.seen == nil {
				t.Fatalf("nothing was sent: %+v", o.Failure)
			}
			if s.seen.Method != theirs.Method || s.seen.URL.EscapedPath() != theirs.URL.EscapedPath() {
				t.Errorf("sent %s %s, their client %s %s", s.seen.Method, s.seen.URL.EscapedPath(), theirs.Method, theirs.URL.EscapedPath())
			}
			want := theirs.URL.Query()
			want.Del("x-id") // says which operation it is, for the logs of AWS
			if diff := cmp.Diff(want, s.seen.URL.Query()); diff != "" {
				t.Errorf("the query differs from their client's (-) so:\n%s", diff)
			}
			if diff := cmp.Diff(document(t, theirBody), document(t, s.body)); diff != "" {
				t.Errorf("the body differs from their client's (-) so:\n%s", diff)
			}
			for _, h := range c.headers {
				if got, want := s.seen.Header.Get(h), theirs.Header.Get(h); got != want {
					t.Errorf("the header %s is %q, their client's %q", h, got, want)
				}
			}
			checkSignature(t, s)
		})
	}
}

func theirS3(conf aws.Config) *s3.Client {
	return s3.NewFromConfig(conf, func(o *s3.Options) { o.UsePathStyle = true })
}

// document is a body as a tree: JSON, XML, a form or text.
func document(t *testing.T, body []byte) any {
	t.Helper()
	var v any
	if json.Unmarshal(body, &v) == nil {
		return v
	}
	if bytes.HasPrefix(body, []byte("<")) {
		return xmlTree(t, xml.NewDecoder(bytes.NewReader(body)))
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		return form
	}
	return string(body)
}

// xmlTree writes a document with namespaces resolved, the attributes and elements of each element in order.
func xmlTree(t *testing.T, d *xml.Decoder) []string {
	t.Helper()
	var out []string
	path := ""
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path += "/" + token.Name.Space + " " + token.Name.Local
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
					path += "[" + a.Name.Space + " " + a.Name.Local + "=" + a.Value + "]"
				}
			}
			out = append(out, path)
		case xml.EndElement:
			path = path[:strings.LastIndex(path, "/"+token.Name.Space+" "+token.Name.Local)]
		case xml.CharData:
			out = append(out, path+" = "+string(token))
		}
	}
}
