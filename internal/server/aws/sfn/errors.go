package sfn

import (
	"github.com/tutti-ml/tutti/internal/server/aws"
)

// fault makes the errors of one code, whose message is a fixed text around what is at fault.
type fault struct{ code, before, after string }

func (f fault) of(what string) *aws.Error {
	return &aws.Error{Code: f.code, Message: f.before + what + f.after}
}

// The errors of the service, in AWS's words.
var (
	errInvalidARN        = fault{"InvalidArn", "Invalid Arn: '", "'"}
	errInvalidName       = fault{"InvalidName", "Invalid Name: '", "'"}
	errInvalidToken      = fault{"InvalidToken", "Invalid Token: '", "'"}
	errInvalidDefinition = fault{"InvalidDefinition", "", ""}
	errInvalidInput      = fault{"InvalidExecutionInput", "Invalid State Machine Execution Input: '", "'"}
	errInvalidLogging    = fault{"InvalidLoggingConfiguration", "Invalid Logging Configuration: ", ""}
	errInvalidEncryption = fault{"InvalidEncryptionConfiguration", "Invalid Encryption Configuration: ", ""}

	errNoMachine       = fault{"StateMachineDoesNotExist", "State Machine Does Not Exist: '", "'"}
	errMachineExists   = fault{"StateMachineAlreadyExists", "State Machine Already Exists: '", "'"}
	errMachineType     = fault{"StateMachineTypeNotSupported", "This operation is not supported by this type of state machine", ""}
	errNoExecution     = fault{"ExecutionDoesNotExist", "Execution Does Not Exist: '", "'"}
	errExecutionExists = fault{"ExecutionAlreadyExists", "Execution Already Exists: '", "'"}
	errNoActivity      = fault{"ActivityDoesNotExist", "Activity Does Not Exist: '", "'"}
	errActivityExists  = fault{"ActivityAlreadyExists", "Activity Already Exists: '", "'"}
	errTooManyTags     = fault{"TooManyTags", "Too many tags on resource: '", "'"}
	errMissing         = fault{"MissingRequiredParameter", "", ""}
	errConflict        = fault{"ConflictException", "", ""}
	errValidation      = fault{"ValidationException", "", ""}
)

// errNoResource is for what is named by an ARN that only the caller knows the kind of.
func errNoResource(arn string) *aws.Error {
	return (fault{"ResourceNotFound", "Resource not found: '", "'"}).of(arn)
}
