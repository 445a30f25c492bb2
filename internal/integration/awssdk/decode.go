package awssdk

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// answer is what came back, all of it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// requestID is what the service calls the request by; empty: it does not say.
func (a *answer) requestID() string {
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id"} {
		if id := a.header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// decode reads the answer of a call that succeeded, and gives it as Step Functions spells it: an object. What the model
// does not know is left out.
func (r resource) decode(a *answer) (value.Value, error) {
	if r.op.Output == nil {
		return value.EmptyObject, nil
	}
	var fields []value.Member
	var err error
	switch r.service.Metadata.Protocol {
	case awsmodel.RESTJSON, awsmodel.RESTXML:
		fields, err = r.decodeREST(a)
	default:
		fields, err = r.decodeDocument(a.body, r.op.Output.Shape)
	}
	if err != nil {
		return value.Value{}, &clientError{fmt.Errorf("reading the answer of %s: %w", r.op.Name, err)}
	}
	return sorted(fields), nil
}

// sorted is an object with its members in order of their names: services give no order that would mean anything.
func sorted(fields []value.Member) value.Value {
	slices.SortFunc(fields, func(a, b value.Member) int { return strings.Compare(a.Name, b.Name) })
	return value.NewObject(fields...)
}

// decodeDocument reads the members of a structure from a body; an empty one has none.
func (r resource) decodeDocument(body []byte, s *awsmodel.Shape) ([]value.Member, error) {
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil, nil
	}
	switch r.service.Metadata.Protocol {
	case awsmodel.JSON, awsmodel.RESTJSON:
		v, err := value.Parse(body)
		if err != nil {
			return nil, err
		}
		if v.Kind() != value.Object {
			return nil, fmt.Errorf("it is no JSON object")
		}
		return r.jsonFields(s, v), nil
	}
	root, err := parseXML(body)
	if err != nil {
		return nil, err
	}
	if wrapper := r.op.Output.Wrapper; wrapper != "" {
		inner := root.child(wrapper)
		if inner == nil {
			return nil, nil
		}
		root = inner
	}
	return r.xmlFields(s, root), nil
}

// decodeREST reads an answer whose members are in the headers, the status and the body.
func (r resource) decodeREST(a *answer) ([]value.Member, error) {
	s := r.op.Output.Shape
	var fields []value.Member
	add := func(name string, v value.Value) {
		if !v.IsAbsent() {
			fields = append(fields, value.Member{Name: r.spelling(name), Value: v})
		}
	}
	for name, m := range s.Members {
		switch m.Location {
		case "statusCode":
			add(name, value.NewInt(int64(a.status)))
		case "header":
			if texts := a.header.Values(wireName(name, m)); len(texts) > 0 {
				add(name, r.fromHeader(m, strings.Join(texts, ",")))
			}
		case "headers":
			add(name, prefixed(a.header, m.LocationName))
		}
	}
	if s.Payload == "" {
		inner, err := r.decodeDocument(a.body, s)
		return append(fields, inner...), err
	}
	payload := s.Members[s.Payload]
	if payload.Shape.EventStream {
		return nil, fmt.Errorf("it is a stream of events, which no task can take")
	}
	if payload.Shape.Type != awsmodel.Structure {
		if len(a.body) > 0 || payload.Shape.Streaming || payload.Streaming {
			add(s.Payload, r.fromBytes(a.body))
		}
		return fields, nil
	}
	if len(a.body) > 0 {
		inner, err := r.decodeDocument(a.body, payload.Shape)
		if err != nil {
			return nil, err
		}
		add(s.Payload, sorted(inner))
	}
	return fields, nil
}

func wireName(name string, m *awsmodel.Member) string {
	if m.LocationName != "" {
		return m.LocationName
	}
	return name
}

// prefixed are the headers that begin with a prefix, by the rest of their names; absent: there are none.
func prefixed(h http.Header, prefix string) value.Value {
	var fields []value.Member
	for name, texts := range h {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(prefix)); ok && prefix != "" {
			fields = append(fields, value.Member{Name: rest, Value: value.NewString(strings.Join(texts, ","))})
		}
	}
	if len(fields) == 0 {
		return value.Value{}
	}
	return sorted(fields)
}

func (r resource) fromHeader(m *awsmodel.Member, text string) value.Value {
	if m.JSONValue {
		if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
			text = string(plain)
		}
		return value.NewString(text)
	}
	if m.Shape.Type == awsmodel.List {
		var items []value.Value
		for _, part := range strings.Split(text, ",") {
			items = append(items, r.fromText(m.Shape.Item.Shape, strings.TrimSpace(part)))
		}
		return value.NewArray(items...)
	}
	return r.fromText(m.Shape, text)
}

// fromText is a scalar that is text on the wire. One that is not of its type stays text.
func (r resource) fromText(s *awsmodel.Shape, text string) value.Value {
	switch s.Type {
	case awsmodel.Boolean:
		if b, err := strconv.ParseBool(strings.TrimSpace(text)); err == nil {
			return value.NewBool(b)
		}
	case awsmodel.Integer, awsmodel.Long, awsmodel.Float, awsmodel.Double:
		if n, err := value.NewNumber(strings.TrimSpace(text)); err == nil {
			return n
		}
	case awsmodel.Timestamp:
		return r.shownTime(strings.TrimSpace(text))
	case awsmodel.Blob:
		return r.fromBase64(text)
	}
	return value.NewString(text)
}

func (r resource) fromBase64(text string) value.Value {
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return value.NewString(text)
	}
	return r.fromBytes(plain)
}

// fromBytes shows bytes: those that are text as that, others in base64.
func (r resource) fromBytes(b []byte) value.Value {
	if utf8.Valid(b) {
		return value.NewString(string(b))
	}
	return value.NewString(base64.StdEncoding.EncodeToString(b))
}
