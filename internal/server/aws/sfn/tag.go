package sfn

import (
	"context"
	"slices"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) tagActions() map[string]aws.Action {
	return map[string]aws.Action{
		"TagResource": {Do: s.tagResource, Input: input("TagResource",
			aws.Required("resourceArn", arnShape),
			aws.Required("tags", tagsShape))},
		"UntagResource": {Do: s.untagResource, Input: input("UntagResource",
			aws.Required("resourceArn", arnShape),
			aws.Required("tagKeys", aws.List(0, -1, aws.Text(1, 128))))},
		"ListTagsForResource": {Do: s.listTags, Input: input("ListTagsForResource",
			aws.Required("resourceArn", arnShape))},
	}
}

// maxTags is how many tags a resource may have.
const maxTags = 50

// findTagged finds the state machine or activity that an ARN names.
func (s *service) findTagged(ctx context.Context, text string) (*store.Object, error) {
	a, err := parseARN(text, typeMachine, typeActivity)
	if err != nil {
		return nil, err
	}
	kind := manifest.KindStateMachine
	if a.kind == typeActivity {
		kind = catalog.KindActivity
	}
	if s.here(a) && a.more == "" {
		o, err := s.Catalog.Get(ctx, by(ctx), kind, "", a.name, 0)
		if !notFound(err) {
			return o, err
		}
	}
	return nil, errNoResource.of(text)
}

// tagsOf are the tags of an object: a list of {key, value}, each key once.
func tagsOf(o *store.Object) []value.Value {
	var tags []value.Value
	for _, t := range o.Data.At("tags").Elements() {
		tags = append(tags, t)
	}
	return tags
}

// tagged is the list tags with more set in it: in its place where the key is there, else at the end.
func tagged(tags []value.Value, more value.Value) []value.Value {
	for _, t := range more.Elements() {
		key := t.At("key").Text()
		tag := object(text("key", key), text("value", t.At("value").Text()))
		if i := slices.IndexFunc(tags, func(t value.Value) bool { return t.At("key").Text() == key }); i >= 0 {
			tags[i] = tag
		} else {
			tags = append(tags, tag)
		}
	}
	return tags
}

// retag changes the tags of what an ARN names.
func (s *service) retag(ctx context.Context, arn string, change func([]value.Value) []value.Value) (value.Value, error) {
	return value.Value{}, s.changed(func() (bool, error) {
		o, err := s.findTagged(ctx, arn)
		if err != nil {
			return false, err
		}
		if !by(ctx).MayChange(o) {
			return false, errNoResource.of(arn)
		}
		tags := change(tagsOf(o))
		if len(tags) > maxTags {
			return false, errTooManyTags.of(arn)
		}
		next := *o
		next.Version, next.Data = o.Version+1, o.Data.With("tags", value.NewArray(tags...))
		return s.Catalog.Save(ctx, &next)
	})
}

func (s *service) tagResource(ctx context.Context, in value.Value) (value.Value, error) {
	return s.retag(ctx, in.At("resourceArn").Text(), func(tags []value.Value) []value.Value { return tagged(tags, in.At("tags")) })
}

func (s *service) untagResource(ctx context.Context, in value.Value) (value.Value, error) {
	return s.retag(ctx, in.At("resourceArn").Text(), func(tags []value.Value) []value.Value {
		return slices.DeleteFunc(tags, func(t value.Value) bool {
			for _, key := range in.At("tagKeys").Elements() {
				if key.Text() == t.At("key").Text() {
					return true
				}
			}
			return false
		})
	})
}

func (s *service) listTags(ctx context.Context, in value.Value) (value.Value, error) {
	o, err := s.findTagged(ctx, in.At("resourceArn").Text())
	if err != nil {
		return value.Value{}, err
	}
	return object(of("tags", value.NewArray(tagsOf(o)...))), nil
}
