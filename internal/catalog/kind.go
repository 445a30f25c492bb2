package catalog

// The kinds of object that no file makes: what belongs to state machines, and activities.
const (
	KindMachineVersion Kind = "statemachineversion" // published; its namespace is the state machine, its name the number
	KindMachineAlias   Kind = "statemachinealias"   // its namespace is the state machine
	KindActivity       Kind = "activity"
)
