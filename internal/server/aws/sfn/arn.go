package sfn

import (
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/manifest"
)

// The types of resource that ARNs name.
const (
	typeMachine   = "stateMachine"
	typeExecution = "execution"
	typeExpress   = "express"
	typeActivity  = "activity"
	typeMapRun    = "mapRun"
)

// arn is an ARN of the service, taken apart: arn:PARTITION:states:REGION:ACCOUNT:TYPE:NAME[:MORE].
type arn struct {
	text string
	site catalog.Site
	kind string // of resource
	name string // of the state machine or the activity
	more string // an execution's name, or the version or alias that qualifies a state machine; may be empty
}

// parseARN takes text apart, which must name a resource of one of the kinds.
func parseARN(text string, kinds ...string) (arn, error) {
	if !strings.HasPrefix(text, "arn:") {
		return arn{}, errInvalidARN.of("Invalid ARN prefix: " + text)
	}
	parts := strings.SplitN(text, ":", 8)
	if len(parts) < 7 || parts[6] == "" {
		return arn{}, errInvalidARN.of(text)
	}
	if parts[2] != "states" {
		return arn{}, errInvalidARN.of("Invalid ARN service: " + parts[2])
	}
	a := arn{text: text, site: catalog.Site{Region: parts[3], Account: parts[4]}, kind: parts[5], name: parts[6]}
	if !slices.Contains(kinds, a.kind) {
		return arn{}, errInvalidARN.of("Resource type not valid in this context: " + a.kind)
	}
	if len(parts) == 8 {
		a.more = parts[7]
	}
	// An execution and a map run have names of their own, an activity has none, and a state machine may be qualified.
	if (a.kind == typeExecution || a.kind == typeMapRun) && a.more == "" || a.kind == typeActivity && len(parts) == 8 {
		return arn{}, errInvalidARN.of(text)
	}
	return a, nil
}

// labelled reports whether the ARN is of a child execution of a map run.
func (a arn) labelled() bool { return a.kind == typeExecution && strings.Contains(a.name, "/") }

// version is the number that qualifies a state machine; 0: it is an alias or there is none.
func (a arn) version() int64 {
	if len(a.more) > 18 || strings.HasPrefix(a.more, "0") {
		return 0
	}
	n := int64(0)
	for _, c := range a.more {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// unqualified is the ARN of the state machine, whatever it is qualified by.
func (a arn) unqualified() arn {
	a.more = ""
	return a
}

// machineARN names a state machine, or its version or alias.
func (s *service) machineARN(name string, qualifier ...string) string {
	return strings.Join(append([]string{s.Catalog.ARNOf(manifest.KindStateMachine, name)}, qualifier...), ":")
}

// here reports whether the ARN is of this account and region. What is not does not exist.
func (s *service) here(a arn) bool { return a.site == s.Catalog.Site }
