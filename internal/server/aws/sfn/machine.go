package sfn

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/catalog"
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
		"UpdateStateMachine": {Do: s.updateStateMachine, Input: input("UpdateStateMachine",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("definition", definitionShape),
			aws.Optional("roleArn", arnShape),
			aws.Optional("loggingConfiguration", loggingShape),
			aws.Optional("tracingConfiguration", tracingShape),
			aws.Optional("publish", aws.Boolean()),
			aws.Optional("versionDescription", describeShape),
			aws.Optional("encryptionConfiguration", encryptionShape))},
		"DescribeStateMachine": {Do: s.describeStateMachine, Input: input("DescribeStateMachine",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("includedData", includedShape))},
		"ListStateMachines": {Do: s.listStateMachines, Input: input("ListStateMachines",
			aws.Optional("maxResults", maxResultsShape),
			aws.Optional("nextToken", tokenShape))},
		"DeleteStateMachine": {Do: s.deleteStateMachine, Input: input("DeleteStateMachine",
			aws.Required("stateMachineArn", arnShape))},
	}
}

// machine is a state machine or a published version of one, as the catalogue keeps it.
//
// Beside language and definition, which every state machine has, and what catalog.Revised adds, its Data hold members of
// the API under their names where they were given (type, roleArn, loggingConfiguration, tracingConfiguration,
// encryptionConfiguration, tags), and of our own: created (what else was asked for at creation), lastVersion (the number
// published last), and in a published version description and machineVersion (the object's version that it is).
type machine struct{ *store.Object }

func (m machine) source() string { return manifest.StateMachineSource(m.Data) }

func (m machine) kind() string {
	if t := m.Data.At("type").Text(); t != "" {
		return t
	}
	return "STANDARD"
}

// revision is the id of the revision; empty for a state machine that is as it was created.
func (m machine) revision() string { return m.Data.At(catalog.MachineRevision).Text() }

func (m machine) updated() time.Time {
	if ms, ok := m.Data.At(catalog.MachineUpdated).Int64(); ok {
		return time.UnixMilli(ms)
	}
	return m.Created
}

// settings are the members of an answer that describe how the state machine works.
func (m machine) settings(all bool) []value.Member {
	logging := m.Data.At("loggingConfiguration")
	for _, d := range []value.Member{text("level", "OFF"), of("includeExecutionData", value.False)} {
		if logging.At(d.Name).IsAbsent() {
			logging = logging.With(d.Name, d.Value)
		}
	}
	tracing := m.Data.At("tracingConfiguration")
	if tracing.At("enabled").IsAbsent() {
		tracing = value.NewObject(of("enabled", value.False))
	}
	members := []value.Member{
		text("roleArn", m.Data.At("roleArn").Text()),
		of("loggingConfiguration", logging),
		of("tracingConfiguration", tracing),
		of("encryptionConfiguration", m.encryption()),
		words("revisionId", m.revision()),
	}
	if !all {
		return append(members, text("definition", ""))
	}
	return append(members, text("definition", m.source()), of("variableReferences", m.variables()))
}

// encryption is the encryption of the state machine as it is shown. Where none was given, AWS names its own key, but did
// not before it had others, and what it answered then is recorded too. Variables and JSONata came to the language after
// that: state machines that use them get the later answer, others the earlier one.
func (m machine) encryption() value.Value {
	given := m.Data.At("encryptionConfiguration")
	if given.IsAbsent() {
		if definition, err := value.Parse([]byte(m.source())); err == nil && has(definition, "Assign", "QueryLanguage") {
			return ownKey
		}
	}
	return given
}

// ownKey is an encryption for which nothing was asked.
var ownKey = object(text("type", "AWS_OWNED_KEY"))

// has reports whether v or anything within it has a member of one of the names.
func has(v value.Value, names ...string) bool {
	for _, e := range v.Elements() {
		if has(e, names...) {
			return true
		}
	}
	for name, m := range v.Members() {
		if slices.Contains(names, name) || has(m, names...) {
			return true
		}
	}
	return false
}

// variables are the variables that each state refers to; absent where none does.
func (m machine) variables() value.Value {
	var states []value.Member
	for _, r := range asl.References([]byte(m.source())) {
		states = append(states, of(r.State, value.Of(r.Variables)))
	}
	if len(states) == 0 {
		return value.Value{}
	}
	return value.NewObject(states...)
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

// findOwnMachine is findMachine for one who is about to change it.
func (s *service) findOwnMachine(ctx context.Context, a arn) (machine, error) {
	m, err := s.findMachine(ctx, a)
	if err == nil && !by(ctx).MayChange(m.Object) {
		err = errNoMachine.of(a.text)
	}
	return m, err
}

// findVersion finds what an ARN names: a state machine as it is, or the version that it is qualified by.
func (s *service) findVersion(ctx context.Context, a arn) (machine, error) {
	m, err := s.findMachine(ctx, a.unqualified())
	if err != nil || a.more == "" {
		return m, err
	}
	v, err := s.version(ctx, a.name, a.version())
	if notFound(err) {
		err = errNoMachine.of(a.text)
	}
	return v, err
}

// settingNames are the settings of a state machine: the members of a request that are kept.
var settingNames = []string{"definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"}

// idempotentBy are the members that two requests must share to be the same.
var idempotentBy = []string{"definition", "type", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration", "created"}

func (s *service) createStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	name := in.At("name").Text()
	if !validName(name) {
		return value.Value{}, errInvalidName.of(name)
	}
	data, err := s.newMachine(in)
	if err != nil {
		return value.Value{}, err
	}
	var made, version machine
	err = s.changed(func() (bool, error) {
		latest, err := s.Catalog.Latest(ctx, manifest.KindStateMachine, "", name)
		if err != nil {
			return false, err
		}
		made = machine{&store.Object{
			Kind: string(manifest.KindStateMachine), Name: name, Owner: by(ctx).Owner, Version: 1, Created: s.now(), Updated: s.now(), Data: data,
		}}
		if latest != nil {
			if !latest.Deleted {
				made = machine{latest}
				version, err = s.sameMachine(ctx, made, data)
				return err == nil, err
			}
			made.Version = latest.Version + 1
		}
		if err := s.room(ctx, manifest.KindStateMachine, "", s.Quotas.Machines, errTooManyMachines); err != nil {
			return false, err
		}
		changes := []*store.Object{made.Object}
		if in.At("publish").Bool() {
			if version, changes, err = s.published(ctx, made, in.At("versionDescription")); err != nil {
				return false, err
			}
		}
		return s.Catalog.Save(ctx, changes...)
	})
	if err != nil {
		return value.Value{}, err
	}
	return object(text("stateMachineArn", s.machineARN(name)), date("creationDate", made.Created), s.versionARN(name, version)), nil
}

// versionARN is the member stateMachineVersionArn of an answer; left out where nothing was published.
func (s *service) versionARN(name string, version machine) value.Member {
	if version.Object == nil {
		return value.Member{}
	}
	return text("stateMachineVersionArn", s.machineARN(name, version.Name))
}

// newMachine is the data of the state machine that is asked for.
func (s *service) newMachine(in value.Value) (value.Value, error) {
	if err := checkMachine(in, in.At("type").Text()); err != nil {
		return value.Value{}, err
	}
	data := value.NewObject(text("language", "asl"))
	for _, name := range append([]string{"type"}, settingNames...) {
		if v, ok := given(in, name); ok {
			data = data.With(name, v)
		}
	}
	tags := tagged(nil, in.At("tags"))
	if len(tags) > maxTags {
		return value.Value{}, errTooManyTags.of(s.machineARN(in.At("name").Text()))
	}
	if len(tags) > 0 {
		data = data.With("tags", value.NewArray(tags...))
	}
	if in.At("publish").Bool() {
		data = data.With("created", object(of("publish", value.True), of("versionDescription", in.At("versionDescription"))))
	}
	return data, nil
}

// given is a member of a request; one that is null is not given.
func given(in value.Value, name string) (value.Value, bool) {
	v, ok := in.Get(name)
	if v.IsNull() {
		return value.Value{}, false
	}
	return v, ok
}

// checkMachine refuses settings and definitions that are no good; in is a request to create or update.
func checkMachine(in value.Value, kind string) error {
	if _, ok := given(in, "versionDescription"); ok && !in.At("publish").Bool() {
		return errValidation.of("Version description can only be set when publish is true")
	}
	if role, ok := given(in, "roleArn"); ok && !strings.HasPrefix(role.Text(), "arn:") {
		return errInvalidRole.of(role.Text())
	}
	logging := in.At("loggingConfiguration")
	destinations := logging.At("destinations").Len()
	if level := logging.At("level").Text(); destinations > 1 || level != "" && level != "OFF" && destinations == 0 {
		return errInvalidLogging.of("Must specify exactly one Log Destination.")
	}
	if err := checkEncryption(in); err != nil {
		return err
	}
	if definition, ok := given(in, "definition"); ok {
		return checkDefinition(definition.Text(), kind)
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

// checkEncryption refuses an encryption that contradicts itself.
func checkEncryption(in value.Value) error {
	e := in.At("encryptionConfiguration")
	key := e.At("kmsKeyId").Text()
	switch {
	case e.At("type").Text() == "CUSTOMER_MANAGED_KMS_KEY" && key == "":
		return errInvalidEncryption.of("KmsKeyId must be specified for type CUSTOMER_MANAGED_KMS_KEY")
	case e.At("type").Text() == "AWS_OWNED_KEY" && key != "":
		return errInvalidEncryption.of("KmsKeyId must not be specified for type AWS_OWNED_KEY")
	}
	return nil
}

// sameMachine is nil where a request repeats the one that made m: then it gives the version that was published with it.
func (s *service) sameMachine(ctx context.Context, m machine, data value.Value) (version machine, err error) {
	if !by(ctx).MayChange(m.Object) {
		return machine{}, errMachineExists.of(s.machineARN(m.Name))
	}
	for _, name := range idempotentBy {
		if !value.Equal(m.Data.At(name), data.At(name)) {
			return machine{}, errMachineExists.of(s.machineARN(m.Name))
		}
	}
	if data.At("created").IsAbsent() {
		return machine{}, nil
	}
	version, err = s.version(ctx, m.Name, 1)
	if notFound(err) {
		return machine{}, nil
	}
	return version, err
}

func (s *service) updateStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	var next, version machine
	revised := false
	err = s.changed(func() (bool, error) {
		m, err := s.findOwnMachine(ctx, a)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(settingNames, func(name string) bool { _, ok := given(in, name); return ok }) {
			return false, errMissing.of("Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
		}
		if err := checkMachine(in, m.kind()); err != nil {
			return false, err
		}
		next, revised = s.revised(m, in)
		changes := []*store.Object{next.Object}
		if in.At("publish").Bool() {
			var published []*store.Object
			if version, published, err = s.published(ctx, next, in.At("versionDescription")); err != nil {
				return false, err
			}
			if len(published) > 0 {
				changes = published
			}
		}
		return s.Catalog.Save(ctx, changes...)
	})
	if err != nil {
		return value.Value{}, err
	}
	members := []value.Member{date("updateDate", next.Updated), s.versionARN(a.name, version)}
	if revised {
		members = append(members, words("revisionId", next.revision()))
	}
	return object(members...), nil
}

// revised is m with the settings of a request. It is a new revision where one of them differs from what is there.
func (s *service) revised(m machine, in value.Value) (next machine, is bool) {
	o := *m.Object
	o.Version, o.Updated = m.Version+1, s.now()
	for _, name := range settingNames {
		if v, ok := given(in, name); ok && !value.Equal(v, o.Data.At(name)) {
			o.Data, is = o.Data.With(name, v), true
		}
	}
	if is {
		catalog.Revised(&o)
	}
	return machine{&o}, is
}

func (s *service) describeStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	m, err := s.findVersion(ctx, a)
	if err != nil {
		return value.Value{}, err
	}
	members := append(m.settings(wantsData(in)),
		text("stateMachineArn", a.text), text("name", a.name), text("status", "ACTIVE"), text("type", m.kind()),
		date("creationDate", m.Created), of("description", m.Data.At("description")))
	return object(members...), nil
}

func (s *service) listStateMachines(ctx context.Context, in value.Value) (value.Value, error) {
	p, err := readPage(in, "ListStateMachines")
	if err != nil {
		return value.Value{}, err
	}
	all, err := s.Catalog.List(ctx, by(ctx), manifest.KindStateMachine, "")
	if err != nil {
		return value.Value{}, err
	}
	all = slices.DeleteFunc(all, func(o *store.Object) bool { return o.Name <= p.after })
	return list(p, "stateMachines", all, func(o *store.Object) (string, value.Value) {
		return o.Name, object(text("stateMachineArn", s.machineARN(o.Name)), text("name", o.Name), text("type", machine{o}.kind()),
			date("creationDate", o.Created))
	}), nil
}

// deleteStateMachine removes a state machine with its versions and aliases. Its executions go on.
func (s *service) deleteStateMachine(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	if a.more != "" {
		return value.Value{}, errValidation.of("The ARN must not be qualified by a version or an alias: " + a.text)
	}
	return value.Value{}, s.changed(func() (bool, error) {
		m, err := s.findOwnMachine(ctx, a)
		if gone(err) {
			return true, nil // what is not there counts as deleted
		}
		if err != nil {
			return false, err
		}
		versions, err := s.versions(ctx, m.Name)
		if err != nil {
			return false, err
		}
		aliases, err := s.aliases(ctx, m.Name)
		if err != nil {
			return false, err
		}
		marks := []*store.Object{s.without(m.Object)}
		for _, o := range slices.Concat(versions, aliases) {
			marks = append(marks, s.without(o))
		}
		return s.Catalog.Save(ctx, marks...)
	})
}

// without is the mark that o is deleted.
func (s *service) without(o *store.Object) *store.Object {
	mark := *o
	mark.Version, mark.Updated, mark.Deleted = o.Version+1, s.now(), true
	return &mark
}
