package asl

import (
	"math"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// openedMap is what a trial knows of a Map, inline or distributed, of which it carries no iteration out.
type openedMap struct {
	items      value.Value
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
	if t.opened, err = m.try(s, t.setup.Items); err != nil {
		t.fail(s.failureOf(err))
	}
}

// try is the Map's fields for the step's branch; read are the items of its reader, Absent where none was used.
func (m *mapping) try(s *step, read value.Value) (*openedMap, error) {
	input, err := s.b.state.flow.input(s)
	if err != nil {
		return nil, err
	}
	o := &openedMap{items: read}
	if read.IsAbsent() {
		if o.items, err = m.itemsOf(s, input); err != nil {
			return nil, err
		}
	}
	if !s.b.state.data {
		s.see(StageItemsPath, o.items)
	}
	if err := m.tryInputs(s, &fanout{items: o.items, input: input}); err != nil {
		return nil, err
	}
	return o, m.tryLimits(s, input, o)
}

// tryInputs makes the inputs of all iterations.
func (m *mapping) tryInputs(s *step, fan *fanout) error {
	defer func() { s.starting = nil }()
	if m.selector != nil {
		selected := make([]value.Value, fan.items.Len())
		for i, item := range fan.items.Elements() {
			v, err := m.selected(s, fan, item, i)
			if err != nil {
				return err
			}
			selected[i] = v
		}
		s.see(StageItemSelector, value.NewArray(selected...))
	}
	batch, err := m.batcher.of(s, fan.input)
	if err != nil || !batch.isSet() {
		return err
	}
	fan.batch = batch
	var batches []value.Value
	for fan.taken < fan.items.Len() {
		end := batch.next(fan.items, fan.taken)
		v, err := m.batch(s, fan, end)
		if err != nil {
			return err
		}
		batches, fan.taken = append(batches, v), end
	}
	s.see(StageItemBatcher, value.NewArray(batches...))
	return nil
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
