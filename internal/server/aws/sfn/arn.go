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

// arn is an ARN of the service, taken apart: arn:PARTITION:states:REGION:ACCOUNT:TYPE:NAME[:MORE…].
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
	if len(parts) == 8 {
		a.more = parts[7]
	}
	if !slices.Contains(kinds, a.kind) {
		return arn{}, errInvalidARN.of("Resource type not valid in this context: " + a.kind)
	}
	if (a.kind == typeExecution || a.kind == typeExpress) == (a.more == "") && a.kind != typeMachine && a.kind != typeMapRun {
		return arn{}, errInvalidARN.of(text)
	}
	return a, nil
}

// version is the number that qualifies a state machine; 0: it is an alias or there is none.
func (a arn) version() int64 {
	if a.more == "" || len(a.more) > 18 || a.more[0] == '0' {
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

// machine is the ARN less what qualifies it.
func (a arn) machine() string { return strings.TrimSuffix(a.text, ":"+a.more) }

func (s *service) machineARN(name string) string {
	return s.Catalog.ARNOf(manifest.KindStateMachine, name)
}

func (s *service) executionARN(machine, name string) string {
	return s.Catalog.ARN("states", typeExecution+":"+machine+":"+name)
}

// here reports whether the ARN is of this account and region. What is not does not exist.
func (s *service) here(a arn) bool { return a.site == s.Catalog.Site }
