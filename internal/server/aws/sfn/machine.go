package sfn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) machineActions() map[string]aws.Action {
	return map[string]aws.Action{
		"CreateStateMachine": {Do: s.createStateMachine, Input: input("CreateStateMachine",
			aws.Required("name", nameShape),
			aws.Required("definition", definitionShape),
			aws.Required("roleArn", arnShape),
			aws.Optional("type", typeShape),
			aws.Optional("loggingConfiguration", loggingShape),
			aws.Optional("tags", tagsShape),
			aws.Optional("tracingConfiguration", tracingShape),
			aws.Optional("publish", aws.Boolean()),
			aws.Optional("versionDescription", describeShape),
			aws.Optional("encryptionConfiguration", encryptionShape))},
		"DescribeStateMachine": {Do: s.describeStateMachine, Input: input("DescribeStateMachine",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("includedData", includedShape))},
		"DeleteStateMachine": {Do: s.deleteStateMachine, Input: input("DeleteStateMachine",
			aws.Required("stateMachineArn", arnShape))},
	}
}

// machine is a state machine or a published version of one, as the catalogue keeps it.
//
// Beside language and definition, which every state machine has, its Data hold members of the API under their names where
// they were given (type, roleArn, loggingConfiguration, tracingConfiguration, encryptionConfiguration, tags), and of our
// own: updated (milliseconds), revision (the object's version that changed the definition or the settings last), created
// (what else was asked for at creation), lastVersion (the number published last), and in a published version description
// and machineVersion (the object's version that it is).
type machine struct{ *store.Object }

func (m machine) source() string { return manifest.StateMachineSource(m.Data) }

func (m machine) kind() string {
	if t := m.Data.At("type").Text(); t != "" {
		return t
	}
	return "STANDARD"
}

// revision is the id of the revision; empty for a state machine that is as it was created.
func (m machine) revision() string {
	n, ok := m.Data.At("revision").Int64()
	if !ok {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d", m.Owner, m.Name, m.Created.UnixMilli(), n))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562, version 8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (m machine) updated() time.Time {
	if ms, ok := m.Data.At("updated").Int64(); ok {
		return time.UnixMilli(ms)
	}
	return m.Created
}

// settings are the members of an answer that describe how the state machine works.
func (m machine) settings(all bool) []value.Member {
	logging := m.Data.At("loggingConfiguration")
	if logging.IsAbsent() {
		logging = value.EmptyObject
	}
	for _, d := range []value.Member{text("level", "OFF"), of("includeExecutionData", value.False)} {
		if logging.At(d.Name).IsAbsent() {
			logging = logging.With(d.Name, d.Value)
		}
	}
	tracing := m.Data.At("tracingConfiguration")
	if tracing.At("enabled").IsAbsent() {
		tracing = value.NewObject(of("enabled", value.False))
	}
	definition := value.NewString(m.source())
	if !all {
		definition = value.NewString("")
	}
	return []value.Member{
		of("definition", definition),
		text("roleArn", m.Data.At("roleArn").Text()),
		of("loggingConfiguration", logging),
		of("tracingConfiguration", tracing),
		of("encryptionConfiguration", m.Data.At("encryptionConfiguration")),
		words("revisionId", m.revision()),
	}
}

// findMachine finds the state machine that an ARN without a qualifier names.
func (s *service) findMachine(ctx context.Context, a arn) (machine, error) {
	if s.here(a) && a.more == "" {
		o, err := s.Catalog.Get(ctx, by(ctx), manifest.KindStateMachine, "", a.name, 0)
		if !notFound(err) {
			return machine{o}, err
		}
	}
	return machine{}, errNoMachine.of(a.text)
}

func (s *service) createStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	name := in.At("name").Text()
	if !validName(name) {
		return value.Value{}, errInvalidName.of(name)
	}
	data, err := s.newMachine(in)
	if err != nil {
		return value.Value{}, err
	}
	var made machine
	err = changed(func() (bool, error) {
		latest, err := s.Catalog.Latest(ctx, manifest.KindStateMachine, "", name)
		if err != nil {
			return false, err
		}
		made = machine{&store.Object{Kind: string(manifest.KindStateMachine), Name: name, Owner: by(ctx).Owner, Version: 1, Data: data}}
		if latest != nil {
			if !latest.Deleted {
				made = machine{latest}
				return true, s.sameMachine(ctx, made, data)
			}
			made.Version = latest.Version + 1
		}
		made.Created = s.now()
		made.Updated = made.Created
		return s.Catalog.Save(ctx, made.Object)
	})
	if err != nil {
		return value.Value{}, err
	}
	return object(text("stateMachineArn", s.machineARN(name)), date("creationDate", made.Created)), nil
}

// creationData are the members of a request to create a state machine that are kept.
var creationData = []string{
	"type", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration", "tags",
}

// idempotentBy are those that two requests must share to be the same.
var idempotentBy = []string{"definition", "type", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration", "created"}

// newMachine is the data of the state machine that is asked for.
func (s *service) newMachine(in value.Value) (value.Value, error) {
	definition := in.At("definition").Text()
	data := value.NewObject(text("language", "asl"), text("definition", definition))
	for _, name := range creationData {
		if v, ok := given(in, name); ok {
			data = data.With(name, v)
		}
	}
	return data, checkMachine(in)
}

// given is a member of a request; one that is null is not given.
func given(in value.Value, name string) (value.Value, bool) {
	v, ok := in.Get(name)
	return v, ok && !v.IsNull()
}

// checkMachine refuses settings and definitions that are no good; in is a request to create or update.
func checkMachine(in value.Value) error {
	if role, ok := given(in, "roleArn"); ok && !strings.HasPrefix(role.Text(), "arn:") {
		return (fault{errInvalidARN.code, "Invalid Role Arn: '", "'"}).of(role.Text())
	}
	if level := in.At("loggingConfiguration", "level").Text(); level != "" && level != "OFF" && in.At("loggingConfiguration", "destinations").Len() != 1 {
		return errInvalidLogging.of("Must specify exactly one Log Destination.")
	}
	if definition, ok := given(in, "definition"); ok {
		return checkDefinition(definition.Text(), in.At("type").Text())
	}
	return nil
}

// checkDefinition refuses a definition with faults, and names them all.
func checkDefinition(source, machineType string) error {
	problems := checked(source, machineType)
	if _, valid, _ := asl.Diagnose(problems, false, 0); !valid {
		return errInvalidDefinition.of(asl.Refusal([]byte(source), problems))
	}
	return nil
}

// sameMachine is nil where a request repeats the one that made m.
func (s *service) sameMachine(ctx context.Context, m machine, data value.Value) error {
	if by(ctx).MayChange(m.Object) {
		same := true
		for _, name := range idempotentBy {
			a, b := m.Data.At(name), data.At(name)
			same = same && a.IsAbsent() == b.IsAbsent() && value.Equal(a, b)
		}
		if same {
			return nil
		}
	}
	return errMachineExists.of(s.machineARN(m.Name))
}

func (s *service) describeStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	m, err := s.findMachine(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	members := []value.Member{
		text("stateMachineArn", a.text), text("name", a.name), text("status", "ACTIVE"), text("type", m.kind()), date("creationDate", m.Created),
	}
	return object(append(members, m.settings(in.At("includedData").Text() != "METADATA_ONLY")...)...), nil
}

func (s *service) deleteStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	return value.Value{}, changed(func() (bool, error) {
		m, err := s.findMachine(ctx, a)
		var e *aws.Error
		if errors.As(err, &e) || err == nil && !by(ctx).MayChange(m.Object) {
			return true, nil // what is not there counts as deleted
		}
		if err != nil {
			return false, err
		}
		return s.Catalog.Save(ctx, s.without(m.Object))
	})
}

// without is the mark that o is deleted.
func (s *service) without(o *store.Object) *store.Object {
	mark := *o
	mark.Version, mark.Updated, mark.Deleted = o.Version+1, s.now(), true
	return &mark
}
