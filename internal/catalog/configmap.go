package catalog

import (
	"context"
	"errors"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
)

// ConfigMap gives the files of a config map and the version that they are of. Its error wraps store.ErrNotFound where
// there is none that the caller may see, and says how to make it.
func (c *Catalog) ConfigMap(ctx context.Context, by Caller, space, name string) (manifest.Files, int64, error) {
	o, err := c.Get(ctx, by, manifest.KindConfigMap, space, name, 0)
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, &Error{"finding", manifest.KindConfigMap, name, store.ErrNotFound, manifest.MissingConfigMap(space, name)}
	}
	if err != nil {
		return nil, 0, err
	}
	files, err := manifest.ConfigMapFiles(o.Data)
	return files, o.Version, err
}

// Options are what manifest needs to read a file of the caller's. Where the store fails, a config map is not found, and
// failed says why.
func (c *Catalog) Options(ctx context.Context, by Caller) (o manifest.Options, failed func() error) {
	var broken error
	o.ConfigMap = func(space, name string) (manifest.Files, bool) {
		files, _, err := c.ConfigMap(ctx, by, space, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			broken = err
		}
		return files, err == nil
	}
	return o, func() error { return broken }
}
