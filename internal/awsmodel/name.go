package awsmodel

import (
	"regexp"
	"strings"
)

// Step Functions calls AWS through the SDK for Java, and so it spells names as that SDK does. The rules here are those
// of its naming: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html shows the results.

// A Spelling turns the name of a member in an API into its name in parameters and results of a kind of resource.
type Spelling func(name string) string

// PascalCase is the spelling of the SDK integrations (aws-sdk:): capitals at the beginning are one word, so
// DBInstanceIdentifier is DbInstanceIdentifier and stateMachineArn is StateMachineArn. What would be a word or method of
// Java's own has Value behind it, as EqualsValue.
func PascalCase(name string) string {
	if name == "NULL" {
		return "Nul" // DynamoDB's; the SDK renames it
	}
	end := min(1, len(name))
	for end < len(name) && isUpper(name[end]) && !(end+1 < len(name) && isLower(name[end+1])) {
		end++
	}
	word := strings.ToLower(name[:end]) + name[end:]
	if reserved[word] {
		word += "Value"
	}
	return Capitalized(word)
}

// Capitalized is the spelling of the optimised integrations (sqs:sendMessage): the API's own name, with a capital at the
// beginning.
func Capitalized(name string) string {
	if name == "" || !isLower(name[0]) {
		return name
	}
	return string(name[0]-'a'+'A') + name[1:]
}

// reserved are Java's own words, and the methods that every object has there.
var reserved = map[string]bool{
	"equals": true, "hashCode": true, "toString": true, "getClass": true, "notify": true, "notifyAll": true, "wait": true,
	"finalize": true, "clone": true,
	"abstract": true, "assert": true, "boolean": true, "break": true, "byte": true, "case": true, "catch": true, "char": true,
	"class": true, "const": true, "continue": true, "default": true, "do": true, "double": true, "else": true, "enum": true,
	"extends": true, "final": true, "finally": true, "float": true, "for": true, "goto": true, "if": true, "implements": true,
	"import": true, "instanceof": true, "int": true, "interface": true, "long": true, "native": true, "new": true,
	"package": true, "private": true, "protected": true, "public": true, "return": true, "short": true, "static": true,
	"strictfp": true, "super": true, "switch": true, "synchronized": true, "this": true, "throw": true, "throws": true,
	"transient": true, "try": true, "void": true, "volatile": true, "while": true, "true": true, "false": true, "null": true,
}

// words are where one word of a name ends and the next begins; each rule is applied in turn.
var words = []struct {
	at *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`[^A-Za-z0-9]+`), " "},               // codestar-notifications
	{regexp.MustCompile(`([^a-z]{2,})v([0-9]+)`), "$1 v$2 "}, // SESv2
	{regexp.MustCompile(`([^A-Z]{2,})V([0-9]+)`), "$1 V$2 "}, // ApiGatewayV2
	{regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`), "$1 $2"},    // XRay
	{regexp.MustCompile(`([0-9])([a-zA-Z])`), "$1 $2"},       // 1Click
}

// splitWords spells a name with one capital a word.
func splitWords(name string) string {
	name = humps(name)
	for _, rule := range words {
		name = rule.at.ReplaceAllString(name, rule.by)
	}
	var out strings.Builder
	for _, word := range strings.Fields(name) {
		out.WriteString(strings.ToUpper(word[:1]) + strings.ToLower(word[1:]))
	}
	return out.String()
}

// humps parts words where a capital follows a small letter, unless the capital is the last letter: SageMaker, but IoT.
func humps(name string) string {
	var out strings.Builder
	for i := range len(name) {
		if i > 0 && i+1 < len(name) && isLower(name[i-1]) && isUpper(name[i]) && name[i+1] != ' ' {
			out.WriteByte(' ')
		}
		out.WriteByte(name[i])
	}
	return out.String()
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// servicePrefix is the name of a service before its errors.
func servicePrefix(id string) string {
	name := splitWords(id)
	for _, company := range []string{"Amazon", "Aws"} {
		name = strings.TrimPrefix(name, company)
	}
	return strings.TrimSuffix(name, "Service")
}

// serviceName is the name of a service in a resource.
func serviceName(id string) string { return strings.ToLower(servicePrefix(id)) }

// Exception spells the name of an error as Step Functions does behind the service's prefix: NoSuchKey is
// NoSuchKeyException, DBInstanceNotFoundFault is DbInstanceNotFoundException.
func Exception(shape string) string {
	name := splitWords(strings.TrimSuffix(shape, "Fault"))
	if strings.HasSuffix(name, "Exception") {
		return name
	}
	return name + "Exception"
}

// BaseException is the error of a service that its model does not name: DynamoDb.DynamoDbException.
func (s *Service) BaseException() string { return s.Prefix + "." + s.Prefix + "Exception" }
