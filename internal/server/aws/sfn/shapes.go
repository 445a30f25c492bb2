package sfn

import "github.com/tutti-ml/tutti/internal/server/aws"

// The shapes of requests, from AWS's model of the API (states, 2016-11-23).
var (
	arnShape        = aws.Text(1, 256)
	longARNShape    = aws.Text(1, 2000)
	nameShape       = aws.Text(1, 80)
	definitionShape = aws.Sensitive(1, 1<<20).Quota()
	dataShape       = aws.Data(256 << 10).Quota()
	errorShape      = aws.Sensitive(0, 256)
	causeShape      = aws.Sensitive(0, 32<<10)
	describeShape   = aws.Sensitive(0, 256)
	includedShape   = aws.Enum("ALL_DATA", "METADATA_ONLY")
	typeShape       = aws.Enum("STANDARD", "EXPRESS")
	traceShape      = aws.Text(0, 256).Matching(`\p{ASCII}*`, `[[:ascii:]]*`)

	// Patterns of names that AWS checks by shape; those of machines, executions and activities are in names.go.
	aliasShape = aws.Text(1, 80).Matching(`^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, `[a-zA-Z0-9_\-.]*[a-zA-Z_\-.][a-zA-Z0-9_\-.]*`)

	tagShape  = aws.Structure("Tag", aws.Optional("key", aws.Text(1, 128)), aws.Optional("value", aws.Text(0, 256)))
	tagsShape = aws.List(0, -1, tagShape)

	loggingShape = aws.Structure("LoggingConfiguration",
		aws.Optional("level", aws.Enum("ALL", "ERROR", "FATAL", "OFF")),
		aws.Optional("includeExecutionData", aws.Boolean()),
		aws.Optional("destinations", aws.List(0, -1, aws.Structure("LogDestination",
			aws.Optional("cloudWatchLogsLogGroup", aws.Structure("CloudWatchLogsLogGroup", aws.Optional("logGroupArn", arnShape)))))))
	tracingShape    = aws.Structure("TracingConfiguration", aws.Optional("enabled", aws.Boolean()))
	encryptionShape = aws.Structure("EncryptionConfiguration",
		aws.Optional("kmsKeyId", aws.Text(1, 2048)),
		aws.Optional("kmsDataKeyReusePeriodSeconds", aws.Integer(60, 900)),
		aws.Required("type", aws.Enum("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY")))
	routingShape = aws.List(1, 2, aws.Structure("RoutingConfigurationListItem",
		aws.Required("stateMachineVersionArn", arnShape), aws.Required("weight", aws.Integer(0, 100))))

	// The order is that of a recorded answer.
	statusShape = aws.Enum("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")

	maxResultsShape = aws.Integer(0, 1000)
	tokenShape      = aws.Text(1, 1024)
)
