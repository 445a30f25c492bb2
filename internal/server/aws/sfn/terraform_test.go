package sfn_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// resource is what Terraform's provider for AWS keeps of a state machine. What it reads after an apply must be what it
// wrote, or the next plan is not empty.
type resource struct {
	definition, role, description string
	kind                          types.StateMachineType
	level                         types.LogLevel
	destination                   string
	traced                        bool
	tags                          map[string]string
}

// provider does what Terraform's provider does, in its order.
type provider struct {
	*world
	client *awssfn.Client
	arn    string
}

// plan validates as the provider does before it changes anything, and gives the texts of errors.
func (p *provider) plan(r resource) (faults []string) {
	p.Helper()
	out := must[*awssfn.ValidateStateMachineDefinitionOutput](p.world)(p.client.ValidateStateMachineDefinition(p.Context(),
		&awssfn.ValidateStateMachineDefinitionInput{Definition: &r.definition, Type: r.kind, Severity: "ERROR"}))
	for _, d := range out.Diagnostics {
		faults = append(faults, *d.Message)
	}
	if ok := out.Result == types.ValidateStateMachineDefinitionResultCodeOk; ok != (len(faults) == 0) {
		p.Errorf("%s with %q", out.Result, faults)
	}
	return faults
}

func (r resource) logging() *types.LoggingConfiguration {
	l := &types.LoggingConfiguration{Level: r.level}
	if r.destination != "" {
		l.Destinations = []types.LogDestination{{CloudWatchLogsLogGroup: &types.CloudWatchLogsLogGroup{LogGroupArn: &r.destination}}}
	}
	return l
}

func tagList(tags map[string]string) (list []types.Tag) {
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: ptr(k), Value: ptr(tags[k])})
	}
	return list
}

func (p *provider) create(name string, r resource) {
	p.Helper()
	out := must[*awssfn.CreateStateMachineOutput](p.world)(p.client.CreateStateMachine(p.Context(), &awssfn.CreateStateMachineInput{
		Name: &name, Definition: &r.definition, RoleArn: &r.role, Type: r.kind, Publish: true, Tags: tagList(r.tags),
		LoggingConfiguration: r.logging(), TracingConfiguration: &types.TracingConfiguration{Enabled: r.traced},
	}))
	p.arn = *out.StateMachineArn
}

// update changes from what is there to r: tags first, then the rest.
func (p *provider) update(r resource) {
	p.Helper()
	var gone []string
	for k := range p.read().tags {
		if _, ok := r.tags[k]; !ok {
			gone = append(gone, k)
		}
	}
	if len(gone) > 0 {
		must[*awssfn.UntagResourceOutput](p.world)(p.client.UntagResource(p.Context(), &awssfn.UntagResourceInput{ResourceArn: &p.arn, TagKeys: gone}))
	}
	if len(r.tags) > 0 {
		must[*awssfn.TagResourceOutput](p.world)(p.client.TagResource(p.Context(), &awssfn.TagResourceInput{ResourceArn: &p.arn, Tags: tagList(r.tags)}))
	}
	must[*awssfn.UpdateStateMachineOutput](p.world)(p.client.UpdateStateMachine(p.Context(), &awssfn.UpdateStateMachineInput{
		StateMachineArn: &p.arn, Definition: &r.definition, RoleArn: &r.role, Publish: true, VersionDescription: ptr(""),
		LoggingConfiguration: r.logging(), TracingConfiguration: &types.TracingConfiguration{Enabled: r.traced},
	}))
}

// read is what a refresh finds.
func (p *provider) read() resource {
	p.Helper()
	m := must[*awssfn.DescribeStateMachineOutput](p.world)(p.client.DescribeStateMachine(p.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: &p.arn}))
	tags := must[*awssfn.ListTagsForResourceOutput](p.world)(p.client.ListTagsForResource(p.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: &p.arn}))
	if m.Status != "ACTIVE" || *m.StateMachineArn != p.arn || !strings.HasSuffix(p.arn, ":"+*m.Name) || m.CreationDate.IsZero() {
		p.Errorf("it is %+v", m)
	}
	r := resource{
		definition: *m.Definition, role: *m.RoleArn, kind: m.Type, level: m.LoggingConfiguration.Level, traced: m.TracingConfiguration.Enabled,
		tags: map[string]string{},
	}
	if m.Description != nil {
		r.description = *m.Description
	}
	for _, d := range m.LoggingConfiguration.Destinations {
		r.destination = *d.CloudWatchLogsLogGroup.LogGroupArn
	}
	for _, t := range tags.Tags {
		r.tags[*t.Key] = *t.Value
	}
	return r
}

// version is the number of the version that the provider takes for the latest.
func (p *provider) version() string {
	p.Helper()
	out := must[*awssfn.ListStateMachineVersionsOutput](p.world)(p.client.ListStateMachineVersions(p.Context(), &awssfn.ListStateMachineVersionsInput{StateMachineArn: &p.arn}))
	return strings.TrimPrefix(*out.StateMachineVersions[0].StateMachineVersionArn, p.arn+":")
}

// settled fails unless a refresh finds what was applied.
func (p *provider) settled(want resource, version string) {
	p.Helper()
	got := p.read()
	if !maps.Equal(got.tags, want.tags) {
		p.Errorf("the tags are %v, want %v", got.tags, want.tags)
	}
	got.tags, want.tags = nil, nil
	if got, want := []any{got.definition, got.role, got.description, got.kind, got.level, got.destination, got.traced},
		[]any{want.definition, want.role, want.description, want.kind, want.level, want.destination, want.traced}; !slices.Equal(got, want) {
		p.Errorf("the next plan is not empty: it is\n%v\nand should be\n%v", got, want)
	}
	if v := p.version(); v != version {
		p.Errorf("the latest version is %s, want %s", v, version)
	}
}

// Terraform creates, refreshes, changes, applies again and replaces; every plan after an apply is empty.
func TestTerraform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := &provider{world: w, client: w.as("ada")}
	want := resource{
		definition: pass, role: role, kind: "STANDARD", level: "OFF", tags: map[string]string{"team": "ml", "env": "dev"},
	}
	if faults := p.plan(want); faults != nil {
		t.Errorf("the plan is refused: %q", faults)
	}
	p.create("m", want)
	p.settled(want, "1")
	p.create("m", want) // the answer got lost, and the provider tries again
	p.settled(want, "1")

	faulty := want
	faulty.definition = `{"StartAt":"P","States":{"P":{"Type":"Pass"}}}`
	if faults := p.plan(faulty); len(faults) == 0 {
		t.Error("a plan with a faulty definition goes through")
	}

	want.definition, want.role, want.traced = "{\n  \"StartAt\": \"W\", \"States\": {\"W\": {\"Type\": \"Wait\", \"Seconds\": 1, \"End\": true}}\n}", role+"2", true
	want.level, want.destination = "ERROR", "arn:aws:logs:us-east-1:123456789012:log-group:g:*"
	want.tags = map[string]string{"team": "data", "cost": "7"}
	p.update(want)
	p.settled(want, "2")
	p.update(want)
	p.settled(want, "2")

	p.aliases()

	must[*awssfn.DeleteStateMachineOutput](w)(p.client.DeleteStateMachine(t.Context(), &awssfn.DeleteStateMachineInput{StateMachineArn: &p.arn}))
	_, err := p.client.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: &p.arn})
	if gone := (*types.StateMachineDoesNotExist)(nil); !errors.As(err, &gone) {
		t.Errorf("the provider waits until it is gone, and hears %v", err)
	}
	// What forces a new resource deletes and creates at once, under the same name.
	want.kind = "EXPRESS"
	p.create("m", want)
	p.settled(want, "1")
}

// aliases does what the provider does with an alias.
func (p *provider) aliases() {
	p.Helper()
	route := func(weights ...int32) (routes []types.RoutingConfigurationListItem) {
		for i, weight := range weights {
			routes = append(routes, types.RoutingConfigurationListItem{StateMachineVersionArn: ptr(p.arn + ":" + string(rune('1'+i))), Weight: weight})
		}
		return routes
	}
	alias := must[*awssfn.CreateStateMachineAliasOutput](p.world)(p.client.CreateStateMachineAlias(p.Context(), &awssfn.CreateStateMachineAliasInput{
		Name: ptr("live"), Description: ptr(""), RoutingConfiguration: route(100),
	})).StateMachineAliasArn
	must[*awssfn.UpdateStateMachineAliasOutput](p.world)(p.client.UpdateStateMachineAlias(p.Context(), &awssfn.UpdateStateMachineAliasInput{
		StateMachineAliasArn: alias, Description: ptr("shared out"), RoutingConfiguration: route(25, 75),
	}))
	got := must[*awssfn.DescribeStateMachineAliasOutput](p.world)(p.client.DescribeStateMachineAlias(p.Context(), &awssfn.DescribeStateMachineAliasInput{StateMachineAliasArn: alias}))
	var weights []int32
	for _, r := range got.RoutingConfiguration {
		weights = append(weights, r.Weight)
	}
	if *got.Name != "live" || *got.Description != "shared out" || !slices.Equal(weights, []int32{25, 75}) || got.CreationDate.IsZero() {
		p.Errorf("the alias is %+v", got)
	}
	must[*awssfn.DeleteStateMachineAliasOutput](p.world)(p.client.DeleteStateMachineAlias(p.Context(), &awssfn.DeleteStateMachineAliasInput{StateMachineAliasArn: alias}))
	_, err := p.client.DescribeStateMachineAlias(p.Context(), &awssfn.DescribeStateMachineAliasInput{StateMachineAliasArn: alias})
	if gone := (*types.ResourceNotFound)(nil); !errors.As(err, &gone) {
		p.Errorf("the alias is deleted, and described with %v", err)
	}
}

// An activity is created with its tags, and created again as it is; it is gone when it was deleted.
func TestTerraformActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	create := func() (string, time.Time) {
		out := must[*awssfn.CreateActivityOutput](w)(ada.CreateActivity(t.Context(), &awssfn.CreateActivityInput{
			Name: ptr("work"), Tags: tagList(map[string]string{"a": "1"}), EncryptionConfiguration: &types.EncryptionConfiguration{Type: "AWS_OWNED_KEY"},
		}))
		return *out.ActivityArn, *out.CreationDate
	}
	arn, made := create()
	if again, then := create(); again != arn || !then.Equal(made) {
		t.Errorf("%s of %s, then %s of %s", arn, made, again, then)
	}
	got := must[*awssfn.DescribeActivityOutput](w)(ada.DescribeActivity(t.Context(), &awssfn.DescribeActivityInput{ActivityArn: &arn}))
	tags := must[*awssfn.ListTagsForResourceOutput](w)(ada.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: &arn}))
	if *got.Name != "work" || !got.CreationDate.Equal(made) || got.EncryptionConfiguration.Type != "AWS_OWNED_KEY" || len(tags.Tags) != 1 || *tags.Tags[0].Value != "1" {
		t.Errorf("it is %+v with %+v", got, tags.Tags)
	}
	must[*awssfn.DeleteActivityOutput](w)(ada.DeleteActivity(t.Context(), &awssfn.DeleteActivityInput{ActivityArn: &arn}))
	_, err := ada.DescribeActivity(t.Context(), &awssfn.DescribeActivityInput{ActivityArn: &arn})
	if gone := (*types.ActivityDoesNotExist)(nil); !errors.As(err, &gone) {
		t.Errorf("the activity is deleted, and described with %v", err)
	}
}
