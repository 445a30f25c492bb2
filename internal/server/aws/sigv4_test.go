package aws

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tutti-ml/tutti/internal/auth"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// signed is a request as AWS's SDK signs it.
func signed(t *testing.T, target, body, key, secret, service string, at time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", "AWSStepFunctions.ListStateMachines")
	r.Header.Set("X-Amz-Meta", "  a   b ")
	err := v4.NewSigner().SignHTTP(t.Context(), awssdk.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r, hexSum([]byte(body)), service, "eu-west-1", at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	c := Callers{
		Auth: auth.New(-1, nil, slog.New(slog.DiscardHandler)),
		Credentials: func() map[string]Credential {
			return map[string]Credential{"AKIAADA": {Secret: "s3cret/+=", User: "ada"}}
		},
		Now: func() time.Time { return noon },
	}
	const url, body = "http://sync-localhost:7070/", `{"maxResults":3}`
	const mismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	sign := func(change func(*http.Request)) *http.Request {
		r := signed(t, url, body, "AKIAADA", "s3cret/+=", "states", noon.Add(-time.Minute))
		change(r)
		return r
	}
	header := func(from, to string) *http.Request {
		return sign(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		})
	}
	for name, try := range map[string]struct {
		r       *http.Request
		body    string
		refused *Error // nil: it is ada's
	}{
		"right":          {sign(func(*http.Request) {}), body, nil},
		"with a query":   {signed(t, url+"?b=2&a=x%20y&a=1", body, "AKIAADA", "s3cret/+=", "states", noon), body, nil},
		"no body":        {signed(t, url, "", "AKIAADA", "s3cret/+=", "states", noon), "", nil},
		"another secret": {signed(t, url, body, "AKIAADA", "guess", "states", noon), body, ErrInvalidSignature.With(mismatch)},
		"another body":   {sign(func(*http.Request) {}), body + " ", ErrInvalidSignature.With(mismatch)},
		"another host":   {sign(func(r *http.Request) { r.Host = "localhost:7070" }), body, ErrInvalidSignature.With(mismatch)},
		"another action": {sign(func(r *http.Request) { r.Header.Set("X-Amz-Target", "AWSStepFunctions.DeleteStateMachine") }), body, ErrInvalidSignature.With(mismatch)},
		"no hexadecimal": {header("Signature=", "Signature=zz"), body, ErrInvalidSignature.With(mismatch)},
		"unknown key":    {signed(t, url, body, "AKIABOB", "s3cret/+=", "states", noon), body, ErrUnrecognizedClient},
		"another service": {signed(t, url, body, "AKIAADA", "s3cret/+=", "batch", noon), body,
			ErrInvalidSignature.With("Credential should be scoped to correct service: 'states'.")},
		"expired": {signed(t, url, body, "AKIAADA", "s3cret/+=", "states", noon.Add(-6*time.Minute)), body,
			ErrInvalidSignature.With("Signature expired: 20261122T115400Z is now earlier than 20261122T115500Z (20261122T120000Z - 5 min.)")},
		"early": {signed(t, url, body, "AKIAADA", "s3cret/+=", "states", noon.Add(6*time.Minute)), body,
			ErrInvalidSignature.With("Signature not yet current: 20261122T120600Z is still later than 20261122T120500Z (20261122T120000Z + 5 min.)")},
		"another day": {header("/20261122/", "/20261121/"), body,
			ErrInvalidSignature.With("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261121' != '20261122', from '20261122T115900Z'.")},
		"host not signed": {header("SignedHeaders=content-length;content-type;host;", "SignedHeaders=content-length;content-type;"), body,
			ErrInvalidSignature.With("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")},
		"no date": {sign(func(r *http.Request) { r.Header.Del("X-Amz-Date") }), body,
			ErrIncompleteSignature.With("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")},
		"no signature": {header("Signature=", "S="), body,
			ErrIncompleteSignature.With("Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256")},
		"no scope": {header("/20261122/eu-west-1/states/aws4_request", ""), body,
			ErrIncompleteSignature.With("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIAADA'")},
		"unsigned": {httptest.NewRequest(http.MethodPost, url, nil), "", ErrNoToken},
		"no such kind": {func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, url, nil)
			r.Header.Set("Authorization", "Basic YTpi")
			return r
		}(), "", ErrUnrecognizedClient},
	} {
		who, err := c.caller(try.r, []byte(try.body), "states")
		if try.refused == nil {
			if err != nil || who.Owner != "ada" || who.Admin {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != try.refused.Code || e.Message != try.refused.Message {
			t.Errorf("%s: %v, want %v", name, err, try.refused)
		}
	}
}

// Without credentials a signature is not looked at, and does not stand for a token.
func TestSignatureWithoutCredentials(t *testing.T) {
	t.Parallel()
	c := Callers{
		Auth:        auth.New(-1, nil, slog.New(slog.DiscardHandler)),
		Credentials: func() map[string]Credential { return nil },
		Now:         func() time.Time { return noon },
	}
	r := signed(t, "http://localhost/", "{}", "test", "test", "states", noon)
	if who, err := c.caller(r, []byte("{}"), "states"); !errors.Is(err, ErrUnrecognizedClient) {
		t.Errorf("%+v, %v", who, err)
	}
}
