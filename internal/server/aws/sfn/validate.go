package sfn

import (
	"context"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) validationActions() map[string]aws.Action {
	return map[string]aws.Action{
		"ValidateStateMachineDefinition": {Input: input("ValidateStateMachineDefinition",
			aws.Required("definition", definitionShape),
			aws.Optional("type", typeShape),
			aws.Optional("severity", aws.Enum("ERROR", "WARNING")),
			aws.Optional("maxResults", aws.Integer(0, mostDiagnostics)),
		), Do: s.validateDefinition},
	}
}

// mostDiagnostics is how many diagnostics an answer has at most, and without maxResults.
const mostDiagnostics = 100

func (s *service) validateDefinition(_ context.Context, in value.Value) (value.Value, error) {
	most := mostDiagnostics
	if n, ok := in.At("maxResults").Int64(); ok && n > 0 {
		most = int(n)
	}
	problems := checked(in.At("definition").Text(), in.At("type").Text())
	list, valid, truncated := asl.Diagnose(problems, in.At("severity").Text() == "WARNING", most)
	diagnostics := make([]value.Value, len(list))
	for i, d := range list {
		diagnostics[i] = object(text("severity", d.Severity), text("code", d.Code), text("message", d.Message), words("location", d.Location))
	}
	result := "OK"
	if !valid {
		result = "FAIL"
	}
	return object(
		text("result", result), of("diagnostics", value.NewArray(diagnostics...)), of("truncated", value.NewBool(truncated)),
	), nil
}

// checked is what is wrong with the definition of a machine of the given type; STANDARD where that is empty.
func checked(definition, machineType string) run.Problems {
	return asl.Check([]byte(definition), asl.Terms{Express: machineType == "EXPRESS"})
}
