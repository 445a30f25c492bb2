package awssdk

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

// message is a request that knows no host yet.
type message struct {
	method string
	path   string // escaped, as it goes on the wire
	query  url.Values
	header http.Header
	body   []byte
	prefix string // of the host
}

// encode writes a call in the service's protocol. The parameters have passed check. An idempotency token that they
// lack is made of the task's key: the same when the task is repeated after a crash.
func (r resource) encode(in value.Value, key string) (*message, error) {
	if in.Kind() != value.Object {
		in = value.EmptyObject
	}
	if token := idempotencyToken(r.op); token != "" {
		if field := r.spelling(token); in.At(field).IsAbsent() || in.At(field).IsNull() {
			in = in.With(field, value.NewString(uuid.RandomOf(key)))
		}
	}
	m := &message{method: r.op.HTTP.Method, path: "/", query: url.Values{}, header: http.Header{}}
	var err error
	switch meta := r.service.Metadata; meta.Protocol {
	case awsmodel.JSON:
		m.header.Set("Content-Type", "application/x-amz-json-"+meta.JSONVersion)
		m.header.Set("X-Amz-Target", meta.TargetPrefix+"."+r.op.Name)
		m.body = []byte("{}")
		if r.op.Input != nil {
			m.body = r.toJSON(r.op.Input, in).AppendJSON(nil)
		}
	case awsmodel.RESTJSON, awsmodel.RESTXML:
		err = r.encodeREST(m, in)
	case awsmodel.Query, awsmodel.EC2:
		m.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		m.body = []byte(r.form(in))
	}
	if err != nil {
		return nil, err
	}
	if r.op.ChecksumRequired {
		sum := md5.Sum(m.body)
		m.header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	m.prefix, err = r.hostPrefix(in)
	return m, err
}

// hostPrefix is what an operation puts before the host of AWS.
func (r resource) hostPrefix(in value.Value) (string, error) {
	prefix := r.op.Endpoint.HostPrefix
	for name, inner := range r.members(r.op.Input) {
		if hole := "{" + name + "}"; inner.HostLabel && strings.Contains(prefix, hole) {
			label := in.At(r.spelling(name)).Text()
			if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
				return "", fmt.Errorf("the value for the field %q becomes a part of the host's name: letters, digits and dashes only", r.spelling(name))
			}
			prefix = strings.ReplaceAll(prefix, hole, label)
		}
	}
	return prefix, nil
}

// members are those of a structure in a place; none where there is no such place.
func (r resource) members(m *awsmodel.Member) map[string]*awsmodel.Member {
	if m == nil {
		return nil
	}
	return m.Shape.Members
}

// given is a member that a value has.
type given struct {
	name   string // the API's own
	member *awsmodel.Member
	value  value.Value
}

// wire is the name of a member where it goes.
func (g given) wire() string {
	if g.member.LocationName != "" {
		return g.member.LocationName
	}
	return g.name
}

// given lists the members of a structure that v has, in order of their names. What is null is absent.
func (r resource) given(s *awsmodel.Shape, v value.Value) []given {
	var list []given
	for field, inner := range v.Members() {
		if name, m := s.Field(r.spelling, field); m != nil && !inner.IsNull() {
			list = append(list, given{name, m, inner})
		}
	}
	slices.SortFunc(list, func(a, b given) int { return strings.Compare(a.name, b.name) })
	return list
}

// encodeREST puts each member where its model says.
func (r resource) encodeREST(m *message, in value.Value) error {
	path, query, _ := strings.Cut(r.op.HTTP.URI, "?")
	for _, pair := range strings.Split(query, "&") {
		if name, v, _ := strings.Cut(pair, "="); name != "" {
			m.query.Add(name, v)
		}
	}
	var body []given
	if r.op.Input != nil {
		for _, g := range r.given(r.op.Input.Shape, in) {
			switch g.member.Location {
			case "uri":
				var err error
				if path, err = fill(path, g); err != nil {
					return err
				}
			case "querystring":
				r.addQuery(m.query, g)
			case "header":
				m.header.Set(g.wire(), r.headerText(g.member, g.value))
			case "headers":
				for name, v := range g.value.Members() {
					m.header.Set(g.member.LocationName+name, text(v))
				}
			default:
				body = append(body, g)
			}
		}
	}
	if strings.Contains(path, "{") {
		return fmt.Errorf("the path %s of %s lacks a parameter", path, r.op.Name)
	}
	m.path = path
	return r.encodeBody(m, body)
}

// fill puts a member into its hole of a path: {Name}, or {Name+} where slashes stay slashes.
func fill(path string, g given) (string, error) {
	s := text(g.value)
	if g.member.Shape.Type == awsmodel.Timestamp {
		s = formatTime(g.value, g.member.Shape.TimestampFormat, iso8601)
	}
	if s == "" {
		return "", fmt.Errorf("the value for the field %q is a part of the path, and must not be empty", g.name)
	}
	escaped := escapePath(s)
	path = strings.ReplaceAll(path, "{"+g.wire()+"}", strings.ReplaceAll(escaped, "/", "%2F"))
	return strings.ReplaceAll(path, "{"+g.wire()+"+}", escaped), nil
}

// escapePath escapes all but what RFC 3986 reserves nowhere, and slashes.
func escapePath(s string) string {
	var out strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

func (r resource) addQuery(q url.Values, g given) {
	switch g.member.Shape.Type {
	case awsmodel.List:
		for _, v := range g.value.Elements() {
			q.Add(g.wire(), r.scalar(g.member.Shape.Item, v, iso8601))
		}
	case awsmodel.Map:
		for name, v := range g.value.Members() {
			if v.Kind() != value.Array {
				q.Add(name, text(v))
				continue
			}
			for _, inner := range v.Elements() {
				q.Add(name, text(inner))
			}
		}
	default:
		q.Add(g.wire(), r.scalar(g.member, g.value, iso8601))
	}
}

func (r resource) headerText(m *awsmodel.Member, v value.Value) string {
	switch {
	case m.JSONValue:
		return base64.StdEncoding.EncodeToString(v.AppendJSON(nil))
	case m.Shape.Type == awsmodel.List:
		var all []string
		for _, inner := range v.Elements() {
			all = append(all, r.scalar(m.Shape.Item, inner, rfc822))
		}
		return strings.Join(all, ",")
	}
	return r.scalar(m, v, rfc822)
}

// scalar is a value that is no structure, list or map as text. Times take the format of their shape, or else that of the
// place.
func (r resource) scalar(m *awsmodel.Member, v value.Value, format string) string {
	switch m.Shape.Type {
	case awsmodel.Timestamp:
		return formatTime(v, m.Shape.TimestampFormat, format)
	case awsmodel.Blob:
		return base64.StdEncoding.EncodeToString(blob(v))
	case awsmodel.Integer, awsmodel.Long:
		if n, ok := v.Int64(); ok {
			return fmt.Sprint(n)
		}
	}
	return text(v)
}

// blob is what a value stands for as bytes: a text its characters, anything else its JSON.
func blob(v value.Value) []byte {
	if v.Kind() == value.String {
		return []byte(v.Text())
	}
	return v.AppendJSON(nil)
}

// encodeBody writes what has no place but the body: the payload as it is, or all of it as a document.
func (r resource) encodeBody(m *message, body []given) error {
	if r.op.Input == nil {
		return nil
	}
	in := r.op.Input.Shape
	for _, g := range body {
		if g.name != in.Payload {
			continue
		}
		switch {
		case g.member.Shape.Type != awsmodel.Structure:
			m.body = blob(g.value)
			if m.header.Get("Content-Type") == "" {
				m.header.Set("Content-Type", "application/octet-stream")
			}
		case r.service.Metadata.Protocol == awsmodel.RESTJSON:
			r.jsonBody(m, r.toJSON(g.member, g.value))
		default:
			return r.xmlBody(m, g.wire(), g.member, g.value)
		}
		return nil
	}
	if in.Payload != "" || !hasBody(in) {
		return nil
	}
	var fields []value.Member
	for _, g := range body {
		fields = append(fields, value.Member{Name: r.spelling(g.name), Value: g.value})
	}
	all := value.NewObject(fields...)
	if r.service.Metadata.Protocol == awsmodel.RESTJSON {
		r.jsonBody(m, r.toJSON(r.op.Input, all))
		return nil
	}
	root := r.op.Input.LocationName
	if root == "" {
		root = r.op.Name + "Request"
	}
	return r.xmlBody(m, root, r.op.Input, all)
}

// hasBody reports whether any member of an input goes into the body.
func hasBody(in *awsmodel.Shape) bool {
	for _, m := range in.Members {
		if m.Location == "" {
			return true
		}
	}
	return false
}

func (r resource) jsonBody(m *message, v value.Value) {
	m.body = v.AppendJSON(nil)
	m.header.Set("Content-Type", "application/json")
}

func (r resource) xmlBody(m *message, name string, member *awsmodel.Member, v value.Value) error {
	m.header.Set("Content-Type", "application/xml")
	var err error
	m.body, err = r.toXML(name, member, v)
	return err
}
