package awssdk

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tutti-ml/tutti/internal/awsmodel"
)

// Public in the place of an endpoint means AWS's own, in the region.
const Public = "aws"

// Config is where services are, and how to prove who calls.
type Config struct {
	Region    string            // such as eu-west-1
	Endpoint  string            // of services that Endpoints does not name: a URL, or Public; empty: they are not there
	Endpoints map[string]string // by service, as resources name it: s3, dynamodb, cloudwatchlogs
	// Keys gives what requests are signed with; zero: they are not signed. It is asked for every call.
	Keys func() (aws.Credentials, error)
	// Connections are what http:invoke calls with, by name.
	Connections map[string]Connection
}

// Check says what in the configuration makes no sense.
func (c *Config) Check() (errs []error) {
	check := func(key, text string) {
		if text == "" || text == Public {
			return
		}
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			errs = append(errs, fmt.Errorf("%s: %q is neither the URL of an endpoint, such as http://127.0.0.1:4566, nor %q for AWS itself", key, text, Public))
		}
	}
	check("aws.endpoint", c.Endpoint)
	for name, text := range c.Endpoints {
		check("aws.endpoints."+name, text)
		if _, err := awsmodel.Lookup(name); err != nil {
			errs = append(errs, fmt.Errorf("aws.endpoints: AWS has no service %q%s", name, likely(name, awsmodel.Names())))
		}
	}
	return errs
}

// endpoint is where a service is.
type endpoint struct {
	url    *url.URL
	region string // in signatures
	public bool   // AWS itself
	self   func(owner string) http.RoundTripper
}

// endpoint finds where a service is to be called.
func (c *Client) endpoint(s *awsmodel.Service) (endpoint, error) {
	conf := &c.o.Config
	e := endpoint{region: conf.Region}
	address := conf.Endpoint
	if own, ok := conf.Endpoints[s.Name]; ok {
		address = own
	} else if self := c.o.Self[s.Name]; self != nil {
		address, e.self = "http://localhost", self
	}
	switch address {
	case "":
		return endpoint{}, fmt.Errorf("no endpoint is configured for AWS's service %q: add to the configuration: aws: {endpoints: {%s: URL}}, or aws: {endpoint: URL} for all services", s.Name, s.Name)
	case Public:
		e.public = true
		address = "https://" + s.Host(conf.Region)
		if s.Metadata.SigningRegion != "" {
			e.region = s.Metadata.SigningRegion
		}
	}
	var err error
	if e.url, err = url.Parse(strings.TrimSuffix(address, "/")); err != nil {
		return endpoint{}, fmt.Errorf("the endpoint of AWS's service %q: %w", s.Name, err)
	}
	return e, nil
}
