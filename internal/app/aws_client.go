package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/integration/awssdk"
)

// AWS is what clients of AWS are told and who they may be, and where AWS's services are for tasks.
type AWS struct {
	Account string `yaml:"account"` // twelve digits
	Region  string `yaml:"region"`
	// Limits puts AWS's quotas in force.
	Limits bool `yaml:"limits"`
	// Credentials are what requests to this server are signed with. They and Throttle can change while it runs.
	Credentials []AWSCredential `yaml:"credentials"`
	Throttle    AWSThrottle     `yaml:"throttle"`
	// Endpoint is where the services are that Endpoints does not name: a URL, or aws for AWS itself.
	Endpoint  string            `yaml:"endpoint"`
	Endpoints map[string]string `yaml:"endpoints"` // by service, as resources name it
	// What requests are signed with; without, they are not signed.
	AccessKeyID     string `yaml:"accessKeyId"`
	SecretAccessKey File   `yaml:"secretAccessKey"`
	SessionToken    File   `yaml:"sessionToken"`
	// Connections are what http:invoke calls with, by name.
	Connections map[string]Connection `yaml:"connections"`
}

// File is a text that is kept in a file of the server's, and read when it is used.
type File struct {
	File string `yaml:"file"`
}

// Connection is what http:invoke may call, and how it proves who calls: with User and Password, or with Value in Header.
type Connection struct {
	URLs     []string `yaml:"urls"`  // what calls begin with
	Users    []string `yaml:"users"` // beside the server's own: whose runs may use it; "*" is everybody
	User     string   `yaml:"user"`
	Password File     `yaml:"password"`
	Header   string   `yaml:"header"`
	Value    File     `yaml:"value"`
}

func (f File) text() (string, error) {
	if f.File == "" {
		return "", nil
	}
	text, err := os.ReadFile(f.File)
	return string(bytes.TrimSpace(text)), err
}

// check says what in the configuration of AWS makes no sense.
func (c *AWS) check() error {
	errs := c.checkDoor()
	if !awsAccount.MatchString(c.Account) || !awsRegion.MatchString(c.Region) {
		errs = append(errs, errors.New("aws: account has twelve digits, and region is a name such as us-east-1"))
	}
	conf := c.client()
	errs = append(errs, conf.Check()...)
	if (c.AccessKeyID == "") != (c.SecretAccessKey.File == "") {
		errs = append(errs, errors.New("aws: give both accessKeyId and secretAccessKey: {file: PATH}, or neither"))
	}
	files := map[string]File{"secretAccessKey": c.SecretAccessKey, "sessionToken": c.SessionToken}
	for name, conn := range c.Connections {
		files["connections."+name+".password"], files["connections."+name+".value"] = conn.Password, conn.Value
		if len(conn.URLs) == 0 || (conn.Header == "") != (conn.Value.File == "") || (conn.User == "") != (conn.Password.File == "") {
			errs = append(errs, fmt.Errorf("aws.connections: %q: write {urls: [URL], users: [NAME], user: NAME, password: {file: PATH}}, or header: NAME and value: {file: PATH}", name))
		}
	}
	for name, f := range files {
		if f.File != "" && !filepath.IsAbs(f.File) {
			errs = append(errs, fmt.Errorf("aws.%s: %q is no absolute path", name, f.File))
		}
	}
	return errors.Join(errs...)
}

// client is the configuration of what calls AWS.
func (c *AWS) client() awssdk.Config {
	conf := awssdk.Config{Region: c.Region, Endpoint: c.Endpoint, Endpoints: c.Endpoints, Keys: c.keys, Connections: map[string]awssdk.Connection{}}
	for name, conn := range c.Connections {
		conf.Connections[name] = awssdk.Connection{
			Endpoints: conn.URLs, Users: conn.Users, Authorize: conn.authorize,
			Own: func(owner string) bool { return owner == auth.OwnerOf(os.Getuid()) },
		}
	}
	return conf
}

// keys are what requests are signed with.
func (c *AWS) keys() (aws.Credentials, error) {
	secret, err := c.SecretAccessKey.text()
	if err != nil {
		return aws.Credentials{}, err
	}
	token, err := c.SessionToken.text()
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: secret, SessionToken: token}, err
}

func (c Connection) authorize(q *http.Request) error {
	password, err := c.Password.text()
	if err != nil {
		return err
	}
	if c.User != "" {
		q.SetBasicAuth(c.User, password)
	}
	text, err := c.Value.text()
	if c.Header != "" {
		q.Header.Set(c.Header, text)
	}
	return err
}

// awsClient is what tasks call AWS with. Step Functions is this server itself.
func (a *App) awsClient() *awssdk.Client {
	return awssdk.New(awssdk.Options{
		Config: a.conf.AWS.client(), Now: time.Now, Log: a.log.With("room", "audit"),
		Self: map[string]func(string) http.RoundTripper{
			"sfn": func(owner string) http.RoundTripper { return &inside{a.awsHandler(), owner} },
		},
	})
}

// inside carries requests to a handler of this process, as owner's.
type inside struct {
	handler http.Handler
	owner   string
}

// RoundTrip implements http.RoundTripper.
func (i *inside) RoundTrip(q *http.Request) (*http.Response, error) {
	w := &kept{header: http.Header{}, status: http.StatusOK}
	i.handler.ServeHTTP(w, q.WithContext(auth.With(q.Context(), auth.Caller{Owner: i.owner})))
	if err := q.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Request: q,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}, nil
}

// kept is an answer that is kept.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header             { return k.header }
func (k *kept) WriteHeader(status int)          { k.status = status }
func (k *kept) Write(p []byte) (n int, e error) { return k.body.Write(p) }
