// Package client is the Go client of a Tutti server's API. Every command of the command line goes through it.
//
// It holds the API's types; the server uses the same ones.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client speaks to one server. It may be used from many goroutines.
type Client struct {
	http  *http.Client
	base  string // such as http://127.0.0.1:7070
	token string
}

// Options say how to reach a server.
type Options struct {
	// Server is http://HOST:PORT, https://HOST:PORT or unix:///path/to/socket.
	Server string
	Token  string // empty: the server knows the caller by the socket
}

// New returns a client. It does not connect.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.Server)
	if err != nil {
		return nil, fmt.Errorf("reading server address %q: %w", o.Server, err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	base := u.Scheme + "://" + u.Host
	switch u.Scheme {
	case "unix":
		base = "http://localhost"
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", u.Path)
		}
	case "http", "https":
		if u.Host == "" {
			return nil, fmt.Errorf("reading server address %q: it names no host", o.Server)
		}
	default:
		return nil, fmt.Errorf("reading server address %q: want http://HOST:PORT, https://HOST:PORT or unix:///PATH", o.Server)
	}
	return &Client{http: &http.Client{Transport: transport}, base: base, token: o.Token}, nil
}

// ErrUnreachable is wrapped by errors of calls that found no server.
var ErrUnreachable = errors.New("no server answers")

// call is one request; in and out are JSON, either may be nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the server's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// send gives a response with a status below 300, or an error, which is a *Problem where the server sent one.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPost {
		// Whoever sends the request again, a proxy or net/http itself, does not start anything twice.
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, op.Err)
		}
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, problemOf(resp)
}

func problemOf(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := &Problem{}
	if err := json.Unmarshal(text, p); err != nil || p.Title == "" && p.Detail == "" {
		p = &Problem{Title: resp.Status, Detail: strings.TrimSpace(string(text))}
	}
	p.Status = resp.StatusCode
	return p
}

// IsNotFound reports whether err is a server's answer that there is no such thing.
func IsNotFound(err error) bool {
	p := (*Problem)(nil)
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}

// Healthy returns nil when the server is ready.
func (c *Client) Healthy(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil, nil)
}

// Version says what the server is.
func (c *Client) Version(ctx context.Context) (*Version, error) {
	return get[Version](ctx, c, "/api/v1/version", nil)
}

// Doctor gives what the server found out about its machine.
func (c *Client) Doctor(ctx context.Context) ([]Check, error) {
	return items[Check](ctx, c, "/api/v1/doctor", nil)
}

// Nodes lists the machines that run jobs.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return items[Node](ctx, c, "/api/v1/nodes", nil)
}

// Queues lists the queues.
func (c *Client) Queues(ctx context.Context) ([]Queue, error) {
	return items[Queue](ctx, c, "/api/v1/queues", nil)
}

// Backup copies the server's data, as one tar file, to w while work goes on.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, "/api/v1/backup", nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	out := new(T)
	if err := c.call(ctx, http.MethodGet, path, query, nil, out); err != nil {
		return nil, err
	}
	return out, nil
}

// items reads a list that is one page.
func items[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	p, err := get[Page[T]](ctx, c, path, query)
	if err != nil {
		return nil, err
	}
	return p.Items, nil
}

func post[T any](ctx context.Context, c *Client, path string, in any) (*T, error) {
	out := new(T)
	if err := c.call(ctx, http.MethodPost, path, nil, in, out); err != nil {
		return nil, err
	}
	return out, nil
}

// number adds a number to a query unless it is zero.
func number(q url.Values, name string, n int64) {
	if n != 0 {
		q.Set(name, strconv.FormatInt(n, 10))
	}
}

// text adds a text to a query unless it is empty.
func text(q url.Values, name, s string) {
	if s != "" {
		q.Set(name, s)
	}
}

// retryDelay is how long a stream waits before it connects again.
const retryDelay = time.Second
