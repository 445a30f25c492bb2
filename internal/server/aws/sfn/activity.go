package sfn

import (
	"context"
	"slices"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) activityActions() map[string]aws.Action {
	return map[string]aws.Action{
		"CreateActivity": {Do: s.createActivity, Input: input("CreateActivity",
			aws.Required("name", nameShape),
			aws.Optional("tags", tagsShape),
			aws.Optional("encryptionConfiguration", encryptionShape))},
		"DescribeActivity": {Do: s.describeActivity, Input: input("DescribeActivity",
			aws.Required("activityArn", arnShape))},
		"ListActivities": {Do: s.listActivities, Input: input("ListActivities",
			aws.Optional("maxResults", maxResultsShape),
			aws.Optional("nextToken", tokenShape))},
		"DeleteActivity": {Do: s.deleteActivity, Input: input("DeleteActivity",
			aws.Required("activityArn", arnShape))},
	}
}

// findActivity finds the activity that an ARN names.
func (s *service) findActivity(ctx context.Context, text string) (*store.Object, error) {
	a, err := parseARN(text, typeActivity)
	if err != nil {
		return nil, err
	}
	if s.here(a) {
		o, err := s.Catalog.Get(ctx, by(ctx), catalog.KindActivity, "", a.name, 0)
		if !notFound(err) {
			return o, err
		}
	}
	return nil, errNoActivity.of(text)
}

func (s *service) createActivity(ctx context.Context, in value.Value) (value.Value, error) {
	name := in.At("name").Text()
	if !validName(name) {
		return value.Value{}, errInvalidName.of(name)
	}
	if err := checkEncryption(in); err != nil {
		return value.Value{}, err
	}
	encryption, _ := given(in, "encryptionConfiguration")
	tags := tagged(nil, in.At("tags"))
	if len(tags) > maxTags {
		return value.Value{}, errTooManyTags.of(s.Catalog.ARNOf(catalog.KindActivity, name))
	}
	var made *store.Object
	err := s.changed(func() (bool, error) {
		latest, err := s.Catalog.Latest(ctx, catalog.KindActivity, "", name)
		if err != nil {
			return false, err
		}
		made = &store.Object{
			Kind: string(catalog.KindActivity), Name: name, Owner: by(ctx).Owner, Version: 1, Created: s.now(), Updated: s.now(),
			Data: object(of("encryptionConfiguration", encryption), of("tags", value.NewArray(tags...))),
		}
		if latest != nil {
			if !latest.Deleted {
				made = latest
				same := value.Equal(latest.Data.At("encryptionConfiguration"), encryption)
				if !by(ctx).MayChange(latest) || !same {
					return false, errActivityExists.of(s.Catalog.ARNOf(catalog.KindActivity, name))
				}
				return true, nil
			}
			made.Version = latest.Version + 1
		}
		if err := s.room(ctx, catalog.KindActivity, "", s.Quotas.Activities, errTooManyActivities); err != nil {
			return false, err
		}
		return s.Catalog.Save(ctx, made)
	})
	if err != nil {
		return value.Value{}, err
	}
	return object(text("activityArn", s.Catalog.ARNOf(catalog.KindActivity, name)), date("creationDate", made.Created)), nil
}

// activitySummary are the members that lists of activities and their descriptions share.
func (s *service) activitySummary(o *store.Object) []value.Member {
	return []value.Member{text("activityArn", s.Catalog.ARNOf(catalog.KindActivity, o.Name)), text("name", o.Name), date("creationDate", o.Created)}
}

func (s *service) describeActivity(ctx context.Context, in value.Value) (value.Value, error) {
	o, err := s.findActivity(ctx, in.At("activityArn").Text())
	if err != nil {
		return value.Value{}, err
	}
	encryption := o.Data.At("encryptionConfiguration")
	if encryption.IsAbsent() {
		encryption = ownKey
	}
	return object(append(s.activitySummary(o), of("encryptionConfiguration", encryption))...), nil
}

func (s *service) listActivities(ctx context.Context, in value.Value) (value.Value, error) {
	p, err := readPage(in, "ListActivities")
	if err != nil {
		return value.Value{}, err
	}
	all, err := s.Catalog.List(ctx, by(ctx), catalog.KindActivity, "")
	if err != nil {
		return value.Value{}, err
	}
	all = slices.DeleteFunc(all, func(o *store.Object) bool { return o.Name <= p.after })
	return list(p, "activities", all, func(o *store.Object) (string, value.Value) {
		return o.Name, object(s.activitySummary(o)...)
	}), nil
}

func (s *service) deleteActivity(ctx context.Context, in value.Value) (value.Value, error) {
	return value.Value{}, s.changed(func() (bool, error) {
		o, err := s.findActivity(ctx, in.At("activityArn").Text())
		if gone(err) || err == nil && !by(ctx).MayChange(o) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		return s.Catalog.Save(ctx, s.without(o))
	})
}
