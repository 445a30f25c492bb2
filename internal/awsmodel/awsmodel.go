// Package awsmodel knows the APIs of AWS services: their operations, the shapes of what goes in and comes out, and how
// both are written on the wire. It holds facts and calls nobody. The facts are embedded (models.zip), and a service is
// decoded when it is first asked for.
package awsmodel

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:generate go run -C ../../tools/awsmodel . -o ../../internal/awsmodel/models.zip

//go:embed models.zip
var archive []byte

// ErrUnknown is what there is no model of.
var ErrUnknown = errors.New("unknown to AWS")

// A Protocol is how a service writes requests and answers.
type Protocol string

// The protocols.
const (
	JSON     Protocol = "json"      // POST / with X-Amz-Target, JSON both ways
	RESTJSON Protocol = "rest-json" // members in the path, query, headers and a JSON body
	RESTXML  Protocol = "rest-xml"  // the same with an XML body
	Query    Protocol = "query"     // a form, answered in XML
	EC2      Protocol = "ec2"       // a form of a simpler kind, answered in XML
)

// Service is the model of one service. It is shared: nobody changes it.
type Service struct {
	// Name is the service in a resource of Step Functions (arn:aws:states:::aws-sdk:NAME:ACTION): cloudwatchlogs.
	Name string
	// Prefix is what Step Functions puts before the service's errors: CloudWatchLogs in
	// CloudWatchLogs.ResourceNotFoundException.
	Prefix     string
	Metadata   Metadata
	Operations map[string]*Operation // by the API's own names: PutItem
	Shapes     map[string]*Shape
}

// Metadata is what holds for all of a service.
type Metadata struct {
	ID             string   `json:"serviceId"`       // CloudWatch Logs
	FullName       string   `json:"serviceFullName"` // Amazon CloudWatch Logs
	Protocol       Protocol `json:"protocol"`
	APIVersion     string   `json:"apiVersion"`
	JSONVersion    string   `json:"jsonVersion"`  // of application/x-amz-json-VERSION
	TargetPrefix   string   `json:"targetPrefix"` // of X-Amz-Target: PREFIX.OPERATION
	EndpointPrefix string   `json:"endpointPrefix"`
	// SigningName is the service in signatures; for most it is the endpoint's prefix (see Service.SigningName).
	SigningName string `json:"signingName"`
	// Host is where the service is, if not at PREFIX.REGION.amazonaws.com; {region} stands for the region.
	Host string `json:"host"`
	// SigningRegion is the region in signatures where that is always the same.
	SigningRegion string        `json:"signingRegion"`
	XMLNamespace  *XMLNamespace `json:"xmlNamespace"`
	// QueryCompatible services name errors as they did when they spoke the query protocol, in a header of their own.
	QueryCompatible bool `json:"awsQueryCompatible"`
}

// XMLNamespace is the namespace of an element.
type XMLNamespace struct {
	Prefix string `json:"prefix"`
	URI    string `json:"uri"`
}

// Operation is one call of a service.
type Operation struct {
	Name string `json:"-"`
	HTTP struct {
		Method string `json:"method"`
		// URI is a template: {Name} stands for a member with location uri, {Name+} for one that may hold slashes.
		URI  string `json:"requestUri"`
		Code int    `json:"responseCode"` // of success; 0: 200
	} `json:"http"`
	Input  *Member `json:"input"`  // nil: nothing goes in
	Output *Output `json:"output"` // nil: nothing comes out
	// ErrorNames are shapes of the errors that it is known to fail with.
	ErrorNames []string `json:"errors"`
	// Auth is "none" where the call is not signed; otherwise it says nothing here.
	Auth     string `json:"authtype"`
	Endpoint struct {
		HostPrefix string `json:"hostPrefix"` // goes before the host; {Name} stands for a member with HostLabel
	} `json:"endpoint"`
	ChecksumRequired bool `json:"httpChecksumRequired"` // the request has to carry a checksum of its body
	UnsignedPayload  bool `json:"unsignedPayload"`
}

// Output is what comes out of an operation.
type Output struct {
	Member
	Wrapper string `json:"resultWrapper"` // the element around the result, in the query protocol
}

// Kinds of shapes.
const (
	Structure = "structure"
	List      = "list"
	Map       = "map"
	String    = "string"
	Blob      = "blob"
	Boolean   = "boolean"
	Integer   = "integer"
	Long      = "long"
	Float     = "float"
	Double    = "double"
	Timestamp = "timestamp"
	Character = "character"
)

// Shape is the type of a value.
type Shape struct {
	Name     string             `json:"-"`
	Type     string             `json:"type"`
	Members  map[string]*Member `json:"members"`  // of a structure, by the API's own names
	Required []string           `json:"required"` // names of members
	Payload  string             `json:"payload"`  // the member that is the whole body
	Item     *Member            `json:"member"`   // of a list
	Key      *Member            `json:"key"`      // of a map
	Value    *Member            `json:"value"`    // of a map
	Enum     []string           `json:"enum"`     // all values of a string
	Min      *float64           `json:"min"`      // of a number; of the length of a string, blob (in bytes), list or map
	Max      *float64           `json:"max"`
	Pattern  string             `json:"pattern"` // of a string; a regular expression in Java's dialect
	// TimestampFormat is iso8601, rfc822 or unixTimestamp; empty: as the protocol and the place have it.
	TimestampFormat string        `json:"timestampFormat"`
	Flattened       bool          `json:"flattened"` // a list or map without an element of its own around it
	Streaming       bool          `json:"streaming"`
	EventStream     bool          `json:"eventstream"`
	Union           bool          `json:"union"`     // exactly one member is present
	Sensitive       bool          `json:"sensitive"` // not to be logged
	Exception       bool          `json:"exception"`
	Error           Fault         `json:"error"`
	LocationName    string        `json:"locationName"`
	XMLNamespace    *XMLNamespace `json:"xmlNamespace"`
}

// Fault is how an exception shows on the wire.
type Fault struct {
	Code       string `json:"code"` // empty: the shape's name
	HTTPStatus int    `json:"httpStatusCode"`
}

// Member is a shape in a place.
type Member struct {
	Ref   string `json:"shape"`
	Shape *Shape `json:"-"`
	// Location is where a member goes beside the body: uri, querystring, header, headers (a map, LocationName is the
	// prefix of its headers' names) or statusCode; empty: the body.
	Location         string        `json:"location"`
	LocationName     string        `json:"locationName"` // its name there; empty: its own
	QueryName        string        `json:"queryName"`    // its name in the ec2 protocol
	Flattened        bool          `json:"flattened"`
	IdempotencyToken bool          `json:"idempotencyToken"` // who calls makes it up where it is absent
	JSONValue        bool          `json:"jsonvalue"`        // JSON as text, in base64
	Streaming        bool          `json:"streaming"`
	HostLabel        bool          `json:"hostLabel"`
	XMLAttribute     bool          `json:"xmlAttribute"`
	XMLNamespace     *XMLNamespace `json:"xmlNamespace"`
}

// entry is a service of the archive.
type entry struct {
	name   string
	decode func() (*Service, error)
}

// index lists the services of the archive by name.
var index = sync.OnceValue(func() map[string]entry {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		panic(fmt.Sprintf("awsmodel: the embedded archive: %v", err)) // it is a part of the program
	}
	services := make(map[string]entry, len(z.File))
	for _, f := range z.File {
		name := serviceName(f.Name)
		services[name] = entry{name, sync.OnceValues(func() (*Service, error) { return decode(f) })}
	}
	return services
})

// Names lists the services by the names that Step Functions gives them, in order.
func Names() []string { return slices.Sorted(maps.Keys(index())) }

// Lookup gives the model of a service by the name that Step Functions gives it, such as dynamodb, sfn or
// cloudwatchlogs. One that there is no model of is ErrUnknown.
func Lookup(name string) (*Service, error) {
	e, ok := index()[name]
	if !ok {
		return nil, fmt.Errorf("service %q: %w", name, ErrUnknown)
	}
	return e.decode()
}

func decode(f *zip.File) (*Service, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("reading the model of %q: %w", f.Name, err)
	}
	defer r.Close()
	s := &Service{Name: serviceName(f.Name), Prefix: servicePrefix(f.Name)}
	if err := json.NewDecoder(r).Decode(s); err != nil {
		return nil, fmt.Errorf("reading the model of %q: %w", f.Name, err)
	}
	if err := s.link(); err != nil {
		return nil, fmt.Errorf("reading the model of %q: %w", f.Name, err)
	}
	return s, nil
}

// link puts the shapes in the places that name them.
func (s *Service) link() error {
	var missing error
	put := func(m *Member) {
		if m == nil {
			return
		}
		if m.Shape = s.Shapes[m.Ref]; m.Shape == nil {
			missing = fmt.Errorf("shape %q is missing", m.Ref)
		}
	}
	for name, op := range s.Operations {
		op.Name = name
		put(op.Input)
		if op.Output != nil {
			put(&op.Output.Member)
		}
	}
	for name, shape := range s.Shapes {
		shape.Name = name
		put(shape.Item)
		put(shape.Key)
		put(shape.Value)
		for _, m := range shape.Members {
			put(m)
		}
	}
	return missing
}

// SigningName is the service in signatures.
func (s *Service) SigningName() string {
	if s.Metadata.SigningName != "" {
		return s.Metadata.SigningName
	}
	return s.Metadata.EndpointPrefix
}

// Action finds an operation by the name that it has in a resource: putItem. Only that spelling is right.
func (s *Service) Action(action string) (*Operation, error) {
	name := strings.ToUpper(action[:min(1, len(action))]) + action[min(1, len(action)):]
	if op, ok := s.Operations[name]; ok && action != name {
		return op, nil
	}
	return nil, fmt.Errorf("action %q of service %q: %w", action, s.Name, ErrUnknown)
}

// Actions lists the operations by their names in a resource, in order.
func (s *Service) Actions() []string {
	var names []string
	for name := range s.Operations {
		names = append(names, strings.ToLower(name[:1])+name[1:])
	}
	slices.Sort(names)
	return names
}

// Fault finds the exception that a code on the wire stands for among those of an operation, then among all of the
// service. A nil operation has none of its own.
func (s *Service) Fault(op *Operation, code string) *Shape {
	is := func(e *Shape) bool {
		return e != nil && (e.Name == code || e.Error.Code == code)
	}
	if op != nil {
		for _, name := range op.ErrorNames {
			if e := s.Shapes[name]; is(e) {
				return e
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Shapes)) {
		if e := s.Shapes[name]; e.Exception && is(e) {
			return e
		}
	}
	return nil
}

// Field finds a member of a structure by its name as Step Functions spells it, and gives the API's own.
func (s *Shape) Field(spelling Spelling, name string) (own string, m *Member) {
	for own, m := range s.Members {
		if spelling(own) == name {
			return own, m
		}
	}
	return "", nil
}

// Fields lists the members of a structure by their names as Step Functions spells them, in order.
func (s *Shape) Fields(spelling Spelling) []string {
	var names []string
	for name := range s.Members {
		names = append(names, spelling(name))
	}
	slices.Sort(names)
	return names
}

// Host is where a service is in a region of AWS's.
func (s *Service) Host(region string) string {
	host := s.Metadata.Host
	if host == "" {
		host = s.Metadata.EndpointPrefix + ".{region}.amazonaws.com"
	}
	return strings.ReplaceAll(host, "{region}", region)
}
