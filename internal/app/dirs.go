package app

import (
	"fmt"
	"os"
	"path/filepath"
)

// The places in a data directory. Others than the server may pass through it, for a server that is root starts jobs as
// their owners, with scratch directories below runnerDir; what belongs to the server alone is closed to them.
func storeDir(data string) string  { return filepath.Join(data, "store") }
func blobDir(data string) string   { return filepath.Join(data, "blobs") }
func runnerDir(data string) string { return filepath.Join(data, "runner") }

func makeDirs(data string) error {
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{{data, 0o711}, {storeDir(data), 0o700}, {blobDir(data), 0o700}} {
		if err := os.MkdirAll(d.path, d.mode); err != nil {
			return fmt.Errorf("making the data directory: %w; name another with --data", err)
		}
	}
	return nil
}
