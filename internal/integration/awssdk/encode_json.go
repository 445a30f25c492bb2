package awssdk

import (
	"encoding/base64"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// toJSON is a value as the JSON protocols have it in a place.
func (r resource) toJSON(m *awsmodel.Member, v value.Value) value.Value {
	if m.JSONValue {
		return value.NewString(v.JSON())
	}
	switch s := m.Shape; s.Type {
	case awsmodel.Structure:
		var fields []value.Member
		for _, g := range r.given(s, v) {
			fields = append(fields, value.Member{Name: g.wire(), Value: r.toJSON(g.member, g.value)})
		}
		return value.NewObject(fields...)
	case awsmodel.List:
		var items []value.Value
		for _, inner := range v.Elements() {
			items = append(items, r.orNull(s.Item, inner))
		}
		return value.NewArray(items...)
	case awsmodel.Map:
		var fields []value.Member
		for name, inner := range v.Members() {
			fields = append(fields, value.Member{Name: name, Value: r.orNull(s.Value, inner)})
		}
		return value.NewObject(fields...)
	case awsmodel.Blob:
		return value.NewString(base64.StdEncoding.EncodeToString(blob(v)))
	case awsmodel.Timestamp:
		t := formatTime(v, s.TimestampFormat, unixTimestamp)
		if n, err := value.NewNumber(t); err == nil {
			return n
		}
		return value.NewString(t)
	case awsmodel.Integer, awsmodel.Long:
		if n, ok := v.Int64(); ok {
			return value.NewInt(n)
		}
	}
	return v
}

// orNull keeps what is null: places in lists count.
func (r resource) orNull(m *awsmodel.Member, v value.Value) value.Value {
	if v.IsNull() {
		return v
	}
	return r.toJSON(m, v)
}
