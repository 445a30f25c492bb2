package awsmodel

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryServiceDecodes reads all models: shapes are linked, names are unique, protocols known.
func TestEveryServiceDecodes(t *testing.T) {
	t.Parallel()
	protocols := []Protocol{JSON, RESTJSON, RESTXML, Query, EC2}
	kinds := []string{Structure, List, Map, String, Blob, Boolean, Integer, Long, Float, Double, Timestamp, Character}
	names := Names()
	if len(names) < 300 {
		t.Errorf("there are %d services, want at least 300", len(names))
	}
	for _, name := range names {
		s, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != name || s.Prefix == "" || len(s.Operations) == 0 || s.Metadata.EndpointPrefix == "" {
			t.Errorf("%s: incomplete: %+v", name, s.Metadata)
		}
		if !slices.Contains(protocols, s.Metadata.Protocol) {
			t.Errorf("%s: protocol %q", name, s.Metadata.Protocol)
		}
		for _, action := range s.Actions() {
			if op, err := s.Action(action); err != nil || op.HTTP.Method == "" || op.HTTP.URI == "" {
				t.Errorf("%s:%s: %v", name, action, err)
			}
		}
		for shape, sh := range s.Shapes {
			if !slices.Contains(kinds, sh.Type) {
				t.Errorf("%s: shape %s has type %q", name, shape, sh.Type)
			}
			for _, spelling := range []Spelling{PascalCase, Capitalized} {
				if fields := sh.Fields(spelling); len(slices.Compact(fields)) != len(sh.Members) {
					t.Errorf("%s: members of %s have the same name in Step Functions: %v", name, shape, sh.Fields(spelling))
				}
			}
		}
	}
}

// TestNames holds names against those that AWS's documentation lists.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, prefix := range map[string]string{
		"dynamodb": "DynamoDb", "sfn": "Sfn", "cloudwatchlogs": "CloudWatchLogs", "acmpca": "AcmPca", "ec2": "Ec2",
		"applicationdiscovery": "ApplicationDiscovery", "databasemigration": "DatabaseMigration", "directory": "Directory",
		"config": "Config", "lexmodelbuilding": "LexModelBuilding", "fsx": "FSx", "xray": "XRay", "mturk": "MTurk",
		"codestarnotifications": "CodestarNotifications", "codestarconnections": "CodeStarConnections",
		"iot1clickprojects": "Iot1ClickProjects", "iotanalytics": "IoTAnalytics", "iotsitewise": "IoTSiteWise", "iot": "Iot",
		"sagemakera2iruntime": "SageMakerA2IRuntime", "wafv2": "Wafv2", "cloudhsmv2": "CloudHsmV2", "apigatewayv2": "ApiGatewayV2",
		"resourcegroupstaggingapi": "ResourceGroupsTaggingApi", "ecrpublic": "EcrPublic", "emrcontainers": "EmrContainers",
		"costandusagereport": "CostAndUsageReport", "marketplaceentitlement": "MarketplaceEntitlement", "docdb": "DocDb",
		"eventbridge": "EventBridge", "secretsmanager": "SecretsManager", "devopsguru": "DevOpsGuru", "sesv2": "SesV2",
	} {
		s, err := Lookup(name)
		if err != nil {
			t.Error(err)
		} else if s.Prefix != prefix {
			t.Errorf("the errors of %s begin with %s, want %s", name, s.Prefix, prefix)
		}
	}
	for in, want := range map[string]string{
		"Bucket": "Bucket", "stateMachineArn": "StateMachineArn", "DBInstanceIdentifier": "DbInstanceIdentifier",
		"SSEKMSKeyId": "SsekmsKeyId", "ETag": "ETag", "VPCId": "VpcId", "equals": "EqualsValue", "ACL": "Acl", "maxResults": "MaxResults",
		"ContentMD5": "ContentMD5", "MD5OfMessageBody": "Md5OfMessageBody", "EnableIAMDatabaseAuthentication": "EnableIAMDatabaseAuthentication",
		"default": "DefaultValue", "NULL": "Nul", "BOOL": "Bool", "": "",
	} {
		if got := PascalCase(in); got != want {
			t.Errorf("PascalCase(%s) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"NoSuchKey": "NoSuchKeyException", "InvalidToken": "InvalidTokenException", "DBInstanceNotFoundFault": "DbInstanceNotFoundException",
		"ConditionalCheckFailedException": "ConditionalCheckFailedException",
	} {
		if got := Exception(in); got != want {
			t.Errorf("Exception(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	if _, err := Lookup("nothing"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown service: %v", err)
	}
	s, err := Lookup("dynamodb")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "PutItem", "putitem", "put", "é"} {
		if _, err := s.Action(wrong); !errors.Is(err, ErrUnknown) {
			t.Errorf("action %q: %v", wrong, err)
		}
	}
	op, err := s.Action("putItem")
	if err != nil {
		t.Fatal(err)
	}
	if op.Name != "PutItem" || op.Input.Shape.Members["Item"].Shape.Type != Map || !slices.Contains(op.Input.Shape.Required, "TableName") {
		t.Errorf("putItem is %+v", op)
	}
	if f := s.Fault(op, "ConditionalCheckFailedException"); f == nil || !f.Exception {
		t.Errorf("its error is %+v", f)
	}
	if f := s.Fault(op, "TableName"); f != nil {
		t.Errorf("a shape that is no error: %+v", f)
	}
	rds, err := Lookup("rds")
	if err != nil {
		t.Fatal(err)
	}
	in := rds.Operations["DescribeDBInstances"].Input.Shape
	if name, m := in.Field(PascalCase, "DbInstanceIdentifier"); name != "DBInstanceIdentifier" || m.Shape.Type != String {
		t.Errorf("DbInstanceIdentifier is %q", name)
	}
	if name, _ := in.Field(PascalCase, "DBInstanceIdentifier"); name != "" {
		t.Errorf("the API's own spelling is taken for %q", name)
	}
	if name, _ := in.Field(Capitalized, "DBInstanceIdentifier"); name != "DBInstanceIdentifier" {
		t.Errorf("an optimised integration's DBInstanceIdentifier is %q", name)
	}
}

// TestGenerated makes the archive again from the module that it is made from, if that is on this machine.
func TestGenerated(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("LEFT OUT: the models are not generated again with -short")
	}
	again := filepath.Join(t.TempDir(), "models.zip")
	cmd := exec.CommandContext(t.Context(), "go", "run", ".", "-o", again)
	cmd.Dir = filepath.Join("..", "..", "tools", "awsmodel")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "GOPROXY=off") {
			t.Skip("LEFT OUT: the module that the models come from is not on this machine: get it with 'go mod download' in tools/awsmodel")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	// Entries are compared, for compressors may differ between releases of Go.
	have, want := entries(t, archive), entries(t, text)
	for id := range want {
		if have[id] != want[id] {
			t.Errorf("the model of %q is not what is generated: run go generate in internal/awsmodel", id)
		}
	}
	if len(have) != len(want) {
		t.Errorf("there are %d models, and %d are generated: run go generate in internal/awsmodel", len(have), len(want))
	}
}

func entries(t *testing.T, archive []byte) map[string]string {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		texts[f.Name] = string(text)
	}
	return texts
}
