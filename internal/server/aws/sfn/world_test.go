package sfn_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"

	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/integration/mapdata"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/looptest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

const (
	role = "arn:aws:iam::123456789012:role/r"
	// pass ends at once, stand waits for an hour.
	pass  = `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`
	stand = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`
)

// world is the API over a memory store. Requests are signed with a user's credential, and root is an admin.
type world struct {
	*testing.T
	url     string
	catalog *catalog.Catalog
	drawn   atomic.Uint64 // what aliases draw
}

// setup is what a world is like.
type setup struct {
	language asl.Limits
	quotas   sfn.Quotas
	wide     bool // AWS's limits on the sizes of requests are not in force
}

func newWorld(t *testing.T, changes ...func(*setup)) *world {
	t.Helper()
	var o setup
	for _, change := range changes {
		change(&o)
	}
	w := &world{T: t}
	var door http.Handler
	door, w.catalog = o.open(t, w.drawn.Load)
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// open makes the front door over a memory store. Everything ends with the test.
func (o *setup) open(t testing.TB, drawn func() uint64) (http.Handler, *catalog.Catalog) {
	t.Helper()
	languages := []run.Language{asl.Language{Limits: o.language}}
	open := func() (*memory.Store, *store.Writer, *kernel.Kernel) {
		s := memory.New(memory.Options{})
		writer, err := store.NewWriter(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		k := kernel.New(kernel.Options{
			Store: s, Writer: writer, Languages: languages,
			Integrations: func(string) kernel.Integration { return nil },
		})
		looptest.Run(t, writer.Run, k.Run)
		return s, writer, k
	}
	s, writer, k := open()
	short, _, express := open()
	c := catalog.New(s, writer, time.Now)
	c.Site = catalog.Site{Region: "us-east-1", Account: "123456789012"}
	keys := map[string]aws.Credential{"ADA": {Secret: "ada", User: "ada"}, "BOB": {Secret: "bob", User: "bob"}, "ROOT": {Secret: "root", User: "root", Admin: true}}
	return aws.New(aws.Options{
		Services: []aws.Service{sfn.New(sfn.Options{
			Store: s, Kernel: k, Catalog: c, Activities: activity.New(), Now: time.Now, Rand: drawn, ReadItems: mapdata.Parse, Quotas: o.quotas,
			Refuse:  func() error { return nil },
			Express: sfn.Express{Kernel: express, Go: looptest.Background(t), Forget: short.Forget, Log: func(string, []byte) {}},
		})},
		MaxBody: 4 << 20,
		Limits:  !o.wide,
		Callers: aws.Callers{Auth: auth.New(-1, nil, slog.New(slog.DiscardHandler)), Credentials: func() map[string]aws.Credential { return keys }, Now: time.Now},
		Rate:    func() aws.Rate { return aws.Rate{} },
		Log:     slog.New(slog.DiscardHandler),
	}), c
}

// as is the SDK's client of a user.
func (w *world) as(user string) *awssfn.Client {
	return awssfn.New(awssfn.Options{
		Region: "us-east-1", BaseEndpoint: &w.url, Retryer: awssdk.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(strings.ToUpper(user), user, ""),
	})
}

// must is the answer to a call that is to succeed.
func must[T any](w *world) func(T, error) T {
	w.Helper()
	return func(out T, err error) T {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		return out
	}
}

// refused checks the code and the text of an error.
func (w *world) refused(err error, code, text string) {
	w.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		w.Errorf("%v, want %s: %s", err, code, text)
	}
}

// machine makes a state machine of a user's and gives its ARN.
func (w *world) machine(user, name, definition string) string {
	w.Helper()
	out := must[*awssfn.CreateStateMachineOutput](w)(w.as(user).CreateStateMachine(w.Context(), &awssfn.CreateStateMachineInput{
		Name: &name, Definition: &definition, RoleArn: ptr(role),
	}))
	return *out.StateMachineArn
}

// start starts an execution and gives its ARN.
func (w *world) start(user, machine, name, input string) string {
	w.Helper()
	out := must[*awssfn.StartExecutionOutput](w)(w.as(user).StartExecution(w.Context(), &awssfn.StartExecutionInput{
		StateMachineArn: &machine, Name: &name, Input: &input,
	}))
	return *out.ExecutionArn
}

// ended waits for the end of an execution, and describes it.
func (w *world) ended(user, execution string) *awssfn.DescribeExecutionOutput {
	w.Helper()
	for {
		out := must[*awssfn.DescribeExecutionOutput](w)(w.as(user).DescribeExecution(w.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: &execution}))
		if out.Status != "RUNNING" {
			return out
		}
		if w.Context().Err() != nil {
			w.Fatal("it does not end")
		}
	}
}

func ptr[T any](v T) *T { return &v }
