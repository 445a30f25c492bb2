// Command tutti runs machine-learning workflows and jobs on this machine.
package main

import (
	"os"

	"github.com/tutti-ml/tutti/internal/cli"
)

// version is set by the linker.
var version = "devel"

func main() {
	p := cli.OS()
	p.Version = version
	os.Exit(cli.Main(p))
}
