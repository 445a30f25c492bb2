package app

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// docs/configuration.md shows every key, in a file that a server takes.
func TestDocumentedConfig(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for line := range strings.Lines(string(doc)) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			file.WriteString(code)
		}
	}
	c, err := load(t, file.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	for _, key := range keys(reflect.TypeFor[Config]()) {
		if !strings.Contains(file.String(), key) {
			t.Errorf("the key %s is not documented", key)
		}
	}
	if d := DefaultConfig(nil); c.Listen != d.Listen || c.Retention != d.Retention || c.Limits != d.Limits || c.Log != d.Log ||
		c.DiskReserve != d.DiskReserve || c.Node.DefaultCPU != d.Node.DefaultCPU {
		t.Errorf("the defaults are documented otherwise than they are: %+v", d)
	}
}

// keys are those of a struct and of the structs in it.
func keys(t reflect.Type) (all []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" {
			all = append(all, key)
		}
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			all = append(all, keys(inner)...)
		}
	}
	return all
}
