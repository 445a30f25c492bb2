package catalog

import (
	"testing"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// What was read before a change is not remembered after it.
func TestCacheForgets(t *testing.T) {
	t.Parallel()
	var c cache
	key := cacheKey{kind: "k", name: "n"}
	one := &store.Object{Kind: "k", Name: "n", Version: 1}
	_, generation := c.get(key)
	c.put(key, one, generation)
	if o, _ := c.get(key); o != one {
		t.Error("what was read is not remembered")
	}
	c.stored([]*store.Object{{Kind: "k", Name: "n", Version: 2}})
	c.put(key, one, generation)
	if o, _ := c.get(key); o != nil {
		t.Errorf("version %d is remembered after version 2 was stored", o.Version)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c cache
	large := value.NewString(string(make([]byte, maxCache/64)))
	for i := range int64(100) {
		_, generation := c.get(cacheKey{})
		c.put(cacheKey{name: "n", version: i}, &store.Object{Data: large}, generation)
	}
	if len(c.objects) == 0 || len(c.objects) > 64 {
		t.Errorf("%d large objects are kept", len(c.objects))
	}
}

// A change is seen by whoever asks after it.
func TestChangesAreSeen(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	for _, v := range []string{"one", "two", "three"} {
		put(t, c, ann, configMap(v))
		for range 2 {
			files, _, err := c.ConfigMap(t.Context(), ann, "default", "settings")
			if err != nil || files["key"] != v {
				t.Errorf("after %s: %v, %v", v, files, err)
			}
		}
	}
	if err := c.Delete(t.Context(), ann, manifest.KindConfigMap, "default", "settings"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ConfigMap(t.Context(), ann, "default", "settings"); err == nil {
		t.Error("what was deleted is still found")
	}
}
