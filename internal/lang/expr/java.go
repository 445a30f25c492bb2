package expr

import (
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// javaText is v as Step Functions prints it within other text: a string without quotes, arrays and objects the way Java
// prints lists and maps, as in {Arg1=1, Arg2=[]} (from recorded answers of States.Format).
func javaText(v value.Value) string {
	switch v.Kind() {
	case value.String, value.Number, value.Bool:
		return v.Text()
	case value.Null:
		return "null"
	}
	var b strings.Builder
	appendJava(&b, v)
	return b.String()
}

func appendJava(b *strings.Builder, v value.Value) {
	switch v.Kind() {
	case value.Array:
		b.WriteByte('[')
		for i, e := range v.Elements() {
			if i > 0 {
				b.WriteString(", ")
			}
			appendJava(b, e)
		}
		b.WriteByte(']')
	case value.Object:
		b.WriteByte('{')
		for i := range v.Len() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.Name(i))
			b.WriteByte('=')
			appendJava(b, v.Index(i))
		}
		b.WriteByte('}')
	default:
		b.WriteString(javaText(v))
	}
}

// javaClass is the class that Jayway's messages name for v.
func javaClass(v value.Value) string {
	switch v.Kind() {
	case value.Null:
		return "null"
	case value.Bool:
		return "java.lang.Boolean"
	case value.String:
		return "java.lang.String"
	case value.Array:
		return "java.util.ArrayList"
	case value.Object:
		return "java.util.LinkedHashMap"
	}
	if strings.ContainsAny(v.Text(), ".eE") {
		return "java.lang.Double"
	}
	return "java.lang.Integer"
}
