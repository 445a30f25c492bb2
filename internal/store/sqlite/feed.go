package sqlite

import (
	"context"
	"fmt"

	"github.com/tutti-ml/tutti/internal/store"
)

// Changes implements store.Store. What was pruned left holes, so the feed is whole only beyond the last of them.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]store.Change, error) {
	rows, err := s.query.changes.QueryContext(ctx, after, limit)
	changes, err := collect(rows, err, scanChange)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	// Asked last: a Prune that came in between has raised it before it removed anything.
	var pruned int64
	if err := s.query.pruned.QueryRowContext(ctx).Scan(&pruned); err != nil {
		return nil, explain(err)
	}
	if after < pruned {
		return nil, fmt.Errorf("changes after %d: %w", after, store.ErrPruned)
	}
	return changes, nil
}

// LastChange implements store.Store.
func (s *Store) LastChange(ctx context.Context) (seq int64, err error) {
	err = s.query.lastChange.QueryRowContext(ctx).Scan(&seq)
	return seq, explain(err)
}
