package app

import (
	"runtime"
	"runtime/debug"

	"github.com/tutti-ml/tutti/client"
)

// Version describes this binary; release is what the linker was told.
func Version(release string) client.Version {
	v := client.Version{Version: release, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return v
}
