package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
)

// Signatures are checked while credentials are configured; these are put into force without a restart.
func TestCredentials(t *testing.T) {
	t.Parallel()
	a, _ := running(t)
	list := func(key, secret string) error {
		url := a.URL()
		c := awssfn.New(awssfn.Options{
			Region: "us-east-1", BaseEndpoint: &url, Retryer: awssdk.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
		})
		_, err := c.ListStateMachines(t.Context(), &awssfn.ListStateMachinesInput{})
		return err
	}
	if err := list("any", "thing"); err != nil {
		t.Errorf("without credentials: %v", err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	conf := a.conf
	conf.AWS.Credentials = []AWSCredential{{AccessKeyID: "ADA", SecretAccessKey: File{secret}, User: "ada"}}
	if err := a.Reload(conf); err == nil || !strings.Contains(err.Error(), "aws.credentials") {
		t.Errorf("a secret that is not there: %v", err)
	}
	if err := os.WriteFile(secret, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(conf); err != nil {
		t.Fatal(err)
	}
	if err := list("ADA", "sesame"); err != nil {
		t.Errorf("the right secret: %v", err)
	}
	for key, secret := range map[string]string{"ADA": "guess", "any": "thing"} {
		if err := list(key, secret); err == nil {
			t.Errorf("%s with %s is let in", key, secret)
		}
	}
	conf.AWS.Credentials = append(conf.AWS.Credentials, conf.AWS.Credentials[0])
	conf.AWS.Throttle.Rate = -1
	err := a.Reload(conf)
	for _, want := range []string{"each id once", "aws.throttle"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a configuration that makes no sense: %v, want %q", err, want)
		}
	}
}
