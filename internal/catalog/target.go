package catalog

import (
	"context"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// AttributeRevision is the attribute of a run (store.Run.Attributes) that holds the version of its state machine's object.
const AttributeRevision = "machineVersion"

// The labels of a run by which lists find the executions of a version and of an alias.
const (
	LabelVersion = "states.amazonaws.com/version"
	LabelAlias   = "states.amazonaws.com/alias"
)

// Target is what an execution runs that was asked for by an ARN.
type Target struct {
	*store.Object        // the state machine as it is, or the version
	Machine       string // the state machine's name
	Number        string // the published version's; empty: none was named, and no alias
	Alias         string // that picked the version; empty: none
	site          Site
}

// Target finds what a name or an ARN leads to: a state machine, one of its published versions, or the version that its
// alias picks by a number that was drawn. What is not there is store.ErrNotFound.
func (c *Catalog) Target(ctx context.Context, by Caller, nameOrARN string, drawn uint64) (Target, error) {
	plain, qualifier := nameOrARN, ""
	if parts := strings.SplitN(nameOrARN, ":", 8); len(parts) == 8 && parts[0] == "arn" {
		plain, qualifier = strings.Join(parts[:7], ":"), parts[7]
	}
	o, err := c.Resolve(ctx, by, manifest.KindStateMachine, plain)
	if err != nil {
		return Target{}, err
	}
	t := Target{Object: o, Machine: o.Name, site: c.Site}
	if qualifier == "" {
		return t, nil
	}
	if t.Number = qualifier; strings.Trim(qualifier, "0123456789") != "" {
		alias, err := c.Get(ctx, by, KindMachineAlias, o.Name, qualifier, 0)
		if err != nil {
			return Target{}, err
		}
		t.Alias, t.Number = qualifier, pick(alias, drawn)
	}
	t.Object, err = c.Get(ctx, by, KindMachineVersion, t.Machine, t.Number, 0)
	return t, err
}

// pick is the number of the version that an alias leads to.
func pick(alias *store.Object, drawn uint64) string {
	left := int64(drawn % 100)
	for _, r := range alias.Data.At("routes").Elements() {
		weight, _ := r.At("weight").Int64()
		if left < weight {
			version, _ := r.At("version").Int64()
			return strconv.FormatInt(version, 10)
		}
		left -= weight
	}
	return "" // the weights make 100
}

// Source is the text of the definition.
func (t Target) Source() []byte { return []byte(manifest.StateMachineSource(t.Data)) }

// Language is the definition's.
func (t Target) Language() string { return t.Data.At("language").Text() }

// Labels are those of an execution; nil: none.
func (t Target) Labels() map[string]string {
	switch {
	case t.Number == "":
		return nil
	case t.Alias == "":
		return map[string]string{LabelVersion: t.Number}
	}
	return map[string]string{LabelVersion: t.Number, LabelAlias: t.Alias}
}

// Attributes are those of the execution that is known by an ARN.
func (t Target) Attributes(execution string) value.Value {
	text := func(name, s string) value.Member { return value.Member{Name: name, Value: value.NewString(s)} }
	members := []value.Member{text(asl.AttributeExecution, execution)}
	if role := t.Data.At("roleArn").Text(); role != "" {
		members = append(members, text(asl.AttributeRole, role))
	}
	arn := t.site.ARNOf(manifest.KindStateMachine, t.Machine)
	if t.Number != "" {
		members = append(members, text(asl.AttributeVersion, arn+":"+t.Number))
	}
	if t.Alias != "" {
		members = append(members, text(asl.AttributeAlias, arn+":"+t.Alias))
	}
	return value.NewObject(append(members, value.Member{Name: AttributeRevision, Value: value.NewInt(t.revision())})...)
}

// revision is the version of the state machine's object that the target is.
func (t Target) revision() int64 {
	if n, ok := t.Data.At("machineVersion").Int64(); ok && t.Number != "" {
		return n
	}
	return t.Version
}
