package asl

import (
	"math"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// openedMap is what a trial knows of a Map, inline or distributed, of which it carries no iteration out.
type openedMap struct {
	items      value.Value
	source     string      // of the items of a distributed Map: $$.Map.Item.Source
	tolerated  value.Value // ToleratedFailureCount; Absent: not given
	percentage value.Value
}

// exceeded reports whether failed iterations are more than the Map tolerates, where it says how many it does.
func (m *openedMap) exceeded(failed int) bool {
	if m == nil {
		return false
	}
	if count, ok := m.tolerated.Int64(); ok && int64(failed) > count {
		return true
	}
	percentage, ok := m.percentage.Float64()
	return ok && float64(failed)*100 > percentage*float64(m.items.Len())
}

// openMap evaluates the fields of a Map that say what its iterations get and how many of them may fail.
func (t *Trial) openMap(m *mapping) {
	s := &t.x.cur
	*s = step{x: t.x, b: t.b, in: &run.Input{Kind: run.Step, Now: t.setup.Now, Entropy: t.setup.Entropy, Token: t.token}}
	var err error
	if t.opened, err = m.try(s, t.setup.Read); err != nil {
		t.fail(s.failureOf(err))
	}
}

// try is the Map's fields for the step's branch; read gives the items of its reader, nil where they are in the input.
func (m *mapping) try(s *step, read func(value.Value) (value.Value, error)) (*openedMap, error) {
	input, err := s.b.state.flow.input(s)
	if err != nil {
		return nil, err
	}
	o := &openedMap{}
	if m.distributed != nil {
		o.source = sourceState
	}
	if err = m.tryItems(s, input, read, o); err != nil {
		return nil, err
	}
	if err := m.tryInputs(s, input, o); err != nil {
		return nil, err
	}
	return o, m.tryLimits(s, input, o)
}

// tryItems finds what the Map goes through: an array, or the object that a reader found.
func (m *mapping) tryItems(s *step, input value.Value, read func(value.Value) (value.Value, error), o *openedMap) (err error) {
	if m.distributed == nil || m.distributed.reader == nil || read == nil {
		if o.items, err = m.itemsOf(s, input); err == nil && !s.b.state.data {
			s.see(StageItemsPath, o.items)
		}
		return err
	}
	reader, err := m.distributed.reader.of(s, input)
	if err != nil {
		return err
	}
	if o.items, err = read(reader); err != nil {
		return &stateError{errItemReader, err.Error()}
	}
	o.source = "S3://" + reader.At("Arguments", "Bucket").Text()
	if key := reader.At("Arguments", "Key").Text(); key != "" {
		o.source += "/" + key
	}
	if !reader.At("ItemsPointer").IsAbsent() {
		s.see(StageItemsPointer, o.items)
	}
	return nil
}

// tryInputs makes the inputs of all iterations.
func (m *mapping) tryInputs(s *step, input value.Value, o *openedMap) error {
	made := make([]value.Value, o.items.Len())
	for i := range made {
		v, err := m.tryInput(s, input, o, i)
		if err != nil {
			return err
		}
		made[i] = v
	}
	if m.selector != nil {
		s.see(StageItemSelector, value.NewArray(made...))
	}
	batch, err := m.batcher.of(s, input)
	if err != nil || !batch.isSet() {
		return err
	}
	var batches []value.Value
	for from := 0; from < len(made); {
		end := batch.next(o.items, from)
		batches = append(batches, details(member("BatchInput", batch.input), member("Items", value.NewArray(made[from:end]...))))
		from = end
	}
	s.see(StageItemBatcher, value.NewArray(batches...))
	return nil
}

// tryInput is what the nth item becomes as an iteration's input, before it is put into a batch.
func (m *mapping) tryInput(s *step, input value.Value, o *openedMap, n int) (value.Value, error) {
	item := o.items.Index(n)
	if m.selector == nil {
		return item, nil
	}
	s.handing = itemObject(n, item)
	if o.source != "" {
		s.handing = s.handing.With("Source", value.NewString(o.source))
	}
	if o.items.Kind() == value.Object {
		s.handing = s.handing.With("Key", value.NewString(o.items.Name(n)))
	}
	defer func() { s.handing = value.Value{} }()
	return s.bounded(m.selector.eval(s, input))
}

// tryLimits evaluates how many iterations there are at a time, and how many may fail.
func (m *mapping) tryLimits(s *step, input value.Value, o *openedMap) error {
	limit, err := m.concurrency.whole(s, input, 0, 0)
	if err != nil {
		return err
	}
	s.see(StageMaxConcurrency, value.NewInt(limit))
	if m.tolerated.isSet() {
		count, err := m.tolerated.whole(s, input, 0, math.MaxInt32)
		if err != nil {
			return err
		}
		o.tolerated = value.NewInt(count)
		s.see(StageToleratedFailureCount, o.tolerated)
	}
	if m.percentage.isSet() {
		percentage, err := m.percentage.percent(s, input)
		if err != nil {
			return err
		}
		o.percentage = value.NewFloat(percentage)
		s.see(StageToleratedFailurePercentage, o.percentage)
	}
	return nil
}
