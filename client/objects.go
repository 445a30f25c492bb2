package client

import (
	"context"
	"net/http"
	"net/url"
)

// Apply reads files in any of the known formats, and stores or submits what they describe: all of them, or none where
// one is wrong.
func (c *Client) Apply(ctx context.Context, namespace string, files []File) ([]Applied, error) {
	in := struct {
		Namespace string `json:"namespace,omitempty"`
		Files     []File `json:"files"`
	}{namespace, files}
	p, err := post[Page[Applied]](ctx, c, "/api/v1/apply", in)
	if err != nil {
		return nil, err
	}
	return p.Items, nil
}

// Validate says what is wrong with a file, without storing or starting anything.
func (c *Client) Validate(ctx context.Context, f File) (*Validation, error) {
	return post[Validation](ctx, c, "/api/v1/validate", f)
}

// Objects lists the latest versions of objects of a kind, by name. An empty namespace is all of them.
func (c *Client) Objects(ctx context.Context, kind, namespace string) ([]Object, error) {
	q := url.Values{}
	text(q, "namespace", namespace)
	return items[Object](ctx, c, "/api/v1/objects/"+url.PathEscape(kind), q)
}

// Object reads a version of an object; version 0 is the latest.
func (c *Client) Object(ctx context.Context, kind, namespace, name string, version int64) (*Object, error) {
	q := url.Values{}
	text(q, "namespace", namespace)
	number(q, "version", version)
	return get[Object](ctx, c, objectPath(kind, name), q)
}

// Versions lists the versions of an object, latest first.
func (c *Client) Versions(ctx context.Context, kind, namespace, name string) ([]Object, error) {
	q := url.Values{}
	text(q, "namespace", namespace)
	return items[Object](ctx, c, objectPath(kind, name)+"/versions", q)
}

// Delete marks an object as deleted. Its versions stay readable by number.
func (c *Client) Delete(ctx context.Context, kind, namespace, name string) error {
	q := url.Values{}
	text(q, "namespace", namespace)
	return c.call(ctx, http.MethodDelete, objectPath(kind, name), q, nil, nil)
}

func objectPath(kind, name string) string {
	return "/api/v1/objects/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}
