package catalog

import (
	"context"
	"sync"

	"github.com/tutti-ml/tutti/internal/store"
)

// cache keeps objects that were read, whole versions and the latest ones, until its room is full; then it begins anew.
// Objects that come from it are shared and not to be changed.
type cache struct {
	mu         sync.RWMutex // guards all
	objects    map[cacheKey]*store.Object
	room       int   // bytes taken
	generation int64 // counts what was stored: what was read before is not put in after
}

type cacheKey struct {
	kind, space, name string
	version           int64 // 0: the latest
}

// maxCache is the room of the cache in bytes of JSON.
const maxCache = 32 << 20

func (c *cache) get(k cacheKey) (*store.Object, int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.objects[k], c.generation
}

// put keeps o unless something was stored since generation.
func (c *cache) put(k cacheKey, o *store.Object, generation int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return
	}
	size := o.Data.Size() + 256
	if c.objects == nil || c.room+size > maxCache {
		c.objects, c.room = make(map[cacheKey]*store.Object), 0
	}
	c.objects[k] = o
	c.room += size
}

// stored drops what is no longer the latest.
func (c *cache) stored(objects []*store.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, o := range objects {
		k := cacheKey{kind: o.Kind, space: o.Space, name: o.Name}
		if old := c.objects[k]; old != nil {
			c.room -= old.Data.Size() + 256
			delete(c.objects, k)
		}
	}
}

// object is store.Store.Object, remembered.
func (c *Catalog) object(ctx context.Context, kind Kind, space, name string, version int64) (*store.Object, error) {
	k := cacheKey{string(kind), space, name, version}
	o, generation := c.cache.get(k)
	if o != nil {
		return o, nil
	}
	o, err := c.store.Object(ctx, string(kind), space, name, version)
	if err == nil {
		c.cache.put(k, o, generation)
	}
	return o, err
}
