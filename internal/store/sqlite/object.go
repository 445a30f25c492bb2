package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

const (
	objectColumns = "o.kind, o.space, o.name, v.version, v.owner, v.created, v.updated, v.labels, v.deleted, v.data"
	objectTables  = " FROM object o JOIN object_version v ON v.object = o.id"
)

func scanObject(row scanner) (*store.Object, error) {
	var o store.Object
	var created, updated int64
	var labels, data []byte
	err := row.Scan(&o.Kind, &o.Space, &o.Name, &o.Version, &o.Owner, &created, &updated, &labels, &o.Deleted, &data)
	if err != nil {
		return nil, err
	}
	o.Created, o.Updated = fromMillis(created), fromMillis(updated)
	if err = json.Unmarshal(labels, &o.Labels); err == nil && len(data) > 0 {
		o.Data, err = value.Parse(data)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %q: %w: %w", o.Kind, o.Name, store.ErrCorrupt, err)
	}
	return &o, nil
}

// Object implements store.Store.
func (s *Store) Object(ctx context.Context, kind, space, name string, version int64) (*store.Object, error) {
	return one(s.query.object.QueryRowContext(ctx, kind, space, name, version), scanObject, "%s %q", kind, name)
}

// Objects implements store.Store.
func (s *Store) Objects(ctx context.Context, kind, space string) ([]*store.Object, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+objectColumns+objectTables+
		" AND v.version = o.latest WHERE o.kind = ?1 AND (?2 = '*' OR o.space = ?2) AND o.deleted = 0 ORDER BY o.name, o.space",
		kind, space)
	return collect(rows, err, scanObject)
}

// Versions implements store.Store.
func (s *Store) Versions(ctx context.Context, kind, space, name string) ([]*store.Object, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+objectColumns+objectTables+
		" WHERE o.kind = ? AND o.space = ? AND o.name = ? ORDER BY v.version DESC", kind, space, name)
	found, err := collect(rows, err, scanObject)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s %q: %w", kind, name, store.ErrNotFound)
	}
	return found, err
}
