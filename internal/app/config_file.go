package app

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/tutti-ml/tutti/internal/spell"
)

// decode reads a file over c. Its errors are all that is wrong with it, each with its line and key.
func decode(text []byte, c *Config) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var file yaml.Node
	if err := yaml.Load(text, &file); err != nil {
		return err
	}
	if faults := misfits(&file, reflect.TypeFor[Config](), ""); len(faults) > 0 {
		return errors.Join(faults...)
	}
	return yaml.Load(text, c)
}

// misfits are the places below a node, which is at key, that cannot be read into a value of type t.
func misfits(n *yaml.Node, t reflect.Type, key string) (faults []error) {
	bad := func(n *yaml.Node, format string, args ...any) {
		faults = append(faults, fmt.Errorf("line %d: "+format, append([]any{n.Line}, args...)...))
	}
	switch {
	case n.Kind == yaml.DocumentNode:
		for _, c := range n.Content {
			faults = append(faults, misfits(c, t, key)...)
		}
	case n.Kind == yaml.AliasNode:
		return misfits(n.Alias, t, key)
	case n.ShortTag() == "!!null": // as if it were absent
	case isScalar(t):
		if n.Kind != yaml.ScalarNode {
			bad(n, "%s: write %s", key, wanted(t))
		} else if err := readScalar(n, t); err != nil {
			bad(n, "%s: %v", key, err)
		}
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			bad(n, "%s: write a list, each of it %s", key, wanted(t.Elem()))
			break
		}
		for i, c := range n.Content {
			faults = append(faults, misfits(c, t.Elem(), fmt.Sprintf("%s[%d]", key, i))...)
		}
	case n.Kind != yaml.MappingNode:
		bad(n, "%s: write %s", cmp.Or(key, "the file"), wanted(t))
	default:
		fields := fieldsOf(t)
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, inner := n.Content[i].Value, t
			if name == "<<" {
				faults = append(faults, misfits(n.Content[i+1], t, key)...)
				continue
			}
			if t.Kind() == reflect.Map {
				inner = t.Elem()
			} else if inner = fields[name]; inner == nil {
				bad(n.Content[i], "there is no key %s%s", joinKey(key, name), instead(key, name, fields))
				continue
			}
			faults = append(faults, misfits(n.Content[i+1], inner, joinKey(key, name))...)
		}
	}
	return faults
}

// isScalar says whether values of type t are written as one word.
func isScalar(t reflect.Type) bool {
	return t.Kind() != reflect.Struct && t.Kind() != reflect.Map && t.Kind() != reflect.Slice
}

// readScalar says why a word is no value of type t.
func readScalar(n *yaml.Node, t reflect.Type) error {
	v := reflect.New(t).Interface()
	if u, ok := v.(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(n.Value))
	}
	if err := n.Load(v); err != nil {
		return fmt.Errorf("%q is not %s", n.Value, wanted(t))
	}
	return nil
}

// wanted says what a value of type t looks like.
func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration, such as 90m or 24h"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "keys and their values"
	}
	return "a whole number"
}

// instead is what was probably meant by a key, or else what there is, as the rest of a sentence.
func instead(key, name string, fields map[string]reflect.Type) string {
	var names []string
	for f := range fields {
		names = append(names, f)
	}
	slices.Sort(names)
	if best := spell.Closest(name, names); best != "" {
		return fmt.Sprintf("; did you mean %s?", joinKey(key, best))
	}
	return "; known are " + strings.Join(names, ", ")
}

func joinKey(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// fieldsOf are the types of a struct's fields by their keys, with those of the structs that are inlined.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return fields
	}
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			for name, inner := range fieldsOf(f.Type) {
				fields[name] = inner
			}
			continue
		}
		fields[key] = f.Type
	}
	return fields
}
