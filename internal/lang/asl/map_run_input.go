package asl

import (
	"github.com/tutti-ml/tutti/internal/value"
)

// mapRunInput is the input of a map run: the fields of its Map as they were evaluated when it was ordered. What an
// ItemSelector has to see for each item is there only where the Map has one.
type mapRunInput struct {
	arn       string // empty: the execution has no ARN
	entered   uint64 // history event of the execution that says that the Map was entered
	items     value.Value
	reader    value.Value // see itemReader.of; Absent: items are there
	writer    value.Value // see resultWriter.of; Absent: none
	batch     batching
	limit     int // child executions at a time; 0: unset
	tolerance tolerance

	input     value.Value // what "$" is
	context   value.Value // what "$$" is, but for Map
	variables value.Value
}

// value is the input as the run's row holds it.
func (in *mapRunInput) value() value.Value {
	members := []value.Member{
		words("mapRunArn", in.arn),
		number("entered", int64(in.entered)),
		number("maxConcurrency", int64(in.limit)),
		member("items", in.items),
		member("reader", in.reader),
		member("writer", in.writer),
		member("input", in.input),
		member("context", in.context),
		member("variables", in.variables),
	}
	if in.tolerance.count != unset {
		members = append(members, member("toleratedFailureCount", value.NewInt(in.tolerance.count)))
	}
	if in.tolerance.percentage != unset {
		members = append(members, member("toleratedFailurePercentage", value.NewFloat(in.tolerance.percentage)))
	}
	if in.batch.isSet() {
		members = append(members, member("batch", details(
			number("items", int64(in.batch.items)),
			number("bytes", int64(in.batch.bytes)),
			member("input", in.batch.input),
		)))
	}
	return details(members...)
}

// readMapRunInput is the inverse of value.
func readMapRunInput(v value.Value) mapRunInput {
	whole := func(v value.Value) int { n, _ := v.Int64(); return int(n) }
	in := mapRunInput{
		arn:       v.At("mapRunArn").Text(),
		entered:   uint64(whole(v.At("entered"))),
		limit:     whole(v.At("maxConcurrency")),
		items:     v.At("items"),
		reader:    v.At("reader"),
		writer:    v.At("writer"),
		input:     v.At("input"),
		context:   v.At("context"),
		variables: v.At("variables"),
		batch: batching{
			items: whole(v.At("batch", "items")),
			bytes: whole(v.At("batch", "bytes")),
			input: v.At("batch", "input"),
		},
		tolerance: tolerance{count: unset, percentage: unset},
	}
	in.tolerance.change(v)
	return in
}

// change takes over what v gives of a tolerance.
func (t *tolerance) change(v value.Value) {
	if n, ok := v.At("toleratedFailureCount").Int64(); ok {
		t.count = n
	}
	if p, ok := v.At("toleratedFailurePercentage").Float64(); ok {
		t.percentage = p
	}
}

// export reports whether the results go to a place outside.
func (in *mapRunInput) export() bool { return in.writer.At("Resource").Kind() == value.String }

// encode writes all but items, which the state holds apart, and what may change.
func (in *mapRunInput) encode(e *value.Encoder) {
	e.Text(in.arn)
	e.Uint(in.entered)
	e.Value(in.reader)
	e.Value(in.writer)
	in.batch.encode(e)
	e.Uint(uint64(in.limit))
	in.tolerance.encode(e)
	e.Value(in.input)
	e.Value(in.context)
	e.Value(in.variables)
}

func (in *mapRunInput) decode(d *value.Decoder) {
	in.arn = d.Text()
	in.entered = d.Uint()
	in.reader = d.Value()
	in.writer = d.Value()
	in.batch.decode(d)
	in.limit = int(d.Uint())
	in.tolerance.decode(d)
	in.input = d.Value()
	in.context = d.Value()
	in.variables = d.Value()
}
