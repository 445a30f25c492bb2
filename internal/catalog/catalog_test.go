package catalog

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/sched"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

var (
	admin = Caller{Owner: "root", Admin: true}
	ann   = Caller{Owner: "ann"}
	bob   = Caller{Owner: "bob"}
)

func newCatalog(t *testing.T) *Catalog {
	t.Helper()
	s := memory.New(memory.Options{})
	w, err := store.NewWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return New(s, w, func() time.Time { return time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC) })
}

func read(t *testing.T, file string) manifest.Parsed {
	t.Helper()
	docs, problems := manifest.Read([]byte(file), manifest.Options{Name: "machine"})
	if manifest.Broken(problems) || len(docs) != 1 {
		t.Fatal(problems)
	}
	return docs[0]
}

func configMap(v string) string {
	return "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {key: " + v + "}}"
}

func put(t *testing.T, c *Catalog, by Caller, file string) *store.Object {
	t.Helper()
	o, _, err := c.Put(t.Context(), by, read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestVersions(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	for _, step := range []struct {
		data    string
		version int64
		changed bool
	}{{"one", 1, true}, {"one", 1, false}, {"two", 2, true}, {"one", 3, true}} {
		o, changed, err := c.Put(t.Context(), ann, read(t, configMap(step.data)))
		if err != nil || o.Version != step.version || changed != step.changed || o.Owner != "ann" {
			t.Fatalf("put %s: %+v, %v, %v", step.data, o, changed, err)
		}
	}
	files, version, err := c.ConfigMap(t.Context(), ann, "default", "settings")
	if err != nil || version != 3 || files["key"] != "one" {
		t.Fatal(files, version, err)
	}
	_, err = c.Get(t.Context(), ann, manifest.KindConfigMap, "default", "settings", 9)
	if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "no version 9") || !strings.Contains(err.Error(), "latest is 3") {
		t.Errorf("a version that never was: %v", err)
	}
	if err := c.Delete(t.Context(), ann, manifest.KindConfigMap, "default", "settings"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ConfigMap(t.Context(), ann, "default", "settings"); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "tutti apply -f FILE") {
		t.Fatal(err)
	}
	if o := put(t, c, ann, configMap("one")); o.Version != 5 {
		t.Errorf("after its deletion the object has version %d", o.Version)
	}
	all, err := c.Versions(t.Context(), ann, manifest.KindConfigMap, "default", "settings")
	if err != nil || len(all) != 5 || all[0].Version != 5 {
		t.Fatal(all, err)
	}
}

func TestOwners(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	put(t, c, ann, configMap("mine"))
	if _, err := c.Get(t.Context(), bob, manifest.KindConfigMap, "default", "settings", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("bob reads what is ann's: %v", err)
	}
	if all, err := c.List(t.Context(), bob, manifest.KindConfigMap, "*"); err != nil || len(all) != 0 {
		t.Errorf("bob lists what is ann's: %v, %v", all, err)
	}
	if all, err := c.Versions(t.Context(), bob, manifest.KindConfigMap, "default", "settings"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("bob lists versions of what is ann's: %v, %v", all, err)
	}
	if _, _, err := c.Put(t.Context(), bob, read(t, configMap("his"))); !errors.Is(err, ErrForbidden) {
		t.Errorf("bob replaces what is ann's: %v", err)
	}
	if err := c.Delete(t.Context(), bob, manifest.KindConfigMap, "default", "settings"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("bob deletes what is ann's: %v", err)
	}
	if o := put(t, c, admin, configMap("better")); o.Owner != "ann" {
		t.Errorf("an admin's change makes it %s's", o.Owner)
	}
	put(t, c, ann, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, labels: {tutti.dev/shared: "true"}}, data: {key: ours}}`)
	if _, err := c.Get(t.Context(), bob, manifest.KindConfigMap, "default", "settings", 0); err != nil {
		t.Errorf("bob cannot read what is shared: %v", err)
	}
	if err := c.Delete(t.Context(), bob, manifest.KindConfigMap, "default", "settings"); !errors.Is(err, ErrForbidden) {
		t.Errorf("bob deletes what is shared: %v", err)
	}
	for _, file := range []string{
		`{"jobQueueName":"mine","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"local"}]}`,
		`{"computeEnvironmentName":"mine","type":"UNMANAGED"}`,
		`{apiVersion: tutti.dev/v1, kind: Function, metadata: {name: f}, spec: {command: [id]}}`,
	} {
		if _, _, err := c.Put(t.Context(), ann, read(t, file)); !errors.Is(err, ErrForbidden) {
			t.Errorf("ann stores what is everybody's: %v", err)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	const definition = `{"jobDefinitionName":"def","type":"container","containerProperties":{"image":"i","command":["a"],"vcpus":%,"memory":1}}`
	put(t, c, ann, strings.Replace(definition, "%", "1", 1))
	put(t, c, ann, strings.Replace(definition, "%", "2", 1))
	for _, ok := range []struct {
		name    string
		version int64
	}{
		{"def", 2}, {"def:1", 1}, {"arn:aws:batch:ap-northeast-1:123456789012:job-definition/def", 2},
		{"arn:aws:batch:eu-west-1:1:job-definition/def:1", 1}, {c.ARNOf(manifest.KindJobDefinition, "def"), 2},
	} {
		if o, err := c.Resolve(t.Context(), ann, manifest.KindJobDefinition, ok.name); err != nil || o.Version != ok.version {
			t.Errorf("%s: %v, %v", ok.name, o, err)
		}
	}
	for _, bad := range []struct {
		name, want string
		cause      error
	}{
		{"arn:aws:batch:r:1:job-queue/def", "they look like arn:aws:batch:REGION:ACCOUNT:job-definition/NAME", ErrInvalid},
		{"arn:def", "this is no ARN of a jobdefinition", ErrInvalid},
		{"def:0", "this is no ARN", ErrInvalid},
		{"def:3", "not found", store.ErrNotFound},
		{"den", "there are def; make one with", store.ErrNotFound},
	} {
		_, err := c.Resolve(t.Context(), ann, manifest.KindJobDefinition, bad.name)
		if !errors.Is(err, bad.cause) || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", bad.name, err)
		}
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	if _, _, err := c.Put(t.Context(), admin, read(t, `{"jobQueueName":"q","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"small"}]}`)); !errors.Is(err, ErrInvalid) ||
		!strings.Contains(err.Error(), `finding computeenvironment "small": not found: there are local`) {
		t.Errorf("a queue without its environment: %v", err)
	}
	put(t, c, admin, `{"computeEnvironmentName":"small","type":"MANAGED","computeResources":{"type":"FARGATE","maxvCpus":4}}`)
	put(t, c, admin, `{"computeEnvironmentName":"off","type":"MANAGED","state":"DISABLED","computeResources":{"type":"FARGATE","maxvCpus":64}}`)
	put(t, c, admin, `{"jobQueueName":"q","priority":7,"computeEnvironmentOrder":[{"order":2,"computeEnvironment":"off"},{"order":1,"computeEnvironment":"small"}]}`)
	put(t, c, admin, `{"jobQueueName":"closed","state":"DISABLED","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"local"}]}`)
	put(t, c, admin, `{"jobQueueName":"dark","computeEnvironmentOrder":[{"order":1,"computeEnvironment":"off"}]}`)
	for name, want := range map[string]sched.Queue{
		"":  {Name: "default", Priority: 1},
		"q": {Name: "q", Priority: 7, Max: sched.Amount{MilliCPU: 4000}},
		"arn:aws:batch:ap-northeast-1:123456789012:job-queue/q": {Name: "q", Priority: 7, Max: sched.Amount{MilliCPU: 4000}},
		"closed": {Name: "closed", Closed: `the queue "closed" is disabled`},
		"dark":   {Name: "dark", Closed: `the compute environments of queue "dark" are disabled`},
	} {
		got, err := c.Queue(t.Context(), name)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
	if p, err := c.Place(t.Context(), "q"); err != nil || p != (manifest.Place{Queue: "q", Environment: "small"}) {
		t.Error(p, err)
	}
	if err := c.Delete(t.Context(), admin, manifest.KindComputeEnvironment, "", "small"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "the queue q uses it") {
		t.Error(err)
	}
	if err := errors.Join(c.Delete(t.Context(), admin, manifest.KindJobQueue, "", "q"), c.Delete(t.Context(), admin, manifest.KindComputeEnvironment, "", "small")); err != nil {
		t.Error(err)
	}
	if _, err := c.Queue(t.Context(), "nowhere"); err == nil || !strings.Contains(err.Error(), `finding jobqueue "nowhere": not found: there are closed, dark, default; make`) {
		t.Error(err)
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	docs := []manifest.Parsed{{Kind: manifest.KindJob}, {Kind: manifest.KindJobQueue}, {Kind: manifest.KindStateMachine}, {Kind: manifest.KindComputeEnvironment}}
	Sort(docs)
	var got []Kind
	for _, d := range docs {
		got = append(got, d.Kind)
	}
	if d := cmp.Diff([]Kind{manifest.KindComputeEnvironment, manifest.KindJobQueue, manifest.KindStateMachine, manifest.KindJob}, got); d != "" {
		t.Error(d)
	}
}
