package asl

import (
	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/value"
)

// flow is how data goes through a state: the fields that select its input and shape its output. Together with amount it
// is the one seam between the types of state and the query language; nothing else evaluates a field, so that a further
// query language is added here and not in each type.
//
// In JSONPath the order is InputPath, Parameters (or a Map's ItemSelector), the state's work, ResultSelector, Assign,
// ResultPath, OutputPath; in JSONata it is Arguments, the work, Assign and Output, each of which sees $states. All of
// them see the variables as they were when the state was entered.
type flow struct {
	works      bool // the state does work that has a result, $states.result
	inputPath  pathOrNull
	parameters template // or Arguments; nil: none
	selector   template // ResultSelector; nil: none
	resultPath referenceOrNull
	outputPath pathOrNull
	assign     template // nil: none
	shape      template // Output, of JSONata; nil: none
}

// pathOrNull is a path field: left out (the same as "$"), null (an empty object), or a path.
type pathOrNull struct {
	path *expr.Path
	null bool
}

func (p pathOrNull) of(s *step, v value.Value) (value.Value, error) {
	switch {
	case p.null:
		return value.EmptyObject, nil
	case p.path == nil:
		return v, nil
	}
	v, err := p.path.Eval(s.scope(v))
	return v, invalidPath(err)
}

// referenceOrNull is a ResultPath: left out (the result is the output), null (the input is), or the place in the input
// where the result goes.
type referenceOrNull struct {
	ref  *expr.Reference
	null bool
}

// input is what the state's work gets to see: InputPath applied to the state's input.
func (f *flow) input(s *step) (value.Value, error) {
	v, err := f.inputPath.of(s, s.b.input)
	if err == nil && !s.b.state.data {
		s.see(StageInputPath, v)
	}
	return v, err
}

// arguments is the effective input, Parameters filled in from input.
func (f *flow) arguments(s *step, input value.Value) (value.Value, error) {
	at := StageParameters
	if s.b.state.data {
		at = StageArguments
	}
	v, err := input, error(nil)
	if f.parameters != nil {
		v, err = s.bounded(f.parameters.eval(s, input))
	}
	if err == nil {
		s.see(at, v)
	}
	return v, err
}

// output shapes result into the state's output and the variables that it assigns; variables is Absent where there are
// none.
func (f *flow) output(s *step, result value.Value) (output, variables value.Value, err error) {
	if f.works {
		s.result = result
	}
	if f.selector != nil {
		if result, err = f.selector.eval(s, result); err != nil {
			return output, variables, err
		}
	}
	if !s.b.state.data {
		s.see(StageResultSelector, result)
	}
	if variables, err = evalAssign(s, f.assign, result); err != nil {
		return output, variables, err
	}
	if s.b.state.data {
		output = result
		if f.shape != nil {
			output, err = s.bounded(f.shape.eval(s, result))
		}
		return output, variables, err
	}
	if output, err = f.resultPath.of(s, result); err != nil {
		return output, variables, err
	}
	s.see(StageResultPath, output)
	output, err = s.bounded(f.outputPath.of(s, output))
	return output, variables, err
}

// of places result into the state's input.
func (r referenceOrNull) of(s *step, result value.Value) (value.Value, error) {
	switch {
	case r.null:
		return s.b.input, nil
	case r.ref == nil:
		return result, nil
	}
	return r.ref.Set(s.b.input, result)
}

// evalAssign fills in an Assign template from what "$" stands for in it.
func evalAssign(s *step, assign template, input value.Value) (value.Value, error) {
	if assign == nil {
		return value.Value{}, nil
	}
	return s.bounded(assign.eval(s, input))
}

// flowFields says which of the fields a type of state has.
type flowFields uint8

const (
	hasParameters flowFields = 1 << iota
	hasArguments
	hasSelector
	hasResultPath
	hasAssign
)

// flow reads the fields of a state's data flow.
func (o *object) flow(has flowFields) flow {
	var f flow
	var offers sight
	if has&hasSelector != 0 {
		f.works, offers = true, seesResult
	}
	if has&hasAssign != 0 {
		o.seeing(offers, func() { f.assign = o.assign() })
	}
	names := []string{"InputPath", "OutputPath"}
	add := func(field flowFields, name string) {
		if has&field != 0 {
			names = append(names, name)
		}
	}
	add(hasParameters, "Parameters")
	add(hasSelector, "ResultSelector")
	add(hasResultPath, "ResultPath")
	if o.data {
		o.other(names...)
		if has&hasArguments != 0 {
			f.parameters = o.template("Arguments")
		}
		o.seeing(offers, func() { f.shape = o.template("Output") })
		return f
	}
	o.other("Output")
	if has&hasArguments != 0 {
		o.other("Arguments")
	}
	f.inputPath = o.pathOrNull("InputPath")
	if has&hasParameters != 0 {
		f.parameters = o.template("Parameters")
	}
	if has&hasSelector != 0 {
		f.selector = o.template("ResultSelector")
	}
	if has&hasResultPath != 0 {
		f.resultPath = o.referenceOrNull("ResultPath")
	}
	f.outputPath = o.pathOrNull("OutputPath")
	return f
}
