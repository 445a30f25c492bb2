package cli

import (
	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/internal/app"
)

// cmdRunner is the process that up starts beside itself: the parent of local jobs.
func (c *command) cmdRunner() *cobra.Command {
	return &cobra.Command{
		Use:                "runner",
		Short:              "Run as the parent of local jobs ('tutti up' starts it)",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.Runner(cmd.Context(), args)
		},
	}
}
