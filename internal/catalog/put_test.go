package catalog

import (
	"errors"
	"testing"

	"github.com/tutti-ml/tutti/internal/manifest"
)

const (
	environment = `{"computeEnvironmentName": "small", "type": "MANAGED", "state": "ENABLED"}`
	queueOn     = `{"jobQueueName": "q", "priority": 1, "state": "ENABLED", "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "small"}]}`
)

// TestPutAll: documents may refer to those before them, and to themselves in an earlier version; if one is refused, none is
// stored.
func TestPutAll(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	docs := func(files ...string) (docs []manifest.Parsed) {
		for _, f := range files {
			docs = append(docs, read(t, f))
		}
		return docs
	}
	if _, err := c.PutAll(t.Context(), ann, docs(configMap("a"), environment)); !errors.Is(err, ErrForbidden) {
		t.Fatalf("a user's compute environment: %v", err)
	}
	if o, err := c.Latest(t.Context(), manifest.KindConfigMap, manifest.DefaultSpace, "settings"); o != nil || err != nil {
		t.Fatalf("what came before the refused one is stored: %+v, %v", o, err)
	}
	if _, err := c.PutAll(t.Context(), admin, docs(queueOn, environment)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a queue on an environment that comes later: %v", err)
	}
	all, err := c.PutAll(t.Context(), admin, docs(environment, queueOn, configMap("a"), configMap("b"), configMap("b")))
	if err != nil {
		t.Fatal(err)
	}
	versions := []int64{1, 1, 1, 2, 2}
	for i, o := range all {
		if o.Version != versions[i] || o.Changed != (i < 4) {
			t.Errorf("%s %s has version %d, changed: %v", o.Kind, o.Name, o.Version, o.Changed)
		}
	}
	o, err := c.Get(t.Context(), admin, manifest.KindConfigMap, manifest.DefaultSpace, "settings", 0)
	if err != nil || o.Version != 2 {
		t.Errorf("the latest is %+v, %v", o, err)
	}
}
