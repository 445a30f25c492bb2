package awssdk

import (
	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// jsonFields are the members of a structure as an answer in JSON has them.
func (r resource) jsonFields(s *awsmodel.Shape, v value.Value) []value.Member {
	var fields []value.Member
	for name, m := range s.Members {
		if m.Location != "" {
			continue
		}
		if inner := v.At(wireName(name, m)); !inner.IsAbsent() && !inner.IsNull() {
			fields = append(fields, value.Member{Name: r.spelling(name), Value: r.fromJSON(m.Shape, inner)})
		}
	}
	return fields
}

// fromJSON is a value of an answer as Step Functions shows it. One that is not of its type stays as it came.
func (r resource) fromJSON(s *awsmodel.Shape, v value.Value) value.Value {
	switch {
	case v.IsNull():
		return v
	case s.Type == awsmodel.Structure && v.Kind() == value.Object:
		return sorted(r.jsonFields(s, v))
	case s.Type == awsmodel.List && v.Kind() == value.Array:
		var items []value.Value
		for _, inner := range v.Elements() {
			items = append(items, r.fromJSON(s.Item.Shape, inner))
		}
		return value.NewArray(items...)
	case s.Type == awsmodel.Map && v.Kind() == value.Object:
		var fields []value.Member
		for name, inner := range v.Members() {
			fields = append(fields, value.Member{Name: name, Value: r.fromJSON(s.Value.Shape, inner)})
		}
		return value.NewObject(fields...)
	case s.Type == awsmodel.Timestamp && (v.Kind() == value.Number || v.Kind() == value.String):
		return r.shownTime(v.Text())
	case s.Type == awsmodel.Blob && v.Kind() == value.String:
		return r.fromBase64(v.Text())
	}
	return v
}
