package sfn

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) versionActions() map[string]aws.Action {
	return map[string]aws.Action{
		"PublishStateMachineVersion": {Do: s.publishVersion, Input: input("PublishStateMachineVersion",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("revisionId", aws.Text(0, -1)),
			aws.Optional("description", describeShape))},
		"ListStateMachineVersions": {Do: s.listVersions, Input: input("ListStateMachineVersions",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("nextToken", tokenShape),
			aws.Optional("maxResults", maxResultsShape))},
		"DeleteStateMachineVersion": {Do: s.deleteVersion, Input: input("DeleteStateMachineVersion",
			aws.Required("stateMachineVersionArn", longARNShape))},
	}
}

func versionName(n int64) string { return strconv.FormatInt(n, 10) }

// version is the published version of a state machine; store.ErrNotFound where there is none.
func (s *service) version(ctx context.Context, machineName string, n int64) (machine, error) {
	o, err := s.Catalog.Get(ctx, by(ctx), catalog.KindMachineVersion, machineName, versionName(n), 0)
	return machine{o}, err
}

// published is the version that m, as it is to be stored, was published as, or is to be published as now: then changes
// has the objects that make it so, m's own among them.
func (s *service) published(ctx context.Context, m machine, description value.Value) (version machine, changes []*store.Object, err error) {
	last, _ := m.Data.At("lastVersion").Int64()
	if last > 0 {
		version, err = s.version(ctx, m.Name, last)
		if err == nil && version.revision() == m.revision() {
			return version, nil, nil
		}
		if err != nil && !notFound(err) {
			return machine{}, nil, err
		}
	}
	if err := s.room(ctx, catalog.KindMachineVersion, m.Name, s.Quotas.Versions, errTooManyVersions); err != nil {
		return machine{}, nil, err
	}
	next := *m.Object
	next.Data = m.Data.With("lastVersion", value.NewInt(last+1))
	data := m.Data.Without("tags").Without("lastVersion").With("machineVersion", value.NewInt(m.Version))
	if description.Kind() == value.String {
		data = data.With("description", description)
	}
	o := &store.Object{
		Kind: string(catalog.KindMachineVersion), Space: m.Name, Name: versionName(last + 1), Owner: m.Owner, Version: 1,
		Created: s.now(), Updated: s.now(), Labels: m.Labels, Data: data,
	}
	old, err := s.Catalog.Latest(ctx, catalog.KindMachineVersion, o.Space, o.Name)
	if old != nil {
		o.Version = old.Version + 1 // of a state machine that was deleted
	}
	return machine{o}, []*store.Object{&next, o}, err
}

func (s *service) publishVersion(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	var version machine
	err = s.changed(func() (bool, error) {
		m, err := s.findOwnMachine(ctx, a)
		if err != nil {
			return false, err
		}
		if want, ok := given(in, "revisionId"); ok && cmp.Or(want.Text(), initialRevision) != cmp.Or(m.revision(), initialRevision) {
			return false, errConflict.of("Failed to publish the State Machine version for revision " + want.Text() +
				". The current State Machine revision is " + cmp.Or(m.revision(), initialRevision) + ".")
		}
		next := *m.Object
		next.Version++
		var changes []*store.Object
		version, changes, err = s.published(ctx, machine{&next}, in.At("description"))
		if err != nil || len(changes) == 0 {
			return err == nil, err
		}
		return s.Catalog.Save(ctx, changes...)
	})
	if err != nil {
		return value.Value{}, err
	}
	return object(text("stateMachineVersionArn", s.machineARN(a.name, version.Name)), date("creationDate", version.Created)), nil
}

// initialRevision is what a request may call the revision of a state machine that was never updated.
const initialRevision = "INITIAL"

// versions are the published versions of a state machine, latest first.
func (s *service) versions(ctx context.Context, machineName string) ([]*store.Object, error) {
	all, err := s.Catalog.List(ctx, by(ctx), catalog.KindMachineVersion, machineName)
	slices.SortFunc(all, func(a, b *store.Object) int {
		return cmp.Or(cmp.Compare(len(b.Name), len(a.Name)), strings.Compare(b.Name, a.Name))
	})
	return all, err
}

func (s *service) listVersions(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	p, err := readPage(in, "ListStateMachineVersions", a.text)
	if err != nil {
		return value.Value{}, err
	}
	if _, err := s.findMachine(ctx, a); err != nil {
		return value.Value{}, err
	}
	all, err := s.versions(ctx, a.name)
	if err != nil {
		return value.Value{}, err
	}
	if n := p.number(); n > 0 {
		all = slices.DeleteFunc(all, func(o *store.Object) bool { return arn{more: o.Name}.version() >= n })
	}
	return list(p, "stateMachineVersions", all, func(o *store.Object) (string, value.Value) {
		return o.Name, object(text("stateMachineVersionArn", s.machineARN(a.name, o.Name)), date("creationDate", o.Created))
	}), nil
}

func (s *service) deleteVersion(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineVersionArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	if a.version() == 0 {
		return value.Value{}, errInvalidARN.of(a.text)
	}
	return value.Value{}, s.changed(func() (bool, error) {
		v, err := s.version(ctx, a.name, a.version())
		if notFound(err) || err == nil && (!s.here(a) || !by(ctx).MayChange(v.Object)) {
			return true, nil // what is not there counts as deleted
		}
		if err != nil {
			return false, err
		}
		users, err := s.aliasesOf(ctx, a.name, a.version())
		if err != nil {
			return false, err
		}
		if len(users) > 0 {
			return false, errConflict.of("Version to be deleted must not be referenced by an alias. " +
				"Current list of aliases referencing this version: [" + strings.Join(users, ", ") + "]")
		}
		return s.Catalog.Save(ctx, s.without(v.Object))
	})
}
