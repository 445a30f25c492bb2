package catalog

import (
	"errors"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// What an ARN leads to is the published version of that number, not the catalogue's own of the same.
func TestTarget(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	machine := put(t, c, ann, `{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`)
	object := func(kind Kind, name, data string) *store.Object {
		return &store.Object{Kind: string(kind), Space: machine.Name, Name: name, Owner: "ann", Version: 1, Data: value.MustParse(data)}
	}
	published := func(n, text string) *store.Object {
		return object(KindMachineVersion, n, `{"language":"asl","definition":"`+text+`","roleArn":"role-`+n+`","machineVersion":40`+n+`}`)
	}
	if ok, err := c.Save(t.Context(), published("1", "one"), published("2", "two"),
		object(KindMachineAlias, "prod", `{"routes":[{"version":2,"weight":90},{"version":1,"weight":10}]}`)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	arn := c.ARNOf(manifest.KindStateMachine, machine.Name)
	for _, tt := range []struct {
		name           string
		drawn          uint64
		source, labels string
		attributes     string
	}{
		{machine.Name, 0, `{"StartAt"`, "", `{"executionArn":"x","machineVersion":1}`},
		{arn, 0, `{"StartAt"`, "", `{"executionArn":"x","machineVersion":1}`},
		{arn + ":1", 0, "one", "1/", `{"executionArn":"x","roleArn":"role-1","stateMachineVersionArn":"` + arn + `:1","machineVersion":401}`},
		{arn + ":prod", 189, "two", "2/prod",
			`{"executionArn":"x","roleArn":"role-2","stateMachineVersionArn":"` + arn + `:2","stateMachineAliasArn":"` + arn + `:prod","machineVersion":402}`},
		{arn + ":prod", 90, "one", "1/prod",
			`{"executionArn":"x","roleArn":"role-1","stateMachineVersionArn":"` + arn + `:1","stateMachineAliasArn":"` + arn + `:prod","machineVersion":401}`},
	} {
		got, err := c.Target(t.Context(), ann, tt.name, tt.drawn)
		if err != nil {
			t.Fatal(err)
		}
		labels := ""
		if l := got.Labels(); l != nil {
			labels = l[LabelVersion] + "/" + l[LabelAlias]
		}
		if !strings.HasPrefix(string(got.Source()), tt.source) || labels != tt.labels || got.Machine != machine.Name {
			t.Errorf("%s leads to %s of %s, labels %s", tt.name, got.Source(), got.Machine, labels)
		}
		if a := got.Attributes("x").JSON(); a != tt.attributes {
			t.Errorf("%s has the attributes %s, want %s", tt.name, a, tt.attributes)
		}
	}
	for _, name := range []string{arn + ":3", arn + ":test", arn + "e:1", "none"} {
		if _, err := c.Target(t.Context(), ann, name, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Target(t.Context(), bob, arn+":1", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of another owner: %v", err)
	}
}
