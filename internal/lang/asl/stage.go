package asl

import "github.com/tutti-ml/tutti/internal/value"

// Stage is a point of a state's data flow at which a trial looks at the data. Its text is TestState's name for it.
type Stage uint8

// The stages, in the order that data goes through them.
const (
	StageInput Stage = iota
	StageInputPath
	StageParameters // of JSONPath
	StageArguments  // of JSONata
	StageItemsPath
	StageItemsPointer
	StageItemSelector // an array: what each item became
	StageItemBatcher  // an array: the batches
	StageMaxConcurrency
	StageToleratedFailureCount
	StageToleratedFailurePercentage
	StageResult
	StageResultSelector
	StageResultPath
	StageVariables
	stages
)

var stageNames = [stages]string{
	"input", "afterInputPath", "afterParameters", "afterArguments",
	"afterItemsPath", "afterItemsPointer", "afterItemSelector", "afterItemBatcher",
	"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage",
	"result", "afterResultSelector", "afterResultPath", "variables",
}

func (s Stage) String() string { return stageNames[s] }

// IsList reports whether what is seen at the stage is a list of items.
func (s Stage) IsList() bool { return s >= StageItemsPath && s <= StageItemBatcher }

// IsNumber reports whether what is seen at the stage is a setting, a number, and not data.
func (s Stage) IsNumber() bool {
	return s == StageMaxConcurrency || s == StageToleratedFailureCount || s == StageToleratedFailurePercentage
}

// Inspection is the data of a state at each stage; Absent where it did not get there.
type Inspection [stages]value.Value

func (i *Inspection) see(at Stage, v value.Value) { i[at] = v }

// stageSet holds a bit for each stage.
type stageSet uint32

func setOf(list ...Stage) stageSet {
	var set stageSet
	for _, s := range list {
		set |= 1 << s
	}
	return set
}

// keep forgets the stages that are not in set.
func (i *Inspection) keep(set stageSet) {
	for s := range stages {
		if set&(1<<s) == 0 {
			i[s] = value.Value{}
		}
	}
}

// stagesOf are the stages that TestState shows of each kind of state (recorded: a Parallel shows nothing of its input, a
// Wait, Choice, Succeed or Fail nothing of its output).
var stagesOf = [...]stageSet{
	passState:     setOf(StageInput, StageInputPath, StageParameters, StageResult, StageResultSelector, StageResultPath, StageVariables),
	taskState:     setOf(StageInput, StageInputPath, StageParameters, StageArguments, StageResult, StageResultSelector, StageResultPath, StageVariables),
	choiceState:   setOf(StageInput, StageInputPath, StageVariables),
	waitState:     setOf(StageInput, StageInputPath, StageVariables),
	succeedState:  setOf(StageInput, StageInputPath, StageVariables),
	failState:     setOf(StageInput, StageInputPath, StageVariables),
	parallelState: setOf(StageInput, StageResultSelector, StageResultPath, StageVariables),
	mapState: setOf(StageInput, StageInputPath, StageItemsPath, StageItemsPointer, StageItemSelector, StageItemBatcher,
		StageMaxConcurrency, StageToleratedFailureCount, StageToleratedFailurePercentage,
		StageResultSelector, StageResultPath, StageVariables),
}

func (k stateKind) stages() stageSet { return stagesOf[k] }

// see shows what the data of the step's state is at a stage to a trial, if it is one.
func (s *step) see(at Stage, v value.Value) {
	if s.x.trial != nil {
		s.x.trial.see(at, v)
	}
}
