package asl

import (
	"math"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// batcher is an ItemBatcher: an iteration gets several items, as {"BatchInput": …, "Items": […]}.
type batcher struct {
	items amount   // MaxItemsPerBatch
	bytes amount   // MaxInputBytesPerBatch
	input template // BatchInput; nil: none
}

// maxBatchBytes is the bound on MaxInputBytesPerBatch that the developer guide gives.
const maxBatchBytes = 256 << 10

func (o *object) batcher() *batcher {
	b := o.object("ItemBatcher", optional)
	if b == nil {
		return nil
	}
	defer b.close()
	r := &batcher{
		items: b.amount("MaxItemsPerBatch", 0, unbounded),
		bytes: b.amount("MaxInputBytesPerBatch", 0, maxBatchBytes),
		input: b.template("BatchInput"),
	}
	if !slices.ContainsFunc(b.asked, func(name string) bool { return strings.HasPrefix(name, "Max") && b.has(name) }) {
		b.fault("", "Set MaxItemsPerBatch, MaxInputBytesPerBatch or both")
	}
	return r
}

// of is the batcher with its fields evaluated.
func (b *batcher) of(s *step, input value.Value) (batching, error) {
	if b == nil {
		return batching{}, nil
	}
	items, err := b.items.whole(s, input, 1, math.MaxInt32)
	if err != nil {
		return batching{}, err
	}
	bytes, err := b.bytes.whole(s, input, 1, math.MaxInt32)
	if err != nil {
		return batching{}, err
	}
	r := batching{items: int(items), bytes: int(bytes)}
	if b.input != nil {
		r.input, err = b.input.eval(s, input)
	}
	return r, err
}

// batching is how a Map's items are put together. The zero batching does not.
type batching struct {
	items int // at most, in one batch
	bytes int // of JSON, at most; an item that is larger stands alone
	input value.Value
}

func (b batching) isSet() bool { return b.items != 0 }

// next is the end of the batch of items that begins at from.
func (b batching) next(items value.Value, from int) int {
	end, size := from, 0
	for end < items.Len() && end-from < b.items {
		size += items.Index(end).Size() + 1
		if size > b.bytes && end > from {
			break
		}
		end++
	}
	return end
}

// count is how many batches items make.
func (b batching) count(items value.Value) int {
	if !b.isSet() {
		return items.Len()
	}
	n := 0
	for at := 0; at < items.Len(); n++ {
		at = b.next(items, at)
	}
	return n
}

func (b batching) encode(e *value.Encoder) {
	e.Uint(uint64(b.items))
	e.Uint(uint64(b.bytes))
	e.Value(b.input)
}

func (b *batching) decode(d *value.Decoder) {
	b.items = int(d.Uint())
	b.bytes = int(d.Uint())
	b.input = d.Value()
}

// batch is the input of the iteration that gets the items up to end.
func (m *mapping) batch(s *step, fan *fanout, end int) (value.Value, error) {
	items := make([]value.Value, 0, end-fan.taken)
	for i := fan.taken; i < end; i++ {
		v, err := m.selected(s, fan, fan.items.Index(i), i)
		if err != nil {
			return value.Value{}, err
		}
		items = append(items, v)
	}
	return details(member("BatchInput", fan.batch.input), member("Items", value.NewArray(items...))), nil
}
