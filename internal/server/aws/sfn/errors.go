package sfn

import (
	"errors"
	"slices"

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
	errInvalidRole       = fault{"InvalidArn", "Invalid Role Arn: '", "'"}
	errInvalidName       = fault{"InvalidName", "Invalid Name: '", "'"}
	errInvalidToken      = fault{"InvalidToken", "Invalid Token: '", "'"}
	errTaskTimedOut      = fault{"TaskTimedOut", "Task Timed Out: '", "'"}
	errInvalidOutput     = fault{"InvalidOutput", "Invalid Output: '", "'"}
	errInvalidDefinition = fault{"InvalidDefinition", "", ""}
	errInvalidInput      = fault{"InvalidExecutionInput", "Invalid State Machine Execution Input: '", "'"}
	errInvalidLogging    = fault{"InvalidLoggingConfiguration", "Invalid Logging Configuration: ", ""}
	errInvalidEncryption = fault{"InvalidEncryptionConfiguration", "Invalid Encryption Configuration: ", ""}

	errNoMachine       = fault{"StateMachineDoesNotExist", "State Machine Does Not Exist: '", "'"}
	errMachineExists   = fault{"StateMachineAlreadyExists", "State Machine Already Exists: '", "'"}
	errNoExecution     = fault{"ExecutionDoesNotExist", "Execution Does Not Exist: '", "'"}
	errExecutionExists = fault{"ExecutionAlreadyExists", "Execution Already Exists: '", "'"}
	errNoActivity      = fault{"ActivityDoesNotExist", "Activity Does Not Exist: '", "'"}
	errActivityExists  = fault{"ActivityAlreadyExists", "Activity Already Exists: '", "'"}
	errNoResource      = fault{"ResourceNotFound", "Resource not found: '", "'"}
	errTooManyTags     = fault{"TooManyTags", "Too many tags on resource: '", "'"}
	errMissing         = fault{"MissingRequiredParameter", "", ""}
	errNotRedrivable   = fault{"ExecutionNotRedrivable", "", ""}
	errConflict        = fault{"ConflictException", "", ""}
	errDenied          = fault{"AccessDeniedException", "", ""}
	errValidation      = fault{"ValidationException", "", ""}

	errTooManyMachines   = fault{"StateMachineLimitExceeded", "", ""}.of("The maximum number of state machines has been reached. Delete some first.")
	errTooManyActivities = fault{"ActivityLimitExceeded", "", ""}.of("The maximum number of activities has been reached. Delete some first.")
	errTooManyWorkers    = fault{"ActivityWorkerLimitExceeded", "", ""}.of("The maximum number of workers concurrently polling for activity tasks has been reached.")
	errTooManyVersions   = fault{"ServiceQuotaExceededException", "", ""}.of("The maximum number of versions of the state machine has been reached. Delete some first.")
	errTooManyAliases    = fault{"ServiceQuotaExceededException", "", ""}.of("The maximum number of aliases of the state machine has been reached. Delete some first.")

	errMachineType = fault{"StateMachineTypeNotSupported", "", ""}.of("This operation is not supported by this type of state machine")
	errNoReference = fault{"ResourceNotFound", "", ""}.of("Request references a resource that does not exist.")
)

// gone reports whether err says that what is asked for is not there.
func gone(err error) bool {
	var e *aws.Error
	return errors.As(err, &e) && slices.ContainsFunc([]fault{errNoMachine, errNoActivity}, func(f fault) bool {
		return e.Code == f.code
	})
}
