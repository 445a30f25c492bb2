package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	driversqlite "modernc.org/sqlite"
)

// Stats says what the store has done since it was opened.
type Stats struct {
	Commits int64 // transactions, each with one sync
	Bytes   int64 // written to the log; checkpoints write each page of it at most once more
}

const pageBytes = 4096 + 24 // of a page and its header in the log

// Stats gives the figures so far.
func (s *Store) Stats() (Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.write == nil {
		return s.stats, nil
	}
	pages, _, err := s.write.c.(driversqlite.DBStatus).Status(driversqlite.DBStatusCacheWrite, true)
	s.stats.Bytes += int64(pages) * pageBytes
	return s.stats, err
}

// Size implements store.Store.
func (s *Store) Size(context.Context) (size int64, err error) {
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(filepath.Join(s.dir, FileName+suffix))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}
