package sfn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/manifest"
)

func TestCreateAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	create := func(change func(*awssfn.CreateStateMachineInput)) (*awssfn.CreateStateMachineOutput, error) {
		in := &awssfn.CreateStateMachineInput{Name: ptr("m"), Definition: ptr(pass), RoleArn: ptr(role), Publish: true, VersionDescription: ptr("one")}
		change(in)
		return ada.CreateStateMachine(t.Context(), in)
	}
	first := must[*awssfn.CreateStateMachineOutput](w)(create(func(*awssfn.CreateStateMachineInput) {}))
	// Roles and tags do not make another state machine, and stay as they were.
	again := must[*awssfn.CreateStateMachineOutput](w)(create(func(in *awssfn.CreateStateMachineInput) {
		in.RoleArn, in.Tags = ptr(role+"2"), []types.Tag{{Key: ptr("a"), Value: ptr("b")}}
	}))
	if *again.StateMachineArn != *first.StateMachineArn || *again.StateMachineVersionArn != *first.StateMachineVersionArn || !again.CreationDate.Equal(*first.CreationDate) {
		t.Errorf("%+v, then %+v", first, again)
	}
	got := must[*awssfn.DescribeStateMachineOutput](w)(ada.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: first.StateMachineArn}))
	if *got.RoleArn != role || got.RevisionId != nil {
		t.Errorf("creating again changed it: %+v", got)
	}
	for name, change := range map[string]func(*awssfn.CreateStateMachineInput){
		"definition": func(in *awssfn.CreateStateMachineInput) { in.Definition = ptr(stand) },
		"type":       func(in *awssfn.CreateStateMachineInput) { in.Type = "EXPRESS" },
		"tracing": func(in *awssfn.CreateStateMachineInput) {
			in.TracingConfiguration = &types.TracingConfiguration{Enabled: true}
		},
		"publish":     func(in *awssfn.CreateStateMachineInput) { in.Publish, in.VersionDescription = false, nil },
		"description": func(in *awssfn.CreateStateMachineInput) { in.VersionDescription = ptr("two") },
	} {
		_, err := create(change)
		if w.refused(err, "StateMachineAlreadyExists", "State Machine Already Exists: '"+*first.StateMachineArn+"'"); t.Failed() {
			t.Fatal(name)
		}
	}
	for text, change := range map[string]func(*awssfn.CreateStateMachineInput){
		"ValidationException Version description can only be set when publish is true":            func(in *awssfn.CreateStateMachineInput) { in.Publish = false },
		"InvalidArn Invalid Role Arn: 'r'":                                                        func(in *awssfn.CreateStateMachineInput) { in.RoleArn = ptr("r") },
		"InvalidName Invalid Name: 'a b'":                                                         func(in *awssfn.CreateStateMachineInput) { in.Name = ptr("a b") },
		"ValidationException Value '" + strings.Repeat("n", 81) + "' at 'name' failed to satisfy": func(in *awssfn.CreateStateMachineInput) { in.Name = ptr(strings.Repeat("n", 81)) },
		"InvalidDefinition Invalid State Machine Definition: '":                                   func(in *awssfn.CreateStateMachineInput) { in.Definition = ptr("{}") },
		"InvalidLoggingConfiguration Invalid Logging Configuration: Must specify exactly one": func(in *awssfn.CreateStateMachineInput) {
			in.LoggingConfiguration = &types.LoggingConfiguration{Level: "ALL"}
		},
		"InvalidEncryptionConfiguration Invalid Encryption Configuration: KmsKeyId must be": func(in *awssfn.CreateStateMachineInput) {
			in.EncryptionConfiguration = &types.EncryptionConfiguration{Type: "CUSTOMER_MANAGED_KMS_KEY"}
		},
		"TooManyTags Too many tags on resource: 'arn:aws:states:us-east-1:123456789012:stateMachine:": func(in *awssfn.CreateStateMachineInput) {
			in.Name = ptr("tagged")
			for i := range 51 {
				in.Tags = append(in.Tags, types.Tag{Key: ptr(fmt.Sprint(i)), Value: ptr("")})
			}
		},
	} {
		code, message, _ := strings.Cut(text, " ")
		_, err := create(change)
		w.refused(err, code, message)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m := w.machine("ada", "m", pass)
	before := w.start("ada", m, "before", "{}")
	update := func(in awssfn.UpdateStateMachineInput) *awssfn.UpdateStateMachineOutput {
		in.StateMachineArn = &m
		return must[*awssfn.UpdateStateMachineOutput](w)(ada.UpdateStateMachine(t.Context(), &in))
	}
	same := update(awssfn.UpdateStateMachineInput{Definition: ptr(pass), RoleArn: ptr(role)})
	if same.RevisionId != nil {
		t.Errorf("an update that changes nothing is revision %s", *same.RevisionId)
	}
	one := update(awssfn.UpdateStateMachineInput{Definition: ptr(stand)})
	two := update(awssfn.UpdateStateMachineInput{RoleArn: ptr(role + "2"), Publish: true, VersionDescription: ptr("second")})
	if one.RevisionId == nil || two.RevisionId == nil || *one.RevisionId == *two.RevisionId || *two.StateMachineVersionArn != m+":1" {
		t.Errorf("%+v, then %+v", one, two)
	}
	got := must[*awssfn.DescribeStateMachineOutput](w)(ada.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: two.StateMachineVersionArn}))
	if *got.RevisionId != *two.RevisionId || *got.Definition != stand || *got.RoleArn != role+"2" || *got.Description != "second" || *got.StateMachineArn != m+":1" || *got.Name != "m" {
		t.Errorf("%+v", got)
	}
	// An execution is of the state machine as it was when it began.
	of := must[*awssfn.DescribeStateMachineForExecutionOutput](w)(ada.DescribeStateMachineForExecution(t.Context(),
		&awssfn.DescribeStateMachineForExecutionInput{ExecutionArn: &before}))
	if *of.Definition != pass || *of.RoleArn != role || of.RevisionId != nil || *of.StateMachineArn != m {
		t.Errorf("%+v", of)
	}
	_, err := ada.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: &m})
	w.refused(err, "MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	_, err = ada.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: ptr(m + ":1"), RoleArn: ptr(role)})
	w.refused(err, "StateMachineDoesNotExist", m+":1")
}

// Applying a file to a state machine that a client of AWS made keeps what the file does not say.
func TestApplyKeepsTheRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.machine("ada", "m", pass)
	docs, problems := manifest.Read([]byte(stand), manifest.Options{Name: "m"})
	if manifest.Broken(problems) {
		t.Fatal(problems)
	}
	for i, want := range []bool{true, false} {
		if _, changed, err := w.catalog.Put(t.Context(), catalog.Caller{Owner: "ada"}, docs[0]); err != nil || changed != want {
			t.Fatal(i, changed, err)
		}
	}
	got := must[*awssfn.DescribeStateMachineOutput](w)(w.as("ada").DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: &m}))
	if *got.RoleArn != role || *got.Definition != stand || got.RevisionId == nil {
		t.Errorf("%+v", got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m := w.machine("ada", "m", pass)
	publish := func(in awssfn.PublishStateMachineVersionInput) (*awssfn.PublishStateMachineVersionOutput, error) {
		in.StateMachineArn = &m
		return ada.PublishStateMachineVersion(t.Context(), &in)
	}
	for n := 1; n <= 12; n++ {
		if n > 1 {
			definition := strings.Replace(pass, `"Pass"`, fmt.Sprintf(`"Pass","Result":%d`, n), 1)
			must[*awssfn.UpdateStateMachineOutput](w)(ada.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: &m, Definition: &definition}))
		}
		for range 2 { // publishing one revision twice makes one version
			if out := must[*awssfn.PublishStateMachineVersionOutput](w)(publish(awssfn.PublishStateMachineVersionInput{})); *out.StateMachineVersionArn != fmt.Sprintf("%s:%d", m, n) {
				t.Fatalf("version %d is %s", n, *out.StateMachineVersionArn)
			}
		}
	}
	_, err := publish(awssfn.PublishStateMachineVersionInput{RevisionId: ptr("INITIAL")})
	w.refused(err, "ConflictException", "Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is ")
	list := func() (numbers []string) {
		pages := awssfn.ListStateMachineVersionsInput{StateMachineArn: &m, MaxResults: 5}
		for {
			out := must[*awssfn.ListStateMachineVersionsOutput](w)(ada.ListStateMachineVersions(t.Context(), &pages))
			for _, v := range out.StateMachineVersions {
				numbers = append(numbers, strings.TrimPrefix(*v.StateMachineVersionArn, m+":"))
			}
			if pages.NextToken = out.NextToken; pages.NextToken == nil {
				return numbers
			}
		}
	}
	if got := strings.Join(list(), " "); got != "12 11 10 9 8 7 6 5 4 3 2 1" {
		t.Errorf("listed %s", got)
	}
	for range 2 {
		must[*awssfn.DeleteStateMachineVersionOutput](w)(ada.DeleteStateMachineVersion(t.Context(), &awssfn.DeleteStateMachineVersionInput{StateMachineVersionArn: ptr(m + ":12")}))
	}
	if out := must[*awssfn.PublishStateMachineVersionOutput](w)(publish(awssfn.PublishStateMachineVersionInput{})); *out.StateMachineVersionArn != m+":13" {
		t.Errorf("a number is given twice: %s", *out.StateMachineVersionArn)
	}
	// A new state machine under the name of an old one has none of its versions.
	must[*awssfn.DeleteStateMachineOutput](w)(ada.DeleteStateMachine(t.Context(), &awssfn.DeleteStateMachineInput{StateMachineArn: &m}))
	_, err = ada.DescribeStateMachine(t.Context(), &awssfn.DescribeStateMachineInput{StateMachineArn: ptr(m + ":13")})
	w.refused(err, "StateMachineDoesNotExist", m+":13")
	w.machine("ada", "m", pass)
	if got := list(); len(got) != 0 {
		t.Errorf("a new state machine has versions %v", got)
	}
	if out := must[*awssfn.PublishStateMachineVersionOutput](w)(publish(awssfn.PublishStateMachineVersionInput{})); *out.StateMachineVersionArn != m+":1" {
		t.Errorf("its first version is %s", *out.StateMachineVersionArn)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	m := w.machine("ada", "m", pass)
	must[*awssfn.PublishStateMachineVersionOutput](w)(ada.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: &m}))
	must[*awssfn.UpdateStateMachineOutput](w)(ada.UpdateStateMachine(t.Context(), &awssfn.UpdateStateMachineInput{StateMachineArn: &m, Definition: ptr(stand), Publish: true}))
	routes := []types.RoutingConfigurationListItem{{StateMachineVersionArn: ptr(m + ":1"), Weight: 30}, {StateMachineVersionArn: ptr(m + ":2"), Weight: 70}}
	out := must[*awssfn.CreateStateMachineAliasOutput](w)(ada.CreateStateMachineAlias(t.Context(), &awssfn.CreateStateMachineAliasInput{Name: ptr("prod"), RoutingConfiguration: routes}))
	prod := *out.StateMachineAliasArn
	if prod != m+":prod" {
		t.Errorf("the alias is %s", prod)
	}
	for drawn, version := range map[uint64]string{0: ":1", 29: ":1", 30: ":2", 99: ":2", 100: ":1"} {
		w.drawn.Store(drawn)
		arn := w.start("ada", prod, fmt.Sprint("drawn-", drawn), "{}")
		got := must[*awssfn.DescribeExecutionOutput](w)(ada.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: &arn}))
		if *got.StateMachineVersionArn != m+version || *got.StateMachineAliasArn != prod || *got.StateMachineArn != m {
			t.Errorf("%d leads to %+v", drawn, got)
		}
	}
	for arn, want := range map[string]int{m: 5, prod: 5, m + ":1": 3, m + ":2": 2} {
		if got := must[*awssfn.ListExecutionsOutput](w)(ada.ListExecutions(t.Context(), &awssfn.ListExecutionsInput{StateMachineArn: &arn})); len(got.Executions) != want {
			t.Errorf("%s has %d executions, want %d", arn, len(got.Executions), want)
		}
	}
	_, err := ada.DeleteStateMachineVersion(t.Context(), &awssfn.DeleteStateMachineVersionInput{StateMachineVersionArn: ptr(m + ":2")})
	w.refused(err, "ConflictException", "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [prod]")
	must[*awssfn.UpdateStateMachineAliasOutput](w)(ada.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{
		StateMachineAliasArn: &prod, RoutingConfiguration: []types.RoutingConfigurationListItem{{StateMachineVersionArn: ptr(m + ":1"), Weight: 100}},
	}))
	must[*awssfn.DeleteStateMachineVersionOutput](w)(ada.DeleteStateMachineVersion(t.Context(), &awssfn.DeleteStateMachineVersionInput{StateMachineVersionArn: ptr(m + ":2")}))
	_, err = ada.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{StateMachineAliasArn: &prod, RoutingConfiguration: routes})
	w.refused(err, "ResourceNotFound", "Request references a resource that does not exist.")
	_, err = ada.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{StateMachineAliasArn: &prod})
	w.refused(err, "MissingRequiredParameter", "")
	other := w.machine("ada", "other", pass)
	must[*awssfn.PublishStateMachineVersionOutput](w)(ada.PublishStateMachineVersion(t.Context(), &awssfn.PublishStateMachineVersionInput{StateMachineArn: &other}))
	_, err = ada.UpdateStateMachineAlias(t.Context(), &awssfn.UpdateStateMachineAliasInput{
		StateMachineAliasArn: &prod, RoutingConfiguration: []types.RoutingConfigurationListItem{{StateMachineVersionArn: ptr(other + ":1"), Weight: 100}},
	})
	w.refused(err, "ValidationException", "Routing configuration must contain state machine version ARNs. Received: ["+other+":1]")
	must[*awssfn.DeleteStateMachineOutput](w)(ada.DeleteStateMachine(t.Context(), &awssfn.DeleteStateMachineInput{StateMachineArn: &m}))
	_, err = ada.StartExecution(t.Context(), &awssfn.StartExecutionInput{StateMachineArn: &prod})
	w.refused(err, "StateMachineDoesNotExist", prod)
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.as("ada")
	activity := must[*awssfn.CreateActivityOutput](w)(ada.CreateActivity(t.Context(), &awssfn.CreateActivityInput{Name: ptr("act"), Tags: []types.Tag{{Key: ptr("b"), Value: ptr("0")}}}))
	for _, arn := range []string{w.machine("ada", "m", pass), *activity.ActivityArn} {
		must[*awssfn.TagResourceOutput](w)(ada.TagResource(t.Context(), &awssfn.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{
			{Key: ptr("b"), Value: ptr("1")}, {Key: ptr("a"), Value: ptr("2")}, {Key: ptr("c"), Value: ptr("3")}, {Key: ptr("a"), Value: ptr("4")},
		}}))
		must[*awssfn.UntagResourceOutput](w)(ada.UntagResource(t.Context(), &awssfn.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"c", "none"}}))
		out := must[*awssfn.ListTagsForResourceOutput](w)(ada.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: &arn}))
		var got []string
		for _, tag := range out.Tags {
			got = append(got, *tag.Key+"="+*tag.Value)
		}
		if !slices.Equal(got, []string{"b=1", "a=4"}) {
			t.Errorf("%s is tagged %v", arn, got)
		}
		many := make([]types.Tag, 49)
		for i := range many {
			many[i] = types.Tag{Key: ptr(fmt.Sprint(i)), Value: ptr("x")}
		}
		_, err := ada.TagResource(t.Context(), &awssfn.TagResourceInput{ResourceArn: &arn, Tags: many})
		w.refused(err, "TooManyTags", arn)
	}
	none := "arn:aws:states:us-east-1:123456789012:stateMachine:none"
	_, err := ada.ListTagsForResource(t.Context(), &awssfn.ListTagsForResourceInput{ResourceArn: &none})
	w.refused(err, "ResourceNotFound", "Resource not found: '"+none+"'")
}
