package sqlite

import (
	"context"
	"sync"

	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// valueCacheBytes is how much text the values that were read last may have. A run that is folded names the same values
// in its row, its log and its snapshot; parsing them once halves what waking it costs.
const valueCacheBytes = 8 << 20

// valueCache keeps the values read last in two generations: what is asked for again moves to the young one, and the old
// one is dropped whole when the young one is full.
type valueCache struct {
	mu         sync.Mutex // guards all
	young, old map[value.Digest]value.Value
	size       int // text of young
}

func (c *valueCache) get(d value.Digest) (v value.Value, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok = c.young[d]; ok {
		return v, true
	}
	if v, ok = c.old[d]; ok {
		c.add(d, v)
	}
	return v, ok
}

func (c *valueCache) put(d value.Digest, v value.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(d, v)
}

func (c *valueCache) add(d value.Digest, v value.Value) {
	if c.young == nil || c.size > valueCacheBytes/2 {
		c.young, c.old, c.size = make(map[value.Digest]value.Value), c.young, 0
	}
	c.young[d] = v
	c.size += v.Size()
}

// Load brings the value that a digest names, from the database or from where large ones are kept.
func (s *Store) Load(ctx context.Context, d value.Digest) (value.Value, error) {
	if v, ok := s.values.get(d); ok {
		return v, nil
	}
	v, err := store.Load(ctx, s, s.blobs, d)
	if err == nil && v.Size() < valueCacheBytes/8 {
		s.values.put(d, v)
	}
	return v, err
}
