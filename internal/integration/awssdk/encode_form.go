package awssdk

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// form is a call in the query and ec2 protocols: a form whose names are paths.
type form struct {
	r      resource
	ec2    bool
	values url.Values
}

func (r resource) form(in value.Value) string {
	meta := r.service.Metadata
	f := &form{r, meta.Protocol == awsmodel.EC2, url.Values{"Action": {r.op.Name}, "Version": {meta.APIVersion}}}
	if r.op.Input != nil {
		f.structure("", r.op.Input.Shape, in)
	}
	return f.values.Encode()
}

// below is the name of something in a place.
func below(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func (f *form) structure(prefix string, s *awsmodel.Shape, v value.Value) {
	for _, g := range f.r.given(s, v) {
		f.add(below(prefix, f.name(g)), g.member, g.value)
	}
}

// name is what a member is called in a form.
func (f *form) name(g given) string {
	switch {
	case f.ec2 && g.member.QueryName != "":
		return g.member.QueryName
	case f.ec2:
		return awsmodel.Capitalized(g.wire())
	}
	return g.wire()
}

func (f *form) add(name string, m *awsmodel.Member, v value.Value) {
	switch s := m.Shape; s.Type {
	case awsmodel.Structure:
		f.structure(name, s, v)
	case awsmodel.List:
		f.list(name, m, v)
	case awsmodel.Map:
		f.mapping(name, m, v)
	default:
		f.values.Set(name, f.r.scalar(m, v, iso8601))
	}
}

func (f *form) list(name string, m *awsmodel.Member, v value.Value) {
	item := m.Shape.Item
	switch {
	case v.Len() == 0 && !f.ec2:
		f.values.Set(name, "") // present, and empty
	case f.ec2:
	case !m.Flattened && !m.Shape.Flattened:
		own := item.LocationName
		if own == "" {
			own = "member"
		}
		name = below(name, own)
	case item.LocationName != "": // stands in the place of the list's own name
		name = name[:strings.LastIndexByte(name, '.')+1] + item.LocationName
	}
	for i, inner := range v.Elements() {
		f.add(below(name, strconv.Itoa(i+1)), item, inner)
	}
}

func (f *form) mapping(name string, m *awsmodel.Member, v value.Value) {
	key, val := entryNames(m.Shape)
	if !m.Flattened && !m.Shape.Flattened {
		name = below(name, "entry")
	}
	i := 0
	for k, inner := range v.Members() {
		i++
		entry := below(name, strconv.Itoa(i))
		f.values.Set(below(entry, key), k)
		f.add(below(entry, val), m.Shape.Value, inner)
	}
}

// entryNames are what the keys and values of a map are called in forms and XML.
func entryNames(s *awsmodel.Shape) (key, val string) {
	key, val = "key", "value"
	if s.Key.LocationName != "" {
		key = s.Key.LocationName
	}
	if s.Value.LocationName != "" {
		val = s.Value.LocationName
	}
	return key, val
}
