package mapdata

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
)

// path is the escaped path of an object, or of the bucket alone.
func path(bucket, key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), "+", "%2B")
	}
	return strings.TrimSuffix("/"+url.PathEscape(bucket)+"/"+strings.Join(parts, "/"), "/")
}

// s3Error is S3's word that something cannot be done.
type s3Error struct {
	Status  int    `xml:"-"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
	Request string `xml:"RequestId"`
}

func (e *s3Error) Error() string {
	return fmt.Sprintf("%s (Service: Amazon S3; Status Code: %d; Error Code: %s; Request ID: %s)", e.Message, e.Status, e.Code, e.Request)
}

// send is Deps.S3 with answers that are refusals as errors.
func (d *Deps) send(ctx context.Context, t kernel.Task, q Request) (*http.Response, error) {
	if d.S3 == nil {
		return nil, errors.New("no endpoint is configured for S3")
	}
	r, err := d.S3(ctx, t, q)
	if err != nil || r.StatusCode < 300 {
		return r, err
	}
	defer r.Body.Close()
	e := &s3Error{Status: r.StatusCode, Code: http.StatusText(r.StatusCode), Message: r.Status}
	if text, err := io.ReadAll(io.LimitReader(r.Body, 64<<10)); err == nil {
		_ = xml.Unmarshal(text, e) // what is no XML leaves the status
	}
	return nil, e
}

// object is an object of a bucket.
type object struct {
	bucket, key, version string
}

func (o object) uri() string { return "S3://" + o.bucket + "/" + o.key }

// get opens an object from a byte on. It must be the one that was read before, where tag is not empty.
func (d *Deps) get(ctx context.Context, t kernel.Task, o object, from int64, tag string) (body io.ReadCloser, newTag string, err error) {
	q := Request{Method: http.MethodGet, Path: path(o.bucket, o.key), Query: url.Values{}, Header: http.Header{}}
	if o.version != "" {
		q.Query.Set("versionId", o.version)
	}
	if from > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	r, err := d.send(ctx, t, q)
	if refused := (*s3Error)(nil); from > 0 && errors.As(err, &refused) && refused.Status == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, tag, nil // that was the end
	}
	if err != nil {
		return nil, "", err
	}
	newTag = r.Header.Get("ETag")
	if tag != "" && newTag != tag {
		r.Body.Close()
		return nil, "", fmt.Errorf("the object %s was changed while it was read", o.uri())
	}
	if from > 0 && r.StatusCode != http.StatusPartialContent { // the server knows no ranges
		if _, err := io.CopyN(io.Discard, r.Body, from); err != nil {
			r.Body.Close()
			return nil, "", err
		}
	}
	return r.Body, newTag, nil
}

// entry is one object of a listing.
type entry struct {
	Key          string    `xml:"Key"`
	LastModified time.Time `xml:"LastModified"`
	ETag         string    `xml:"ETag"`
	Size         int64     `xml:"Size"`
	StorageClass string    `xml:"StorageClass"`
}

// list gives the next objects of a bucket, in order of their keys, and whether there are more.
func (d *Deps) list(ctx context.Context, t kernel.Task, bucket string, more url.Values, after string, most int) ([]entry, bool, error) {
	q := url.Values{"list-type": {"2"}, "max-keys": {strconv.Itoa(most)}}
	for name, v := range more {
		q[name] = v
	}
	if after != "" {
		q.Set("start-after", after)
	}
	r, err := d.send(ctx, t, Request{Method: http.MethodGet, Path: path(bucket, ""), Query: q})
	if err != nil {
		return nil, false, err
	}
	defer r.Body.Close()
	var page struct {
		Contents    []entry `xml:"Contents"`
		IsTruncated bool    `xml:"IsTruncated"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&page); err != nil {
		return nil, false, fmt.Errorf("reading the listing of %s: %w", bucket, err)
	}
	return page.Contents, page.IsTruncated, nil
}
