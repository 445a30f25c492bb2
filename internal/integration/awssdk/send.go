package awssdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tutti-ml/tutti/internal/kernel"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 16 << 20

// send signs a message, sends it to an endpoint and reads the answer.
func (c *Client) send(ctx context.Context, t kernel.Task, r resource, e endpoint, m *message, keys aws.Credentials) (*answer, error) {
	q, err := m.request(ctx, e)
	if err != nil {
		return nil, &clientError{err}
	}
	if err := c.sign(ctx, r, e, m, q, keys); err != nil {
		return nil, &clientError{fmt.Errorf("signing the request: %w", err)}
	}
	client := c.http
	if e.self != nil {
		client = &http.Client{Transport: e.self(t.Run.Owner), CheckRedirect: c.http.CheckRedirect}
	}
	a, err := client.Do(q)
	if err != nil {
		return nil, &clientError{fmt.Errorf("unable to execute HTTP request to %s: %w", q.URL.Host, plain(err))}
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &clientError{fmt.Errorf("the answer of %s broke off: %w", q.URL.Host, err)}
	case len(body) > maxAnswer:
		return nil, &clientError{fmt.Errorf("the answer of %s is longer than %d bytes", q.URL.Host, maxAnswer)}
	}
	return &answer{a.StatusCode, a.Header, body}, nil
}

// request is a message to an endpoint.
func (m *message) request(ctx context.Context, e endpoint) (*http.Request, error) {
	u := *e.url
	u.RawQuery = m.query.Encode()
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	var err error
	if u.Path, err = url.PathUnescape(base + m.path); err != nil {
		return nil, err
	}
	u.RawPath = base + m.path
	if e.public {
		u.Host = m.prefix + u.Host
	}
	q, err := http.NewRequestWithContext(ctx, m.method, u.String(), bytes.NewReader(m.body))
	if err != nil {
		return nil, err
	}
	q.Header = m.header.Clone()
	q.Header.Set("User-Agent", "tutti")
	return q, nil
}

// sign puts a signature (SigV4) on a request, unless there is nothing to sign it with or it is not to be signed.
func (c *Client) sign(ctx context.Context, r resource, e endpoint, m *message, q *http.Request, keys aws.Credentials) error {
	if !keys.HasKeys() || r.op.Auth == "none" {
		return nil
	}
	sum := sha256.Sum256(m.body)
	digest := hex.EncodeToString(sum[:])
	s3 := r.service.SigningName() == "s3"
	if s3 {
		q.Header.Set("X-Amz-Content-Sha256", digest)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s3 })
	return signer.SignHTTP(ctx, keys, q, digest, r.service.SigningName(), e.region, c.o.Now())
}

// S3 sends a request of S3's REST protocol to its endpoint, signed as the task's calls are. The bucket is the first part
// of the path, which is escaped. The caller closes the body of the answer, whatever its status.
func (c *Client) S3(ctx context.Context, t kernel.Task, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error) {
	r, err := sdkResource("s3", "getObject")
	if err != nil {
		return nil, err
	}
	e, err := c.endpoint(r.service)
	if err != nil {
		return nil, err
	}
	keys, err := c.credentials(ctx, t)
	if err != nil {
		return nil, err
	}
	m := &message{method: method, path: path, query: query, header: header, body: body}
	if m.header == nil {
		m.header = http.Header{}
	}
	q, err := m.request(ctx, e)
	if err != nil {
		return nil, err
	}
	if err := c.sign(ctx, r, e, m, q, keys); err != nil {
		return nil, err
	}
	a, err := c.http.Do(q)
	if err != nil {
		return nil, plain(err)
	}
	return a, nil
}
