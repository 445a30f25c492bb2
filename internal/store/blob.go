package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tutti-ml/tutti/internal/value"
)

// BlobAbove is the size in bytes of a value's text from which a Writer moves it to its Blobs.
const BlobAbove = 1 << 20

// Blobs keep large values beside the store.
type Blobs interface {
	// Put makes data durable under its digest. Doing so twice is harmless.
	Put(d value.Digest, data []byte) error
	// Get gives what was put; an error that is ErrNotFound where there is none, ErrCorrupt where it is not what the
	// digest names.
	Get(d value.Digest) ([]byte, error)
}

// Load reads the value that a digest names from s or, where it was moved, from blobs. That it is missing is ErrCorrupt:
// whoever has a digest had it committed with its value.
func Load(ctx context.Context, s Store, blobs Blobs, d value.Digest) (value.Value, error) {
	text, err := s.Value(ctx, d)
	if err == nil && len(text) == 0 {
		if blobs == nil {
			return value.Value{}, fmt.Errorf("value %s: %w: it was moved to blobs, and there are none", d, ErrCorrupt)
		}
		text, err = blobs.Get(d)
	}
	if errors.Is(err, ErrNotFound) {
		return value.Value{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return value.Value{}, err
	}
	v, err := value.ParseNamed(d, text)
	if err != nil {
		return value.Value{}, fmt.Errorf("value %s: %w: %w", d, ErrCorrupt, err)
	}
	return v, nil
}

// moveLarge puts u's large values into blobs and leaves their digests alone in the unit.
func moveLarge(u *Unit, blobs Blobs) error {
	moved := false
	for i, v := range u.Values {
		if v.Size() <= BlobAbove {
			continue
		}
		if err := blobs.Put(v.Digest, v.Text()); err != nil {
			return fmt.Errorf("storing a value of %d bytes: %w", v.Size(), err)
		}
		if !moved {
			moved, u.Values = true, slices.Clone(u.Values) // the slice is its maker's
		}
		u.Values[i] = value.NewBlob(v.Digest, nil)
	}
	return nil
}
