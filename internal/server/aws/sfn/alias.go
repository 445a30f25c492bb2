package sfn

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) aliasActions() map[string]aws.Action {
	return map[string]aws.Action{
		"CreateStateMachineAlias": {Do: s.createAlias, Input: input("CreateStateMachineAlias",
			aws.Optional("description", describeShape),
			aws.Required("name", aliasShape),
			aws.Required("routingConfiguration", routingShape))},
		"UpdateStateMachineAlias": {Do: s.updateAlias, Input: input("UpdateStateMachineAlias",
			aws.Required("stateMachineAliasArn", arnShape),
			aws.Optional("description", describeShape),
			aws.Optional("routingConfiguration", routingShape))},
		"DescribeStateMachineAlias": {Do: s.describeAlias, Input: input("DescribeStateMachineAlias",
			aws.Required("stateMachineAliasArn", arnShape))},
		"ListStateMachineAliases": {Do: s.listAliases, Input: input("ListStateMachineAliases",
			aws.Required("stateMachineArn", arnShape),
			aws.Optional("nextToken", tokenShape),
			aws.Optional("maxResults", maxResultsShape))},
		"DeleteStateMachineAlias": {Do: s.deleteAlias, Input: input("DeleteStateMachineAlias",
			aws.Required("stateMachineAliasArn", arnShape))},
	}
}

// alias is an alias of a state machine as the catalogue keeps it. Its Data hold description, and under routes the
// versions that it leads to, each {version, weight}; the weights make 100.
type alias struct{ *store.Object }

// route is one version that an alias leads to.
type route struct{ version, weight int64 }

func (a alias) routes() []route {
	var routes []route
	for _, r := range a.Data.At("routes").Elements() {
		version, _ := r.At("version").Int64()
		weight, _ := r.At("weight").Int64()
		routes = append(routes, route{version, weight})
	}
	return routes
}

// findAlias finds the alias that an ARN names.
func (s *service) findAlias(ctx context.Context, text string) (alias, error) {
	a, err := parseARN(text, typeMachine)
	if err != nil {
		return alias{}, err
	}
	if a.more == "" || a.version() > 0 {
		return alias{}, errInvalidARN.of(a.text)
	}
	if s.here(a) {
		o, err := s.Catalog.Get(ctx, by(ctx), catalog.KindMachineAlias, a.name, a.more, 0)
		if !notFound(err) {
			return alias{o}, err
		}
	}
	return alias{}, errNoReference
}

// readRoutes reads a routing configuration: the name of the state machine, which is to be of where that is not empty, and
// the alias' data.
func (s *service) readRoutes(ctx context.Context, of string, routing value.Value) (machineName string, routes value.Value, err error) {
	machineName = of
	var arns, weights []string
	var list []value.Value
	total, versions := int64(0), true
	for _, r := range routing.Elements() {
		text := r.At("stateMachineVersionArn").Text()
		a, err := parseARN(text, typeMachine)
		if err != nil {
			return "", value.Value{}, err
		}
		weight, _ := r.At("weight").Int64()
		total += weight
		versions = versions && a.version() > 0 && s.here(a) && (machineName == "" || machineName == a.name)
		machineName = a.name
		arns, weights = append(arns, text), append(weights, strconv.FormatInt(weight, 10))
		list = append(list, value.Of(map[string]any{"version": a.version(), "weight": weight}))
	}
	received := ". Received: [" + strings.Join(arns, ", ") + "]"
	switch {
	case len(arns) > 1 && arns[0] == arns[1]:
		return "", value.Value{}, errValidation.of("Routing configuration must contain distinct state machine version ARNs" + received)
	case !versions:
		return "", value.Value{}, errValidation.of("Routing configuration must contain state machine version ARNs" + received)
	case total != 100:
		return "", value.Value{}, errValidation.of("Sum of routing configuration weights must equal 100. Received: [" + strings.Join(weights, ", ") + "]")
	}
	for _, r := range list {
		n, _ := r.At("version").Int64()
		if _, err := s.version(ctx, machineName, n); notFound(err) {
			return "", value.Value{}, errNoReference
		} else if err != nil {
			return "", value.Value{}, err
		}
	}
	return machineName, value.NewArray(list...), nil
}

func (s *service) createAlias(ctx context.Context, in value.Value) (value.Value, error) {
	machineName, routes, err := s.readRoutes(ctx, "", in.At("routingConfiguration"))
	if err != nil {
		return value.Value{}, err
	}
	m, err := s.findOwnMachine(ctx, arn{text: s.machineARN(machineName), site: s.Catalog.Site, name: machineName})
	if err != nil {
		return value.Value{}, err
	}
	data := object(of("routes", routes))
	if description, ok := given(in, "description"); ok {
		data = data.With("description", description)
	}
	made := alias{}
	err = s.changed(func() (bool, error) {
		latest, err := s.Catalog.Latest(ctx, catalog.KindMachineAlias, machineName, in.At("name").Text())
		if err != nil {
			return false, err
		}
		made = alias{&store.Object{
			Kind: string(catalog.KindMachineAlias), Space: machineName, Name: in.At("name").Text(), Owner: m.Owner, Version: 1,
			Created: s.now(), Updated: s.now(), Labels: m.Labels, Data: data,
		}}
		if latest != nil {
			if !latest.Deleted {
				if made.Object = latest; value.Equal(latest.Data, data) {
					return true, nil
				}
				return false, errConflict.of("Failed to create alias because an alias with the same name and a different routing configuration already exists.")
			}
			made.Version = latest.Version + 1
		}
		if err := s.room(ctx, catalog.KindMachineAlias, machineName, s.Quotas.Aliases, errTooManyAliases); err != nil {
			return false, err
		}
		return s.Catalog.Save(ctx, made.Object)
	})
	if err != nil {
		return value.Value{}, err
	}
	return object(text("stateMachineAliasArn", s.machineARN(machineName, made.Name)), date("creationDate", made.Created)), nil
}

func (s *service) updateAlias(ctx context.Context, in value.Value) (value.Value, error) {
	description, described := given(in, "description")
	routing, routed := given(in, "routingConfiguration")
	if !described && !routed {
		return value.Value{}, errMissing.of("Either the description or the RoutingConfiguration must be specified")
	}
	var updated time.Time
	err := s.changed(func() (bool, error) {
		a, err := s.findAlias(ctx, in.At("stateMachineAliasArn").Text())
		if err != nil {
			return false, err
		}
		if !by(ctx).MayChange(a.Object) {
			return false, errNoReference
		}
		next := *a.Object
		next.Version, next.Updated = a.Version+1, s.now()
		if described {
			next.Data = next.Data.With("description", description)
		}
		if routed {
			_, routes, err := s.readRoutes(ctx, a.Space, routing)
			if err != nil {
				return false, err
			}
			next.Data = next.Data.With("routes", routes)
		}
		updated = next.Updated
		return s.Catalog.Save(ctx, &next)
	})
	if err != nil {
		return value.Value{}, err
	}
	return object(date("updateDate", updated)), nil
}

func (s *service) describeAlias(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := s.findAlias(ctx, in.At("stateMachineAliasArn").Text())
	if err != nil {
		return value.Value{}, err
	}
	var routing []value.Value
	for _, r := range a.routes() {
		routing = append(routing, object(
			text("stateMachineVersionArn", s.machineARN(a.Space, versionName(r.version))), of("weight", value.NewInt(r.weight))))
	}
	return object(
		text("stateMachineAliasArn", s.machineARN(a.Space, a.Name)),
		text("name", a.Name),
		of("description", a.Data.At("description")),
		of("routingConfiguration", value.NewArray(routing...)),
		date("creationDate", a.Created),
		date("updateDate", a.Updated),
	), nil
}

// aliases are those of a state machine, by name.
func (s *service) aliases(ctx context.Context, machineName string) ([]*store.Object, error) {
	return s.Catalog.List(ctx, by(ctx), catalog.KindMachineAlias, machineName)
}

// aliasesOf are the names of the aliases that lead to a version.
func (s *service) aliasesOf(ctx context.Context, machineName string, version int64) ([]string, error) {
	all, err := s.aliases(ctx, machineName)
	var names []string
	for _, o := range all {
		if slices.ContainsFunc(alias{o}.routes(), func(r route) bool { return r.version == version }) {
			names = append(names, o.Name)
		}
	}
	return names, err
}

// listAliases lists the aliases of a state machine, or those that lead to one of its versions.
func (s *service) listAliases(ctx context.Context, in value.Value) (value.Value, error) {
	a, err := parseARN(in.At("stateMachineArn").Text(), typeMachine)
	if err != nil {
		return value.Value{}, err
	}
	p, err := readPage(in, "ListStateMachineAliases", a.text)
	if err != nil {
		return value.Value{}, err
	}
	if _, err := s.findMachine(ctx, a.unqualified()); err != nil {
		return value.Value{}, err
	}
	all, err := s.aliases(ctx, a.name)
	if err != nil {
		return value.Value{}, err
	}
	all = slices.DeleteFunc(all, func(o *store.Object) bool {
		leads := a.more == "" || slices.ContainsFunc(alias{o}.routes(), func(r route) bool { return r.version == a.version() })
		return !leads || o.Name <= p.after
	})
	return list(p, "stateMachineAliases", all, func(o *store.Object) (string, value.Value) {
		return o.Name, object(text("stateMachineAliasArn", s.machineARN(a.name, o.Name)), date("creationDate", o.Created))
	}), nil
}

func (s *service) deleteAlias(ctx context.Context, in value.Value) (value.Value, error) {
	return value.Value{}, s.changed(func() (bool, error) {
		a, err := s.findAlias(ctx, in.At("stateMachineAliasArn").Text())
		if err != nil {
			return false, err
		}
		if !by(ctx).MayChange(a.Object) {
			return false, errNoReference
		}
		return s.Catalog.Save(ctx, s.without(a.Object))
	})
}
