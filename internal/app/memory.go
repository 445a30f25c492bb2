package app

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow to four times what is live before it is collected. What is live is small, for runs that
// wait are evicted, and a third more tasks a second are worth a few dozen MiB.
const gcPercent = 300

// TuneMemory sets the collector up for a server, where GOGC does not say otherwise.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
